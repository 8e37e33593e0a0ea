"""Read a FlatBuffer: every offset is held against the file before it is followed.

A table begins with the signed distance to its vtable, which lists where the fields are; a vector or text with
its length; everything refers forward by unsigned 32-bit distances (FlatBuffers, "Internals"). Readers that do
not run the verifier believe all of them. A format's reader walks a fixed nesting of tables, so cycles cannot
occur; that many references lead to one table is bounded by a number of tables.
"""

import struct
from typing import Final, NamedTuple

from weighlock.inspection.span import FormatError, Reading, Unexamined, read

MAX_TABLES: Final = 1_000_000  # visited in one file; large graphs have some ten thousand
MAX_TEXT_BYTES: Final = 64 * 1024  # of one text: names of tensors and operators
PAGE_BYTES: Final = 16 * 1024  # read at a time: the description of a model lies beside large buffers
MAX_PAGES: Final = 512  # held at a time: 8 MB
_TABLE_HEAD_BYTES: Final = 4  # the distance to the vtable
_VTABLE_HEAD_BYTES: Final = 4  # two lengths of 16 bits
_SIZES: Final = {code: struct.calcsize("<" + code) for code in "bBhHiIqQfd?"}


class Table(NamedTuple):
    """Where a table is, and where its fields are, counted from there; 0 is a field that is left out."""

    at: int
    slots: tuple[int, ...]
    length: int


class Vector(NamedTuple):
    """Where the elements of a vector begin, and how many elements there are."""

    at: int
    length: int


class FlatBuffer:
    """A FlatBuffer of ``size`` bytes from the beginning of the file on; what breaks it speaks by ``rule``.

    ``touched`` are the half-open byte ranges that were read or checked, so that a format can say what is left.
    """

    def __init__(self, size: int, rule: str) -> None:
        self.size = size
        self.rule = rule
        self.touched: list[tuple[int, int]] = []
        self._pages: dict[int, bytes] = {}
        self._tables = MAX_TABLES

    def root(self, at: int = 0) -> Reading[Table]:
        """Return the table that the file, or the buffer at byte ``at``, begins with."""
        self.touch(at, 8)
        return (yield from self._table(at + (yield from self._number(at, "I")), at))

    def scalar(self, table: Table, slot: int, code: str, default: int = 0) -> Reading[int]:
        """Return a number field by its ``struct`` code, or the default that a field left out has."""
        at = self._slot(table, slot, _SIZES[code])
        return (yield from self._number(at, code)) if at else default

    def table(self, table: Table, slot: int) -> Reading[Table | None]:
        """Return a table field."""
        at = self._slot(table, slot, 4)
        return (yield from self._table((yield from self._follow(at)), at)) if at else None

    def text(self, table: Table, slot: int) -> Reading[str | None]:
        """Return a text field; bytes that are not UTF-8 are escaped."""
        at = self._slot(table, slot, 4)
        return (yield from self._text(at)) if at else None

    def vector(self, table: Table, slot: int, width: int) -> Reading[Vector | None]:
        """Return a vector field whose elements have ``width`` bytes; they are not read."""
        at = self._slot(table, slot, 4)
        if not at:
            return None
        start = yield from self._follow(at)
        count = yield from self._number(start, "I")
        self._check(start + 4, count * width, "a vector")
        self.touch(start, 4 + count * width)
        return Vector(start + 4, count)

    def numbers(self, table: Table, slot: int, code: str, limit: int) -> Reading[tuple[int, ...]]:
        """Return the numbers of a vector field, at most ``limit``."""
        vector = yield from self.vector(table, slot, _SIZES[code])
        if vector is None or not vector.length:
            return ()
        if vector.length > limit:
            raise FormatError(
                self.rule, f"a list has {vector.length} numbers; the limit is {limit}", vector.at
            )
        raw = yield from self.data(vector.at, vector.length * _SIZES[code])
        return struct.unpack(f"<{vector.length}{code}", raw)

    def tables(self, holder: Table, slot: int) -> Reading[list[Table]]:
        """Return the tables of a vector field."""
        vector = yield from self.vector(holder, slot, 4)
        found: list[Table] = []
        if vector is None:
            return found
        for at in range(vector.at, vector.at + 4 * vector.length, 4):
            target = yield from self._follow(at)
            table = yield from self._table(target, at)
            found.append(table)
        return found

    def texts(self, table: Table, slot: int) -> Reading[list[str]]:
        """Return the texts of a vector field."""
        vector = yield from self.vector(table, slot, 4)
        found: list[str] = []
        if vector is None:
            return found
        for at in range(vector.at, vector.at + 4 * vector.length, 4):
            text = yield from self._text(at)
            found.append(text)
        return found

    def data(self, at: int, length: int) -> Reading[bytes]:
        """Return bytes of the file, which lie within it; small ones come from pages that are held."""
        self._check(at, length, "a part")
        first, last = at // PAGE_BYTES, (at + length - 1) // PAGE_BYTES
        if last - first > 1:
            return (yield from read(at, length))
        data = b""
        for page in range(first, last + 1):
            data += yield from self._page(page)
        return data[at - first * PAGE_BYTES :][:length]

    def touch(self, at: int, length: int) -> None:
        """Note that these bytes are accounted for."""
        self.touched.append((at, at + length))

    def _page(self, page: int) -> Reading[bytes]:
        held = self._pages.get(page)
        if held is None:
            start = page * PAGE_BYTES
            held = yield from read(start, min(PAGE_BYTES, self.size - start))
            if len(self._pages) == MAX_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[page] = held
        return held

    def _check(self, at: int, length: int, what: str) -> None:
        if at < 0 or length < 0 or at + length > self.size:
            raise FormatError(self.rule, f"{what} of {length} bytes at byte {at} reaches beyond the file", at)

    def _number(self, at: int, code: str) -> Reading[int]:
        raw = yield from self.data(at, _SIZES[code])
        value: int = struct.unpack("<" + code, raw)[0]
        return value

    def _follow(self, at: int) -> Reading[int]:
        distance = yield from self._number(at, "I")
        if distance < 4:
            raise FormatError(self.rule, "a reference leads to itself", at)
        return at + distance

    def _slot(self, table: Table, slot: int, length: int) -> int:
        """Return where a field is, or 0."""
        distance = table.slots[slot] if slot < len(table.slots) else 0
        if distance and distance + length > table.length:
            raise FormatError(self.rule, f"field {slot} of a table lies outside it", table.at)
        return table.at + distance if distance else 0

    def _table(self, at: int, origin: int) -> Reading[Table]:
        self._tables -= 1
        if self._tables < 0:
            raise Unexamined(f"more than {MAX_TABLES} tables are referred to")
        self._check(at, _TABLE_HEAD_BYTES, "a table")
        vtable = at - (yield from self._number(at, "i"))
        self._check(vtable, _VTABLE_HEAD_BYTES, "a vtable")
        head = yield from self.data(vtable, _VTABLE_HEAD_BYTES)
        length, inline = struct.unpack("<HH", head)
        if length < _VTABLE_HEAD_BYTES or length % 2 or inline < _TABLE_HEAD_BYTES:
            raise FormatError(self.rule, "a vtable has an impossible length", origin)
        self._check(at, inline, "a table")
        raw = yield from self.data(vtable, length)
        self.touch(vtable, length)
        self.touch(at, inline)
        return Table(at, struct.unpack(f"<{length // 2}H", raw)[2:], inline)

    def _text(self, at: int) -> Reading[str]:
        start = yield from self._follow(at)
        length = yield from self._number(start, "I")
        if length > MAX_TEXT_BYTES:
            raise FormatError(
                self.rule, f"a text of {length} bytes is over the limit of {MAX_TEXT_BYTES}", start
            )
        self._check(start + 4, length + 1, "a text")
        self.touch(start, length + 5)
        raw = yield from self.data(start + 4, length + 1)
        if raw[-1:] != b"\0":
            raise FormatError(self.rule, "a text does not end in 0", start)
        return raw[:-1].decode("utf-8", "backslashreplace")
