"""Files and folders by descriptor: no path is walked twice and no link is followed.

Every name is opened relative to an open folder with O_NOFOLLOW, so whoever swaps a
folder for a link wins nothing.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.text import shown

BLOB_MODE: Final = 0o444
_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO would otherwise wait for a writer for ever
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE_FILE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HINTS: Final = {
    errno.ENOSPC: "the disk is full: free some space, then run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space, then run the command again",
    errno.EFBIG: "the file is larger than this file system or process may write: see `ulimit -f`, or move the store",
    errno.EROFS: "the file system is mounted read-only: mount it writable, or move the store",
    errno.EACCES: "check the owner and the permissions of the folder",
    errno.EPERM: "check the owner and the permissions of the folder",
    errno.EIO: "the disk has an error: see the kernel's log",
}


class Readable(Protocol):
    """What bytes are read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from its start and return the number of bytes, 0 at the end."""


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Turn an OSError while doing ``what`` into UndecidedError ``io_failed``, a link into ``link_refused``."""
    try:
        yield
    except OSError as error:
        raise failure(error, what) from error


def failure(error: OSError, what: str, *, kept: str = "") -> DeniedError | UndecidedError:
    """Return the error to raise for ``error`` while doing ``what``; ``kept`` says what is left of it, if anything is."""
    if error.errno == errno.ELOOP:
        return DeniedError(
            "link_refused",
            f"could not {what}: a symbolic link is in the way",
            hint="find out who put it there",
        )
    hints = [_HINTS.get(error.errno or 0), kept]
    hint = "; ".join(filter(None, hints)) or "nothing unverified was kept"
    return UndecidedError("io_failed", f"could not {what}: {error.strerror}", hint=hint)


def open_folder(name: str, *, within: int) -> int:
    """Return a descriptor of a folder; raises OSError, also for a link (ENOTDIR or ELOOP)."""
    return os.open(name, _OPEN_FOLDER, dir_fd=within)


def open_file(name: str | os.PathLike[str], *, within: int | None = None) -> int:
    """Return a descriptor of a regular file; raises OSError, DeniedError ``file_special``."""
    descriptor = os.open(name, _OPEN_FILE, dir_fd=within)
    try:
        check_regular(descriptor, str(name))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_regular(descriptor: int, name: str) -> os.stat_result:
    """Return the status of an open file; raises DeniedError ``file_special`` unless it is a regular file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise DeniedError("file_special", f"{shown(name)!r} is not a regular file")
    return status


def create_file(name: str, *, within: int, mode: int = 0o600) -> int:
    """Return a descriptor of a new file, open for reading and writing; raises OSError if the name exists."""
    return os.open(name, _CREATE_FILE, mode, dir_fd=within)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of ``data``; a write may do less than it was asked to."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_chunks(stream: Readable, *, size: int = READ_BYTES) -> Iterator[memoryview]:
    """Yield the rest of a stream in one reused buffer: each chunk is good until the next is asked for.

    ``size`` is what is expected in bytes, if that is known: a small file needs no large buffer.
    """
    buffer = memoryview(bytearray(max(1, min(size, READ_BYTES))))
    while count := stream.readinto(buffer):
        yield buffer[:count]


def read_file(name: str, *, within: int, limit: int) -> bytes:
    """Return a file's bytes, at most ``limit`` + 1 of them; raises OSError, DeniedError ``file_special``."""
    with open(open_file(name, within=within), "rb", buffering=0) as file:
        parts: list[bytes] = []
        size = 0
        while size <= limit and (part := file.read(min(READ_BYTES, limit + 1 - size))):
            parts.append(part)
            size += len(part)
    return b"".join(parts)


def replace_file(name: str, data: bytes, *, within: int, partial: str, partials: int) -> None:
    """Put ``data`` under ``name``, wholly or not at all, also across a power cut."""
    descriptor = create_file(partial, within=partials, mode=0o644)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
        os.rename(partial, name, src_dir_fd=partials, dst_dir_fd=within)
    except BaseException:
        remove_file(partial, within=partials)
        raise
    finally:
        os.close(descriptor)
    os.fsync(within)


def remove_file(name: str, *, within: int) -> None:
    """Remove a file if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=within)


def close_all(descriptors: Iterable[int]) -> None:
    """Close the descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)
