"""Read a gzip that may lie, from its beginning and then from anywhere.

RFC 1952, narrowed to one member and nothing behind it: readers differ in what they make of
more. The first pass remembers the inflater's state every so often, so that a file in the
middle is read again from close to it: zlib's ``inflateCopy``, about 40 KB each.
"""

import threading
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.limit import READ_BYTES
from weighlock.source.tar_header import invalid

MAX_RATIO: Final = 200  # weights deflate to 1/3 at best; deflate itself reaches 1,032
FREE_BYTES: Final = 64 * 1024 * 1024  # below this no ratio matters: tables of zeros are small files
FIRST_STEP_BYTES: Final = 64 * 1024  # between two states; doubled when there are too many
MAX_STATES: Final = 1024  # of all layers of a model together: 40 MB of memory
_INPUT_BYTES: Final = 32 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class _State(NamedTuple):
    """The inflater as it was before it gave byte ``position``; it goes on with byte ``taken`` of the gzip."""

    position: int
    taken: int
    inflater: "zlib._Decompress"


class Inflating:
    """A gzip in a file, of ``size`` bytes; to be read through with ``first_pass`` before anything else.

    ``max_states`` limits what is remembered. ``lock`` guards the file's position.
    """

    def __init__(
        self, file: BinaryIO, size: int, *, lock: threading.Lock, max_states: int = MAX_STATES
    ) -> None:
        self._file = file
        self._size = size
        self._lock = lock
        self._max_states = max(1, max_states)
        self._step = FIRST_STEP_BYTES
        self._states = [_State(0, 0, zlib.decompressobj(_GZIP))]

    def first_pass(self) -> Iterator[bytes]:
        """Yield all bytes; raises DeniedError ``archive_invalid`` or ``archive_too_large``."""
        limit = max(FREE_BYTES, MAX_RATIO * self._size)
        done = 0
        for chunk in self._inflate(self._states[0], remember=True):
            done += len(chunk)
            if done > limit:
                raise DeniedError(
                    "archive_too_large",
                    f"the archive is refused: its {self._size} bytes unpack to more than {limit}",
                    hint="nothing of it was kept; no model looks like this",
                )
            yield chunk

    def chunks(self, start: int, size: int) -> Iterator[memoryview]:
        """Yield ``size`` bytes from byte ``start`` on, from any thread; raises DeniedError ``archive_invalid``."""
        state = next(each for each in reversed(self._states) if each.position <= start)
        ahead = start - state.position
        for chunk in self._inflate(state, remember=False) if size else ():
            part = memoryview(chunk)[ahead : ahead + size]
            ahead = max(0, ahead - len(chunk))
            size -= len(part)
            if part:
                yield part
            if not size:
                return
        if size:
            raise invalid("it gives fewer bytes than before")

    def _inflate(self, state: _State, *, remember: bool) -> Iterator[bytes]:
        position, taken, inflater = state.position, state.taken, state.inflater.copy()
        while not inflater.eof:
            raw = inflater.unconsumed_tail
            if not raw:
                if remember:
                    self._remember(_State(position, taken, inflater))
                raw = self._read(taken)
                taken += len(raw)
                if not raw:
                    raise invalid("the gzip is cut off")
            try:
                chunk = inflater.decompress(raw, READ_BYTES)
            except zlib.error as error:
                raise invalid("the gzip is damaged, or none") from error
            position += len(chunk)
            if chunk:
                yield chunk
        if inflater.unused_data or taken != self._size:
            raise invalid("something follows the end of the gzip")

    def _remember(self, state: _State) -> None:
        if state.position < self._states[-1].position + self._step:
            return
        self._states.append(state._replace(inflater=state.inflater.copy()))
        if len(self._states) > self._max_states:
            del self._states[1::2]
            self._step *= 2

    def _read(self, start: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(min(_INPUT_BYTES, self._size - start))
