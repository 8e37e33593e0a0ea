"""Fetch files: over one connection where that is fast enough, in parallel parts where the link holds it back.

    downloader = Downloader(client)
    for chunk in downloader.chunks(RemoteFile(request, size, name), start):
        ...                                  # in order; each chunk is valid until the next is asked for

One connection, read into one buffer, costs the least. But over a long or lossy way one connection carries
only a window of bytes per round trip, however wide the link is. So the rate is measured, while waiting for
bytes: time that the reader of the chunks takes, for its disk or its digest, does not count. Where one
connection is slow, threads fetch the parts that come next, and the first connection goes on until it meets
them (``Window``). What breaks is asked for again from where it broke (``Stream``), from wherever the file is
now (``Remote``), if it is still the same file.

Nothing here says that the bytes are right. Whoever takes them digests them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from weighlock.core.error import UndecidedError
from weighlock.core.text import shown
from weighlock.transport.client import Client
from weighlock.transport.remote import Remote, RemoteFile
from weighlock.transport.stream import RangesRefusedError, StoppedError, Stream
from weighlock.transport.window import Buffers, Window, part_bytes

__all__ = ["Downloader", "Ranges", "RemoteFile", "StoppedError"]

CONNECTIONS: Final = 8  # for one file; browsers open six to a host
READ_BYTES: Final = (
    2 << 20
)  # large writes take fewer and larger pages of the cache: measured against 256 KB, 512 KB and 1 MB
SLOW_BYTES_PER_S: Final = (
    200e6  # a disk takes more than this, and one connection across a WAN hardly reaches it
)
LEAST_BYTES: Final = 4 << 20  # what is left below this comes sooner than new connections are quick
MEASURED_S: Final = 0.5  # of waiting; longer than the slow start of a connection at 50 ms a round trip


class Downloader:
    """Fetches files, from any thread; all share the memory for parallel parts.

    Args:
        connections: for one file at once, at most; 1 means that parts are never fetched in parallel.
        clock: seconds, from any beginning.
        wait: waits for so many seconds before a connection that keeps breaking is tried again.
    """

    def __init__(
        self,
        client: Client,
        *,
        connections: int = CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._client = client
        self._connections = connections
        self._clock = clock
        self._wait = wait
        self._buffers = Buffers()
        self._lock = threading.Lock()
        self._fetches: set[_Fetch] = set()
        self._stopped = False

    def chunks(self, file: RemoteFile, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of ``file`` from ``start`` on, in order, each chunk valid until the next.

        Nothing is asked where nothing is missing. To be closed, or read to its end, by the thread that
        reads it; then its connections and threads have ended. Raises as ``Client.open``, UndecidedError
        ``body_truncated``, ``timed_out`` where connections keep breaking; DeniedError ``content_changed``,
        ``range_invalid``, ``size_mismatch``, with no byte beyond the promised size.
        """
        if start >= file.size:
            return
        fetch = _Fetch(self._client, file, start, wait=self._wait)
        self._add(fetch)
        try:
            yield from self._chunks(fetch)
        finally:
            fetch.close()
            with self._lock:
                self._fetches.discard(fetch)

    def ranges(self, file: RemoteFile) -> "Ranges":
        """Return what reads parts of ``file`` on their own; nothing is asked yet."""
        return Ranges(Remote(self._client, file), self._wait)

    def stop(self) -> None:
        """End all that other threads are reading, now and for good: they get ``StoppedError``, which is no failure."""
        with self._lock:
            self._stopped = True
            fetches = list(self._fetches)
        for fetch in fetches:
            fetch.stop()

    def _add(self, fetch: "_Fetch") -> None:
        with self._lock:
            if self._stopped:
                raise StoppedError
            self._fetches.add(fetch)

    def _chunks(self, fetch: "_Fetch") -> Iterator[memoryview]:
        pace = _Pace()
        buffer = memoryview(bytearray(min(READ_BYTES, fetch.remaining)))
        fetch.stream.open()
        while fetch.remaining:
            before = self._clock()
            count = fetch.stream.readinto(buffer[: fetch.remaining])
            slow = pace.note(count, self._clock() - before)
            yield buffer[:count]
            if slow:
                fetch.go_parallel(self._buffers, self._connections)
            if not fetch.remaining and fetch.window is not None:
                yield from fetch.parallel_chunks(fetch.window)


class Ranges:
    """Parts of one file, read by any thread, for whoever needs few bytes of many."""

    def __init__(self, remote: Remote, wait: Callable[[float], object]) -> None:
        self._remote = remote
        self._wait = wait

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes from ``begin`` to before ``end``.

        Raises as ``Downloader.chunks``; UndecidedError ``ranges_refused`` where the server sends whole files only.
        """
        buffer = memoryview(bytearray(end - begin))
        at = 0
        with Stream(self._remote, begin, end, wait=self._wait, may_skip=False) as stream:
            try:
                stream.open()
                while at < len(buffer):
                    at += stream.readinto(buffer[at:])
            except RangesRefusedError as refused:
                raise UndecidedError(
                    "ranges_refused",
                    f"the server of {shown(self._remote.file.name)!r} sends whole files only",
                    hint="pull the model, and inspect it then",
                ) from refused
        return bytes(buffer)


class _Pace:
    """How fast bytes come while they are waited for."""

    def __init__(self) -> None:
        self._bytes = 0
        self._waited_s = 0.0

    def note(self, count: int, waited_s: float) -> bool:
        """Return whether a stretch of measuring ended now, and was slow."""
        self._bytes += count
        self._waited_s += waited_s
        if self._waited_s < MEASURED_S:
            return False
        slow = self._bytes < SLOW_BYTES_PER_S * self._waited_s
        self._bytes, self._waited_s = 0, 0.0
        return slow


class _Fetch:
    """One file on its way: the stream, up to where ``window``, once there is one, begins."""

    def __init__(
        self, client: Client, file: RemoteFile, start: int, *, wait: Callable[[float], object]
    ) -> None:
        self._remote = Remote(client, file)
        self._wait = wait
        self.stream = self._stream_from(start)
        self.window: Window | None = None

    @property
    def remaining(self) -> int:
        """How many bytes the stream still has to bring."""
        return (self.window.begin if self.window else self._remote.file.size) - self.stream.position

    def go_parallel(self, buffers: Buffers, connections: int) -> None:
        """Have threads fetch what comes after the next part, if that is worth it and possible."""
        rest = self._remote.file.size - self.stream.position
        possible = self.window is None and connections > 1 and self._remote.has_ranges
        if possible and rest >= LEAST_BYTES:
            begin = self.stream.position + part_bytes(rest, connections)
            window = Window(self._remote, begin, buffers=buffers, connections=connections - 1)
            if window.start():
                self.window = window

    def parallel_chunks(self, window: Window) -> Iterator[memoryview]:
        """Yield what the threads fetch; the stream goes on after it, if they find that they cannot."""
        try:
            for chunk in window.chunks():
                if not self.stream.is_closed:
                    self.stream.close()
                    window.add_connection()
                yield chunk
        except RangesRefusedError:
            pass  # what is left comes over one connection
        window.close()
        self.window = None
        if self.stream.is_closed:
            self.stream = self._stream_from(window.position)

    def stop(self) -> None:
        """Have whoever reads in another thread end with ``StoppedError``."""
        self.stream.stop()
        window = self.window
        if window is not None:
            window.stop(StoppedError())

    def close(self) -> None:
        """End the threads and the connections."""
        try:
            if self.window is not None:
                self.window.close()
        finally:
            self.stream.close()

    def _stream_from(self, position: int) -> Stream:
        return Stream(self._remote, position, self._remote.file.size, wait=self._wait, may_skip=True)
