"""Parts of a file that are fetched at once, ahead of their reader, who gets them in order.

Each thread has one part at a time and one connection. Memory is what limits how far ahead they are: a part
lies in one of the ``Buffers``, which all files of a ``Downloader`` share and from which a file takes what is
free. Nobody waits for a buffer of another file, so files cannot block each other.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from weighlock.transport.failure import PassingError
from weighlock.transport.remote import Remote
from weighlock.transport.stream import StoppedError, Stream

PART_BYTES: Final = 4 << 20  # at 20 MB/s a connection, 50 ms of waiting for the next answer cost a fifth
LEAST_PART_BYTES: Final = 512 << 10  # towards the end parts get smaller, so that all end at about one time
BUFFERS_BYTES: Final = 48 << 20  # with those of 8 files that are read over one connection: 64 MiB
MIN_BUFFERS: Final = 2  # with one, a part could only be fetched while nothing is read
JOIN_S: Final = 5.0  # a thread that is connecting ends by itself, and takes nothing along but its buffer


def part_bytes(rest_bytes: int, connections: int) -> int:
    """Return how much of the rest of a file one connection should fetch next: about half of its share."""
    share = rest_bytes // (2 * connections)
    return min(PART_BYTES, max(LEAST_PART_BYTES, share), rest_bytes)


class Buffers:
    """Buffers that are used again; for any thread."""

    def __init__(self, size_bytes: int = BUFFERS_BYTES) -> None:
        self._lock = threading.Lock()
        self._free: list[bytearray] = []
        self._unmade = size_bytes // PART_BYTES

    def take(self) -> bytearray | None:
        """Return a buffer, or None if all are in use."""
        with self._lock:
            if self._free:
                return self._free.pop()
            if not self._unmade:
                return None
            self._unmade -= 1
        return bytearray(PART_BYTES)

    def give(self, buffer: bytearray) -> None:
        """Take a buffer back."""
        with self._lock:
            self._free.append(buffer)


@dataclass(slots=True, eq=False)
class _Segment:
    """A part of the file, its buffer, and how much of it has come."""

    begin: int
    size: int
    buffer: bytearray
    filled: int = 0

    @property
    def end(self) -> int:
        return self.begin + self.size

    @property
    def view(self) -> memoryview:
        return memoryview(self.buffer)[: self.size]


class Window:
    """The bytes of ``remote`` from ``begin`` on, fetched by up to ``connections`` threads once it grows."""

    def __init__(self, remote: Remote, begin: int, *, buffers: Buffers, connections: int) -> None:
        self.begin = begin
        self.position = begin  # of what was handed out
        self._remote = remote
        self._buffers = buffers
        self._connections = connections
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._unasked = begin
        self._free: list[bytearray] = []
        self._held = 0  # of the buffers of all files
        self._broken: list[_Segment] = []
        self._ready: dict[int, _Segment] = {}
        self._streams: set[Stream] = set()
        self._threads: list[threading.Thread] = []
        self._working = 0

    def start(self) -> bool:
        """Begin; return False, and do nothing, if hardly any buffer is free."""
        with self._changed:
            self._take_buffers()
            if self._held < MIN_BUFFERS:
                self._give_back()
                return False
            self._start_threads()
            return True

    def add_connection(self) -> None:
        """Let one more thread work."""
        with self._changed:
            self._connections += 1
        self._grow()

    def chunks(self) -> Iterator[memoryview]:
        """Yield the bytes in order, each chunk valid until the next.

        Raises the first error of any thread, once what came in order before it was handed out.
        """
        while self.position < self._remote.file.size:
            segment = self._next()
            try:
                yield segment.view
            finally:
                self._recycle(segment)
            self.position = segment.end
            self._grow()

    def stop(self, error: BaseException) -> None:
        """Have the threads end, and whoever reads get ``error``, or the one that came first."""
        with self._changed:
            self._stopped.set()
            self._error = self._error or error
            streams = list(self._streams)
            self._changed.notify_all()
        for stream in streams:
            stream.stop()

    def close(self) -> None:
        """Stop the threads, end their connections and give the buffers back."""
        self.stop(StoppedError())
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._give_back()

    @property
    def _is_asked_for(self) -> bool:
        return self._unasked >= self._remote.file.size

    def _grow(self) -> None:
        """Take what became free: other files may have ended."""
        with self._changed:
            if not self._stopped.is_set() and not self._is_asked_for:
                self._take_buffers()
                self._start_threads()
                self._changed.notify_all()

    def _take_buffers(self) -> None:
        # half as many again as connections, which go on while the part that is next in order is late
        while self._held < max(MIN_BUFFERS, self._connections * 3 // 2):
            buffer = self._buffers.take()
            if buffer is None:
                return
            self._free.append(buffer)
            self._held += 1

    def _start_threads(self) -> None:
        while self._working < min(self._connections, self._held):
            self._working += 1
            thread = threading.Thread(target=self._work, name="range", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _give_back(self) -> None:
        """Give all buffers back but those of parts that threads still have."""
        segments = (*self._ready.values(), *self._broken)
        for buffer in (*self._free, *(segment.buffer for segment in segments)):
            self._buffers.give(buffer)
            self._held -= 1
        for each in (self._free, self._broken, self._ready):
            each.clear()

    def _next(self) -> _Segment:
        with self._changed:
            self._changed.wait_for(lambda: self.position in self._ready or self._error is not None)
            if self.position in self._ready:
                return self._ready.pop(self.position)
            assert self._error is not None  # noqa: S101  # else it would still wait
            raise self._error

    def _recycle(self, segment: _Segment) -> None:
        with self._changed:
            if self._is_asked_for or self._stopped.is_set():
                self._held -= 1
                self._buffers.give(segment.buffer)
            else:
                self._free.append(segment.buffer)
                self._changed.notify_all()

    def _work(self) -> None:
        segment = None
        try:
            while (segment := self._take()) is not None:
                self._fill(segment)
                self._deliver(segment)
        except BaseException as error:  # noqa: BLE001  # the reader raises it
            self._end_thread(segment, error)

    def _take(self) -> _Segment | None:
        """Return the next part to fetch, one that broke first; None, and the thread has to end, if there is none."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped.is_set() or self._broken or self._free or self._is_asked_for
            )
            if not self._stopped.is_set():
                if self._broken:
                    return self._broken.pop()
                if not self._is_asked_for:
                    return self._cut()
            self._working -= 1
            return None

    def _cut(self) -> _Segment:
        rest = self._remote.file.size - self._unasked
        segment = _Segment(self._unasked, part_bytes(rest, self._connections), self._free.pop())
        self._unasked = segment.end
        return segment

    def _fill(self, segment: _Segment) -> None:
        start = segment.begin + segment.filled
        with Stream(self._remote, start, segment.end, wait=self._stopped.wait, may_skip=False) as stream:
            with self._changed:
                if self._stopped.is_set():
                    raise StoppedError
                self._streams.add(stream)
            try:
                while segment.filled < segment.size:
                    segment.filled += stream.readinto(segment.view[segment.filled :])
            finally:
                with self._changed:
                    self._streams.discard(stream)

    def _deliver(self, segment: _Segment) -> None:
        with self._changed:
            if self._stopped.is_set():
                raise StoppedError
            self._ready[segment.begin] = segment
            self._changed.notify_all()

    def _end_thread(self, segment: _Segment | None, error: BaseException) -> None:
        """Leave the part to the other threads if the error may pass for them: a server may limit connections."""
        with self._changed:
            self._working -= 1
            goes_on = isinstance(error, PassingError) and self._working > 0
            if self._stopped.is_set():
                goes_on = True
                if segment is not None:
                    self._held -= 1
                    self._buffers.give(segment.buffer)
            elif segment is not None:
                self._broken.append(segment)
                self._connections -= 1
            self._changed.notify_all()
        if not goes_on:
            self.stop(error)
