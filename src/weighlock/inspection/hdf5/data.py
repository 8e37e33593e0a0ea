"""Where a dataset's elements are, and whether all of that lies in the file (specification, III.A.1 and IV.A.2.i)."""

from typing import Final

from weighlock.inspection.hdf5.attribute import committed_datatype
from weighlock.inspection.hdf5.chunk import read_chunks
from weighlock.inspection.hdf5.header import DATASPACE, DATATYPE, LAYOUT, Message
from weighlock.inspection.hdf5.message import (
    COMPACT,
    CONTIGUOUS,
    VIRTUAL,
    Datatype,
    Layout,
    parse_datatype,
    parse_extent,
    parse_layout,
    shared_address,
)
from weighlock.inspection.hdf5.space import RULE, Space
from weighlock.inspection.span import FormatError, Reading

MIN_BOMB_BYTES: Final = 4 << 30  # below it, repetitive arrays may pack as well as they like
MAX_GROWTH: Final = 1000  # what deflate reaches at best


def find(messages: list[Message], kind: int) -> Message | None:
    """Return the first message of a kind."""
    return next((message for message in messages if message.kind == kind), None)


def read_datatype(space: Space, messages: list[Message]) -> Reading[Datatype | None]:
    """Return the type of a dataset's elements; None for an object without."""
    message = find(messages, DATATYPE)
    if message is None:
        return None
    address = shared_address(message, space)
    if address is None:
        return parse_datatype(message.bytes())
    return (yield from committed_datatype(space, address))


def check_data(space: Space, messages: list[Message], layout: Layout) -> Reading[int]:
    """Return the bytes of a dataset's elements in the file; raises FormatError if they are not all there."""
    datatype = yield from read_datatype(space, messages)
    extent = find(messages, DATASPACE)
    if datatype is None or extent is None:
        raise FormatError(RULE, "a dataset has no type or no extent")
    elements = parse_extent(extent.bytes(), space) or 0
    needed = elements * datatype.size
    if layout.kind == COMPACT:
        return len(layout.content)
    if layout.address == space.undefined or layout.kind == VIRTUAL:
        stored = 0  # nothing was written: the fill value is read
    elif layout.kind == CONTIGUOUS:
        stored = _contiguous(space, layout, needed)
    else:
        stored = yield from _chunks(space, layout, needed)
    if needed > MIN_BOMB_BYTES and needed > MAX_GROWTH * stored:
        raise FormatError("hdf5-bomb", f"{needed} bytes of elements are stored in {stored}")
    return stored


def _contiguous(space: Space, layout: Layout, needed: int) -> int:
    length = layout.length or needed  # versions 1 and 2 tell dimensions instead
    if not space.holds(layout.address, max(length, needed)):
        raise FormatError(
            RULE, f"{needed} bytes of elements lie outside the file", space.base + layout.address
        )
    return length


def _chunks(space: Space, layout: Layout, needed: int) -> Reading[int]:
    total = 0
    for chunk in (yield from read_chunks(space, layout, needed)):
        if not space.holds(chunk.address, chunk.length):
            raise FormatError(RULE, "a chunk lies outside the file", space.base + chunk.address)
        total += chunk.length
    return total


def layout_of(space: Space, messages: list[Message]) -> Layout | None:
    """Return a dataset's layout; None for what is no dataset."""
    message = find(messages, LAYOUT)
    return None if message is None else parse_layout(message, space)
