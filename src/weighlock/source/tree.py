"""A folder on disk as a tree of untrusted files, without following any link inside it."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.limit import READ_BYTES
from weighlock.core.tree import Entry, EntryKind, too_large
from weighlock.source.folder import unreadable

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not block
_ABSENT: Final = (FileNotFoundError, NotADirectoryError)


class FolderTree:
    """The files below ``root``, by paths relative to it; every method raises UndecidedError ``io_failed``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.open_to_all: list[str] = []  # of what was listed: what every user of the machine may write
        self._real = {""}  # folders that were seen to be folders, not links

    def entries(self, folder: str) -> list[Entry]:
        """Return what ``folder`` holds, by path; empty if it is no folder."""
        try:
            if not self._is_folder(folder):
                return []
            with os.scandir(self.root / folder) as found:
                made = [self._entry(folder, entry) for entry in found]
        except _ABSENT:
            return []
        except OSError as error:
            raise unreadable(folder or ".", error) from error
        return sorted(made)

    def read(self, path: str, *, limit: int) -> bytes | None:
        """Return a regular file's bytes, None if there is none; raises DeniedError ``file_too_large``."""
        descriptor = self._open(path)
        if descriptor is None:
            return None
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            content = _read_up_to(stream.fileno(), limit + 1, path)
        if len(content) > limit:
            raise too_large(path, limit)
        return content

    def digest(self, path: str, *, algorithm: str = "sha256") -> tuple[Digest, int] | None:
        """Return a regular file's digest and size in bytes, None if there is no regular file."""
        descriptor = self._open(path)
        if descriptor is None:
            return None
        running = hashlib.new(algorithm)
        size = 0
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            # one byte more than the file has, so that an ordinary file needs one read and one that tells the end
            buffer = memoryview(bytearray(min(READ_BYTES, os.fstat(descriptor).st_size + 1)))
            try:
                while count := stream.readinto(buffer):
                    running.update(buffer[:count])
                    size += count
            except OSError as error:
                raise unreadable(path, error) from error
        return Digest(algorithm, running.hexdigest()), size

    def _entry(self, folder: str, entry: os.DirEntry[str]) -> Entry:
        path = f"{folder}/{entry.name}" if folder else entry.name
        facts = entry.stat(follow_symlinks=False)
        kinds = (
            (stat.S_ISDIR, EntryKind.FOLDER),
            (stat.S_ISREG, EntryKind.FILE),
            (stat.S_ISLNK, EntryKind.LINK),
        )
        if facts.st_mode & stat.S_IWOTH and not stat.S_ISLNK(facts.st_mode):
            self.open_to_all.append(path)
        kind = next((name for test, name in kinds if test(facts.st_mode)), EntryKind.OTHER)
        return Entry(path, kind, facts.st_size if kind is EntryKind.FILE else 0)

    def _open(self, path: str) -> int | None:
        try:
            folder, _, name = path.rpartition("/")
            if path.startswith("/") or name in {"", ".", ".."} or not self._is_folder(folder):
                return None
            if not stat.S_ISREG(os.lstat(self.root / path).st_mode):
                return None
            descriptor = os.open(self.root / path, _FLAGS)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
        except _ABSENT:
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        return None

    def _is_folder(self, folder: str) -> bool:
        """Return whether ``folder`` is one, reached through no link and not out of the root."""
        if folder in self._real:
            return True
        above, _, name = folder.rpartition("/")
        if folder.startswith("/") or name in {"", ".", ".."} or not self._is_folder(above):
            return False
        if not stat.S_ISDIR(os.lstat(self.root / folder).st_mode):
            return False
        self._real.add(folder)
        return True


def _read_up_to(descriptor: int, limit: int, path: str) -> bytes:
    content = bytearray()
    try:
        while len(content) < limit and (chunk := os.read(descriptor, min(READ_BYTES, limit - len(content)))):
            content += chunk
    except OSError as error:
        raise unreadable(path, error) from error
    return bytes(content)
