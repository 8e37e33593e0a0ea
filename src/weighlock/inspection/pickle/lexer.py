"""The bytes of a pickle stream, cut as the C unpickler cuts them.

A ``Lexer`` holds a window of the file. Where the C reader and Python's own differ (a last line
without a newline, numbers with NULs), the reading that goes on is taken: seeing more than runs
is safe, seeing less is not.
"""

from typing import Final

try:
    from mypy_extensions import i64
except ImportError:  # interpreted, or compiled and alone: then the name is not needed
    i64 = int  # type: ignore[misc]  # a machine number where compiled

from weighlock.inspection.pickle.opcode import MAX_WIDTH, WIDTH

MAX_LINE_BYTES: Final = 16 * 1024 * 1024  # text protocols hold whole dictionaries' keys in lines
MAX_PLAIN_DIGITS: Final = 15
NEWLINE: Final = 0x0A
ZERO: Final = 0x30
NOWHERE: Final = 1 << 62  # beyond any file


class Lexer:
    """A window of a file: ``data`` are the bytes from ``base`` on, ``index`` is the next operation in it.

    ``limit`` is the index before which an operation may be read without looking: its fixed part lies in the
    window and no frame ends before it. ``need`` says how many bytes from ``index`` on must be at hand to go on;
    ``error`` why the bytes cannot be read on.
    """

    def __init__(self, start: int, size: int) -> None:
        self.size: i64 = size
        self.data = b""
        self.base: i64 = start
        self.index: i64 = 0
        self.held: i64 = 0
        self.limit: i64 = 0
        self.need: i64 = 1
        self.error = ""
        self.frame_end: i64 = NOWHERE
        self.line_stop: i64 = 0

    @property
    def at(self) -> int:
        """The offset in the file of the next operation."""
        return self.base + self.index

    def feed(self, data: bytes, base: int) -> None:
        """Go on with ``data``, which begins at offset ``base`` of the file, where the next operation is."""
        self.data = data
        self.base = base
        self.index = 0
        self.held = len(data)
        self.need = 0

    def find_limit(self) -> bool:
        """Set ``limit``; returns False, with ``need`` or ``error`` set, if no operation can be read."""
        last = self.held - MAX_WIDTH
        if self.index >= last:
            if self.base + self.index >= self.size:
                self.error = "it ends without STOP"
                return False
            if self.base + self.held < self.size:
                self.need = MAX_WIDTH + 1
                return False
            if self.index + 1 + WIDTH[self.data[self.index]] > self.held:
                self.error = "it ends in the middle of an operation"
                return False
            last = self.index + 1
        self.limit = min(last, self.frame_end - self.base)
        return True

    def number(self, width: i64) -> i64:
        """Return the unsigned number behind the opcode; of eight bytes that make more than any file, NOWHERE."""
        data, start = self.data, self.index + 1
        if width == 1:
            return data[start]
        if width <= 4:
            low = data[start] | data[start + 1] << 8
            return low if width == 2 else low | data[start + 2] << 16 | data[start + 3] << 24
        return min(int.from_bytes(data[start : start + width], "little"), NOWHERE)

    def has(self, end: i64) -> bool:
        """Return whether the window holds the operation up to index ``end``; else sets ``need`` or ``error``."""
        if end <= self.held:
            return True
        if self.base + end > self.size:
            self.error = "an argument reaches beyond the end"
        else:
            self.need = end - self.index
        return False

    def decimal(self, start: i64) -> i64:
        """Return the number in a line of few digits, as picklers write it, and set ``line_stop`` behind it; else -1.

        Numbers that begin with a zero and have more digits are octal or truth values.
        """
        data = self.data
        end: i64 = min(start + MAX_PLAIN_DIGITS, self.held - 1)
        index = start
        number: i64 = 0
        while index <= end:
            digit: i64 = data[index]
            index += 1
            if digit == NEWLINE and index > start + 1:
                self.line_stop = index
                return number
            if digit < ZERO or digit > ZERO + 9 or (number == 0 and index > start + 1):
                return -1
            number = number * 10 + digit - ZERO
        return -1

    def line_end(self, start: i64) -> i64:
        """Return the index of the newline that ends a line; -1, with ``need`` or ``error`` set, if there is none."""
        end: i64 = self.data.find(b"\n", start)
        if end >= 0:
            return end
        if self.base + self.held >= self.size:
            if start < self.held:
                # Python's own reader takes a last line without newline, and cuts its last byte as if it were one
                return self.held - 1
            self.error = "it ends in the middle of an operation"
            return -1
        held = self.held - self.index
        if held > MAX_LINE_BYTES:
            self.error = f"a line is longer than {MAX_LINE_BYTES} bytes"
        else:
            self.need = min(
                2 * held + MAX_WIDTH, self.size - self.base - self.index
            )  # up to the end of the file
        return -1
