"""Read every pickle of a file: PyTorch's legacy format and others put several behind each other."""

from typing import Final, NamedTuple

from weighlock.inspection.pickle.lexer import lex
from weighlock.inspection.pickle.machine import MAX_OPERATIONS, Machine, Stream
from weighlock.inspection.span import Reading, Unexamined, Window

MAX_STREAMS: Final = 1000  # in one file; legacy torch has five


class Pickles(NamedTuple):
    """The pickles of a file, in order; ``rest`` is the offset of the first byte that belongs to none."""

    streams: list[Stream]
    rest: int
    unexamined: str | None


def read_pickles(size: int) -> Reading[Pickles]:
    """Return what each pickle from byte 0 on does; never raises for what the file holds.

    A stream that breaks off is the last one. ``unexamined`` says which budget ended the reading.
    """
    streams: list[Stream] = []
    at = 0
    left = MAX_OPERATIONS
    while at < size and len(streams) < MAX_STREAMS:
        machine = Machine(at, size)
        try:
            yield from _read_stream(machine, size, left)
        except Unexamined as limit:
            if streams and not _is_pickle(machine.stream):
                break
            return Pickles([*streams, machine.stream], machine.stream.end, limit.reason)
        stream = machine.stream
        if streams and not _is_pickle(stream):
            break
        streams.append(stream)
        at = stream.end
        left -= stream.operations
        if not stream.stopped:
            break
    return Pickles(streams, at, None if len(streams) < MAX_STREAMS else f"more than {MAX_STREAMS} pickles")


def _read_stream(machine: Machine, size: int, budget: int) -> Reading[None]:
    stream = machine.stream
    window = Window(size, stream.start)
    while True:
        batch = lex(window.data, window.base, window.at, size)
        stream.end = window.at = batch.at
        machine.run(batch.tokens)
        if stream.operations > budget:
            raise Unexamined(f"its pickles have more than {MAX_OPERATIONS} operations")
        if batch.error:
            machine.malformed(batch.at, batch.error)
            return
        if batch.stopped:
            return
        if batch.need:
            yield from window.need(batch.need)


def _is_pickle(stream: Stream) -> bool:
    """Whether bytes behind a pickle are one more: any that a reader takes, or that import a name first."""
    return bool(stream.names) or (stream.stopped and stream.usable and stream.operations > 1)


def probe_pickle(head: bytes, size: int) -> Stream:
    """Return what the bytes at hand do when they are read as a pickle; ``size`` is the file's."""
    machine = Machine(0, size)
    batch = lex(head, 0, 0, size)
    try:
        machine.run(batch.tokens)
    except Unexamined:
        machine.malformed(batch.at, "a budget is used up")
    if batch.error:
        machine.malformed(batch.at, batch.error)
    machine.stream.end = batch.at
    return machine.stream
