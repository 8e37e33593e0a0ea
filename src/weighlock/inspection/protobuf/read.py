"""Walk a protobuf message as its parsers do, without loading the payloads that nobody looks at.

Parsers merge: of a field that occurs again the last value counts, and the fields of an inner message add up.
So does this reader, and it says so, because no writer does it. What a parser refuses (a cut number, a field
that reaches beyond its message, field 0) is a FormatError. Time is linear, and memory is bounded by what the
schema keeps. Source: Protocol Buffers documentation, "Encoding".
"""

from collections.abc import Sequence
from typing import Final, NoReturn, Protocol

from weighlock.inspection.protobuf.message import Count, Extent, Message
from weighlock.inspection.protobuf.schema import (
    BYTES,
    EXTENT,
    FIXED32,
    FIXED64,
    INTEGER,
    MAX_TEXT_BYTES,
    MESSAGE,
    OPAQUE,
    TEXT,
    VARINTS,
    Field,
    Schema,
)
from weighlock.inspection.protobuf.window import Skimmer
from weighlock.inspection.protobuf.wire import (
    BITS32,
    BITS64,
    END_GROUP,
    FIXED_BYTES,
    GROUP,
    MAX_TAG_BYTES,
    MAX_VARINT_BYTES,
    SIZED,
    VARINT,
    packed,
    run,
    varint,
)
from weighlock.inspection.span import FormatError, Reading, Unexamined

MAX_DEPTH: Final = 100  # the parsers' own limit
MAX_FIELDS: Final = 4_000_000  # in one file, runs of numbers apart: a quarter of the time that a file has
MAX_KEPT_BYTES: Final = (
    128 * 1024 * 1024
)  # held at a time, by the estimates below; inspection may take 300 MB
_VALUE_BYTES: Final = 64  # what a kept number or text costs besides its bytes
_MESSAGE_BYTES: Final = 512  # what a kept message costs
_HEAD_BYTES: Final = MAX_TAG_BYTES + MAX_VARINT_BYTES  # a tag and a number or length
# kind → the types on the wire that it may have
_WIRES: Final = {
    INTEGER: {VARINT, SIZED},
    VARINTS: {VARINT, SIZED},
    FIXED32: {BITS32, SIZED},
    FIXED64: {BITS64, SIZED},
    TEXT: {SIZED},
    BYTES: {SIZED},
    EXTENT: {SIZED},
    MESSAGE: {SIZED},
    OPAQUE: {VARINT, BITS32, BITS64, SIZED},
}
_PLAIN: Final = frozenset({VARINTS, FIXED32, FIXED64, OPAQUE})
_UNKNOWN: Final = Field(OPAQUE, repeated=True)
_GROUP: Final = Schema("group")


class Visitor(Protocol):
    """Who is told what the walk meets. ``rule`` is the one that a broken message speaks by."""

    rule: str

    def visit(self, message: Message) -> None:
        """Take a message that is complete; those around it are not yet."""

    def flaw(self, what: str, offset: int) -> None:
        """Take what parsers accept and no writer does."""

    def unknown(self, schema: str, number: int, offset: int) -> None:
        """Take a field that the format does not have."""


def read_message(start: int, end: int, schema: Schema, visitor: Visitor) -> Reading[Message]:
    """Return the message in the bytes from ``start`` to ``end`` of the file.

    Raises FormatError by the visitor's rule, and Unexamined for a limit of ours.
    """
    walk = _Walk(start, end, schema, visitor)
    while walk.stack:
        wanted = walk.advance()
        if wanted:
            yield from walk.window.hold(walk.at, wanted)
    return walk.root


class _Walk:
    """A place in the file, and the messages around it."""

    def __init__(self, start: int, end: int, schema: Schema, visitor: Visitor) -> None:
        self.window = Skimmer(end)
        self.at = start
        self.visitor = visitor
        self.root = Message(schema, start, end, None)
        self.stack = [self.root]
        self._fields = MAX_FIELDS
        self._kept = MAX_KEPT_BYTES

    def advance(self) -> int:
        """Read on as far as the bytes go that are held; return how many are needed next, 0 at the end."""
        while self.stack:
            message = self.stack[-1]
            self._run(message)
            if self._fields < 0 or self._kept < 0:
                self._stop()
            if self.stack[-1] is not message:
                continue  # entered another
            left = message.end - self.at
            if not left:
                self._leave()
                continue
            held = self.window.held(self.at)
            if held < _HEAD_BYTES and held < left:
                return min(_HEAD_BYTES, left)
            wanted = self._field(message)
            if wanted:
                return wanted
        return 0

    def _run(self, message: Message) -> None:
        """Read the fields that are as nearly all are: number and length of one byte, held, and no surprise.

        Whatever is not so is left to ``_field``, so that this decides nothing.
        """
        data, base = self.window.data, self.window.base
        at = self.at - base
        stop = min(message.end - base, len(data)) - 1
        fields, values = message.schema.fields, message.values
        while 0 <= at < stop:
            tag, length = data[at], data[at + 1]
            field = fields.get(tag >> 3)
            end = at + 2 + length
            if tag & 0x87 != SIZED or length > 0x7F or field is None or end > stop + 1:
                break
            kind, number = field.kind, tag >> 3
            if kind == MESSAGE:
                self.at = at + base
                if number not in values or field.repeated:
                    self._fields -= 1
                    self._enter_field(message, number, field, Extent(self.at + 2, length))
                return
            if kind == OPAQUE:
                at = end
            elif kind == TEXT and (field.repeated or number not in values):
                raw = data[at + 2 : end]
                if not raw.isascii():
                    break
                values.setdefault(number, []).append(raw.decode("ascii"))
                self._kept -= _VALUE_BYTES + length
                at = end
            else:
                break
            self._fields -= 1
        self.at = at + base

    def _leave(self) -> None:
        message = self.stack.pop()
        if message.group:
            self._fail("a group does not end")
        self.visitor.visit(message)
        if message.release is not None:
            self._kept = message.release

    def _fail(self, what: str) -> NoReturn:
        raise FormatError(self.visitor.rule, what, self.at)

    def _field(self, message: Message) -> int:
        """Read the field at this place; return how many bytes are needed if its payload is not held."""
        self._fields -= 1
        data, base = self.window.data, self.window.base
        begin = self.at - base
        stop = min(message.end - base, len(data))
        tag = varint(data, begin, min(stop, begin + MAX_TAG_BYTES))
        if tag is None or tag.value >> 32 or tag.value < 8:
            self._fail("a field's number is cut, 0 or too large")
        if not tag.minimal:
            self.visitor.flaw("a field's number is written longer than it is", self.at)
        number, wire = tag.value >> 3, tag.value & 7
        if wire > BITS32:
            self._fail(f"a field has the type {wire}, which does not exist")
        if wire in {GROUP, END_GROUP}:
            return self._group(message, number, wire, tag.end + base)
        field = message.schema.fields.get(number)
        if field is None or wire not in _WIRES[field.kind]:
            field = self._stranger(message, number, known=field is not None)
        if wire != SIZED and field.kind in _PLAIN:
            return self._numbers(message, number, field, wire, data[begin : tag.end])
        return self._value(message, number, field, wire, tag.end)

    def _stranger(self, message: Message, number: int, *, known: bool) -> Field:
        name = message.schema.name
        if known:
            self.visitor.flaw(f"field {number} of {name} has another type than the format says", self.at)
        elif message.schema is not _GROUP:
            self.visitor.unknown(name, number, self.at)
        return _UNKNOWN

    def _group(self, message: Message, number: int, wire: int, at: int) -> int:
        """Enter or leave a group: an old kind of message, which no format here has."""
        if wire == END_GROUP:
            if message.group != number:
                self._fail("a group ends that did not begin")
            self.stack.pop()
        else:
            self._stranger(message, number, known=number in message.schema.fields)
            inner = Message(_GROUP, self.at, message.end, message)
            inner.group = number
            self._enter(inner)
        self.at = at
        return 0

    def _enter(self, message: Message) -> None:
        if len(self.stack) > MAX_DEPTH:
            raise Unexamined(f"messages nest deeper than {MAX_DEPTH}")
        self.stack.append(message)

    def _numbers(self, message: Message, number: int, field: Field, wire: int, tag: bytes) -> int:
        """Step over the numbers of one field that follow each other."""
        data, base = self.window.data, self.window.base
        begin = self.at - base
        stop = min(message.end - base, len(data))
        end = run(data, begin, stop, tag, wire)
        if end == begin:
            self._fail("a number is cut, or has more than 64 bits")
        length = end - begin
        if field.kind != OPAQUE:
            unit = len(tag) + FIXED_BYTES.get(wire, 1)
            longest = len(tag) + FIXED_BYTES.get(wire, MAX_VARINT_BYTES)
            self._keep(message, number, field, [Count(-(-length // longest), length // unit)])
        self.at += length
        return 0

    def _value(self, message: Message, number: int, field: Field, wire: int, begin: int) -> int:
        """Read an integer, or the length of a payload and what is kept of it."""
        data, base = self.window.data, self.window.base
        if wire in FIXED_BYTES:
            self._fail("a number has another type than its field")
        value = varint(data, begin, min(message.end - base, len(data)))
        if value is None:
            self._fail("a number is cut, or has more than 64 bits")
        if not value.minimal:
            self.visitor.flaw("a number is written longer than it is", self.at)
        if wire == VARINT:
            self._keep(message, number, field, [value.value])
            self.at = base + value.end
            return 0
        start = base + value.end
        if value.value > message.end - start:
            self._fail(f"field {number} of {message.schema.name} reaches beyond its message")
        return self._payload(message, number, field, Extent(start, value.value))

    def _payload(self, message: Message, number: int, field: Field, where: Extent) -> int:
        if field.kind == MESSAGE:
            self._enter_field(message, number, field, where)
            return 0
        end = where.offset + where.length
        whole = field.kind in {TEXT, BYTES, INTEGER} and where.length <= MAX_TEXT_BYTES
        if whole and self.window.held(self.at) < end - self.at:
            return end - self.at
        if whole:
            at = where.offset - self.window.base
            self._keep_payload(message, number, field, self.window.data[at : at + where.length])
        elif field.kind == INTEGER:
            raise Unexamined(f"a list of numbers has {where.length} bytes")
        elif field.kind in _PLAIN:
            self._count(message, number, field, where.length)
        else:
            self._keep(message, number, field, [where])
        self.at = end
        return 0

    def _enter_field(self, message: Message, number: int, field: Field, where: Extent) -> None:
        """Begin to read an inner message; one that occurs again goes on where the earlier one ended."""
        schema = field.schema or _GROUP
        earlier = message.values.get(number)
        merged = earlier[-1] if earlier and not field.repeated else None
        if isinstance(merged, Message):
            self._repeated(message, number)
            inner = merged
            inner.end = where.offset + where.length
        else:
            inner = Message(schema, where.offset, where.offset + where.length, message)
            if field.streamed:
                inner.release = self._kept
            else:
                message.values.setdefault(number, []).append(inner)
        self._kept -= _MESSAGE_BYTES
        self._enter(inner)
        self.at = where.offset

    def _keep_payload(self, message: Message, number: int, field: Field, raw: bytes) -> None:
        self._kept -= len(raw)
        if field.kind == BYTES:
            self._keep(message, number, field, [raw])
        elif field.kind == INTEGER:
            values = packed(raw)
            if values is None:
                self._fail("a list of numbers is cut")
            self._keep(message, number, field, values)
        else:
            self._keep(message, number, field, [self._decoded(raw)])

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.visitor.flaw("a text is not UTF-8", self.at)
            return raw.decode("utf-8", "backslashreplace")

    def _count(self, message: Message, number: int, field: Field, length: int) -> None:
        """Count packed numbers by the length of their bytes."""
        if field.kind == OPAQUE:
            return
        size = {FIXED32: 4, FIXED64: 8}.get(field.kind)
        if size and length % size:
            self._fail("a list of numbers is cut")
        most = length // (size or 1)
        self._keep(message, number, field, [Count(-(-length // (size or MAX_VARINT_BYTES)), most)])

    def _stop(self) -> NoReturn:
        if self._fields < 0:
            raise Unexamined(f"the file has more than {MAX_FIELDS} fields")
        raise Unexamined(f"its parts would take more than {MAX_KEPT_BYTES} bytes of memory")

    def _keep(self, message: Message, number: int, field: Field, values: Sequence[object]) -> None:
        kept = message.values.setdefault(number, [])
        if kept and not field.repeated:
            self._repeated(message, number)
        self._kept -= _VALUE_BYTES * len(values)
        kept.extend(values)

    def _repeated(self, message: Message, number: int) -> None:
        name = message.schema.name
        self.visitor.flaw(
            f"field {number} of {name} occurs again; parsers merge it or take the last", self.at
        )
