"""What the messages of an object header say: types, extents, layouts, filters, links (specification, IV.A.2)."""

from math import prod
from typing import Final, NamedTuple

from weighlock.inspection.hdf5.header import IS_SHARED, Message
from weighlock.inspection.hdf5.space import RULE, Bytes, Space
from weighlock.inspection.span import FormatError, Unexamined

MAX_RANK: Final = 32  # the library's own limit
STRING, OPAQUE, COMPOUND, REFERENCE, VARIABLE = 3, 5, 6, 7, 9
COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = 0, 1, 2, 3
HARD, SOFT, EXTERNAL = 0, 1, 64
# registered filters that readers of models have without asking for a plug-in (The HDF Group, registered filters)
_BUILT_IN: Final = {
    1: "deflate",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    32000: "lzf",
}
# widely used compressors, which come as plug-ins: known by name, they decompress and nothing else
_COMPRESSORS: Final = {
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}


class Datatype(NamedTuple):
    """A type's class, the bytes of one element, and whether a variable-length one is text."""

    kind: int
    size: int
    is_text: bool


class Layout(NamedTuple):
    """Where a dataset's elements are: class, address, length in bytes, chunk index type, and content if compact.

    ``rank`` is that of the chunks' keys; 0 if there are no chunks.
    """

    kind: int
    address: int
    length: int
    rank: int = 0
    chunk_index: int = 0
    content: bytes = b""


class LinkTarget(NamedTuple):
    """A link: its name, type, the address of a hard link, and the text of a soft or external one."""

    name: str
    kind: int
    address: int
    text: str


def parse_extent(raw: Bytes, space: Space) -> int | None:
    """Return the number of elements that a dataspace message tells; None for "no elements ever"."""
    version, rank, flags = raw.number(1), raw.number(1), raw.number(1)
    if rank > MAX_RANK:
        raise FormatError(RULE, f"an array of {rank} dimensions", raw.offset)
    if version == 1:
        raw.take(5)
        kind = 1
    elif version == 2:
        kind = raw.number(1)
    else:
        raise Unexamined(f"a dataspace of version {version}")
    extent = prod(raw.number(space.length_bytes) for _ in range(rank))
    if flags & 1:
        raw.take(space.length_bytes * rank)
    return None if kind == 2 else extent


def parse_datatype(raw: Bytes) -> Datatype:
    """Return what a datatype message tells of an element."""
    first = raw.number(1)
    kind, bits, size = first & 0x0F, raw.number(3), raw.number(4)
    return Datatype(kind, size, is_text=kind == STRING or (kind == VARIABLE and bits & 0x0F == 1))


def parse_layout(message: Message, space: Space) -> Layout:
    """Return a dataset's layout; raises FormatError and Unexamined."""
    raw = message.bytes()
    version = raw.number(1)
    if version in {1, 2}:
        return _layout_of_old(raw, space)
    if version not in {3, 4, 5}:
        raise Unexamined(f"a data layout of version {version}")
    kind = raw.number(1)
    if kind == COMPACT:
        length = raw.number(2)
        return Layout(kind, 0, length, content=raw.take(length))
    if kind == CONTIGUOUS:
        return Layout(kind, raw.number(space.offset_bytes), raw.number(space.length_bytes))
    if kind == VIRTUAL:
        return Layout(kind, raw.number(space.offset_bytes), 0)
    if kind != CHUNKED:
        raise FormatError(RULE, f"a data layout of class {kind}", message.offset)
    return _chunks(raw, space) if version == 3 else _indexed_chunks(raw, space)


def _layout_of_old(raw: Bytes, space: Space) -> Layout:
    rank, kind = raw.number(1), raw.number(1)
    raw.take(5)
    address = raw.number(space.offset_bytes) if kind != COMPACT else 0
    sizes = [raw.number(4) for _ in range(rank)]
    if kind == COMPACT:
        length = raw.number(4)
        return Layout(kind, 0, length, content=raw.take(length))
    return Layout(kind, address, prod(sizes), rank=rank if kind == CHUNKED else 0)


def _chunks(raw: Bytes, space: Space) -> Layout:
    rank = raw.number(1)
    address = raw.number(space.offset_bytes)
    return Layout(CHUNKED, address, prod(raw.number(4) for _ in range(rank)), rank=rank)


def _indexed_chunks(raw: Bytes, space: Space) -> Layout:
    flags, rank, width = raw.number(1), raw.number(1), raw.number(1)
    length = prod(raw.number(width) for _ in range(rank))
    index = raw.number(1)
    if index == 1 and flags & 2:  # a single filtered chunk tells its length
        length = raw.number(space.length_bytes)
        raw.take(4)
    else:
        raw.take({1: 0, 2: 0, 3: 1, 4: 5, 5: 6}.get(index, 0))
    return Layout(CHUNKED, raw.number(space.offset_bytes), length, rank=rank, chunk_index=index)


def parse_filters(message: Message) -> list[str]:
    """Return the filters that a reader has to have and that are nobody's common ones, as "number name"."""
    raw = message.bytes()
    version, count = raw.number(1), raw.number(1)
    if version not in {1, 2}:
        raise Unexamined(f"a filter pipeline of version {version}")
    raw.take(6 if version == 1 else 0)
    return [name for _ in range(count) if (name := _filter(raw, version))]


def _filter(raw: Bytes, version: int) -> str | None:
    number = raw.number(2)
    named = version == 1 or number >= 256
    length = raw.number(2) if named else 0
    raw.take(2)
    values = raw.number(2)
    name = raw.take(length).split(b"\0", 1)[0].decode("utf-8", "replace")
    if version == 1:
        raw.take(-length % 8)
    raw.take(4 * values + (4 if version == 1 and values % 2 else 0))
    return None if number in _BUILT_IN or number in _COMPRESSORS else f"{number} {name}".strip()


def parse_link(message: Message, space: Space) -> LinkTarget:
    """Return a link; raises FormatError and Unexamined."""
    raw = message.bytes()
    if raw.number(1) != 1:
        raise Unexamined("a link of an unknown version")
    flags = raw.number(1)
    kind = raw.number(1) if flags & 0x08 else HARD
    raw.take((8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0))
    name = raw.take(raw.number(1 << (flags & 3))).decode("utf-8", "replace")
    if kind == HARD:
        return LinkTarget(name, kind, raw.number(space.offset_bytes), "")
    value = raw.take(raw.number(2))
    if kind == EXTERNAL:  # a flag byte, then the file and the object, each ending in a NUL
        return LinkTarget(
            name, kind, 0, value[1:].rstrip(b"\0").replace(b"\0", b" : ").decode("utf-8", "replace")
        )
    return LinkTarget(name, kind, 0, value.decode("utf-8", "replace"))


def shared_address(message: Message, space: Space) -> int | None:
    """Return the address of the object that holds the message's content; None if the message holds it itself."""
    if not message.flags & IS_SHARED:
        return None
    return parse_shared(message.bytes(), space)


def parse_shared(raw: Bytes, space: Space) -> int:
    """Return the address of the object that a shared message names; raises Unexamined for the table of the file."""
    version, kind = raw.number(1), raw.number(1)
    if version == 3 and kind == 1:
        raise Unexamined("a message is kept in the file's table of shared messages")
    raw.take(6 if version == 1 else 0)
    return raw.number(space.offset_bytes)
