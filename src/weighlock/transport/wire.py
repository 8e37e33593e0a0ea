"""One connection, as bytes: what it reads is bounded in size and time.

Every wait is limited twice: no byte for ``Timing.silence_s``, or too few in a window of waiting.
The first limit alone would let a server hold a reader for years, one byte a minute.
"""

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final

from weighlock.transport.failure import (
    PassingError,
    body_truncated,
    host_unreachable,
    response_too_large,
    timed_out,
)
from weighlock.transport.head import MAX_HEAD_BYTES
from weighlock.transport.timing import LEAST_BYTES_PER_S, Timing

_HEAD_END: Final = b"\r\n\r\n"
_LINE_END: Final = b"\r\n"
_SILENCE: Final = (TimeoutError, BlockingIOError)  # as TLS sockets and the kernel say it
_FILL_S: Final = 0.1  # large chunks cost least; but progress should show ten times a second


class Wire:
    """A connected socket, a buffer for heads, and patience. Not for two threads at once."""

    def __init__(self, sock: socket.socket, host: str, timing: Timing) -> None:
        self.host = host
        self.answered = False  # whether a byte of the answer to the request under way has come
        self.idle_since = 0.0
        self._sock = sock
        self._receive: Callable[[memoryview], int] = sock.recv_into
        self._timing = timing
        self._clock = timing.monotonic
        self._waited_s = 0.0
        self._moved = 0
        self._failure: PassingError | None = None
        self._store = memoryview(bytearray(MAX_HEAD_BYTES))
        self._start = self._end = 0
        self._be_patient(timing.silence_s)

    def send(self, view: memoryview) -> None:
        """Send all of ``view``; raises UndecidedError ``timed_out``, ``host_unreachable``."""
        while view:
            self._check_rate()
            before = self._clock()
            try:
                sent = self._sock.send(view)
            except _SILENCE as problem:
                raise timed_out(self.host, "does not take what is sent") from problem
            except OSError as problem:
                raise host_unreachable(self.host, f"the connection broke ({reason_of(problem)})") from problem
            self._note(sent, self._clock() - before)
            view = view[sent:]

    def begin(self) -> None:
        """Make ready for a new request and its answer."""
        self.answered = False
        self._waited_s, self._moved = 0.0, 0

    def speaks(self) -> bool:
        """Return whether the peer said something: an early answer, or the end of the connection."""
        if self._start < self._end:
            return True
        # what OpenSSL took off the socket with the end of an answer, the kernel knows nothing of any more
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0)) and not (isinstance(self._sock, ssl.SSLSocket) and self._only_tls_speaks())

    def _only_tls_speaks(self) -> bool:
        """Return whether what came is for TLS itself, such as a session ticket; else keep it for ``read_head``."""
        self._start = self._end = 0
        self._sock.settimeout(0)
        try:
            self._end = self._receive(self._store)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False  # whoever reads next meets it again
        finally:
            self._be_patient(self._timing.silence_s)
        return False

    def read_head(self, silence_s: float | None = None) -> bytes:
        """Return the bytes before the next empty line; ``silence_s`` is the patience for the first one.

        Raises DeniedError ``response_too_large``, UndecidedError ``host_unreachable``, ``timed_out``.
        """
        self._waited_s, self._moved = 0.0, 0
        if self._start == self._end:
            if silence_s is not None:
                self._be_patient(silence_s)
            self._more_of_head()
            if silence_s is not None:
                self._be_patient(self._timing.silence_s)
            self._waited_s = 0.0  # a server may think before it speaks, not while it does
        self.answered = True
        return self._take_until(_HEAD_END, "the head of the answer", MAX_HEAD_BYTES, self._more_of_head)

    def read_line(self, limit_bytes: int) -> bytes:
        """Return the next line inside a body, without its end.

        Raises DeniedError ``response_too_large``, UndecidedError ``body_truncated``, ``timed_out``.
        """
        return self._take_until(_LINE_END, "a line in the answer", limit_bytes, self._more_of_body)

    def receive_into(self, view: memoryview) -> int:
        """Return how many bytes came and stand at the start of ``view``: 0 at the connection's end.

        Fills the view for a tenth of a second, and at least until one byte came.
        Raises UndecidedError ``body_truncated``, ``timed_out``.
        """
        held = self._end - self._start
        if held:
            count = min(held, len(view))
            view[:count] = self._store[self._start : self._start + count]
            self._start += count
            return count
        self._check_rate()
        if self._failure:
            raise self._failure
        began = self._clock()
        filled = 0
        try:
            while count := self._receive(view[filled:] if filled else view):
                filled += count
                if filled == len(view) or self._clock() - began > _FILL_S:
                    break
        except OSError as problem:
            self._failure = self._lost(problem)
            if not filled:
                raise self._failure from problem
        self._note(filled, self._clock() - began)
        return filled

    def abort(self) -> None:
        """Wake whoever waits in another thread for this connection, which is of no use afterwards."""
        with contextlib.suppress(OSError):
            # not the method of a TLS socket, which would let its reader take what is encrypted for the plain text
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection, without a word to the peer."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def _be_patient(self, seconds: float) -> None:
        """Let every wait for the peer end after ``seconds``."""
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.settimeout(seconds)
            return
        # the kernel's own limit: Python's asks twice for every arrival, which is most of the cost of one
        self._sock.settimeout(None)
        whole, part = divmod(max(seconds, 0.001), 1)
        limit = struct.pack("@ll", int(whole), int(part * 1_000_000))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def _take_until(self, end: bytes, what: str, limit_bytes: int, more: Callable[[], None]) -> bytes:
        looked = self._start
        store = self._store.obj
        assert isinstance(store, bytearray)  # noqa: S101  # made so above
        while (found := store.find(end, max(self._start, looked - len(end)), self._end)) < 0:
            if self._end - self._start >= limit_bytes:
                raise response_too_large(self.host, what, limit_bytes)
            if self._start == self._end:
                self._start = self._end = 0  # before where it was looked is noted: what comes stands there
            looked = self._end
            if self._end == len(store):
                looked -= self._start
                self._compact()
            more()
        if found - self._start > limit_bytes:
            raise response_too_large(self.host, what, limit_bytes)
        taken = bytes(store[self._start : found])
        self._start = found + len(end)
        return taken

    def _compact(self) -> None:
        held = self._end - self._start
        self._store[:held] = bytes(self._store[self._start : self._end])
        self._start, self._end = 0, held

    def _more_of_head(self) -> None:
        try:
            if not self._more():
                raise host_unreachable(self.host, "it closed the connection without an answer")
        except _SILENCE as problem:
            raise timed_out(self.host, "does not answer") from problem
        except OSError as problem:
            raise host_unreachable(self.host, f"the connection broke ({reason_of(problem)})") from problem

    def _more_of_body(self) -> None:
        try:
            if not self._more():
                raise body_truncated(self.host, "the connection ended too early")
        except OSError as problem:
            raise self._lost(problem) from problem

    def _more(self) -> int:
        self._check_rate()
        if self._start == self._end:
            self._start = self._end = 0
        before = self._clock()
        count = self._receive(self._store[self._end :])
        self._note(count, self._clock() - before)
        self._end += count
        return count

    def _lost(self, problem: OSError) -> PassingError:
        if isinstance(problem, _SILENCE):
            return timed_out(self.host, "stopped sending in the middle of an answer")
        return body_truncated(self.host, f"the connection broke ({reason_of(problem)})")

    def _note(self, moved: int, waited_s: float) -> None:
        self._moved += moved
        self._waited_s += waited_s

    def _check_rate(self) -> None:
        if self._waited_s < self._timing.window_s:
            return
        if self._moved < LEAST_BYTES_PER_S * self._waited_s:
            raise timed_out(self.host, f"moved only {self._moved} bytes in {self._waited_s:.0f} s")
        self._waited_s, self._moved = 0.0, 0


def reason_of(problem: OSError) -> str:
    """Return why the operating system or OpenSSL gave up, in its own words."""
    if isinstance(problem, ssl.SSLError):
        return str(problem.reason or "TLS ended without saying so").lower().replace("_", " ")
    return problem.strerror or type(problem).__name__
