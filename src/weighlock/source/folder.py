"""List the files of a model that lies in a folder, or of one file, without reading them.

What a folder may hold is narrower than what a file system allows: regular files
under portable names. Links, devices, sockets and FIFOs are refused, not skipped: a
model that silently lost a file is a different model. One layout of links is so
common that it works as it is: a snapshot in the Hugging Face cache, whose links
lead to the ``blobs`` of the same repository (huggingface_hub, "Understand caching").
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.limit import MAX_FILES
from weighlock.core.path import check_path, check_paths
from weighlock.core.text import shown

MAX_ENTRIES: Final = 10 * MAX_FILES  # files and folders together: a tree of empty folders ends too


class FolderFile(NamedTuple):
    """A file of a folder: its path in the artifact, its size in bytes, where its bytes are."""

    path: str
    size: int
    location: Path


def walk_folder(root: Path, *, ignore: Iterable[str] = ()) -> list[FolderFile]:
    """Return the files under ``root`` by path in code-point order; of a single file, that file.

    Args:
        root: a folder or a regular file; a link is followed here, because the caller named it.
        ignore: paths relative to ``root`` that are left out, each a file or a whole folder.

    Raises UsageError ``source_missing``; DeniedError ``link_refused``, ``file_special``,
    ``path_invalid``, ``path_collision``, ``artifact_empty`` or ``artifact_too_many_files``;
    UndecidedError ``io_failed``.
    """
    real = _resolve(root)
    facts = _status(real)
    if stat.S_ISREG(facts.st_mode):
        return [FolderFile(check_path(root.name), facts.st_size, real)]
    if not stat.S_ISDIR(facts.st_mode):
        raise _special(root.name, facts.st_mode)
    found = {file.path: file for file in _files(real, frozenset(ignore))}
    if not found:
        raise DeniedError(
            "artifact_empty",
            f"the folder {shown(str(root))!r} holds no files",
            hint="name the folder of the model",
        )
    return [found[path] for path in check_paths(found)]


def _files(root: Path, ignore: frozenset[str]) -> Iterator[FolderFile]:
    blobs = _cache_blobs(root)
    waiting = [""]
    entries = files = 0
    while waiting:
        folder = waiting.pop()
        for name in _list(root / folder):
            path = f"{folder}/{name}" if folder else name
            if path in ignore:
                continue
            check_path(path)  # before anything else is asked about it
            facts = _status(root / path)
            entries += 1
            if stat.S_ISDIR(facts.st_mode):
                waiting.append(path)
            else:
                files += 1
                yield _file(path, root / path, facts, blobs)
            if files > MAX_FILES or entries > MAX_ENTRIES:
                raise _too_many()


def _file(path: str, location: Path, facts: os.stat_result, blobs: Path | None) -> FolderFile:
    if stat.S_ISLNK(facts.st_mode):
        location = _blob(path, location, blobs)
        facts = _status(location)
    if not stat.S_ISREG(facts.st_mode):
        raise _special(path, facts.st_mode)
    return FolderFile(path, facts.st_size, location)


def _cache_blobs(root: Path) -> Path | None:
    """Return the folder of blobs if ``root`` is a snapshot in the Hugging Face cache."""
    blobs = root.parent.parent / "blobs"
    if root.parent.name == "snapshots" and blobs.is_dir() and not blobs.is_symlink():
        return blobs
    return None


def _blob(path: str, link: Path, blobs: Path | None) -> Path:
    try:
        target = Path(os.path.realpath(link, strict=True))
    except OSError:
        target = None
    if blobs is None or target is None or target.parent != blobs:
        raise DeniedError(
            "link_refused",
            f"{shown(path)!r} is a symbolic link",
            hint="copy the file itself into the folder; links are accepted only in a snapshot of the "
            "Hugging Face cache, where they lead to the blobs of the same repository",
        )
    return target


def _too_many() -> DeniedError:
    return DeniedError(
        "artifact_too_many_files",
        f"the folder holds more than {MAX_FILES} files, or {MAX_ENTRIES} files and folders",
        hint="a model is one artifact of at most that many files; name the folder of one model",
    )


def _special(path: str, mode: int) -> DeniedError:
    kinds = ((stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))
    kind = next((name for test, name in kinds if test(mode)), "a device")
    return DeniedError(
        "file_special",
        f"{shown(path)!r} is {kind}, not a regular file",
        hint="remove it from the model's folder",
    )


def _resolve(root: Path) -> Path:
    try:
        return Path(os.path.realpath(root, strict=True))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            "source_missing",
            f"{shown(str(root))!r} does not exist",
            hint="check the path; it is relative to where you are",
        ) from error
    except OSError as error:
        raise unreadable(str(root), error) from error


def _list(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError as error:
        raise unreadable(str(folder), error) from error


def _status(location: Path) -> os.stat_result:
    try:
        return os.lstat(location)
    except OSError as error:
        raise unreadable(str(location), error) from error


def unreadable(name: str, error: OSError) -> UndecidedError:
    """Return the error for a file or folder that the operating system refused to read."""
    return UndecidedError(
        "io_failed",
        f"{shown(name)!r} cannot be read: {error.strerror or error}",
        hint="check that it exists, that you may read it, and that the disk is healthy",
    )
