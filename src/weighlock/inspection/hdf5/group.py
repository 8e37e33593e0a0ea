"""The members of a group: symbol tables, link messages, and links in fractal heaps (specification, III)."""

from typing import Final

from weighlock.inspection.hdf5.dense import read_dense
from weighlock.inspection.hdf5.header import LINK, LINK_INFO, SYMBOL_TABLE, Message
from weighlock.inspection.hdf5.message import HARD, SOFT, LinkTarget, parse_link
from weighlock.inspection.hdf5.space import RULE, Bytes, Space
from weighlock.inspection.span import FormatError, Reading, Unexamined

MAX_LINKS: Final = 200_000  # of one group; a large model has some thousands in all
MAX_HEAP_BYTES: Final = 64 * 1024 * 1024  # the names of one group
MAX_LEVEL: Final = 32  # of a tree of more entries than any file has
_SOFT_CACHE: Final = 2  # the entry is a soft link


def read_links(space: Space, messages: list[Message]) -> Reading[list[LinkTarget]]:
    """Return the links of the group with these messages; raises FormatError and Unexamined."""
    found: list[LinkTarget] = []
    for message in messages:
        if message.kind == SYMBOL_TABLE:
            found += yield from _symbol_table(space, message)
        elif message.kind == LINK:
            found.append(parse_link(message, space))
        elif message.kind == LINK_INFO:
            found += yield from _dense_links(space, message)
        if len(found) > MAX_LINKS:
            raise Unexamined(f"a group has more than {MAX_LINKS} links")
    return found


def _dense_links(space: Space, message: Message) -> Reading[list[LinkTarget]]:
    raw = message.bytes()
    raw.take(1)
    flags = raw.number(1)
    raw.take(8 if flags & 1 else 0)
    heap, tree = raw.number(space.offset_bytes), raw.number(space.offset_bytes)
    if heap == space.undefined:
        return []
    contents = yield from read_dense(space, heap, tree, kind=5)
    return [parse_link(Message(LINK, 0, data, offset), space) for data, offset in contents]


def _symbol_table(space: Space, message: Message) -> Reading[list[LinkTarget]]:
    raw = message.bytes()
    tree, heap = raw.number(space.offset_bytes), raw.number(space.offset_bytes)
    names = yield from _local_heap(space, heap)
    return (yield from _tree(space, tree, names))


def _local_heap(space: Space, address: int) -> Reading[Bytes]:
    raw = yield from space.load(address, 8 + 2 * space.length_bytes + space.offset_bytes)
    if raw.take(4) != b"HEAP":
        raise FormatError(RULE, "a group's names are missing", raw.offset)
    raw.take(4)
    length = raw.number(space.length_bytes)
    raw.number(space.length_bytes)
    if length > MAX_HEAP_BYTES:
        raise Unexamined(f"the names of a group take {length} bytes, over the limit")
    return (yield from space.load(raw.number(space.offset_bytes), length))


def _tree(space: Space, address: int, names: Bytes) -> Reading[list[LinkTarget]]:
    found: list[LinkTarget] = []
    waiting = [(address, MAX_LEVEL)]
    while waiting:
        at, above = waiting.pop()
        head = yield from space.load_up_to(at, 8)
        if head.data[:4] == b"SNOD":
            found += yield from _symbol_node(space, at, names)
            if len(found) > MAX_LINKS:
                raise Unexamined(f"a group has more than {MAX_LINKS} links")
            continue
        level, children = yield from read_tree_node(space, at, kind=0, key_bytes=space.length_bytes)
        if level >= above:
            raise FormatError(RULE, "a group's tree goes in a circle", head.offset)
        waiting += [(child, level) for _, child in reversed(children)]
    return found


def read_tree_node(
    space: Space, address: int, *, kind: int, key_bytes: int
) -> Reading[tuple[int, list[tuple[bytes, int]]]]:
    """Return a version 1 B-tree node's level and its (key, child address); raises FormatError."""
    head = yield from space.load(address, 8 + 2 * space.offset_bytes)
    if head.take(4) != b"TREE" or head.number(1) != kind:
        raise FormatError(RULE, f"no tree node is at address {address}", head.offset)
    level, used = head.number(1), head.number(2)
    body = yield from space.load(
        address + len(head.data), used * (key_bytes + space.offset_bytes) + key_bytes
    )
    return level, [(body.take(key_bytes), body.number(space.offset_bytes)) for _ in range(used)]


def _symbol_node(space: Space, address: int, names: Bytes) -> Reading[list[LinkTarget]]:
    head = yield from space.load(address, 8)
    head.take(6)
    count = head.number(2)
    body = yield from space.load(address + 8, count * (2 * space.offset_bytes + 24))
    found = []
    for _ in range(count):
        name_at, header = body.number(space.offset_bytes), body.number(space.offset_bytes)
        cache = body.number(4)
        body.take(4)
        scratch = body.take(16)
        name = _name(names, name_at)
        if cache == _SOFT_CACHE:
            text = _name(names, int.from_bytes(scratch[:4], "little"))
            found.append(LinkTarget(name, SOFT, 0, text))
        else:
            found.append(LinkTarget(name, HARD, header, ""))
    return found


def _name(names: Bytes, at: int) -> str:
    end = names.data.find(b"\0", at)
    if at >= len(names.data) or end < 0:
        raise FormatError(RULE, "a name is not in its heap", names.offset)
    return names.data[at:end].decode("utf-8", "replace")
