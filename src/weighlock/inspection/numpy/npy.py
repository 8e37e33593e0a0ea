"""Read the header of a NumPy array file and hold it against the file's size.

Source: NumPy Enhancement Proposal 1. The header is a Python literal; only the one spelling
that NumPy writes is read here, so that nothing is evaluated.
"""

import re
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.span import FormatError, Reading, Unexamined, read

MAGIC: Final = b"\x93NUMPY"
MAX_HEADER_BYTES: Final = 10_000  # NumPy's own limit for headers that it evaluates
MAX_BYTES: Final = 2**63 - 1  # no array is longer
_HEADER: Final = re.compile(
    r"\{'descr': (.+), 'fortran_order': (?:True|False), 'shape': \(((?:\d+L?, ?)*(?:\d+L?)?)\), ?\}\s*"
)
_SIMPLE: Final = re.compile(r"'[<>|=]?([?bBiufcSaUVmM])(\d*)(?:\[[^\]']{0,20}\])?'")
_OBJECT: Final = re.compile(r"'[<>|=]?O\d*'")
_ONE_BYTE: Final = frozenset("?bB")


class Array(NamedTuple):
    """What a header says: whether elements are Python objects, and where the data starts."""

    objects: bool
    data_start: int


def read_npy(size: int) -> Reading[Array]:
    """Return what the header says, when the data is exactly as long as it must be.

    Raises FormatError ``npy-header`` and, for types that are not computed here, Unexamined.
    """
    if size < 12:
        raise _wrong("it ends in the middle of the header")
    head = yield from read(0, 12)
    if not head.startswith(MAGIC) or head[6] not in {1, 2, 3}:
        raise _wrong("its version is not known")
    start = 10 if head[6] == 1 else 12
    length = int.from_bytes(head[8:start], "little")
    if length > MAX_HEADER_BYTES or start + length > size:
        raise _wrong(f"a header of {length} bytes is truncated or over the limit")
    text = (yield from read(start, length)).decode("latin-1")
    found = _HEADER.fullmatch(text)
    if not found:
        raise _wrong("it is not what NumPy writes")
    if _OBJECT.search(found[1]):
        return Array(objects=True, data_start=start + length)
    expected = _item_bytes(found[1])
    for extent in re.findall(r"\d+", found[2]):
        expected *= int(extent)
        if expected > MAX_BYTES:
            raise _wrong("its shape overflows")
    if start + length + expected != size:
        raise _wrong(f"{expected} bytes of data should follow, not {size - start - length}")
    return Array(objects=False, data_start=start + length)


def _item_bytes(descr: str) -> int:
    simple = _SIMPLE.fullmatch(descr)
    if not simple and not descr.startswith("[("):
        raise _wrong("its type is not what NumPy writes")
    if not simple:
        raise Unexamined(f"the array type {shown(descr)} is not computed")
    kind, digits = simple.groups()
    if not digits and kind not in _ONE_BYTE:
        raise _wrong("its type has no size")
    return int(digits or 1) * (4 if kind == "U" else 1)


def _wrong(why: str) -> FormatError:
    return FormatError("npy-header", f"the NumPy header is refused: {why}", 0)
