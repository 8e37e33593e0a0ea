"""Take a file of the machine into a store."""

import os
from collections.abc import Iterator

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.store.folder import check_regular, failure, open_file
from weighlock.store.interface import Blob, Store


def add_file(
    store: Store,
    source: str | os.PathLike[str] | int,
    *,
    expected: Digest | None = None,
    expected_size: int | None = None,
    progress: Progress = NO_PROGRESS,
) -> Blob:
    """Copy a regular file, given by path or by open descriptor, into ``store``, digesting in the same pass.

    A descriptor is read from the file's start, wherever it stands, and stays open.
    ``progress`` is advanced only. Safe to call from several threads.
    Raises DeniedError ``link_refused``, ``file_special``, ``file_changed`` (while it was read),
    ``digest_mismatch``, ``size_mismatch``; UsageError ``source_missing``; UndecidedError ``io_failed``.
    """
    if isinstance(source, int):
        return _add(store, source, "the open file", expected, expected_size, progress)
    what = f"the file {shown(os.fspath(source))!r}"
    try:
        descriptor = open_file(source)
    except FileNotFoundError as error:
        raise UsageError("source_missing", f"{what} does not exist") from error
    except OSError as error:
        raise failure(error, f"open {what}") from error
    try:
        return _add(store, descriptor, what, expected, expected_size, progress)
    finally:
        os.close(descriptor)


def _add(
    store: Store,
    descriptor: int,
    what: str,
    expected: Digest | None,
    expected_size: int | None,
    progress: Progress,
) -> Blob:
    chunks = _read(descriptor, what, progress)
    return store.write_blob(chunks, expected=expected, expected_size=expected_size)


def _read(descriptor: int, what: str, progress: Progress) -> Iterator[memoryview]:
    """Yield the file, and raise at its end, before the bytes get a name, if it changed meanwhile."""
    before = _state(check_regular(descriptor, what))
    buffer = memoryview(bytearray(READ_BYTES))
    size = 0
    while count := _read_at(descriptor, buffer, size, what):
        size += count
        yield buffer[:count]
        progress.advance(count)
    after = os.fstat(descriptor)
    if _state(after) != before or size != after.st_size:
        raise DeniedError(
            "file_changed",
            f"{what} changed while it was read",
            hint="wait until whoever writes it is done, then do this again",
        )


def _read_at(descriptor: int, buffer: memoryview, offset: int, what: str) -> int:
    try:
        return os.preadv(descriptor, [buffer], offset)
    except OSError as error:
        raise failure(error, f"read {what}") from error


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
