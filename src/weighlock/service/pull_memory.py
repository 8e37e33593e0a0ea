"""Remember between two attempts at one pull which SHA-256 the files had that only git had named before.

Such files are verified by git's name and have no digest to be resumed by: without this, a pull
that breaks off after 4,000 of 5,000 small files would fetch 4,000 again. What is written here
is a hint. The bytes must be in the store; they are digested, and held against git's name, again.
A note counts for one source, owner and revision only, and what a mirror alone said counts for no
origin: SHA-1 is no proof across them. The lock is such a note too: a file that an update finds under
the same git name is the one that was locked.
"""

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_FILES
from weighlock.core.lock import LockedModel
from weighlock.source.interface import Item, Resolved

MAX_NOTES_BYTES: Final = MAX_FILES * 2_000  # a line has a path of at most 1,024 bytes and about 150 more
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class PullMemory:
    """Notes about one revision of one source, one JSON line a file; a ``Memory`` of a transfer.

    A file that cannot be read or written is no memory at all: everything is then fetched again.
    """

    def __init__(self, location: Path, entry: LockedModel | None = None) -> None:
        self._location = location
        self._entry = entry
        self._mutex = threading.Lock()
        self._known: dict[tuple[str, str, int], Digest] | None = None

    @classmethod
    def of_user(
        cls, environ: Mapping[str, str], source: str, resolved: Resolved, entry: LockedModel | None
    ) -> Self:
        """Return the memory in the user's cache folder (XDG Base Directory Specification).

        ``entry`` is what is locked, whatever revision it has.
        """
        base = environ.get("XDG_CACHE_HOME", "")
        folder = Path(base) if base.startswith("/") else Path.home() / ".cache"
        key = [source, resolved.revision, list(resolved.owner), resolved.origin_confirmed]
        same = (
            entry is not None
            and entry.source == source
            and (entry.owner, entry.origin_confirmed) == (resolved.owner, resolved.origin_confirmed)
        )
        name = Digest.of(json.dumps(key).encode()).hex
        return cls(folder / "weighlock" / "pulls" / f"{name}.jsonl", entry if same else None)

    def recall(self, item: Item) -> Digest | None:
        """Return the digest that the file had, if git's name for it is still the same."""
        if item.git_sha1 is None:
            return None
        if self._entry is not None and self._entry.git_sha1.get(item.path) == item.git_sha1:
            return self._entry.files[item.path].digest
        with self._mutex:
            if self._known is None:
                self._known = dict(_read(self._location))
            return self._known.get((item.path, item.git_sha1, item.size))

    def note(self, item: Item, digest: Digest) -> None:
        """Keep a digest; nothing that git did not name is kept."""
        if item.git_sha1 is None:
            return
        line = json.dumps([item.path, item.git_sha1, item.size, digest.hex]).encode() + b"\n"
        with contextlib.suppress(OSError):  # a hint that is not kept costs time only
            self._location.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._location, _FLAGS, 0o600)
            try:
                os.write(descriptor, line)  # one write, so that two pulls do not mix their lines
            finally:
                os.close(descriptor)

    def forget(self) -> None:
        """Remove the notes: the pull is done."""
        with contextlib.suppress(OSError):
            self._location.unlink(missing_ok=True)


def _read(location: Path) -> list[tuple[tuple[str, str, int], Digest]]:
    try:
        descriptor = os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return []
        lines = file.read(MAX_NOTES_BYTES).splitlines()
    return [note for line in lines if (note := _note(line)) is not None]


def _note(line: bytes) -> tuple[tuple[str, str, int], Digest] | None:
    """Return what a line says; None for one that was cut off by a crash."""
    try:
        path, git_sha1, size, digits = json.loads(line)
        return (str(path), str(git_sha1), int(size)), Digest("sha256", str(digits))
    except (ValueError, TypeError, DeniedError):
        return None
