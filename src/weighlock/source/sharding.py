"""Digest the consecutive parts of files, for model signatures that list shards (OMS v1.0, section 6.3.2)."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.source.folder import FolderFile
from weighlock.source.steady import SteadyFile

_LABEL: Final = "digesting"


def digest_shards(
    files: Sequence[FolderFile], shard_size: int, *, progress: Progress = NO_PROGRESS
) -> dict[str, tuple[Digest, ...]]:
    """Return by path the digests of each file's consecutive parts of ``shard_size`` bytes, the last one shorter.

    An empty file has no parts. Raises DeniedError ``file_changed`` or UndecidedError ``io_failed``.
    """
    progress.begin(_LABEL, sum(file.size for file in files))
    try:
        return {file.path: _digest(file, shard_size, progress) for file in files}
    finally:
        progress.end()


def _digest(file: FolderFile, shard_size: int, progress: Progress) -> tuple[Digest, ...]:
    with SteadyFile(file) as stream:
        stream.advise_sequential()
        return digest_stream(stream.readinto, shard_size, progress)


def digest_stream(
    readinto: Callable[[memoryview], int | None], shard_size: int, progress: Progress
) -> tuple[Digest, ...]:
    """Return the digests of the consecutive parts of what ``readinto`` gives until it gives nothing."""
    digests: list[Digest] = []
    buffer = memoryview(bytearray(min(READ_BYTES, shard_size)))
    running, filled = hashlib.sha256(), 0
    while count := readinto(buffer[: min(len(buffer), shard_size - filled)]):
        running.update(buffer[:count])
        filled += count
        progress.advance(count)
        if filled == shard_size:
            digests.append(Digest("sha256", running.hexdigest()))
            running, filled = hashlib.sha256(), 0
    if filled:
        digests.append(Digest("sha256", running.hexdigest()))
    return tuple(digests)
