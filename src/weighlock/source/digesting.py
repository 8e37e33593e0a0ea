"""Digest files as fast as SHA-256 allows: unbuffered reads into one buffer, one thread a core.

SHA-256 of one file is sequential, so threads share files, not parts of a file; the
largest begins first. Both ``readv`` and ``update`` release the interpreter's lock.
"""

import hashlib
import os
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.source.folder import FolderFile
from weighlock.source.steady import FileIdentity, SteadyFile
from weighlock.source.threads import in_threads

_SMALL_BYTES: Final = 4 * READ_BYTES  # below this in total, starting threads costs more than they save


class DigestMemory(Protocol):
    """What is remembered about files that were digested before; called from several threads."""

    def recall(self, identity: FileIdentity) -> Digest | None:
        """Return the digest of a file that is still the same, if known."""

    def remember(self, identity: FileIdentity, digest: Digest) -> None:
        """Keep the digest of a file that was just read."""


def digest_files(
    files: Sequence[FolderFile],
    *,
    threads: int | None = None,
    progress: Progress = NO_PROGRESS,
    memory: DigestMemory | None = None,
) -> dict[str, ArtifactFile]:
    """Return each file with its digest, by path, in the order of ``files``.

    Args:
        files: what ``walk_folder`` lists.
        threads: at most this many; by default the cores that this process may use.
        progress: told about every byte, also about those known from memory.
        memory: digests known from before; omit it wherever the answer decides anything
            (rule of trust 12).

    Raises DeniedError ``file_changed`` or UndecidedError ``io_failed``; then, and on Ctrl-C,
    the other threads stop at their next read.
    """
    wanted = threads or len(os.sched_getaffinity(0))
    count = max(1, min(wanted, len(files)))
    total = sum(file.size for file in files)
    reader = _Reader(progress, memory)
    progress.begin("digesting", total)
    try:
        if count == 1 or total < _SMALL_BYTES:
            digested = [reader.digest(file) for file in files]
        else:
            largest_first = sorted(files, key=lambda file: file.size, reverse=True)
            digested = in_threads(reader.digest, largest_first, threads=count, stopped=reader.stopped)
    finally:
        progress.end()
    by_path = {file.path: file for file in digested}
    return {file.path: by_path[file.path] for file in files}


class _StoppedError(Exception):
    """Another thread failed, so this one gave up."""


class _Reader:
    """What the threads share: whom to tell, what is known, whether to stop."""

    def __init__(self, progress: Progress, memory: DigestMemory | None) -> None:
        self.stopped = threading.Event()
        self._progress = progress
        self._memory = memory
        self._local = threading.local()

    def digest(self, file: FolderFile) -> ArtifactFile:
        with SteadyFile(file) as stream:
            known = self._memory.recall(stream.identity) if self._memory else None
            if known is not None:
                self._progress.advance(file.size)
                return ArtifactFile(file.path, known, file.size)
            keeps = self._memory is not None and stream.flush()
            digest = self._read(stream)
        if self._memory and keeps:
            self._memory.remember(stream.identity, digest)
        return ArtifactFile(file.path, digest, file.size)

    def _read(self, stream: SteadyFile) -> Digest:
        stream.advise_sequential()
        buffer = self._buffer()
        running = hashlib.sha256()
        while count := stream.readinto(buffer):
            running.update(buffer[:count])
            self._progress.advance(count)
            if self.stopped.is_set():
                raise _StoppedError  # nobody waits for it: a digest of half a file must not exist
        return Digest("sha256", running.hexdigest())

    def _buffer(self) -> memoryview:
        buffer: memoryview | None = getattr(self._local, "buffer", None)
        if buffer is None:
            buffer = self._local.buffer = memoryview(bytearray(READ_BYTES))
        return buffer
