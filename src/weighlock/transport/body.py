"""Bodies: what is sent, and how the end of what is received is found."""

import re
from collections.abc import Iterator
from typing import Final, Protocol

from weighlock.transport.failure import body_truncated, response_invalid
from weighlock.transport.head import Framing
from weighlock.transport.wire import Wire

MAX_CHUNK_LINE_BYTES: Final = 1024  # a size of 16 digits, and extensions that nobody uses
MAX_TRAILER_BYTES: Final = 8 * 1024  # digests after a body, at most
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;[\t\x20-\x7e]*)?")


class Body(Protocol):
    """Bytes to send that can be opened again when a request is repeated."""

    @property
    def size(self) -> int:
        """How many bytes ``open`` yields in total."""

    def open(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes from the start, each piece valid until the next is asked for."""


class Reader(Protocol):
    """The bytes of one body; ``finished`` is true when all have come and the connection is free again."""

    finished: bool

    def receive_into(self, view: memoryview) -> int:
        """Return how many bytes came, 0 only at the end; raises UndecidedError ``body_truncated``, ``timed_out``."""


class LengthReader:
    """A body of a length known beforehand (RFC 9112, section 6.2)."""

    def __init__(self, wire: Wire, length: int) -> None:
        self.finished = length == 0
        self._wire = wire
        self._length = self._left = length

    def receive_into(self, view: memoryview) -> int:
        """Return how many bytes came; raises as ``Reader``."""
        if self._left < len(view):
            view = view[: self._left]
        count = self._wire.receive_into(view)
        if not count:
            came = self._length - self._left
            raise body_truncated(self._wire.host, f"{came} of {self._length} bytes came")
        self._left -= count
        self.finished = not self._left
        return count


class ChunkedReader:
    """A body in chunks (RFC 9112, section 7.1); trailers are read and forgotten."""

    def __init__(self, wire: Wire) -> None:
        self.finished = False
        self._wire = wire
        self._left = 0
        self._first = True

    def receive_into(self, view: memoryview) -> int:
        """Return how many bytes came; raises as ``Reader``, and DeniedError ``response_invalid``."""
        if not self._left:
            self._left = self._next_size()
            if not self._left:
                self._skip_trailers()
                self.finished = True
                return 0
        count = self._wire.receive_into(view[: self._left])
        if not count:
            raise body_truncated(self._wire.host, f"{self._left} bytes of a chunk are missing")
        self._left -= count
        return count

    def _next_size(self) -> int:
        if not self._first and self._wire.read_line(MAX_CHUNK_LINE_BYTES):
            raise response_invalid(self._wire.host, "a chunk is longer than it says")
        self._first = False
        line = _CHUNK.fullmatch(self._wire.read_line(MAX_CHUNK_LINE_BYTES))
        if line is None:
            raise response_invalid(self._wire.host, "a chunk has no size")
        return int(line[1], 16)

    def _skip_trailers(self) -> None:
        left = MAX_TRAILER_BYTES
        while line := self._wire.read_line(MAX_TRAILER_BYTES):
            left -= len(line)
            if left < 0:
                raise response_invalid(
                    self._wire.host, f"more than {MAX_TRAILER_BYTES} bytes follow its chunks"
                )


class ClosingReader:
    """A body that ends with its connection: nobody can tell whether it is whole."""

    finished = False  # the connection is of no further use

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def receive_into(self, view: memoryview) -> int:
        """Return how many bytes came; raises as ``Reader``."""
        return self._wire.receive_into(view)


def reader_for(wire: Wire, framing: Framing) -> Reader:
    """Return the reader of the body that follows on ``wire``."""
    if framing.chunked:
        return ChunkedReader(wire)
    return ClosingReader(wire) if framing.length is None else LengthReader(wire, framing.length)
