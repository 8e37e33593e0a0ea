"""Walk a protobuf message as its parsers do, without loading the payloads that nobody looks at.

Parsers merge: of a field that occurs again the last value counts, and the fields of an inner message add up.
So does this reader, and it says so, because no writer does it. What a parser refuses (a cut number, a field
that reaches beyond its message, field 0) is a FormatError. Time is linear, and memory is bounded by what the
schema keeps. Source: Protocol Buffers documentation, "Encoding".
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, NoReturn, Protocol

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
MAX_FIELDS: Final = 8_000_000  # in one file, runs of numbers apart: about half the time that a file has
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


class _Frame(NamedTuple):
    """A message that is being read: where it ends, and the number of the group that it is, or 0.

    ``release`` is what may be held when it has been read: what a streamed message held is free again.
    """

    message: Message
    fields: dict[int, Field]
    end: int
    group: int = 0
    release: int | None = None


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
        self.root = Message(schema, start, None)
        self.stack = [_Frame(self.root, schema.fields, end)]
        self._fields = MAX_FIELDS
        self._kept = MAX_KEPT_BYTES

    def advance(self) -> int:
        """Read on as far as the bytes go that are held; return how many are needed next, 0 at the end."""
        while self.stack:
            left = self.stack[-1].end - self.at
            if not left:
                self._leave()
                continue
            held = self.window.held(self.at)
            if held < _HEAD_BYTES and held < left:
                return min(_HEAD_BYTES, left)
            wanted = self._field()
            if wanted:
                return wanted
        return 0

    def _leave(self) -> None:
        frame = self.stack.pop()
        if frame.group:
            self._fail("a group does not end")
        self.visitor.visit(frame.message)
        if frame.release is not None:
            self._kept = frame.release

    def _fail(self, what: str) -> NoReturn:
        raise FormatError(self.visitor.rule, what, self.at)

    def _field(self) -> int:
        """Read the field at this place; return how many bytes are needed if its payload is not held."""
        self._fields -= 1
        if self._fields < 0:
            raise Unexamined(f"the file has more than {MAX_FIELDS} fields")
        frame = self.stack[-1]
        data, base = self.window.data, self.window.base
        begin = self.at - base
        stop = min(frame.end - base, len(data))
        tag = varint(data, begin, min(stop, begin + MAX_TAG_BYTES))
        if tag is None or tag.value >> 32 or tag.value < 8:
            self._fail("a field's number is cut, 0 or too large")
        if not tag.minimal:
            self.visitor.flaw("a field's number is written longer than it is", self.at)
        number, wire = tag.value >> 3, tag.value & 7
        if wire > BITS32:
            self._fail(f"a field has the type {wire}, which does not exist")
        if wire in {GROUP, END_GROUP}:
            return self._group(frame, number, wire, tag.end + base)
        field = frame.fields.get(number)
        if field is None or wire not in _WIRES[field.kind]:
            field = self._stranger(frame, number, known=field is not None)
        if wire != SIZED and field.kind in _PLAIN:
            return self._numbers(frame, number, field, wire, data[begin : tag.end])
        return self._value(frame, number, field, wire, tag.end)

    def _stranger(self, frame: _Frame, number: int, *, known: bool) -> Field:
        name = frame.message.schema.name
        if known:
            self.visitor.flaw(f"field {number} of {name} has another type than the format says", self.at)
        elif frame.message.schema is not _GROUP:
            self.visitor.unknown(name, number, self.at)
        return _UNKNOWN

    def _group(self, frame: _Frame, number: int, wire: int, at: int) -> int:
        """Enter or leave a group: an old kind of message, which no format here has."""
        if wire == END_GROUP:
            if frame.group != number:
                self._fail("a group ends that did not begin")
            self.stack.pop()
        else:
            self._stranger(frame, number, known=number in frame.fields)
            inner = Message(_GROUP, self.at, frame.message)
            self._enter(_Frame(inner, {}, frame.end, number))
        self.at = at
        return 0

    def _enter(self, frame: _Frame) -> None:
        if len(self.stack) > MAX_DEPTH:
            raise Unexamined(f"messages nest deeper than {MAX_DEPTH}")
        self.stack.append(frame)

    def _numbers(self, frame: _Frame, number: int, field: Field, wire: int, tag: bytes) -> int:
        """Step over the numbers of one field that follow each other."""
        data, base = self.window.data, self.window.base
        begin = self.at - base
        stop = min(frame.end - base, len(data))
        end = run(data, begin, stop, tag, wire)
        if end == begin:
            self._fail("a number is cut, or has more than 64 bits")
        length = end - begin
        if field.kind != OPAQUE:
            unit = len(tag) + FIXED_BYTES.get(wire, 1)
            longest = len(tag) + FIXED_BYTES.get(wire, MAX_VARINT_BYTES)
            self._keep(frame, number, field, [Count(-(-length // longest), length // unit)])
        self.at += length
        return 0

    def _value(self, frame: _Frame, number: int, field: Field, wire: int, begin: int) -> int:
        """Read an integer, or the length of a payload and what is kept of it."""
        data, base = self.window.data, self.window.base
        if wire in FIXED_BYTES:
            self._fail("a number has another type than its field")
        value = varint(data, begin, min(frame.end - base, len(data)))
        if value is None:
            self._fail("a number is cut, or has more than 64 bits")
        if not value.minimal:
            self.visitor.flaw("a number is written longer than it is", self.at)
        if wire == VARINT:
            self._keep(frame, number, field, [value.value])
            self.at = base + value.end
            return 0
        start = base + value.end
        if value.value > frame.end - start:
            self._fail(f"field {number} of {frame.message.schema.name} reaches beyond its message")
        return self._payload(frame, number, field, Extent(start, value.value))

    def _payload(self, frame: _Frame, number: int, field: Field, where: Extent) -> int:
        schema = field.schema
        if schema is not None:
            self._open(frame, number, field, schema, where)
            return 0
        end = where.offset + where.length
        whole = field.kind in {TEXT, BYTES, INTEGER} and where.length <= MAX_TEXT_BYTES
        if whole and self.window.held(self.at) < end - self.at:
            return end - self.at
        if whole:
            at = where.offset - self.window.base
            self._keep_payload(frame, number, field, self.window.data[at : at + where.length])
        elif field.kind == INTEGER:
            raise Unexamined(f"a list of numbers has {where.length} bytes")
        elif field.kind in _PLAIN:
            self._count(frame, number, field, where.length)
        else:
            self._keep(frame, number, field, [where])
        self.at = end
        return 0

    def _open(self, frame: _Frame, number: int, field: Field, schema: Schema, where: Extent) -> None:
        earlier = frame.message.values.get(number)
        merged = earlier[-1] if earlier and not field.repeated else None
        if isinstance(merged, Message):
            self._repeated(frame, number)
            inner = merged
        else:
            inner = Message(schema, where.offset, frame.message)
            if not field.streamed:
                self._keep(frame, number, field, [inner])
        release = self._kept if field.streamed else None
        self._hold(_MESSAGE_BYTES)
        self._enter(_Frame(inner, schema.fields, where.offset + where.length, release=release))
        self.at = where.offset

    def _keep_payload(self, frame: _Frame, number: int, field: Field, raw: bytes) -> None:
        self._hold(len(raw))
        if field.kind == BYTES:
            self._keep(frame, number, field, [raw])
        elif field.kind == INTEGER:
            values = packed(raw)
            if values is None:
                self._fail("a list of numbers is cut")
            self._keep(frame, number, field, values)
        else:
            self._keep(frame, number, field, [self._decoded(raw)])

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.visitor.flaw("a text is not UTF-8", self.at)
            return raw.decode("utf-8", "backslashreplace")

    def _count(self, frame: _Frame, number: int, field: Field, length: int) -> None:
        """Count packed numbers by the length of their bytes."""
        if field.kind == OPAQUE:
            return
        size = {FIXED32: 4, FIXED64: 8}.get(field.kind)
        if size and length % size:
            self._fail("a list of numbers is cut")
        most = length // (size or 1)
        self._keep(frame, number, field, [Count(-(-length // (size or MAX_VARINT_BYTES)), most)])

    def _hold(self, count: int) -> None:
        self._kept -= count
        if self._kept < 0:
            raise Unexamined(f"its parts would take more than {MAX_KEPT_BYTES} bytes of memory")

    def _keep(self, frame: _Frame, number: int, field: Field, values: Sequence[object]) -> None:
        kept = frame.message.values.setdefault(number, [])
        if kept and not field.repeated:
            self._repeated(frame, number)
        self._hold(_VALUE_BYTES * len(values))
        kept.extend(values)

    def _repeated(self, frame: _Frame, number: int) -> None:
        name = frame.message.schema.name
        self.visitor.flaw(
            f"field {number} of {name} occurs again; parsers merge it or take the last", self.at
        )
