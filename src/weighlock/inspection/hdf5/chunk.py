"""Where the chunks of an array are, for each kind of index (specification, III.A and VII)."""

from typing import Final, NamedTuple

from weighlock.inspection.hdf5.dense import CHUNKS, FILTERED_CHUNKS, read_records
from weighlock.inspection.hdf5.group import read_tree_node
from weighlock.inspection.hdf5.message import Layout
from weighlock.inspection.hdf5.space import RULE, Bytes, Space
from weighlock.inspection.span import FormatError, Reading, Unexamined

MAX_CHUNKS: Final = 1_000_000  # of one array
MAX_LEVEL: Final = 32
OLD_TREE, SINGLE, IMPLICIT, FIXED_ARRAY, EXTENSIBLE_ARRAY, NEW_TREE = range(6)
_MASK_BYTES: Final = 4  # of the filters that were left out for a chunk
_SUM_BYTES: Final = 4


class Chunk(NamedTuple):
    """A chunk's address and its length in the file, in bytes."""

    address: int
    length: int


def read_chunks(space: Space, layout: Layout, elements: int) -> Reading[list[Chunk]]:
    """Return the chunks of an array that has ``elements`` bytes unpacked; raises FormatError and Unexamined."""
    if layout.chunk_index == OLD_TREE:
        return (yield from _old_tree(space, layout))
    if layout.chunk_index == SINGLE:
        return [Chunk(layout.address, layout.length)]
    if layout.chunk_index == IMPLICIT:
        return [Chunk(layout.address, elements)]  # one behind the other, unpacked
    if layout.chunk_index == FIXED_ARRAY:
        return (yield from _fixed_array(space, layout))
    if layout.chunk_index == NEW_TREE:
        return (yield from _new_tree(space, layout))
    raise Unexamined("chunks are listed in an extensible array, which is not read")


def _old_tree(space: Space, layout: Layout) -> Reading[list[Chunk]]:
    found: list[Chunk] = []
    waiting = [(layout.address, MAX_LEVEL)]
    while waiting:
        address, above = waiting.pop()
        level, children = yield from read_tree_node(space, address, kind=1, key_bytes=8 + 8 * layout.rank)
        if level >= above:
            raise FormatError(RULE, "a tree of chunks goes in a circle", space.base + address)
        if level:
            waiting += [(child, level) for _, child in children]
            continue
        found += [Chunk(child, Bytes(key, 0).number(4)) for key, child in children]
        if len(found) > MAX_CHUNKS:
            raise Unexamined(f"an array has more than {MAX_CHUNKS} chunks")
    return found


def _new_tree(space: Space, layout: Layout) -> Reading[list[Chunk]]:
    head = yield from space.load(layout.address, 6)
    head.take(5)
    kind = head.number(1)
    if kind not in {CHUNKS, FILTERED_CHUNKS}:
        raise FormatError(RULE, "a tree of chunks has another type", head.offset)
    records = yield from read_records(space, layout.address, kind)
    found = []
    for record in records:
        raw = Bytes(record, 0)
        address = raw.number(space.offset_bytes)
        coordinates = 8 * (layout.rank - 1)
        width = raw.left - _MASK_BYTES - coordinates
        found.append(Chunk(address, layout.length if kind == CHUNKS else raw.number(width)))
    return found


def _fixed_array(space: Space, layout: Layout) -> Reading[list[Chunk]]:
    head = yield from space.load(layout.address, 8 + space.length_bytes + space.offset_bytes)
    if head.take(4) != b"FAHD":
        raise FormatError(RULE, "a list of chunks is missing", head.offset)
    head.take(1)
    filtered, entry_bytes, page_bits = head.number(1), head.number(1), head.number(1)
    count, block = head.number(space.length_bytes), head.number(space.offset_bytes)
    if count > MAX_CHUNKS or page_bits > 32 or entry_bytes < space.offset_bytes:
        raise Unexamined(f"an array lists {count} chunks")
    if block == space.undefined:
        return []
    at = block + 4 + 2 + space.offset_bytes
    page = 1 << page_bits
    pages = [count]
    if count > page:
        at += (-(-count // page) + 7) // 8 + _SUM_BYTES  # which pages were ever written
        pages = [page] * (count // page) + ([count % page] if count % page else [])
    found = []
    for entries in pages:
        raw = yield from space.load(at, entries * entry_bytes)
        at += entries * entry_bytes + _SUM_BYTES
        for _ in range(entries):
            address = raw.number(space.offset_bytes)
            rest = Bytes(raw.take(entry_bytes - space.offset_bytes), 0)
            length = rest.number(rest.left - _MASK_BYTES) if filtered else layout.length
            found.append(Chunk(address, length))
    return [chunk for chunk in found if chunk.address not in {0, space.undefined}]
