"""Write protobuf messages and FlatBuffers by hand, sound and broken, for tests. Nothing here loads one."""

import struct
from collections.abc import Sequence


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def number(field: int, value: int) -> bytes:
    """Return an integer field."""
    return tag(field, 0) + varint(value)


def sized(field: int, *parts: bytes | str) -> bytes:
    """Return a text, bytes or message field."""
    raw = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return tag(field, 2) + varint(len(raw)) + raw


def fixed(field: int, raw: bytes) -> bytes:
    """Return a field of 4 or 8 bytes."""
    return tag(field, {4: 5, 8: 1}[len(raw)]) + raw


class Table:
    """A table of a FlatBuffer: fields by slot. A value is (code, number), bytes, text, a Table or a list of them."""

    def __init__(self, **fields: object) -> None:
        self.fields = {int(key.removeprefix("f")): value for key, value in fields.items()}


def flatbuffer(root: Table, identifier: bytes) -> bytes:
    """Return a FlatBuffer that is written front to back: each table, then what it refers to."""
    out = bytearray(b"\0\0\0\0" + identifier)
    at = _write_table(out, root)
    struct.pack_into("<I", out, 0, at)
    return bytes(out)


def _align(out: bytearray, to: int) -> None:
    out.extend(b"\0" * (-len(out) % to))


def _write_table(out: bytearray, table: Table) -> int:
    slots = max(table.fields, default=-1) + 1
    _align(out, 8)
    vtable = len(out)
    length = 4 + 2 * slots
    out.extend(b"\0" * length)
    _align(out, 8)
    start = len(out)
    out.extend(struct.pack("<i", start - vtable))
    places: dict[int, int] = {}
    for slot, value in table.fields.items():
        raw = struct.pack("<" + value[0], value[1]) if isinstance(value, tuple) else b"\0\0\0\0"
        _align(out, len(raw))
        places[slot] = len(out)
        out.extend(raw)
    offsets = [places[slot] - start if slot in places else 0 for slot in range(slots)]
    struct.pack_into(f"<HH{slots}H", out, vtable, length, len(out) - start, *offsets)
    for slot, value in table.fields.items():
        if not isinstance(value, tuple):
            _refer(out, places[slot], value)
    return start


def _refer(out: bytearray, place: int, value: object) -> None:
    struct.pack_into("<I", out, place, _write(out, value) - place)


def _write(out: bytearray, value: object) -> int:
    if isinstance(value, Table):
        return _write_table(out, value)
    _align(out, 4)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _write_list(out, value)
    raw = value.encode() + b"\0" if isinstance(value, str) else value
    assert isinstance(raw, bytes)
    _align(out, 16) if isinstance(value, bytes) else None
    at = len(out)
    out.extend(struct.pack("<I", len(raw) - isinstance(value, str)) + raw)
    return at


def _write_list(out: bytearray, values: Sequence[object]) -> int:
    at = len(out)
    out.extend(struct.pack("<I", len(values)))
    if values and isinstance(values[0], tuple):
        for value in values:
            assert isinstance(value, tuple)
            out.extend(struct.pack("<" + value[0], value[1]))
        return at
    places = [at + 4 + 4 * index for index in range(len(values))]
    out.extend(b"\0\0\0\0" * len(values))
    for place, value in zip(places, values, strict=True):
        _refer(out, place, value)
    return at
