"""Feed the content of a compressed region to an examination, in bounded memory.

The size must be known before an inner file is examined, so a region is decompressed once to
measure it. What is small is kept from then on. What is large is decompressed a second time as
the examination asks for it: forward through a window, from the beginning for a jump back. Every
decompressed byte counts against the file's budget, those of a repetition too.
"""

import zlib
from collections import deque
from dataclasses import dataclass
from typing import Final, TypeVar

from weighlock.inspection.archive.bomb import check_growth, check_ratio
from weighlock.inspection.archive.codec import Codec, Corrupt
from weighlock.inspection.detect import HEAD_BYTES
from weighlock.inspection.file import Budget, File
from weighlock.inspection.span import Reading, Span, Unexamined, read

_T = TypeVar("_T")

STEP_BYTES: Final = (
    64 * 1024
)  # of input at a time; little, because each stream behind another copies the rest
CHUNK_BYTES: Final = 512 * 1024  # of output at a time
FINE_BYTES: Final = (128, 1)  # the same on the last stretch before an error, in a second and a third try
MAGIC_BYTES: Final = 8  # the longest beginning of a stream has six
HELD_BYTES: Final = 24 * 1024 * 1024  # content kept in memory; files in files keep as much at every depth
BEHIND_BYTES: Final = 1024 * 1024  # kept behind the place that was asked for: parsers step back a little
MAX_REQUEST_BYTES: Final = 48 * 1024 * 1024  # of a large content at once
MAX_STREAMS: Final = (
    100_000  # behind each other in one region; tools that cut into blocks make one for 64 KiB
)
START_BYTES: Final = 64 * 1024  # what beginning anew costs at least, so that jumps back end


class Region:
    """The packed bytes from ``offset`` on, and how to unpack them."""

    __slots__ = ("budget", "codec", "length", "offset", "steps")

    def __init__(self, offset: int, length: int, codec: Codec, budget: Budget) -> None:
        self.offset = offset
        self.length = length
        self.codec = codec
        self.budget = budget
        self.steps = [(0, CHUNK_BYTES)]  # from which byte of the content on it comes in pieces of which size

    def measure(self) -> Reading["Content"]:
        """Return what the region holds; raises FormatError ``archive-bomb``, and Unexamined over the budget.

        A decoder that meets an error loses what it had made in the same call, and a loader may have
        read that: corrupt data is unpacked again in smaller and smaller steps up to the error.
        """
        content = yield from check_growth(self.budget, self.length, self._measure())
        for step in FINE_BYTES:
            if content.fault is None:
                break
            self.steps.append((content.size, step))
            content = yield from self._measure()
        return content

    def _measure(self) -> Reading["Content"]:
        unpacking = Unpacking(self)
        chunks: deque[bytes] = deque()  # all of a small content, the end of a large one
        held = crc = 0
        fault = None
        while True:
            try:
                chunk = yield from unpacking.more()
            except Corrupt as error:
                fault = str(error)
                break
            if not chunk:
                break
            crc = zlib.crc32(chunk, crc)
            chunks.append(chunk)
            held += len(chunk)
            while unpacking.made > HELD_BYTES and held - len(chunks[0]) >= BEHIND_BYTES:
                held -= len(chunks.popleft())
        return Content(self, unpacking.made, crc, unpacking.end, fault, b"".join(chunks))


class Unpacking:
    """One pass over a region, forward; ``made`` counts what came out."""

    def __init__(self, region: Region) -> None:
        self.made = 0
        self._region = region
        self._codec = region.codec
        self._decoder = region.codec.new()
        self._at = region.offset
        self._limit = region.offset + region.length
        self._pending = b""  # read, and not fed yet
        self._streams = 1

    @property
    def end(self) -> int:
        """Where the next byte stands that belongs to no stream; final after the last of ``more``."""
        return self._at - len(self._pending)

    def more(self) -> Reading[bytes]:
        """Return the next bytes, none at the end; raises Corrupt, FormatError ``archive-bomb`` and Unexamined."""
        while True:
            if self._decoder.eof and not (yield from self._next_stream()):
                return b""
            data = b""
            if self._decoder.needs_input:
                if not self._pending and not (yield from self._refill()):
                    raise Corrupt("it ends too early")
                data, self._pending = self._pending, b""
            out = self._decoder.decompress(data, self._step())
            if self._decoder.eof:
                self._pending = self._decoder.unused_data
            if out:
                self.made += len(out)
                self._region.budget.expand(len(out))
                check_ratio(self._region.length, self.made)
                return out

    def _step(self) -> int:
        """Return how much may come out at once: no step crosses the place from which on it is smaller."""
        step = CHUNK_BYTES
        for start, size in self._region.steps:
            if self.made < start:
                return min(step, start - self.made)
            step = size
        return step

    def _refill(self) -> Reading[bool]:
        """Read a step more, if there is one."""
        step = min(STEP_BYTES, self._limit - self._at)
        if step:
            self._pending += yield from read(self._at, step)
            self._at += step
        return step > 0

    def _next_stream(self) -> Reading[bool]:
        """Begin the stream that follows, if one does."""
        if not self._codec.magics:
            return False
        yield from self._skip_padding()
        if not self._pending.startswith(self._codec.magics):
            return False
        self._streams += 1
        if self._streams > MAX_STREAMS:
            raise Unexamined(f"more than {MAX_STREAMS} compressed streams follow each other")
        self._decoder = self._codec.new()
        return True

    def _skip_padding(self) -> Reading[None]:
        """Skip the zeros that readers skip, and hold what decides whether a stream follows."""
        while True:
            while len(self._pending) < MAGIC_BYTES and (yield from self._refill()):
                pass
            if not self._codec.padding:
                return
            zeros = len(self._pending) - len(self._pending.lstrip(b"\0"))
            zeros -= zeros % self._codec.padding
            if not zeros:
                return
            self._pending = self._pending[zeros:]


@dataclass(frozen=True, slots=True)
class Content:
    """What a region holds: ``size`` bytes and their CRC-32; what follows begins at ``end``.

    ``fault`` says what breaks the data there, if anything does; ``kept`` are the last bytes.
    """

    region: Region
    size: int
    crc: int
    end: int
    fault: str | None
    kept: bytes

    @property
    def held(self) -> bytes | None:
        """All of the content, if it is small."""
        return self.kept if len(self.kept) == self.size else None

    def examine(self, file: File, name: str) -> Reading[None]:
        """Examine the content as a file of that name; never raises for what it holds."""
        if self.held is not None:
            file.unpacked(name, self.held)
            return
        inner = file.inner(name, self.size)
        if inner is not None:
            yield from through(file.examine(inner), Replay(self))


class Replay:
    """Answers requests for a content: from what was kept of it, or by unpacking it once more."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._kept_from = content.size - len(content.kept)
        self._unpacking = Unpacking(content.region)
        self._head = b""
        self._base = 0
        self._window = bytearray()

    def fetch(self, span: Span) -> Reading[bytes]:
        """Return the bytes of ``span``, fewer if the content ends before."""
        end = span.offset + span.length
        if span.offset >= self._kept_from:
            return self._content.kept[span.offset - self._kept_from : end - self._kept_from]
        if end <= len(self._head):
            return self._head[span.offset : end]
        if span.length > MAX_REQUEST_BYTES:
            raise Unexamined(
                f"a part of {span.length} compressed bytes is over the limit of {MAX_REQUEST_BYTES}"
            )
        if span.offset < self._base:
            self._content.region.budget.expand(START_BYTES)
            self._unpacking = Unpacking(self._content.region)
            self._base = 0
            self._window = bytearray()
        yield from self._forward(span.offset, end)
        start = span.offset - self._base
        return bytes(self._window[start : start + span.length])

    def _forward(self, start: int, end: int) -> Reading[None]:
        window = self._window
        while self._base + len(window) < end:
            chunk = yield from self._unpacking.more()
            if not chunk:
                return
            window += chunk
            if not self._base and len(self._head) < HEAD_BYTES:
                self._head = bytes(window[:HEAD_BYTES])
            surplus = min(start, self._base + len(window)) - BEHIND_BYTES - self._base
            if surplus > 0:
                del window[:surplus]
                self._base += surplus


def through(reading: Reading[_T], replay: Replay) -> Reading[_T]:
    """Run a parser on unpacked content; what ends the unpacking ends it as an unexamined rest."""
    try:
        span = next(reading)
        while True:
            try:
                data = yield from replay.fetch(span)
            except Corrupt as error:
                span = reading.throw(Unexamined(f"the compressed data is corrupt: {error}"))
            except Unexamined as limit:
                span = reading.throw(limit)
            else:
                span = reading.send(data)
    except StopIteration as stop:
        result: _T = stop.value
        return result
