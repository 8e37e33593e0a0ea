"""Read and change ``weighlock.lock`` on disk."""

import fcntl
import os
from pathlib import Path

from weighlock.core.error import DeniedError
from weighlock.core.lock import MAX_LOCK_BYTES, Lock, LockedModel
from weighlock.service.file import write_whole


def read_lock(location: Path) -> Lock:
    """Return the lock in ``location``, empty if there is no such file; raises DeniedError ``lock_invalid``, OSError."""
    try:
        with location.open("rb") as file:
            return Lock.parse(file.read(MAX_LOCK_BYTES + 1))
    except FileNotFoundError:
        return Lock()


def write_entry(location: Path, model: LockedModel, *, before: LockedModel | None) -> None:
    """Put ``model`` into the lock where ``before`` stands, keeping what others wrote meanwhile.

    Raises DeniedError ``lock_conflict`` if another process changed this very entry, ``lock_invalid``; OSError.
    """
    folder = os.open(location.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        lock = read_lock(location)
        there = lock.models.get(model.name)
        if there is not None and there != before and there != model:  # noqa: PLR1714  # neither can be in a set
            raise DeniedError(
                "lock_conflict",
                f"the entry {model.name} of the lock was changed by someone else meanwhile",
                hint="look at the change, then pull again",
            )
        write_whole(location, lock.with_model(model).to_bytes())
    finally:
        os.close(folder)
