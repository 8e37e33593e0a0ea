"""Tell which format a protobuf file has: the messages have no magic number, but each format uses its own fields.

A format is believed if every field that can be seen belongs to it, with its type on the wire, and if what is
characteristic of it is there. Fields that no format has make a file unknown, which is never clean.
"""

import re
from collections.abc import Callable
from itertools import takewhile
from typing import Final, NamedTuple

from weighlock.inspection.protobuf.wire import BITS32, FIXED_BYTES, SIZED, VARINT, varint

MAX_FIELDS: Final = 64  # looked at; formats show themselves within the first few
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_>][A-Za-z0-9_.>/\\-]{0,200}")
_ONNX: Final = {1: VARINT, 5: VARINT, **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), SIZED)}
_ONNX_GRAPH: Final = dict.fromkeys((1, 2, 5, 10, 11, 12, 13, 14, 15, 16), SIZED)
_SAVED_MODEL: Final = {1: VARINT, 2: SIZED}
_META_INFO: Final = {**dict.fromkeys((1, 2, 3, 4, 5, 6, 8), SIZED), 7: VARINT}
_META_GRAPH: Final = dict.fromkeys(range(1, 8), SIZED)
_GRAPH: Final = {1: SIZED, 2: SIZED, 3: VARINT, 4: SIZED, 5: SIZED}
_NODE: Final = dict.fromkeys(range(1, 8), SIZED)
_KERAS: Final = {1: SIZED}
_KERAS_NODE: Final = {1: VARINT, 2: VARINT, 3: SIZED, 4: SIZED, 5: SIZED, 6: SIZED}
_FINGERPRINT: Final = {**dict.fromkeys(range(1, 6), VARINT), 6: SIZED, 7: SIZED}
_PIECES: Final = dict.fromkeys(range(1, 6), SIZED)
_PIECE: Final = {1: SIZED, 2: BITS32, 3: VARINT}
_COREML_TYPES: Final = range(200, 4000)  # the oneof of model types


class Seen(NamedTuple):
    """A field at the top of a message: number, type on the wire, value or length, and where its payload begins."""

    number: int
    wire: int
    value: int
    start: int


def protobuf_format(head: bytes, size: int) -> str | None:
    """Return the format of a protobuf file of ``size`` bytes that begins with ``head``; None if it is no known one."""
    if not head or head[0] & 7 not in {VARINT, SIZED}:
        return None
    fields = _outline(head, 0, size)
    if not fields:
        return None
    seen = _Head(head, size, fields)
    return next((name for name, test in _TESTS if test(seen)), None)


def _outline(head: bytes, at: int, end: int) -> list[Seen]:
    """Return the fields of the message from ``at`` to ``end`` as far as they are held and can be read.

    The last one may reach beyond the end: a model that was cut is still told, so that it is read and reported.
    """
    found: list[Seen] = []
    stop = min(len(head), end)
    while at < stop and len(found) < MAX_FIELDS:
        tag = varint(head, at, stop)
        if tag is None or tag.value < 8:
            break
        number, wire = tag.value >> 3, tag.value & 7
        at = tag.end
        value = varint(head, at, stop) if wire in {VARINT, SIZED} else None
        if wire in FIXED_BYTES:
            found.append(Seen(number, wire, 0, at))
            at += FIXED_BYTES[wire]
        elif value is not None:
            found.append(Seen(number, wire, value.value, value.end))
            at = value.end + (value.value if wire == SIZED else 0)
        else:
            break
    return found


def _known(fields: list[Seen], known: dict[int, int]) -> list[Seen]:
    """Return the fields up to the first that is not known: what follows is for the format's parser to judge."""
    return list(takewhile(lambda each: known.get(each.number) == each.wire, fields))


def _fits(fields: list[Seen], known: dict[int, int]) -> bool:
    return bool(fields) and all(known.get(each.number) == each.wire for each in fields)


def _numbers(fields: list[Seen]) -> set[int]:
    return {each.number for each in fields}


class _Head(NamedTuple):
    """The beginning of a file and its fields."""

    raw: bytes
    size: int
    fields: list[Seen]

    def of(self, number: int) -> list[Seen]:
        """Return the fields of a number whose payload has begun."""
        return [each for each in self.fields if each.number == number and each.start < len(self.raw)]

    def inner(self, field: Seen) -> list[Seen]:
        return _outline(self.raw, field.start, field.start + field.value)

    def whole(self, field: Seen) -> bool:
        """Return whether all of a field is held."""
        return field.start + field.value <= len(self.raw)


def _is_saved_model(head: _Head) -> bool:
    graphs = head.of(2)
    if not _fits(head.fields, _SAVED_MODEL) or not graphs:
        return False
    ends = graphs[-1].start + graphs[-1].value >= head.size or len(head.fields) == MAX_FIELDS
    return ends and all(_fits(head.inner(each), _META_GRAPH) for each in graphs)


def _is_meta_graph(head: _Head) -> bool:
    infos, graphs = head.of(1), head.of(2)
    if not _fits(head.fields, _META_GRAPH) or len(infos) != 1 or len(graphs) != 1:
        return False
    nodes = _known(head.inner(graphs[0]), _GRAPH)
    return _fits(head.inner(infos[0]), _META_INFO) and bool(nodes) and _fits(head.inner(nodes[0]), _NODE)


def _is_coreml(head: _Head) -> bool:
    typed = {each.number: SIZED for each in head.fields if each.number in _COREML_TYPES}
    seen = _numbers(_known(head.fields, {1: VARINT, 2: SIZED, 10: VARINT, **typed}))
    return 2 in seen and bool(seen & typed.keys())


def _is_onnx(head: _Head) -> bool:
    fields = _known(head.fields, _ONNX)
    if not all(0 < each.value <= 255 for each in fields if each.number == 1):
        return False
    graphs = [each for each in fields if each.number == 7 and each.start < len(head.raw) and each.value]
    if not all(_known(head.inner(each), _ONNX_GRAPH) for each in graphs):
        return False
    seen = _numbers(fields)
    return bool(graphs) or (1 in seen and bool(seen & {2, 3, 7, 8}) and len(fields) == len(head.fields))


def _is_graph(head: _Head) -> bool:
    if not head.of(1) or not _known(head.fields, _GRAPH):
        return False
    for node in head.of(1):
        inner = head.inner(node)
        operators = [each for each in inner if each.number == 2]
        if not _fits(inner, _NODE) or (not operators and head.whole(node)):
            return False
        names = [head.raw[each.start : each.start + each.value] for each in operators if head.whole(each)]
        if not all(map(_IDENTIFIER.fullmatch, names)):
            return False
    return True


def _is_keras_metadata(head: _Head) -> bool:
    nodes = [head.inner(each) for each in head.of(1)]
    return _fits(head.fields, _KERAS) and all(
        _fits(node, _KERAS_NODE) and _numbers(node) & {4, 5} for node in nodes
    )


def _is_fingerprint(head: _Head) -> bool:
    return head.size < 1024 and _fits(head.fields, _FINGERPRINT) and {1, 2, 6} <= _numbers(head.fields)


def _is_sentencepiece(head: _Head) -> bool:
    pieces = [head.inner(each) for each in head.of(1) if head.whole(each)]
    return (
        bool(_known(head.fields, _PIECES))
        and len(pieces) > 1
        and all(_fits(piece, _PIECE) and 1 in _numbers(piece) for piece in pieces)
        and any(each.wire == BITS32 for piece in pieces for each in piece)
    )


# the most characteristic first
_TESTS: Final[tuple[tuple[str, Callable[[_Head], bool]], ...]] = (
    ("coreml", _is_coreml),
    ("tf-saved-model", _is_saved_model),
    ("onnx", _is_onnx),
    ("sentencepiece", _is_sentencepiece),
    ("tf-meta-graph", _is_meta_graph),
    ("tf-graph", _is_graph),
    ("keras-metadata", _is_keras_metadata),
    ("tf-fingerprint", _is_fingerprint),
)
