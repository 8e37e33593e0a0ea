"""Many links or attributes: version 2 B-trees of identifiers, and the fractal heap that holds the content.

Source: HDF5 File Format Specification 3.0, III.A.2 and III.G.
"""

from dataclasses import dataclass
from typing import Final

from weighlock.inspection.hdf5.space import RULE, Bytes, Space
from weighlock.inspection.span import FormatError, Reading, Unexamined

HUGE_OBJECTS, LINK_NAMES, ATTRIBUTE_NAMES, CHUNKS, FILTERED_CHUNKS = 1, 5, 8, 10, 11  # types of B-tree
_ID_AT: Final = {LINK_NAMES: 4}  # where the heap's identifier is in a record, if not at its beginning
MAX_RECORDS: Final = 200_000
MAX_NODE_BYTES: Final = 16 * 1024 * 1024  # the library writes 512 or 2048
MAX_DEPTH: Final = 16
MAX_HEAP_BITS: Final = 64
_NODE_EDGE: Final = 10  # signature, version, type and checksum of a node
_MANAGED, _HUGE, _TINY = 0, 1, 2
_TINY_BYTES: Final = 17  # identifiers of up to this length tell a tiny object's length in four bits


def read_dense(space: Space, heap_at: int, tree_at: int, *, kind: int) -> Reading[list[tuple[bytes, int]]]:
    """Return (content, offset in the file) of every object that the tree names; raises FormatError and Unexamined."""
    heap = yield from _read_heap(space, heap_at)
    records = yield from read_records(space, tree_at, kind)
    huge = yield from _read_huge(space, heap)
    found = []
    for record in records:
        identifier = record[_ID_AT.get(kind, 0) :][: heap.id_bytes]
        found.append((yield from _read_object(space, heap, huge, identifier)))
    return found


@dataclass(frozen=True, slots=True)
class _Tree:
    """A B-tree's node and record sizes, and for each depth the bytes that its child pointers take."""

    node_bytes: int
    record_bytes: int
    kind: int
    count_bytes: int
    total_bytes: tuple[int, ...]


def read_records(space: Space, address: int, kind: int) -> Reading[list[bytes]]:
    """Return the records of a version 2 B-tree, in any order; raises FormatError and Unexamined."""
    if address == space.undefined:
        return []
    raw = yield from space.load(address, 4 + 2 + 4 + 2 + 2 + 2 + space.offset_bytes + 2 + space.length_bytes)
    if raw.take(4) != b"BTHD" or raw.number(1) != 0 or raw.number(1) != kind:
        raise FormatError(RULE, f"no tree of type {kind} is at address {address}", raw.offset)
    node_bytes, record_bytes, depth = raw.number(4), raw.number(2), raw.number(2)
    raw.take(2)
    root, count = raw.number(space.offset_bytes), raw.number(2)
    if node_bytes > MAX_NODE_BYTES or depth > MAX_DEPTH:
        raise Unexamined("a tree is larger than is read")
    if record_bytes < _ID_AT.get(kind, 0) + 1 or node_bytes < _NODE_EDGE + record_bytes:
        raise FormatError(RULE, "a tree has records of no size", raw.offset)
    if root == space.undefined:
        return []
    tree = _shape(space, node_bytes, record_bytes, kind, depth)
    return (yield from _walk(space, tree, root, count, depth))


def _shape(space: Space, node_bytes: int, record_bytes: int, kind: int, depth: int) -> _Tree:
    most = (node_bytes - _NODE_EDGE) // record_bytes
    count_bytes = _width(most)
    total, totals = most, [0]
    for _ in range(1, depth + 1):
        pointer = space.offset_bytes + count_bytes + totals[-1]
        fits = max(0, node_bytes - _NODE_EDGE - pointer) // (record_bytes + pointer)
        total = (fits + 1) * total + fits
        totals.append(_width(total))
    return _Tree(node_bytes, record_bytes, kind, count_bytes, tuple(totals))


def _width(most: int) -> int:
    """Return the bytes in which the library writes numbers up to ``most``."""
    return (max(1, most).bit_length() - 1) // 8 + 1


def _walk(space: Space, tree: _Tree, root: int, count: int, depth: int) -> Reading[list[bytes]]:
    found: list[bytes] = []
    waiting = [(root, count, depth)]
    while waiting:
        address, used, level = waiting.pop()
        raw = yield from space.load(address, tree.node_bytes)
        if raw.take(4) != (b"BTIN" if level else b"BTLF") or raw.number(1) or raw.number(1) != tree.kind:
            raise FormatError(RULE, f"no tree node is at address {address}", raw.offset)
        found += [raw.take(tree.record_bytes) for _ in range(used)]
        if len(found) > MAX_RECORDS:
            raise Unexamined(f"a tree has more than {MAX_RECORDS} records")
        if level:
            waiting += [_child(raw, space, tree, level) for _ in range(used + 1)]
    return found


def _child(raw: Bytes, space: Space, tree: _Tree, level: int) -> tuple[int, int, int]:
    address, count = raw.number(space.offset_bytes), raw.number(tree.count_bytes)
    raw.take(tree.total_bytes[level - 1])
    return address, count, level - 1


@dataclass(frozen=True, slots=True)
class _Heap:
    """A fractal heap: a table of blocks whose sizes double from row to row."""

    id_bytes: int
    huge_tree: int
    offset_bytes: int
    length_bytes: int
    width: int
    first_bytes: int  # of the blocks in rows 0 and 1
    direct_rows: int
    root: int
    rows: int  # of the root indirect block; 0 if the root is a direct block


def _read_heap(space: Space, address: int) -> Reading[_Heap]:
    raw = yield from space.load(address, 22 + 12 * space.length_bytes + 3 * space.offset_bytes)
    if raw.take(4) != b"FRHP" or raw.number(1) != 0:
        raise FormatError(RULE, f"no heap is at address {address}", raw.offset)
    id_bytes, filtered = raw.number(2), raw.number(2)
    if filtered:
        raise Unexamined("a heap of links or attributes is compressed")
    raw.take(1)
    largest = raw.number(4)
    raw.take(space.length_bytes)
    huge_tree = raw.number(space.offset_bytes)
    raw.take(9 * space.length_bytes + space.offset_bytes)
    width, first, most = raw.number(2), raw.number(space.length_bytes), raw.number(space.length_bytes)
    bits = raw.number(2)
    raw.take(2)
    root, rows = raw.number(space.offset_bytes), raw.number(2)
    if (
        not width
        or not first
        or most < first
        or first & (first - 1)
        or most & (most - 1)
        or bits > MAX_HEAP_BITS
    ):
        raise FormatError(RULE, "a heap's table has no shape", raw.offset)
    direct_rows = most.bit_length() - first.bit_length() + 2
    block_width = (most.bit_length() - 1 + 7) // 8
    length_bytes = min(block_width, (max(1, largest).bit_length() - 1 + 7) // 8)
    return _Heap(id_bytes, huge_tree, (bits + 7) // 8, length_bytes, width, first, direct_rows, root, rows)


def _read_huge(space: Space, heap: _Heap) -> Reading[dict[int, tuple[int, int]]]:
    """Return address and length of the objects that are too large for the heap, by their number."""
    records = yield from read_records(space, heap.huge_tree, HUGE_OBJECTS)
    found = {}
    for record in records:
        raw = Bytes(record, 0)
        address, length = raw.number(space.offset_bytes), raw.number(space.length_bytes)
        found[raw.number(space.length_bytes)] = (address, length)
    return found


def _read_object(
    space: Space, heap: _Heap, huge: dict[int, tuple[int, int]], identifier: bytes
) -> Reading[tuple[bytes, int]]:
    kind = (identifier[0] >> 4) & 3 if identifier else _MANAGED
    if kind == _TINY and heap.id_bytes <= _TINY_BYTES:
        return identifier[1 : 2 + (identifier[0] & 0x0F)], 0
    if kind == _HUGE:
        place = huge.get(int.from_bytes(identifier[1:], "little"))
        if place is None:
            raise FormatError(RULE, "a large link or attribute is missing")
        loaded = yield from space.load(*place)
        return loaded.data, loaded.offset
    if kind != _MANAGED:
        raise Unexamined("a link or attribute is kept in a way that is not read")
    raw = Bytes(identifier[1:], 0)
    at, length = raw.number(heap.offset_bytes), raw.number(heap.length_bytes)
    address = yield from _locate(space, heap, at)
    loaded = yield from space.load(address, length)
    return loaded.data, loaded.offset


def _locate(space: Space, heap: _Heap, at: int) -> Reading[int]:
    """Return the address of the heap's byte ``at``, following the table of blocks."""
    if not heap.rows:
        return heap.root + at
    block, rows = heap.root, heap.rows
    for _ in range(MAX_DEPTH):
        row, column, rest = _place(heap, at)
        if row >= rows:
            raise FormatError(RULE, "an object lies outside its heap")
        children = 4 + 1 + space.offset_bytes + heap.offset_bytes
        entry = children + (row * heap.width + column) * space.offset_bytes
        head = yield from space.load(block, 4)
        if head.data != b"FHIB":
            raise FormatError(RULE, "a heap's block is missing", head.offset)
        child = (yield from space.load(block + entry, space.offset_bytes)).number(space.offset_bytes)
        if row < heap.direct_rows:
            return child + rest
        block, at = child, rest
        rows = row - (heap.width.bit_length() - 1)  # a block of row r covers as much as that many rows do
    raise FormatError(RULE, "a heap's blocks nest without end")


def _place(heap: _Heap, at: int) -> tuple[int, int, int]:
    """Return row, column and the offset within the block, of the table's byte ``at``."""
    first_row = heap.width * heap.first_bytes
    row = (at // first_row).bit_length()
    start = 0 if row == 0 else first_row << (row - 1)
    block = heap.first_bytes << max(0, row - 1)
    column, rest = divmod(at - start, block)
    return row, column, rest
