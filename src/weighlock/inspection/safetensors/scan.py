"""Read the JSON of a safetensors header entry by entry, in memory that does not grow with what is hostile.

A header is flat: names, each with a type, a shape and two offsets. So it is read by expressions that allow nothing
else, without a tree of objects: 100 MB of brackets or of small keys would need gigabytes in a general parser.
Every quantifier is possessive or bounded, so that no byte is looked at over and over.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.span import FormatError, Unexamined

MAX_TENSORS: Final = (
    250_000  # of one file; the largest mixtures of experts have about 100,000 in all shards together
)
MAX_ENTRIES: Final = 10_000  # of metadata; trainers write some hundred
MAX_NAME_BYTES: Final = 4096  # of a tensor; real ones have about 100
MAX_RANK: Final = 64  # readers allocate by rank; no framework has more dimensions
_CHUNK: Final = 1 << 20  # of the check that the header is UTF-8
_METADATA: Final = "__metadata__"
_FIELDS: Final = {"dtype", "shape", "data_offsets"}

_SPACE: Final = rb"[ \t\n\r]*+"
_TEXT: Final = rb'"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrtu])*+"'
_STRING: Final = re.compile(_TEXT)
_KEY: Final = re.compile(rb"%b(%b)%b:%b" % (_SPACE, _TEXT, _SPACE, _SPACE))
_SIZES: Final = re.compile(
    rb"\[%b((?:[0-9]{1,20}+(?:%b,%b[0-9]{1,20}+){0,%d}+)?+)%b\]"
    % (_SPACE, _SPACE, _SPACE, MAX_RANK - 1, _SPACE)
)
# an entry as every known writer has it; all others are read field by field
_COMMON: Final = re.compile(
    rb'\{"dtype":%b"([A-Z0-9_]{1,20})",%b"shape":%b\[([0-9, ]{0,400}+)\],%b"data_offsets":%b\[([0-9, ]{3,42}+)\]\}'
    % ((rb"[ ]?",) * 5)
)
_COMMON_SIZES: Final = re.compile(rb"(?:(?:0|[1-9][0-9]{0,18}+)(?:, ?(?:0|[1-9][0-9]{0,18}+)){0,63}+)?+")
_NEXT: Final = re.compile(rb"%b([,}])" % _SPACE)
_OPEN: Final = re.compile(rb"\{(%b\})?" % _SPACE)
_LEADING_ZERO: Final = re.compile(rb"(?<![0-9])0[0-9]")
_VALUE: Final = b'-0123456789tfn[{"'  # what a JSON value can begin with


class Entry(NamedTuple):
    """A tensor as the header describes it: nothing of it is checked yet but its form."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offsets: tuple[int, ...]


class HeaderScan:
    """The header's bytes and a place among them; ``metadata`` is complete when ``entries`` is used up."""

    def __init__(self, raw: bytes, base: int) -> None:
        self.raw = raw
        self.base = base
        self.at = 0
        self.metadata: dict[str, str] = {}
        self.end = 0

    def entries(self) -> Iterator[Entry]:
        """Return the tensors in the order of the text. Raises FormatError and Unexamined."""
        _check_utf8(self.raw, self.base)
        names: set[str] = set()
        for name in self._names(MAX_NAME_BYTES, MAX_TENSORS + 1):
            if name in names:
                raise self._duplicate(name)
            names.add(name)
            if name == _METADATA:
                self._read_metadata()
            else:
                yield self._entry(name)
        self.end = self.at

    def _names(self, limit: int, count: int) -> Iterator[str]:
        """Return the keys of the object that begins here; the caller takes each value."""
        opening = _OPEN.match(self.raw, self.at)
        if opening is None:
            raise self._error("the header is not a JSON object")
        self.at = opening.end()
        while opening.group(1) is None:
            key = _KEY.match(self.raw, self.at)
            if key is None:
                raise self._error("the header is not JSON: a name was expected")
            if key.end(1) - key.start(1) > limit:
                raise self._error(f"a name has more than {limit} bytes")
            count -= 1
            if count < 0:
                raise Unexamined("the header has more entries than are followed")
            self.at = key.end()
            yield self._decode(key.group(1))
            following = _NEXT.match(self.raw, self.at)
            if following is None:
                raise self._error("the header is not JSON: a comma or bracket was expected")
            self.at = following.end()
            if following.group(1) == b"}":
                return

    def _decode(self, literal: bytes) -> str:
        try:
            text: str = json.loads(literal)
            text.encode("utf-8")  # half a pair of surrogates is no text
        except ValueError as error:
            raise self._error(f"the header is not JSON: {shown(str(error))}") from error
        return text

    def _read_metadata(self) -> None:
        if self.raw[self.at : self.at + 1] != b"{":
            raise self._wrong_metadata()
        for key in self._names(MAX_NAME_BYTES, MAX_ENTRIES):
            if key in self.metadata:
                raise self._duplicate(key)
            value = _STRING.match(self.raw, self.at)
            if value is None:
                raise self._wrong_metadata()
            self.at = value.end()
            self.metadata[key] = self._decode(value.group())

    def _wrong_metadata(self) -> FormatError:
        if self.raw[self.at : self.at + 1] not in {bytes([each]) for each in _VALUE}:
            return self._error("the header is not JSON: a value was expected")
        return FormatError(
            "safetensors-metadata", "__metadata__ does not map text to text", self.base + self.at
        )

    def _entry(self, name: str) -> Entry:
        start = self.at
        common = _COMMON.match(self.raw, start)
        if common and all(map(_COMMON_SIZES.fullmatch, common.group(2, 3))):
            self.at = common.end()
            dtype, shape, offsets = common.groups()
            return Entry(name, dtype.decode("ascii"), _sizes(shape), _sizes(offsets))
        if self.raw[start : start + 1] != b"{":
            raise self._wrong(name, "does not have exactly dtype, shape and data_offsets", start)
        found: dict[str, bytes] = {}
        for field in self._names(64, len(_FIELDS) + 1):
            if field in found:
                raise self._duplicate(field)
            if field not in _FIELDS:
                raise self._wrong(name, "does not have exactly dtype, shape and data_offsets", start)
            found[field] = self._field(name, field)
        if found.keys() != _FIELDS:
            raise self._wrong(name, "does not have exactly dtype, shape and data_offsets", start)
        shape, offsets = _sizes(found["shape"]), _sizes(found["data_offsets"])
        return Entry(name, self._decode(found["dtype"]), shape, offsets)

    def _field(self, name: str, field: str) -> bytes:
        pattern = _STRING if field == "dtype" else _SIZES
        value = pattern.match(self.raw, self.at)
        if value is None or (field != "dtype" and _LEADING_ZERO.search(value.group(1))):
            what = {
                "dtype": "has the unknown type",
                "shape": "has a shape that is not a list of sizes",
                "data_offsets": "has offsets that are not two sizes in order",
            }[field]
            near = self.raw[self.at : self.at + 40].decode("utf-8", "replace")
            raise self._wrong(name, f"{what}: {shown(near)!r}", self.at)
        self.at = value.end()
        return value.group() if field == "dtype" else value.group(1)

    def _wrong(self, name: str, why: str, at: int) -> FormatError:
        return FormatError("safetensors-tensor", f"tensor {shown(name)!r} {why}", self.base + at)

    def _duplicate(self, name: str) -> FormatError:
        return FormatError(
            "safetensors-duplicate-key", f"the name {shown(name)!r} occurs twice", self.base + self.at
        )

    def _error(self, message: str) -> FormatError:
        return FormatError("safetensors-header", message, self.base + self.at)


def _sizes(digits: bytes) -> tuple[int, ...]:
    return tuple(map(int, digits.split(b","))) if digits else ()


def _check_utf8(raw: bytes, base: int) -> None:
    """Refuse bytes that are not UTF-8, without a second copy of the header."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(0, len(raw), _CHUNK):
        try:
            decoder.decode(raw[at : at + _CHUNK], final=at + _CHUNK >= len(raw))
        except UnicodeDecodeError as error:
            message = "the header is not JSON: it is not UTF-8"
            raise FormatError("safetensors-header", message, base + at) from error
