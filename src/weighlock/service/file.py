"""Small files of the user's own, or that people name: read with a limit, written whole or not at all."""

import os
from pathlib import Path
from typing import Final

from weighlock.core.error import UsageError
from weighlock.core.text import shown

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read_limited(location: Path, limit: int, *, missing: str) -> bytes:
    """Return a file's bytes, at most one more than ``limit``, so that whoever parses them notices.

    Raises UsageError with the code ``missing`` if there is no such file; OSError.
    """
    try:
        with location.open("rb") as file:
            return file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            missing, f"there is no file {shown(str(location))!r}", hint="check the path"
        ) from error


def write_whole(location: Path, content: bytes) -> None:
    """Write a file that others may read, replacing an older one at once and durably; raises OSError."""
    temporary = location.with_name(f".weighlock-{os.urandom(8).hex()}")
    descriptor = os.open(temporary, _NEW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        temporary.replace(location)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(location.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new(location: Path, content: bytes, *, mode: int, exists: str) -> None:
    """Write a file that must not exist yet; raises UsageError with the code ``exists``, or OSError."""
    try:
        descriptor = os.open(location, _NEW, mode)
    except FileExistsError as error:
        raise _exists(location, exists) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def check_absent(location: Path, *, exists: str) -> None:
    """Return if there is no such file; raises UsageError with the code ``exists``."""
    if os.path.lexists(location):
        raise _exists(location, exists)


def _exists(location: Path, code: str) -> UsageError:
    return UsageError(
        code, f"{shown(str(location))!r} exists already", hint="choose another name, or remove it first"
    )
