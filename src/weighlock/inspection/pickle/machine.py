"""Follow a pickle's stack and memo: what would be imported, called and changed, without doing any of it.

After an error that would stop a real reader the machine goes on with unknown values: what a reader did
before it stopped has happened (truncated pickles run their payload). This module and those that it uses
are compiled where a compiler is at hand, and run as they are elsewhere.
"""

from typing import Final

try:
    from mypy_extensions import i64
except ImportError:  # interpreted, or compiled and alone: then the name is not needed
    i64 = int  # type: ignore[misc]  # a machine number where compiled

from weighlock.inspection.pickle import opcode as op
from weighlock.inspection.pickle.action import Actions
from weighlock.inspection.pickle.effect import Name, Oddity, Stream
from weighlock.inspection.pickle.lexer import NOWHERE, Lexer
from weighlock.inspection.pickle.literal import (
    BAD,
    MAX_TEXT_BYTES,
    Bad,
    integer,
    is_float,
    long_integer,
    loose_text,
    memo_index,
    quoted,
    raw_unicode,
    utf8,
)
from weighlock.inspection.pickle.memory import MAX_KEPT_STACK, MAX_SIMPLE_MEMO, MAX_STACK, NOTHING
from weighlock.inspection.pickle.opcode import (
    BINGET,
    BININT1,
    BINPUT,
    BINUNICODE,
    MARK,
    MEMOIZE,
    SHORT_BINUNICODE,
    STEP,
    WIDTH,
)
from weighlock.inspection.pickle.value import UNKNOWN, Data, Made, Sequence, Value

__all__ = ["Machine", "Name", "Oddity", "Stream"]

HIGHEST_PROTOCOL: Final = 5
MAX_NUMBER_BYTES: Final = 255  # of a number that is kept
FLOAT: Final = Data("float", 8, -1)
BUFFER: Final = Data("buffer", 0, -1)
SHORT_INTEGER: Final = Data("int", 4, -1)
LONG_INTEGER: Final = Data("int", MAX_NUMBER_BYTES + 1, -1)
EMPTY_TUPLE: Final = Sequence("tuple", NOTHING)
CONSTANTS: Final[dict[int, Value]] = {
    op.NONE: None, op.NEWTRUE: True, op.NEWFALSE: False, op.EMPTY_TUPLE: EMPTY_TUPLE,
    op.NEXT_BUFFER: BUFFER,
}  # fmt: skip
SUSPECT_HEADS: Final = b"\x80\xc2c(ig"  # how a pickle, one as UTF-8 text, or in Base64 may begin


class Machine(Lexer):
    """Carries out one pickle on ``stream``. Feed it, ``run`` it, see what it ``need``s, until ``done``.

    ``array`` is set while the machine waits at an object that joblib replaces by an array whose bytes follow; it
    never waits if ``arrays`` is not set. ``result`` is what STOP returned.
    """

    def __init__(self, stream: Stream, size: int, harmless: frozenset[tuple[str, str]], budget: int) -> None:
        super().__init__(stream.end, size)
        self.stream = stream
        self.actions = Actions(stream, harmless)
        self.memory = self.actions.memory
        self.stopped = False
        self.array: Made | None = None
        self.arrays = True
        self.result: Value = UNKNOWN
        self._budget = budget
        self._array_in_frame = False

    @property
    def done(self) -> bool:
        """Whether nothing more can be read."""
        return self.stopped or bool(self.error) or self.stream.operations > self._budget

    def run(self) -> None:
        """Carry out operations until the bytes at hand end, the stream does, or a budget is used up."""
        while not (self.need or self.done or self.array is not None):
            if self.base + self.index >= self.frame_end:
                self._leave_frame()
            if self.find_limit():
                self._run_until_limit()
            if len(self.memory.stack) > MAX_STACK:
                self.stream.limit(f"the stack of a pickle has more than {MAX_STACK} entries")
                self._fail("its stack is too large")
        self.stream.end = self.at
        if self.error:
            self.stream.break_off(self.at, self.error)

    def _run_until_limit(self) -> None:  # noqa: C901  # a call for each of these would be most of its time
        """Carry out what is frequent here, and the rest one by one."""
        memory, data, index = self.memory, self.data, self.index
        stack, memo = memory.stack, memory.memo
        count: i64 = 0
        while index < self.limit:
            code: i64 = data[index]
            count += 1
            if code == SHORT_BINUNICODE or (
                code == BINUNICODE and not data[index + 3] and not data[index + 4]
            ):
                start: i64 = index + 2 if code == SHORT_BINUNICODE else index + 5
                end: i64 = start + data[index + 1]
                if end <= self.held and (code == SHORT_BINUNICODE or not data[index + 2]):
                    text = utf8(data[start:end])
                    if isinstance(text, str):
                        stack.append(text)
                        index = end
                        continue
            elif code == MEMOIZE or (code == BINPUT and data[index + 1] == len(memo)):
                if memory.simple and len(memo) < MAX_SIMPLE_MEMO and len(stack) > memory.fence:
                    memory.put_next()
                    index += 1 if code == MEMOIZE else 2
                    continue
            elif code == BININT1:
                stack.append(data[index + 1])
                index += 2
                continue
            elif code == MARK:
                memory.mark()
                index += 1
                continue
            elif code == BINGET:
                key: i64 = data[index + 1]
                if memory.simple and key < len(memo):
                    stack.append(memo[key])
                    index += 2
                    continue
            self.index = index
            self._step(code)
            index = self.index
        self.index = index
        self.stream.operations += count

    def _step(self, code: i64) -> None:
        """Carry out one operation, whose fixed part is at hand; if more is needed, leave everything as it is."""
        step = STEP[code]
        at = self.base + self.index
        if step == op.COLLECT_STEP:
            self.actions.collect(code, at)
            self.index += 1
        elif step == op.CONSTANT_STEP:
            self._push_constant(code)
        elif step == op.COUNTED_STEP:
            self._push_counted(code)
        elif step == op.CALL_STEP:
            self._call(code, at)
        elif step == op.MEMO_STEP:
            self._use_memo(code, at)
        elif step == op.STREAM_STEP:
            self._on_stream(code, at)
        elif step == op.LINE_STEP:
            self._on_line(code, at)
        else:
            self._fail(f"byte 0x{code:02x} is no opcode")

    def _fail(self, why: str) -> None:
        """End the stream: no reader goes on from here."""
        self.error = why
        self.limit = 0

    def _wait(self) -> None:
        """Leave the loop; ``need`` or ``error`` is set."""
        self.limit = 0
        if self.need:
            self.stream.operations -= 1  # it will be counted again

    def _push_constant(self, code: i64) -> None:
        data, index = self.data, self.index
        self.index = index + 1 + WIDTH[code]
        stack = self.memory.stack
        if code == op.BINFLOAT or (op.BININT <= code <= op.BININT2 and len(stack) > MAX_KEPT_STACK):
            stack.append(FLOAT if code == op.BINFLOAT else SHORT_INTEGER)
        elif code == op.BININT2:
            stack.append(data[index + 1] | data[index + 2] << 8)
        elif code == op.BININT:
            low = data[index + 1] | data[index + 2] << 8 | data[index + 3] << 16 | data[index + 4] << 24
            stack.append(low - (1 << 32) if low >= 1 << 31 else low)
        elif code == BININT1:
            stack.append(data[index + 1])
        elif code == op.EMPTY_DICT:
            stack.append(Sequence("dict", NOTHING))
        elif code == op.EMPTY_LIST:
            stack.append(Sequence("list", NOTHING))
        elif code == op.EMPTY_SET:
            stack.append(Sequence("set", NOTHING))
        else:
            stack.append(CONSTANTS[code])

    def _push_counted(self, code: i64) -> None:
        width: i64 = WIDTH[code]
        length = self.number(width)
        if length >= 1 << 31 and (code == op.BINSTRING or code == op.LONG4):  # noqa: PLR1714  # compiled: no set
            self._fail("a length is negative")
            return
        start = self.index + 1 + width
        end = start + length
        number = code == op.LONG1 or code == op.LONG4  # noqa: PLR1714  # compiled: no set
        if self.base + end > self.size or (
            length <= (MAX_NUMBER_BYTES if number else MAX_TEXT_BYTES) and not self.has(end)
        ):
            if self.base + end > self.size:
                self.error = "an argument reaches beyond the end"
            self._wait()
            return
        head = self.data[start : min(end, start + MAX_TEXT_BYTES)]
        if number:
            kept = length <= MAX_NUMBER_BYTES
            value: Value = int.from_bytes(head, "little", signed=True) if kept else LONG_INTEGER
        else:
            value = self._constant(code, head, self.base + start, length)
        self.memory.stack.append(value)
        self.index = end

    def _constant(self, code: i64, head: bytes, offset: i64, length: i64) -> Value:
        """Return the value of a text or of bytes, of which ``head`` is at hand: all that is kept."""
        if head and head[0] in SUSPECT_HEADS:
            self.actions.suspect(head, offset, length)
        if code == op.BINBYTES or code == op.SHORT_BINBYTES or code == op.BINBYTES8:  # noqa: PLR1714  # compiled: no set
            return head if length <= MAX_TEXT_BYTES else Data("bytes", length, offset)
        if code == op.BYTEARRAY8:
            return Data("bytearray", length, offset)
        if length > MAX_TEXT_BYTES:
            return Data("str", length, offset)
        if code == op.BINSTRING or code == op.SHORT_BINSTRING:  # noqa: PLR1714  # compiled: no set
            return loose_text(head)
        text = utf8(head)
        if isinstance(text, Bad):
            self.stream.break_off(self.at, "a text is not UTF-8")
            return UNKNOWN
        return text

    def _on_line(self, code: i64, at: i64) -> None:
        start = self.index + 1
        if code == op.PUT or code == op.INT or code == op.GET:  # noqa: PLR1714  # compiled: no set
            number = self.decimal(start)
            if number >= 0:
                self.index = self.line_stop
                if code == op.INT:
                    self.memory.stack.append(number)
                else:
                    self._use_memo_line(code, number, at)
                return
        end = self.line_end(start)
        if end < 0:
            self._wait()
            return
        line = self.data[start:end]
        if code == op.GLOBAL or code == op.INST:  # noqa: PLR1714  # compiled: no set
            second = end + 1
            end = self.line_end(second)
            if end < 0:
                self._wait()
                return
            self.actions.global_line(code, loose_text(line), loose_text(self.data[second:end]), at)
        elif code == op.GET or code == op.PUT:  # noqa: PLR1714  # compiled: no set
            self._use_memo_line(code, memo_index(line), at)
        elif code == op.PERSID:
            self.actions.persistent(loose_text(line[:MAX_TEXT_BYTES]), at)
        else:
            self.memory.stack.append(self._line_constant(code, line, at))
        self.index = min(end + 1, self.held)

    def _line_constant(self, code: i64, line: bytes, at: i64) -> Value:
        if code == op.FLOAT:
            value: Value | Bad = FLOAT if is_float(line) else BAD
        elif code == op.INT or code == op.LONG:  # noqa: PLR1714  # compiled: no set
            number = integer(line) if code == op.INT else long_integer(line)
            value = LONG_INTEGER if number is None else number
        else:
            value = quoted(line) if code == op.STRING else raw_unicode(line)
            if code == op.STRING and isinstance(value, str):
                self.actions.suspect_text(value, at)
            if isinstance(value, str) and len(line) > MAX_TEXT_BYTES:
                value = Data("str", len(line), at + 1)
        if isinstance(value, Bad):
            self.stream.break_off(at, "a number or a text in a line cannot be read")
            return UNKNOWN
        return value

    def _use_memo(self, code: i64, at: i64) -> None:
        memory = self.memory
        if code == MEMOIZE:
            done = memory.put(memory.memoized, at)
        elif code == BINGET or code == op.LONG_BINGET:  # noqa: PLR1714  # compiled: no set
            memory.get(self.number(WIDTH[code]), at)
            done = True
        else:
            done = memory.put(self.number(WIDTH[code]), at)
        self.index += 1 + WIDTH[code]
        if not done:
            self._fail("the memo is too large")

    def _use_memo_line(self, code: i64, index: int | Bad, at: i64) -> None:
        if isinstance(index, Bad) or (index < 0 and code == op.PUT):
            self.stream.break_off(at, "a memo index is not a number")
            if code == op.GET:
                self.memory.stack.append(UNKNOWN)
        elif code == op.GET:
            self.memory.get(index, at)
        elif not self.memory.put(index, at):
            self._fail("the memo is too large")

    def _call(self, code: i64, at: i64) -> None:
        actions = self.actions
        if code == op.EXT1 or code == op.EXT2 or code == op.EXT4:  # noqa: PLR1714  # compiled: no set
            actions.extension(self.number(WIDTH[code]), at)
        else:
            actions.call(code, at)
        self.index += 1 + WIDTH[code]
        if code == op.BUILD and actions.array is not None:
            wrapper = actions.array
            actions.array = None
            if not self.arrays:
                return
            self.array = wrapper
            if self.base + self.index == self.frame_end:
                self.frame_end = NOWHERE
            self._array_in_frame = self._array_in_frame or self.frame_end != NOWHERE
            self.limit = 0

    def _on_stream(self, code: i64, at: i64) -> None:
        memory = self.memory
        self.index += 1 + WIDTH[code]
        if code == op.POP:
            if memory.marks and memory.fence == len(memory.stack):
                memory.drop_mark()
            else:
                memory.pop(at)
        elif code == op.POP_MARK:
            memory.pop_mark(at)
        elif code == op.DUP:
            memory.stack.append(memory.top(at))
        elif code == op.READONLY_BUFFER:
            memory.top(at)
        elif code == MARK:
            memory.mark()
        elif code == op.PROTO:
            self._use_protocol(self.data[self.index - 1], at)
        elif code == op.FRAME:
            self.index -= 1 + WIDTH[code]
            self._enter_frame(self.number(8), at)
            self.index += 1 + WIDTH[code]
            self.limit = 0
        else:
            self._stop(at)

    def replace_top(self, value: Value) -> None:
        """Put what joblib read in the place of the wrapper that described it."""
        self.memory.stack[-1] = value

    def _stop(self, at: i64) -> None:
        self.result = self.memory.pop(at)
        if self.frame_end not in {NOWHERE, at + 1}:
            self.stream.odd("pickle-frame", at, "the stream ends before its frame does")
        self.stopped = True
        self.limit = 0

    def _use_protocol(self, version: int, at: i64) -> None:
        self.stream.protocol = version
        if version > HIGHEST_PROTOCOL:
            self.stream.break_off(at, f"protocol {version} does not exist")

    def _enter_frame(self, length: i64, at: i64) -> None:
        if self.frame_end != NOWHERE:
            self.stream.odd("pickle-frame", at, "a frame begins inside another")
        self.frame_end = at + 9 + length
        if self.frame_end > self.size:
            # C stops here; Python's own reader takes what there is and runs it
            self.stream.break_off(at, "a frame reaches beyond the end", lost=False)
            self.frame_end = NOWHERE

    def _leave_frame(self) -> None:
        """Check that an operation starts where the frame ends.

        When C reads from a file it drops what is left of a frame that is too short for an operation,
        and so runs other operations than it would run from memory.
        """
        at = self.base + self.index
        if at != self.frame_end:
            self.stream.odd("pickle-frame", at, "a frame ends in the middle of an operation")
        if self._array_in_frame:
            self.stream.odd("pickle-frame", at, "an array begins inside a frame")
            self._fail("an array begins inside a frame")
        self.frame_end = NOWHERE
