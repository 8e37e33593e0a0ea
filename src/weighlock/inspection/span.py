"""How a parser asks for bytes: it yields a ``Span`` and is sent what the file holds there."""

from collections.abc import Callable, Generator
from typing import Final, NamedTuple, TypeAlias, TypeVar

_T = TypeVar("_T")

MAX_SPAN_BYTES: Final = 128 * 1024 * 1024  # one request; the largest is a safetensors header of 100 MB
WINDOW_BYTES: Final = 256 * 1024  # one step of a sequential parser: large enough that requests do not show


class Span(NamedTuple):
    """A byte range that a parser needs; it always lies inside the file as the parser knows it."""

    offset: int
    length: int


Reading: TypeAlias = Generator[Span, bytes, _T]


class FormatError(Exception):
    """The file breaks its format. ``rule`` says which clause; ``offset`` is where, in bytes, if known."""

    def __init__(self, rule: str, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.offset = offset


class Unexamined(Exception):  # noqa: N818  # not an error of the file: a limit of ours, or no parser
    """The file, or the rest of it, was not examined; ``reason`` is one clause for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(offset: int, length: int) -> Reading[bytes]:
    """Return exactly ``length`` bytes; raises Unexamined if that is too many or the file shrank meanwhile."""
    if length > MAX_SPAN_BYTES:
        raise Unexamined(f"a part of {length} bytes is larger than the limit of {MAX_SPAN_BYTES}")
    data = (yield Span(offset, length)) if length else b""
    if len(data) != length:
        raise Unexamined("the file became shorter while it was read")
    return data


def drive(reading: Reading[_T], fetch: Callable[[Span], bytes]) -> _T:
    """Run a parser to its end, answering each request with ``fetch``."""
    try:
        span = next(reading)
        while True:
            span = reading.send(fetch(span))
    except StopIteration as stop:
        result: _T = stop.value
        return result


def fetch_from(data: bytes) -> Callable[[Span], bytes]:
    """Return a ``fetch`` for bytes in memory."""
    return lambda span: data[span.offset : span.offset + span.length]


def shifted(base: int, reading: Reading[_T]) -> Reading[_T]:
    """Run a parser on the part of the file that starts at byte ``base``."""
    try:
        span = next(reading)
        while True:
            data = yield Span(base + span.offset, span.length)
            span = reading.send(data)
    except StopIteration as stop:
        result: _T = stop.value
        return result


class Window:
    """The part of a file that a sequential parser holds: ``data`` are the bytes from ``base`` on.

    ``at`` is the parser's place in the file; it may be moved past the held bytes, which skips
    without reading.
    """

    def __init__(self, size: int, at: int = 0) -> None:
        self.size = size
        self.at = at
        self.base = at
        self.data = b""

    def need(self, length: int) -> Reading[bool]:
        """Hold ``length`` bytes from ``at`` on; returns False if the file ends before."""
        if length > self.size - self.at:
            return False
        if self.at < self.base or self.at + length > self.base + len(self.data):
            wanted = min(max(length, WINDOW_BYTES), self.size - self.at)
            self.data = yield from read(self.at, wanted)
            self.base = self.at
        return True
