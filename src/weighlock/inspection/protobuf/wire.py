"""Numbers and tags on the wire (Protocol Buffers, "Encoding")."""

import re
from functools import cache
from typing import Final, NamedTuple

VARINT: Final = 0
BITS64: Final = 1
SIZED: Final = 2
GROUP: Final = 3
END_GROUP: Final = 4
BITS32: Final = 5
FIXED_BYTES: Final = {BITS64: 8, BITS32: 4}
MAX_VARINT_BYTES: Final = 10  # 64 bits, seven a byte
MAX_TAG_BYTES: Final = 5  # parsers read a tag as 32 bits
_BODIES: Final = {
    VARINT: rb"[\x80-\xff]{0,9}[\x00-\x7f]",
    BITS64: rb"[\x00-\xff]{8}",
    BITS32: rb"[\x00-\xff]{4}",
}


class Varint(NamedTuple):
    """A number, the index of the byte behind it, and whether it is written as short as it can be."""

    value: int
    end: int
    minimal: bool


def varint(data: bytes, at: int, end: int) -> Varint | None:
    """Return the number at index ``at``; None if it is cut by ``end`` or has more than 64 bits."""
    first = data[at] if at < end else 0x80
    if first < 0x80:
        return Varint(first, at + 1, True)
    value = shift = 0
    for index in range(at, min(end, at + MAX_VARINT_BYTES)):
        byte = data[index]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return Varint(value, index + 1, byte != 0) if value < 1 << 64 else None
    return None


def packed(data: bytes) -> list[int] | None:
    """Return the numbers of a packed field; None if the last one is cut."""
    found: list[int] = []
    at = 0
    while at < len(data):
        number = varint(data, at, len(data))
        if number is None:
            return None
        found.append(number.value)
        at = number.end
    return found


def run(data: bytes, at: int, end: int, tag: bytes, wire: int) -> int:
    """Return the index behind the fields from ``at`` on that all have this tag: ensembles of trees have millions."""
    found = _pattern(tag, wire).match(data, at, end)
    return found.end() if found else at


@cache
def _pattern(tag: bytes, wire: int) -> re.Pattern[bytes]:
    # possessive: a run is never given back, so that a long one costs no memory
    return re.compile(rb"(?:" + re.escape(tag) + _BODIES[wire] + rb")*+")
