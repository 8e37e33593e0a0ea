"""Read the header of a NumPy array file and hold it against the file's size.

Source: NumPy Enhancement Proposal 1 and ``numpy.lib.format``. The header is a Python literal,
which NumPy gives to ``ast.literal_eval``; here only what NumPy writes is read.
"""

from typing import Final, NamedTuple

from weighlock.inspection.numpy.dtype import MAX_BYTES, elements_of, layout_of
from weighlock.inspection.numpy.literal import read_literal
from weighlock.inspection.span import FormatError, Reading, Unexamined, read

MAGIC: Final = b"\x93NUMPY"
RULE: Final = "npy-header"
MAX_HEADER_BYTES: Final = 1024 * 1024  # types of many fields; NumPy itself refuses over 10,000 by default
_KEYS: Final = {"descr", "fortran_order", "shape"}


class Array(NamedTuple):
    """What a header says: whether elements are Python objects, where the data starts, and its bytes.

    ``size`` is 0 for objects: a pickle ends where it says so itself.
    """

    objects: bool
    data_start: int
    size: int


class Header(NamedTuple):
    """The text of a header, where the data starts, and the format's version."""

    text: str
    data_start: int
    version: int


def read_header(at: int, size: int) -> Reading[Header]:
    """Return the header of the array at byte ``at``; raises FormatError ``npy-header`` and Unexamined."""
    if size - at < 12:
        raise _wrong("it ends in the middle of the header", at)
    head = yield from read(at, 12)
    version = head[6]
    if not head.startswith(MAGIC) or version not in {1, 2, 3} or head[7]:
        raise _wrong("its version is not known", at)
    start = 10 if version == 1 else 12
    length = int.from_bytes(head[8:start], "little")
    if start + length > size - at:
        raise _wrong(f"a header of {length} bytes is truncated", at)
    if length > MAX_HEADER_BYTES:
        raise Unexamined(f"a header of {length} bytes is over the limit of {MAX_HEADER_BYTES}")
    raw = yield from read(at + start, length)
    try:
        text = raw.decode("utf-8" if version == 3 else "latin-1")
    except UnicodeDecodeError as error:
        raise _wrong("it is not UTF-8", at) from error
    return Header(text, at + start + length, version)


def understand(header: Header, size: int) -> Array:
    """Return what a header means in a file of ``size`` bytes; raises FormatError ``npy-header``."""
    start = header.data_start
    try:
        fields = read_literal(header.text)
        if (
            not isinstance(fields, dict)
            or fields.keys() != _KEYS
            or not isinstance(fields["fortran_order"], bool)
        ):
            raise ValueError("it is not what NumPy writes")
        layout = layout_of(fields["descr"])
        count = elements_of(fields["shape"])
    except ValueError as error:
        raise _wrong(str(error), 0) from error
    if layout.objects:
        return Array(objects=True, data_start=start, size=0)
    expected = layout.size * count
    if expected > MAX_BYTES:
        raise _wrong("its shape overflows", 0)
    if expected > size - start:
        raise _wrong(f"{expected} bytes of data should follow, not {size - start}", 0)
    return Array(objects=False, data_start=start, size=expected)


def _wrong(why: str, at: int) -> FormatError:
    return FormatError(RULE, f"the NumPy header is refused: {why}", at)
