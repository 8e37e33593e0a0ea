"""The bytes of one file on their way from a source: counted, held against what is said of them, stopped on demand."""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

from weighlock.core.chunk import ended
from weighlock.core.error import DeniedError
from weighlock.core.progress import Part, Progress
from weighlock.core.text import shown
from weighlock.source.disguise import HEAD_BYTES, check_disguise
from weighlock.source.interface import Fetched, Item


class StoppedError(Exception):
    """The transfer ends because something else went wrong; nobody is told of this."""


class _Sums(Protocol):
    def update(self, data: memoryview, /) -> None:
        """Take in bytes."""

    def hexdigest(self) -> str:
        """Return the digest so far."""


class FileTransfer:
    """One file being fetched, and in the end what it cost: all sizes in bytes.

    ``fetched_bytes`` came from the source, ``resumed_bytes`` were there from an earlier, broken pull.
    """

    def __init__(self, item: Item, fetched: Fetched, progress: Progress, stopped: threading.Event) -> None:
        self.item = item
        self.fetched_bytes = 0
        self.resumed_bytes = 0
        self._fetched = fetched
        self._progress = progress
        self._stopped = stopped
        self._part: Part | None = None
        self._told = 0  # bytes that the progress was told of
        self._checked = False  # whether the bytes were seen here from the first to the last

    def chunks_from(self, start: int) -> Iterator[memoryview]:
        """Yield the file's bytes from ``start`` on; asked again, it begins again.

        Raises DeniedError ``git_mismatch``, ``archive_disguised`` or the source's errors; StoppedError.
        """
        part = self._part = self._part or self._progress.part(self.item.path, self.item.size)
        part.advance(start - self._told)
        self._told = start
        self.resumed_bytes = start
        with ended(self._fetched.chunks(self.item.path, start)) as chunks:
            yield from self._counted(chunks if start else check_bytes(self.item, chunks), part)
        self._checked = start == 0

    def finish(self, stored: Iterator[memoryview]) -> None:
        """Hold against the file what could not be seen as it passed; raises as ``chunks_from``.

        ``stored`` are the kept bytes: read only if they came, wholly or in part, from an earlier pull.
        """
        if not self._checked:
            for _ in check_bytes(self.item, stored, whole=self.item.git_sha1 is not None):
                self._check_stopped()
        rest = self._part or self._progress
        rest.advance(self.item.size - self._told)

    def end(self) -> None:
        """End the file's bar, done or not."""
        if self._part is not None:
            self._part.end()

    def _counted(self, chunks: Iterable[memoryview], part: Part) -> Iterator[memoryview]:
        for chunk in chunks:
            self._check_stopped()
            yield chunk
            part.advance(len(chunk))
            self._told += len(chunk)
            self.fetched_bytes += len(chunk)

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise StoppedError


def check_bytes(item: Item, chunks: Iterable[memoryview], *, whole: bool = True) -> Iterator[memoryview]:
    """Yield ``chunks``, a file from its beginning, if they are what the file's name and git say.

    Without ``whole`` only as many as are needed to see its kind. Raises DeniedError ``archive_disguised``
    as soon as that is seen, ``git_mismatch`` at the end.
    """
    sums = _git_sums(item)
    head, needed = b"", min(HEAD_BYTES, item.size)
    for chunk in chunks:
        if len(head) < needed:
            head += bytes(chunk[: needed - len(head)])
            if len(head) == needed:  # before the last of it is kept
                check_disguise(item.path, head)
        elif not whole:
            break
        if sums is not None:
            sums.update(chunk)
        yield chunk
    if len(head) < needed:
        check_disguise(item.path, head)
    if sums is not None and whole and sums.hexdigest() != item.git_sha1:
        raise DeniedError(
            "git_mismatch",
            f"the file {shown(item.path)!r} is git's blob {sums.hexdigest()}, and its source lists {item.git_sha1}",
            hint="the bytes are not of the revision that was listed; nothing of them was kept; report it to the hub",
            details={"file": item.path, "expected": item.git_sha1, "found": sums.hexdigest()},
        )


def _git_sums(item: Item) -> _Sums | None:
    if item.git_sha1 is None:
        return None
    # git's object format: "blob", the size in decimal, a zero byte, the bytes (gitformat-pack, "hash-object")
    return hashlib.sha1(b"blob %d\0" % item.size, usedforsecurity=False)
