"""A stretch of a file, read over one connection at a time: where that breaks, the next goes on."""

import contextlib
import threading
from collections.abc import Callable
from typing import Final, Self

from weighlock.transport.failure import PassingError, body_truncated
from weighlock.transport.remote import Part, Remote, wrong_size
from weighlock.transport.url import parse_url

ATTEMPTS: Final = 5  # connections in a row that bring next to nothing
PROGRESS_BYTES: Final = 64 * 1024  # what a connection has to bring so that it counts for something
SKIP_BYTES: Final = 512 << 10  # dropped at once
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0


class RangesRefusedError(Exception):
    """The server answered with the whole file where a part was asked for."""


class StoppedError(Exception):
    """Somebody else failed, or nobody wants the bytes any more."""


class Stream:
    """The bytes of a remote file from ``position`` to before ``end``.

    Args:
        wait: waits for so many seconds.
        may_skip: read and drop what comes before, if the server sends all of it.
    """

    def __init__(
        self, remote: Remote, position: int, end: int, *, wait: Callable[[float], object], may_skip: bool
    ) -> None:
        self.position = position
        self._remote = remote
        self._end = end
        self._wait = wait
        self._may_skip = may_skip
        self._part: Part | None = None
        self._skip = 0
        self._scrap = memoryview(b"")
        self._failures = 0
        self._came = 0
        self._stopped = threading.Event()

    def open(self) -> None:
        """Ask for the bytes; raises as ``Remote.open``, and ``RangesRefusedError``, ``StoppedError``."""
        self._check_wanted()
        part = self._remote.open(self.position, self._end)
        self._part, self._skip, self._came = part, self.position - part.begin, 0
        self._check_wanted()
        if self._skip and not self._may_skip:
            raise RangesRefusedError
        # not into the reader's buffer: it has one byte if one is missing
        self._scrap = memoryview(bytearray(min(self._skip, SKIP_BYTES)))

    def readinto(self, view: memoryview) -> int:
        """Return how many bytes were put at the start of ``view``: at least one, none of them past the end.

        Raises as ``open``, and UndecidedError ``body_truncated``, ``timed_out`` where several connections in
        a row broke; DeniedError ``size_mismatch`` where more bytes come after the last.
        """
        while True:
            if self._part is None:
                self.open()
            try:
                count = self._receive(view)
            except PassingError as error:
                self._fail(error)
                continue
            if count:
                return count

    @property
    def is_closed(self) -> bool:
        """Whether there is no connection now."""
        return self._part is None

    def stop(self) -> None:
        """Have whoever reads in another thread end with ``StoppedError``; the connection is broken."""
        self._stopped.set()
        part = self._part
        if part is not None:
            part.response.abort()

    def close(self) -> None:
        """Let go of the connection."""
        if self._part is not None:
            self._part.response.close()
            self._part = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, view: memoryview) -> int:
        """Return how many bytes came that are wanted; 0 says that there may be more."""
        assert self._part is not None  # noqa: S101  # made so by the only caller
        response = self._part.response
        view = self._scrap[: self._skip] if self._skip else view[: self._end - self.position]
        count = response.readinto(view)
        if not count and "transfer-encoding" in response.headers:  # it says itself where it ends
            raise wrong_size(self._remote.file, f"only {self.position}")
        if not count:
            host = parse_url(response.url).origin.host
            raise body_truncated(host, f"it ended before byte {self.position} of the file")
        if self._skip:
            self._skip -= count
            return 0
        self.position += count
        self._came += count
        if self._came >= PROGRESS_BYTES:
            self._failures = 0
        if self.position == self._end:
            self._finish()
        return count

    def _finish(self) -> None:
        """Raise DeniedError ``size_mismatch`` if an answer of unknown length goes on after the last byte."""
        assert self._part is not None  # noqa: S101  # made so by the only caller
        response = self._part.response
        whole = self._end == self._remote.file.size
        if response.length is None and (whole or response.status == 206):
            with contextlib.suppress(PassingError):  # all that is wanted has come
                if response.readinto(bytearray(1)):
                    raise wrong_size(self._remote.file, f"more than {self._end - self._part.begin}")
        self.close()

    def _check_wanted(self) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def _fail(self, error: PassingError) -> None:
        self.close()
        self._check_wanted()
        self._failures += 1
        if self._failures >= ATTEMPTS:
            raise error
        if self._failures > 1:
            self._wait(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._failures - 2)))
