"""Tell which format a protobuf file has: the messages have no magic number, but each format uses its own fields.

A format is believed if every field that can be seen belongs to it, with its type on the wire, and if what is
characteristic of it is there. Fields that no format has make a file unknown, which is never clean.
"""

import re
from typing import Final, NamedTuple

from weighlock.inspection.protobuf.wire import BITS32, FIXED_BYTES, SIZED, VARINT, varint

MAX_FIELDS: Final = 64  # looked at; formats show themselves within the first few
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_>][A-Za-z0-9_.>/\\-]{0,200}")
_ONNX: Final = {1: VARINT, 5: VARINT, **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), SIZED)}
_SAVED_MODEL: Final = {1: VARINT, 2: SIZED}
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
    fields = _outline(head, 0, len(head), size)
    if not fields:
        return None
    for name, test in _TESTS:
        if test(head, fields, size):
            return name
    return None


def _outline(head: bytes, at: int, held: int, end: int) -> list[Seen]:
    """Return the fields of the message from ``at`` to ``end`` as far as they are held; none if one is broken."""
    found: list[Seen] = []
    while at < min(held, end) and len(found) < MAX_FIELDS:
        tag = varint(head, at, held)
        if tag is None:
            return found if held < end and held - at < 5 else []
        number, wire = tag.value >> 3, tag.value & 7
        at = tag.end
        if wire in FIXED_BYTES:
            found.append(Seen(number, wire, 0, at))
            at += FIXED_BYTES[wire]
        elif wire in {VARINT, SIZED} and number:
            value = varint(head, at, held)
            if value is None:
                return found if held < end and held - at < 10 else []
            found.append(Seen(number, wire, value.value, value.end))
            at = value.end + (value.value if wire == SIZED else 0)
        else:
            return []
        if at > end:
            return []
    return found


def _fits(fields: list[Seen], known: dict[int, int]) -> bool:
    return bool(fields) and all(known.get(each.number) == each.wire for each in fields)


def _inner(head: bytes, field: Seen) -> list[Seen]:
    return _outline(head, field.start, len(head), field.start + field.value)


def _numbers(fields: list[Seen]) -> set[int]:
    return {each.number for each in fields}


def _is_saved_model(head: bytes, fields: list[Seen], size: int) -> bool:
    graphs = [each for each in fields if each.number == 2]
    return (
        _fits(fields, _SAVED_MODEL)
        and bool(graphs)
        and all(_fits(_inner(head, each), _META_GRAPH) for each in graphs if each.start < len(head))
        and (graphs[-1].start + graphs[-1].value == size or len(fields) == MAX_FIELDS)
    )


def _is_coreml(head: bytes, fields: list[Seen], size: int) -> bool:
    described = [each for each in fields if each.number == 2]
    typed = [each for each in fields if each.number in _COREML_TYPES]
    known = {1: VARINT, 2: SIZED, 10: VARINT, **{each.number: SIZED for each in typed}}
    return _fits(fields, known) and bool(described and typed)


def _is_onnx(head: bytes, fields: list[Seen], size: int) -> bool:
    versions = [each.value for each in fields if each.number == 1]
    graphs = [each for each in fields if each.number == 7 and each.start < len(head)]
    if not _fits(fields, _ONNX) or not all(0 < version <= 255 for version in versions):
        return False
    if not all(_fits(_inner(head, each), _ONNX_GRAPH) or not each.value for each in graphs):
        return False
    return bool(versions or graphs) and bool(_numbers(fields) & {2, 3, 7, 8})


_ONNX_GRAPH: Final = dict.fromkeys((1, 2, 5, 10, 11, 12, 13, 14, 15, 16), SIZED)


def _is_graph(head: bytes, fields: list[Seen], size: int) -> bool:
    nodes = [each for each in fields if each.number == 1 and each.start < len(head)]
    if not _fits(fields, _GRAPH) or not nodes:
        return False
    for node in nodes:
        inner = _inner(head, node)
        operators = [each for each in inner if each.number == 2]
        if not _fits(inner, _NODE) or (not operators and node.start + node.value <= len(head)):
            return False
        for each in operators:
            if not _IDENTIFIER.fullmatch(head[each.start : each.start + each.value]):
                return False
    return True


def _is_keras_metadata(head: bytes, fields: list[Seen], size: int) -> bool:
    nodes = [_inner(head, each) for each in fields if each.start < len(head)]
    return _fits(fields, _KERAS) and all(
        _fits(node, _KERAS_NODE) and _numbers(node) & {4, 5} for node in nodes
    )


def _is_fingerprint(head: bytes, fields: list[Seen], size: int) -> bool:
    return size < 1024 and _fits(fields, _FINGERPRINT) and {1, 2, 6} <= _numbers(fields)


def _is_sentencepiece(head: bytes, fields: list[Seen], size: int) -> bool:
    pieces = [
        _inner(head, each) for each in fields if each.number == 1 and each.start + each.value <= len(head)
    ]
    return (
        _fits(fields, _PIECES)
        and len(pieces) > 1
        and all(_fits(piece, _PIECE) and 1 in _numbers(piece) for piece in pieces)
        and any(each.wire == BITS32 for piece in pieces for each in piece)
    )


# the most characteristic first
_TESTS: Final = (
    ("coreml", _is_coreml),
    ("tf-saved-model", _is_saved_model),
    ("onnx", _is_onnx),
    ("sentencepiece", _is_sentencepiece),
    ("tf-graph", _is_graph),
    ("keras-metadata", _is_keras_metadata),
    ("tf-fingerprint", _is_fingerprint),
)
