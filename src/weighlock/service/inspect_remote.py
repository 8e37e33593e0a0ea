"""Inspect a model where it lies, by the ranges that its parsers need: to inform people before a pull.

Nothing proves the bytes: the same server may send others to the next reader. So this result is never
evidence, and a pull examines what it digested.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError, WeighlockError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.inspection.span import Span
from weighlock.service.inspect import examine_shared
from weighlock.service.inspection_process import InspectionProcess, not_examined
from weighlock.service.sources import Sources
from weighlock.source.interface import Fetched, Item, Ranged, Ranges, Resolved
from weighlock.source.permission import parse_source

HEAD_BYTES: Final = 16 * 1024  # what parsers ask for first; holds the headers of most shards
TAIL_BYTES: Final = 4 * 1024  # what they ask for next: is there an archive's end?
STEP_BYTES: Final = 64 * 1024  # fewer are not asked for: a round trip costs as much
SMALL_BYTES: Final = 256 * 1024  # a file that is fetched whole at once
MAX_PREFETCHED_BYTES: Final = 64 * 1024 * 1024  # held in memory before the first file is examined
CONNECTIONS: Final = 16  # for the heads and tails of all files, before the first is examined
MAX_HELD_BYTES: Final = (
    32 * 1024 * 1024
)  # of one file while it is examined; what goes on from there is read once
MAX_FETCHED_BYTES: Final = 512 * 1024 * 1024  # of one model: a few large tokenizers and pickles


class RemoteInspection(NamedTuple):
    """The result, which revision it is of, and how many bytes were fetched of how many."""

    result: InspectionResult
    source: str
    resolved: Resolved
    fetched_bytes: int
    size_bytes: int


def inspect_source(
    sources: Sources,
    text: str,
    folder: Path,
    *,
    options: Options | None = None,
    progress: Progress = NO_PROGRESS,
) -> RemoteInspection:
    """Return what a source's files hold, fetching only the parts that say it.

    Raises what resolving the source raises, UndecidedError ``ranges_refused``; a file whose bytes cannot be had is
    not examined.
    """
    spec = parse_source(text)
    source = sources[spec.scheme]
    spec = source.canonical(spec, folder)
    source.check_allowed(spec)
    resolved = source.resolve(spec, {})
    tally = _Tally()
    with source.fetch(spec, resolved, None, _NoStaging(), progress) as fetched:
        files = [_file_of(fetched, item, tally) for item in fetched.items]
        _prefetch(files)

        def examine(process: InspectionProcess, batch: Sequence[_RemoteFile]) -> Iterator[InspectedFile]:
            return (_examine(process, file) for file in batch)

        size = sum(file.size for file in files)
        result = examine_shared(files, examine, size, options, progress)
    return RemoteInspection(result, str(spec), resolved, tally.fetched, size)


class _NoStaging:
    """Refuses what would have to be fetched whole."""

    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        """Raise UndecidedError ``ranges_refused``."""
        del chunks_from
        raise UndecidedError(
            "ranges_refused",
            f"the model's files lie in the tar layer {digest} of {size} bytes, which has no parts to ask for",
            hint="pull the model, and inspect it then",
        )


class _Tally:
    """Counts what is fetched, for all threads, and ends it at the limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.fetched = 0

    def add(self, count: int) -> None:
        with self._lock:
            self.fetched += count
            if self.fetched > MAX_FETCHED_BYTES:
                raise UndecidedError(
                    "ranges_refused",
                    f"more than {MAX_FETCHED_BYTES} bytes would have to be fetched to inspect the model where it lies",
                    hint="pull the model, and inspect it then",
                )


@dataclass(slots=True)
class _RemoteFile:
    """A file, and the parts of it that were fetched: bytes by their offset."""

    path: str
    size: int
    ranges: Ranges | None
    tally: _Tally
    parts: dict[int, bytes]
    failed: WeighlockError | None = None

    def fetch(self, span: Span) -> bytes:
        """Return the bytes of a span, from what was fetched or the source."""
        begin, end = span.offset, min(span.offset + span.length, self.size)
        for offset, data in self.parts.items():
            if offset <= begin and end <= offset + len(data):
                return data[begin - offset : end - offset]
        wanted = min(max(end, begin + STEP_BYTES), self.size)
        data = self.load(begin, wanted)
        return data[: end - begin]

    def load(self, begin: int, end: int) -> bytes:
        """Fetch a part and keep it; raises WeighlockError."""
        if self.ranges is None:
            raise UndecidedError(
                "ranges_refused", f"{shown(self.path)!r} lies inside a layer", hint="pull the model"
            )
        self.tally.add(end - begin)
        data = self.ranges.read(begin, end)
        if sum(map(len, self.parts.values())) + len(data) > MAX_HELD_BYTES:
            self.parts = {at: part for at, part in self.parts.items() if at in self._ends()}
        if len(data) <= MAX_HELD_BYTES:
            self.parts[begin] = data
        return data

    def _ends(self) -> tuple[int, int]:
        return 0, self.size - TAIL_BYTES


def _file_of(fetched: Fetched, item: Item, tally: _Tally) -> _RemoteFile:
    if not isinstance(fetched, Ranged):
        raise UndecidedError(
            "ranges_refused",
            "this kind of source has no parts to ask for",
            hint="pull the model, and inspect it then",
        )
    return _RemoteFile(item.path, item.size, fetched.ranges(item.path), tally, {})


def _prefetch(files: Sequence[_RemoteFile]) -> None:
    """Fetch beginning and end of every file at once: one after the other, each would cost its round trips."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            list(pool.map(_load_ends, files))
        except BaseException:  # Ctrl-C: what nobody began is not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _load_ends(file: _RemoteFile) -> None:
    if file.tally.fetched > MAX_PREFETCHED_BYTES:
        return  # the parsers ask for it when they come to it
    try:
        if file.size <= SMALL_BYTES:
            if file.size:
                file.load(0, file.size)
            return
        file.load(0, HEAD_BYTES)
        file.load(file.size - TAIL_BYTES, file.size)
    except WeighlockError as error:
        file.failed = error


def _examine(process: InspectionProcess, file: _RemoteFile) -> InspectedFile:
    if file.failed is not None:
        return not_examined(file.path, file.size, file.failed.message)
    try:
        return process.examine_spans(file.path, file.size, file.fetch)
    except WeighlockError as error:
        return not_examined(file.path, file.size, error.message)
    finally:
        file.parts.clear()
