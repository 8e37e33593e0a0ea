"""Share files out to workers, one to each processor, and gather what they say."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile
from weighlock.service.inspection_channel import MAX_BATCH
from weighlock.service.inspection_process import InspectionProcess

MAX_WORKERS: Final = 8  # each may have 300 MB; more would wait for the disk
SMALL_BYTES: Final = 1 << 20  # smaller files are handed out by the batch: round trips would show
BATCH_BYTES: Final = (
    8 << 20
)  # of small files in one batch, so that the last batch does not leave a worker alone


class Sized(Protocol):
    """A file that is to be examined."""

    @property
    def size(self) -> int:
        """Its size in bytes."""


_Sized = TypeVar("_Sized", bound=Sized)


class Gathered:
    """What came of all files, in the order in which they were done, and what held for every worker."""

    def __init__(self) -> None:
        self.files: list[InspectedFile] = []
        self.confinement: frozenset[str] | None = None
        self.engine: str | None = None

    def add_worker(self, process: InspectionProcess) -> None:
        """Note what held for one worker: what did not hold for each does not hold."""
        if process.confinement:
            known, holding = self.confinement, frozenset(process.confinement)
            self.confinement = holding if known is None else known & holding
            self.engine = process.engine


def share_out(
    files: Sequence[_Sized],
    examine: Callable[[InspectionProcess, Sequence[_Sized]], Iterator[InspectedFile]],
    *,
    options: Options | None = None,
    done: Callable[[InspectedFile], None] = lambda _: None,
) -> Gathered:
    """Return what ``examine`` yields for batches of ``files``, with a worker to each thread.

    Raises the first error that ``examine`` raises, and ``KeyboardInterrupt``; then no worker is left.
    """
    batches = deque(_batches(files))
    workers = min(len(batches), len(os.sched_getaffinity(0)), MAX_WORKERS)
    gathered = Gathered()
    stopped = threading.Event()
    running: list[InspectionProcess] = []

    def work(_: int) -> bool:
        with InspectionProcess(
            options=options
        ) as process:  # it dies with the thread that starts it: none is shared
            running.append(process)
            while not stopped.is_set() and (batch := _next(batches)):
                for file in examine(process, batch):
                    gathered.files.append(file)
                    done(file)
            gathered.add_worker(process)
        return True

    if workers <= 1:
        work(0)
        return gathered
    from weighlock.service.crew import Crew  # noqa: PLC0415  # one file needs one worker, and no thread

    def interrupt() -> None:
        for process in tuple(running):  # a thread may add to it
            process.interrupt()

    Crew(work, range(workers), stopped=stopped, interrupt=interrupt).run(workers)
    return gathered


def _next(batches: "deque[list[_Sized]]") -> list[_Sized]:
    try:
        return batches.popleft()
    except IndexError:
        return []


def _batches(files: Sequence[_Sized]) -> Iterator[list[_Sized]]:
    """Yield the large files one by one, the largest first, then the small ones together."""
    batch: list[_Sized] = []
    held = 0
    for file in sorted(files, key=lambda each: -each.size):
        if file.size >= SMALL_BYTES:
            yield [file]
            continue
        batch.append(file)
        held += file.size
        if len(batch) == MAX_BATCH or held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
