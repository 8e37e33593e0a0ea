"""Attributes of an object, with their texts (specification, IV.A.2.m and III.E)."""

from typing import Final, NamedTuple

from weighlock.inspection.hdf5.dense import ATTRIBUTE_NAMES, read_dense
from weighlock.inspection.hdf5.header import ATTRIBUTE, ATTRIBUTE_INFO, DATATYPE, Message, read_header
from weighlock.inspection.hdf5.message import (
    STRING,
    VARIABLE,
    Datatype,
    parse_datatype,
    parse_extent,
    parse_shared,
)
from weighlock.inspection.hdf5.space import RULE, Bytes, Space
from weighlock.inspection.span import FormatError, Reading, Unexamined

MAX_TEXT_BYTES: Final = 64 * 1024 * 1024  # of one attribute; a large Keras configuration has some megabytes
MAX_TEXTS: Final = 100_000  # elements of one attribute
_DATATYPE_SHARED, _EXTENT_SHARED = 1, 2


class Attribute(NamedTuple):
    """An attribute's name, and what it holds if that is text or opaque bytes; numbers are left out."""

    name: str
    texts: list[bytes]
    offset: int


def read_attributes(space: Space, messages: list[Message]) -> Reading[list[Attribute]]:
    """Return the attributes of the object with these messages; raises FormatError and Unexamined."""
    found = []
    for message in messages:
        if message.kind == ATTRIBUTE:
            found.append((yield from _attribute(space, message.data, message.offset)))
        elif message.kind == ATTRIBUTE_INFO:
            raw = message.bytes()
            raw.take(1)
            raw.take(2 if raw.number(1) & 1 else 0)
            heap, tree = raw.number(space.offset_bytes), raw.number(space.offset_bytes)
            if heap != space.undefined:
                for data, offset in (yield from read_dense(space, heap, tree, kind=ATTRIBUTE_NAMES)):
                    found.append((yield from _attribute(space, data, offset)))
    return found


def _attribute(space: Space, data: bytes, offset: int) -> Reading[Attribute]:
    raw = Bytes(data, offset)
    version, flags = raw.number(1), raw.number(1)
    if version not in {1, 2, 3}:
        raise Unexamined(f"an attribute of version {version}")
    sizes = [raw.number(2) for _ in range(3)]
    raw.take(1 if version == 3 else 0)
    name, kind, extent = (_padded(raw, size, 8 if version == 1 else 1) for size in sizes)
    if flags & _EXTENT_SHARED and version > 1:
        raise Unexamined("an attribute's extent is kept elsewhere")
    if flags & _DATATYPE_SHARED and version > 1:
        datatype = yield from committed_datatype(space, parse_shared(kind, space))
    else:
        datatype = parse_datatype(kind)
    texts = yield from _texts(space, datatype, parse_extent(extent, space) or 0, raw)
    return Attribute(name.data.split(b"\0", 1)[0].decode("utf-8", "replace"), texts, offset)


def _padded(raw: Bytes, size: int, multiple: int) -> Bytes:
    part = Bytes(raw.take(size), raw.offset + raw.at - size)
    raw.take(-size % multiple)
    return part


def committed_datatype(space: Space, address: int) -> Reading[Datatype]:
    """Return the type that is an object of its own; raises FormatError."""
    for message in (yield from read_header(space, address)):
        if message.kind == DATATYPE:
            return parse_datatype(message.bytes())
    raise FormatError(RULE, f"no datatype is at address {address}")


def _texts(space: Space, datatype: Datatype, count: int, raw: Bytes) -> Reading[list[bytes]]:
    if count > MAX_TEXTS or datatype.size * count > MAX_TEXT_BYTES:
        raise Unexamined(f"an attribute of {count} elements of {datatype.size} bytes is over the limit")
    if datatype.kind == VARIABLE:
        return (yield from _variable(space, datatype, count, raw))
    data = raw.take(datatype.size * count)
    if datatype.kind == STRING:
        return [
            data[at : at + datatype.size].rstrip(b"\0") for at in range(0, len(data), max(1, datatype.size))
        ]
    return [data]  # numbers and opaque bytes: whatever they are, a pickle among them is seen


def _variable(space: Space, datatype: Datatype, count: int, raw: Bytes) -> Reading[list[bytes]]:
    found, total = [], 0
    for _ in range(count):
        length, address, index = raw.number(4), raw.number(space.offset_bytes), raw.number(4)
        if not length or address in {0, space.undefined}:
            continue
        data = yield from heap_object(space, address, index)
        found.append(data[:length] if datatype.is_text else data)  # a length counts elements, of any size
        total += len(data)
        if total > MAX_TEXT_BYTES:
            raise Unexamined(f"an attribute of {total} bytes and more is over the limit")
    return found


def heap_object(space: Space, address: int, wanted: int) -> Reading[bytes]:
    """Return an object of a global heap collection; raises FormatError and Unexamined."""
    head = yield from space.load(address, 8 + space.length_bytes)
    if head.take(4) != b"GCOL":
        raise FormatError(RULE, f"no collection of texts is at address {address}", head.offset)
    head.take(4)
    length = head.number(space.length_bytes)
    if length > MAX_TEXT_BYTES:
        raise Unexamined(f"a collection of {length} bytes is over the limit")
    at = len(head.data)
    while at + 8 + space.length_bytes <= length:
        entry = yield from space.load(address + at, 8 + space.length_bytes)
        index = entry.number(2)
        entry.take(6)
        size = entry.number(space.length_bytes)
        at += len(entry.data)
        if index == wanted:
            return (yield from space.load(address + at, min(size, MAX_TEXT_BYTES))).data
        if index == 0:  # the rest is free
            break
        at += size + -size % 8
    raise FormatError(RULE, f"the collection at address {address} has no object {wanted}", head.offset)
