"""Move the files of a source to where they are kept, digesting each in the same pass."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import TypeAlias

from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.interface import Fetched, Item
from weighlock.source.threads import in_threads
from weighlock.store.interface import Blob, Store

Sink: TypeAlias = Callable[[Iterable[memoryview], Digest | None], Blob]


def into_store(store: Store) -> Sink:
    """Return a sink that keeps the bytes, under their digest, if they are the expected ones."""
    return lambda chunks, expected: store.write_blob(chunks, expected=expected)


def into_nothing(chunks: Iterable[memoryview], expected: Digest | None) -> Blob:
    """Digest the bytes and keep none; raises DeniedError ``digest_mismatch``."""
    running, size = hashlib.sha256(), 0
    for chunk in chunks:
        running.update(chunk)
        size += len(chunk)
    found = Digest("sha256", running.hexdigest())
    if expected not in {None, found}:
        raise DeniedError("digest_mismatch", "other bytes", details={"found": str(found)})
    return Blob(found, size)


def transfer(
    fetched: Fetched, sink: Sink, expected: Mapping[str, ArtifactFile] | None, progress: Progress
) -> dict[str, ArtifactFile]:
    """Return the files by path after each went through ``sink``, several at a time.

    ``expected`` is what a lock demands. Raises DeniedError ``files_differ``, ``digest_mismatch``
    or ``record_mismatch``, naming the file, and the errors of source and sink.
    """
    _check_paths(fetched.items, expected)
    progress.begin("pulling", sum(item.size for item in fetched.items))
    try:
        move = _Mover(fetched, sink, expected or {}, progress)
        count = min(len(os.sched_getaffinity(0)), len(fetched.items))
        largest_first = sorted(fetched.items, key=lambda item: item.size, reverse=True)
        moved = in_threads(move.move, largest_first, threads=count, stopped=move.stopped)
        return {file.path: file for file in sorted(moved)}
    finally:
        progress.end()


class _Mover:
    """What the threads share."""

    def __init__(
        self, fetched: Fetched, sink: Sink, expected: Mapping[str, ArtifactFile], progress: Progress
    ) -> None:
        self.stopped = threading.Event()
        self._fetched = fetched
        self._sink = sink
        self._expected = expected
        self._progress = progress

    def move(self, item: Item) -> ArtifactFile:
        locked = self._expected.get(item.path)
        if locked and item.promised not in {None, locked.digest}:
            raise _mismatch(item, locked.digest, str(item.promised), promised=False)
        expected = locked.digest if locked else item.promised
        try:
            blob = self._sink(self._chunks(item.path), expected)
        except DeniedError as error:
            if error.code != "digest_mismatch" or expected is None:
                raise
            raise _mismatch(
                item, expected, str(error.details.get("found")), promised=locked is None
            ) from error
        return ArtifactFile(item.path, blob.digest, blob.size)

    def _chunks(self, path: str) -> Iterator[memoryview]:
        for chunk in self._fetched.chunks(path):
            if self.stopped.is_set():
                raise CancelledError
            yield chunk
            self._progress.advance(len(chunk))


def _check_paths(items: Sequence[Item], expected: Mapping[str, ArtifactFile] | None) -> None:
    if expected is None:
        return
    there = {item.path for item in items}
    missing, extra = sorted(expected.keys() - there), sorted(there - expected.keys())
    if missing or extra:
        path = (missing or extra)[0]
        what = "is locked and no longer there" if missing else "is there and not locked"
        raise DeniedError(
            "files_differ",
            f"the file {shown(path)!r} {what}",
            hint="see what changed with `weighlock pull --update --dry-run`",
            details={"missing": missing, "extra": extra},
        )


def _mismatch(item: Item, expected: Digest, found: str, *, promised: bool) -> DeniedError:
    by = "the wheel's RECORD promises" if promised else "the lock demands"
    hint = (
        "nothing of it was kept; report it to whoever published the wheel"
        if promised
        else "nothing was changed; see what is different with `weighlock pull --update --dry-run`"
    )
    return DeniedError(
        "record_mismatch" if promised else "digest_mismatch",
        f"the file {shown(item.path)!r} has the digest {found}, and {by} {expected}",
        hint=hint,
        details={"file": item.path, "expected": str(expected), "found": found},
    )
