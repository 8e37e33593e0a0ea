"""Object headers: the messages that describe a group, a dataset or a datatype (specification, IV.A)."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from weighlock.inspection.hdf5.space import RULE, Bytes, Space
from weighlock.inspection.span import FormatError, Reading, Unexamined

NIL, DATASPACE, LINK_INFO, DATATYPE = 0x00, 0x01, 0x02, 0x03
LINK, EXTERNAL_FILES, LAYOUT, FILTERS = 0x06, 0x07, 0x08, 0x0B
ATTRIBUTE, SHARED_TABLE, CONTINUATION, SYMBOL_TABLE = 0x0C, 0x0F, 0x10, 0x11
ATTRIBUTE_INFO: Final = 0x15
IS_SHARED: Final = 0x02  # flag: the message is a reference to another object's
MAX_MESSAGES: Final = 65_536  # of one object
MAX_CHUNK_BYTES: Final = 64 * 1024 * 1024  # of one block of messages


class Message(NamedTuple):
    """A message: its type, flags, and content."""

    kind: int
    flags: int
    data: bytes
    offset: int

    def bytes(self) -> Bytes:
        """Return the content, to be read from its beginning."""
        return Bytes(self.data, self.offset)


Split: TypeAlias = Callable[[Bytes], list[Message]]


def read_header(space: Space, address: int) -> Reading[list[Message]]:
    """Return the messages of the object at ``address``; raises FormatError ``hdf5-structure`` and Unexamined."""
    raw = yield from space.load_up_to(address, 64)
    if raw.data[:4] == b"OHDR":
        return (yield from _new_header(space, address, raw))
    if raw.data[:1] != b"\x01":
        raise FormatError(RULE, f"no object header is at address {address}", raw.offset)
    raw.take(2)
    count, _, length = raw.number(2), raw.number(4), raw.number(4)
    chunk = yield from _chunk(space, address + 16, length)
    return (yield from _collect(space, [chunk], count, _old_messages))


def _new_header(space: Space, address: int, raw: Bytes) -> Reading[list[Message]]:
    raw.take(4)
    if raw.number(1) != 2:
        raise Unexamined("an object header of an unknown version")
    flags = raw.number(1)
    raw.take((16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0))
    length = raw.number(1 << (flags & 3))
    chunk = yield from _chunk(space, address + raw.at, length)
    ordered = bool(flags & 0x04)
    return (
        yield from _collect(space, [chunk], MAX_MESSAGES, lambda each: _new_messages(each, ordered=ordered))
    )


def _chunk(space: Space, address: int, length: int) -> Reading[Bytes]:
    if length > MAX_CHUNK_BYTES:
        raise Unexamined(f"an object header of {length} bytes is over the limit of {MAX_CHUNK_BYTES}")
    return (yield from space.load(address, length))


def _collect(space: Space, chunks: list[Bytes], limit: int, split: Split) -> Reading[list[Message]]:
    """Return the messages of all chunks; a continuation message names the next one."""
    found: list[Message] = []
    seen: set[int] = set()
    while chunks:
        chunk = chunks.pop(0)
        for message in split(chunk):
            found.append(message)
            if len(found) > MAX_MESSAGES:
                raise Unexamined(f"an object has more than {MAX_MESSAGES} messages")
            if message.kind == CONTINUATION:
                chunks.append((yield from _continued(space, message, seen)))
    if len(found) > limit:
        raise FormatError(RULE, "an object header has more messages than it says")
    return [message for message in found if message.kind not in {NIL, CONTINUATION}]


def _continued(space: Space, message: Message, seen: set[int]) -> Reading[Bytes]:
    raw = message.bytes()
    address, length = raw.number(space.offset_bytes), raw.number(space.length_bytes)
    if address in seen:
        raise FormatError(RULE, "an object header continues in a circle", message.offset)
    seen.add(address)
    chunk = yield from _chunk(space, address, length)
    if chunk.data[:4] == b"OCHK":
        return Bytes(chunk.data[4:-4], chunk.offset + 4)  # without signature and checksum
    return chunk


def _old_messages(chunk: Bytes) -> list[Message]:
    found = []
    while chunk.left >= 8:
        kind, length, flags = chunk.number(2), chunk.number(2), chunk.number(1)
        chunk.take(3)
        offset = chunk.offset + chunk.at
        found.append(Message(kind, flags, chunk.take(length), offset))
    return found


def _new_messages(chunk: Bytes, *, ordered: bool) -> list[Message]:
    found = []
    head = 4 + (2 if ordered else 0)
    while chunk.left >= head:
        kind, length, flags = chunk.number(1), chunk.number(2), chunk.number(1)
        chunk.take(2 if ordered else 0)
        offset = chunk.offset + chunk.at
        found.append(Message(kind, flags, chunk.take(length), offset))
    return found
