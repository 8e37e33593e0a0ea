"""Read every pickle of a file: PyTorch's legacy format and others put several behind each other."""

import gc
from collections.abc import Iterable
from typing import Final, NamedTuple

from weighlock.inspection.pickle.effect import Part, Stream
from weighlock.inspection.pickle.joblib import array_of
from weighlock.inspection.pickle.machine import Machine
from weighlock.inspection.pickle.nested import HEAD_BYTES, confirmed_parts, imports
from weighlock.inspection.pickle.value import Value
from weighlock.inspection.span import MAX_SPAN_BYTES, Reading, Unexamined, read

MAX_STREAMS: Final = 1000  # in one file; legacy torch has five
MAX_OPERATIONS: Final = 50_000_000  # of one file; a large fitted estimator has about a million
FIRST_WINDOW_BYTES: Final = 8192  # after a leap over data: often another follows
WINDOW_BYTES: Final = 256 * 1024  # as far as the window grows
NO_NAMES: Final[frozenset[tuple[str, str]]] = frozenset()


class Pickles(NamedTuple):
    """The pickles of a file, in order; ``rest`` is the offset of the first byte that belongs to none.

    ``parts`` are constants that hold files, to be examined as such. ``plain`` is what readers other than joblib's
    run of those that have arrays between their operations.
    """

    streams: list[Stream]
    rest: int
    unexamined: str | None
    parts: tuple[Part, ...] = ()
    plain: Iterable[Stream] = ()


def read_pickles(size: int, harmless: frozenset[tuple[str, str]] = NO_NAMES) -> Reading[Pickles]:
    """Return what each pickle from byte 0 on does; never raises for what the file holds.

    Calls of the names in ``harmless`` make no events. A stream that breaks off is the last one.
    ``unexamined`` says which budget ended the reading.
    """
    reader = _Reader(size, harmless)
    streams: list[Stream] = []
    plain: list[Stream] = []
    at = 0
    why = None
    while at < size and len(streams) < MAX_STREAMS and why is None:
        stream = Stream(at)
        try:
            yield from reader.read_stream(stream)
        except Unexamined as limit:
            stream.limit(limit.reason)
        if streams and not _is_pickle(stream):
            why = stream.unexamined
            break
        streams.append(stream)
        at = stream.end
        why = stream.unexamined
        if stream.first_array >= 0:
            other = yield from reader.read_plainly(stream)
            plain.append(other)
            why = why or other.unexamined
        if not stream.stopped:
            break
    if len(streams) == MAX_STREAMS:
        why = why or f"more than {MAX_STREAMS} pickles"
    parts = yield from confirmed_parts([part for stream in streams + plain for part in stream.parts], size)
    return Pickles(streams, at, why, parts, plain)


class _Reader:
    """Reads the streams of one file: they share a budget."""

    def __init__(self, size: int, harmless: frozenset[tuple[str, str]]) -> None:
        self._size = size
        self._harmless = harmless
        self._left = MAX_OPERATIONS

    def read_stream(self, stream: Stream, *, arrays: bool = True) -> Reading[Value]:
        """Carry out the operations of one pickle, from ``stream.end`` on; raises Unexamined.

        Returns what it makes. With ``arrays``, those of joblib are left behind, as joblib does.
        """
        machine = Machine(stream, self._size, self._harmless, self._left)
        machine.arrays = arrays
        window = 0
        end_of_window = -1
        before = stream.operations
        while not machine.done:
            at = machine.at
            window = min(window * 4, WINDOW_BYTES) if at <= end_of_window else FIRST_WINDOW_BYTES
            wanted = min(max(window, machine.need), self._size - at, MAX_SPAN_BYTES)
            machine.feed((yield from read(at, wanted)), at)
            end_of_window = at + wanted
            _run(machine)
            while machine.array is not None:
                yield from self._pass_array(machine, stream)
        self._left -= stream.operations - before
        if self._left < 0:
            raise Unexamined(f"its pickles have more than {MAX_OPERATIONS} operations")
        stream.stopped = machine.stopped
        return machine.result

    def read_plainly(self, stream: Stream) -> Reading[Stream]:
        """Return what a reader runs that takes joblib's arrays for operations, as ``pickle.load`` does.

        Of most files that is nothing: the padding in front of an array is no operation.
        """
        plain = Stream(stream.start)
        try:
            yield from self.read_stream(plain, arrays=False)
        except Unexamined as limit:
            plain.limit(limit.reason)
        plain.events = [event for event in plain.events if event.offset > stream.first_array]
        return plain

    def _pass_array(self, machine: Machine, stream: Stream) -> Reading[None]:
        """Leave behind the array that follows at the machine's place, and let the machine go on."""
        wrapper, at = machine.array, machine.at
        machine.array = None
        if stream.first_array < 0:
            stream.first_array = at
        array = array_of(wrapper) if wrapper else None
        if array is None or array.unknown:
            raise Unexamined(f"an array at byte {at} cannot be followed: {array.unknown if array else ''}")
        if array.link:
            stream.note_link(array.link)
        elif array.objects:
            machine.replace_top((yield from self._read_objects(stream, at)))
        else:
            start = at
            head = (yield from read(at, min(HEAD_BYTES, self._size - at))) if at < self._size else b""
            at += array.length + (1 + head[0] if array.padded and head else 0)
            if at > self._size:
                raise Unexamined(f"an array at byte {start} reaches beyond the end")
            if imports(head[: at - start], at - start):
                stream.note_part(Part(start, at - start, None, loaded=False))
            stream.array_bytes += at - start
            stream.end = at
        machine.feed(b"", stream.end)
        _run(machine)

    def _read_objects(self, stream: Stream, at: int) -> Reading[Value]:
        """Return what the pickle of an array of objects makes; joblib hands it to a reader that knows no arrays."""
        stream.end = at
        made = yield from self.read_stream(stream, arrays=False)
        if not stream.stopped:
            raise Unexamined(f"the pickle of an array of objects at byte {at} breaks off")
        stream.stopped = False
        return made


def _run(machine: Machine) -> None:
    """Run without the search for cycles: what the machine makes stays, and looking at it took a third of the time."""
    searched = gc.isenabled()
    gc.disable()
    try:
        machine.run()
    finally:
        if searched:
            gc.enable()


def _is_pickle(stream: Stream) -> bool:
    """Whether bytes behind a pickle are one more: any that a reader takes, or that import a name first."""
    return bool(stream.names) or (stream.stopped and stream.usable and stream.operations > 1)
