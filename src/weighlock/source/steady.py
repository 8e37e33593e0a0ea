"""A regular file that is read once, from beginning to end, and must not change meanwhile."""

import errno
import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from weighlock.core.error import DeniedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.text import shown
from weighlock.source.folder import FolderFile, unreadable

_FLAGS: Final = (
    os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
)  # a FIFO put in its place must not block
_UNSTAMPED: Final = frozenset({"tmpfs", "ramfs", "hugetlbfs", "fuse", "fuseblk"})


class FileIdentity(NamedTuple):
    """What changes when a file's bytes do; times in nanoseconds since the epoch."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Self:
        """Return the identity in ``facts``."""
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


class SteadyFile:
    """An open file of a folder, as a stream; a context manager.

    Opening raises DeniedError ``link_refused`` if a link is on the way, ``file_changed``.
    ``readinto`` raises DeniedError ``file_changed`` at the end of the stream, or before, if
    the file is not what it was when it was listed and opened; so whoever reads to the end
    (where it returns 0) has read one version of the file. Raises UndecidedError ``io_failed``.
    """

    def __init__(self, file: FolderFile) -> None:
        self.path = file.path
        self.location: Path = file.location
        try:
            self._descriptor = os.open(file.location, _FLAGS)
        except OSError as error:
            raise unreadable(str(file.location), error) from error
        self.identity = self._identity()
        self._check_place()
        self._position = 0
        if self.identity.size != file.size:
            self.close()
            raise self._changed()

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer`` from the file; return the number of bytes, 0 at the end."""
        try:
            count = os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise unreadable(str(self.location), error) from error
        self._position += count
        grown = self._position > self.identity.size
        if grown or (
            count == 0 and (self._position != self.identity.size or self._identity() != self.identity)
        ):
            raise self._changed()
        return count

    def advise_sequential(self) -> None:
        """Tell the kernel to read ahead; advice only, so a file system may ignore it."""
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def flush(self) -> bool:
        """Write the file's dirty pages; return whether every later change of its bytes then changes its times.

        A program that has mapped the file changes a page unseen until the page was written out. Where
        nothing is written out, in memory, and on file systems of other programs, it stays unseen.
        """
        if _kind_of_file_system(self.identity.device).partition(".")[0] in _UNSTAMPED:
            return False
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            return error.errno in {errno.EROFS, errno.EINVAL}  # nobody can write there
        return True

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _identity(self) -> FileIdentity:
        facts = os.fstat(self._descriptor)
        if not stat.S_ISREG(facts.st_mode):
            self.close()
            raise self._changed()
        return FileIdentity.of(facts)

    def _check_place(self) -> None:
        """Raise DeniedError ``link_refused`` if a folder on the way was exchanged for a link since the listing."""
        try:
            real = str(Path(f"/proc/self/fd/{self._descriptor}").readlink())
        except OSError:
            return  # no proc(5) here: what is left is that nobody else may write the folder meanwhile
        if real != os.path.normpath(self.location.absolute()):
            self.close()
            raise DeniedError(
                "link_refused",
                f"{shown(self.path)!r} was reached through a link, or moved while it was opened",
                hint="let whatever writes the folder finish, and find out who put a link there",
            )

    def _changed(self) -> DeniedError:
        return DeniedError(
            "file_changed",
            f"{shown(self.path)!r} changed while it was read",
            hint="let whatever writes it finish, then try again",
        )


@functools.cache
def _kind_of_file_system(device: int) -> str:
    """Return the type of the file system mounted from ``device``, as proc(5), mountinfo, tells; "" if it does not."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    fields = [line.split() for line in lines]
    return next((line[line.index("-") + 1] for line in fields if line[2:3] == [wanted] and "-" in line), "")


def steady_chunks(file: FolderFile) -> Iterator[memoryview]:
    """Yield the file's bytes, each chunk valid until the next; raises as ``SteadyFile`` does."""
    buffer = memoryview(bytearray(READ_BYTES))
    with SteadyFile(file) as stream:
        stream.advise_sequential()
        while count := stream.readinto(buffer):
            yield buffer[:count]
