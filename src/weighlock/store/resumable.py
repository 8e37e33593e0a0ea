"""Partial files that outlive their writer, so that a broken fetch goes on where it stopped.

``ingest/HEX.partial`` holds the first bytes of the blob of that digest. Whoever fetches the blob holds the
file's ``flock``, which the kernel drops however a process dies: so one process or thread fetches it, and the
others wait, or turn to other blobs. Nothing in the file is believed; it is digested again with the rest.

A lock counts only once its holder has seen, under the store's lock, that the name still leads to the file
it locked: gc removes files under that lock, exclusively, and a blob that was completed took the file along.

No space is reserved ahead. ``posix_fallocate`` sets the length of the file, so that it would no longer say
how much came; it would fill the disk on the word of a size from the network; and where a file system cannot
do it, it writes every block.
"""

import contextlib
import datetime as dt
import fcntl
import os
from collections.abc import Iterator
from typing import Final, Self

from weighlock.core.digest import Digest
from weighlock.store.folder import (
    BLOB_MODE,
    check_regular,
    failure,
    read_chunks,
    remove_file,
    told,
    write_all,
)
from weighlock.store.lease import is_held, locked, resumables

KEPT: Final = dt.timedelta(hours=24)  # a person who comes back to a broken pull does so within a day
_MODE: Final = 0o644  # readable, so that other users of a shared store see its lock
_WRITABLE_BY_OTHERS: Final = 0o022
_FLAGS: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def partial_name(digest: Digest) -> str:
    """Return the name of the partial file of a blob."""
    return f"{digest.hex}.partial"


class ResumablePartial:
    """A partial file that this process has locked: a ``Partial``, and a context manager that gives it up.

    Giving up keeps the file for the next attempt, unless it is empty.
    """

    def __init__(self, name: str, *, ingest: int, lock: int) -> None:
        self.name = name
        self._ingest = ingest
        self._lock = lock
        os.fchmod(lock, _MODE)  # one that was whole already, when its writer died, may be read-only
        self._file = os.fdopen(os.open(name, os.O_RDWR | _FLAGS, dir_fd=ingest), "r+b", buffering=0)

    @classmethod
    def claim(cls, digest: Digest, *, ingest: int, wait: bool) -> Self | None:
        """Return the locked partial file of a blob, a new one if there is none.

        None only without ``wait``: somebody else has it. Raises OSError, DeniedError ``file_special``.
        """
        name = partial_name(digest)
        while True:
            lock = os.open(name, os.O_RDONLY | os.O_CREAT | _FLAGS, _MODE, dir_fd=ingest)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                with locked(ingest, exclusive=False):
                    if _is_ours(lock, name, ingest):
                        return cls(name, ingest=ingest, lock=lock)
            except BlockingIOError:
                os.close(lock)
                return None
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)

    def kept(self) -> Iterator[memoryview]:
        """Yield what is there; what is appended then follows it."""
        with told("read what an earlier attempt left"):
            size = os.fstat(self._lock).st_size
            if size:  # a buffer takes longer than a small file
                self._file.seek(0)
                yield from read_chunks(self._file, size=size)

    def append(self, chunk: bytes | memoryview) -> None:
        """Add a chunk; raises UndecidedError ``io_failed``, and then what was there before it is kept."""
        try:
            write_all(self._file.fileno(), chunk)
        except OSError as error:
            kept = "what came so far is kept, and the next attempt goes on there"
            raise failure(error, "write into the store", kept=kept) from error

    def clear(self) -> None:
        """Throw away what is there."""
        with told("begin again in the store"):
            self._file.truncate(0)
            self._file.seek(0)

    def synchronise(self) -> None:
        """Make the bytes survive a power cut, read-only; raises OSError, and then nothing of them is kept.

        After a failed fsync the kernel may believe pages to be clean that never reached the disk, so that
        a second one would succeed.
        """
        try:
            os.fchmod(self._file.fileno(), BLOB_MODE)
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(0)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give the file up. It may have become a blob, which has another name."""
        try:
            if not os.fstat(self._lock).st_size and _has_name(self._lock, self.name, self._ingest):
                remove_file(self.name, within=self._ingest)
        finally:
            # explicitly: a forked child that inherited the descriptor would keep the lock
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._file.close()


def unheld_partials(ingest: int) -> list[str]:
    """Return the partial files that nobody is writing; raises OSError."""
    names = []
    for name in resumables(ingest):
        with contextlib.suppress(FileNotFoundError):  # it became a blob meanwhile
            if not is_held(name, ingest):
                names.append(name)
    return sorted(names)


def expired_partials(ingest: int, now: dt.datetime) -> list[str]:
    """Return the partial files that nobody is writing and nobody came back to. The caller holds the store's lock, exclusively."""
    return [name for name in unheld_partials(ingest) if abs(now - _touched(name, ingest)) > KEPT]


def _touched(name: str, ingest: int) -> dt.datetime:
    status = os.stat(name, dir_fd=ingest, follow_symlinks=False)
    return dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)


def _is_ours(lock: int, name: str, ingest: int) -> bool:
    """Return whether the locked file still has that name; one that others could write is removed."""
    status = check_regular(lock, name)
    if not _has_name(lock, name, ingest):
        return False
    # another user, or a second name elsewhere such as a backup's, could change bytes after they were digested
    private = status.st_uid == os.geteuid() and status.st_nlink == 1
    if private and not status.st_mode & _WRITABLE_BY_OTHERS:
        return True
    remove_file(name, within=ingest)
    return False


def _has_name(descriptor: int, name: str, folder: int) -> bool:
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
