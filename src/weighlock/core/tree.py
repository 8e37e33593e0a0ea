"""The seam between catalogers and where files lie: a folder today, an image layer later.

Paths are relative to the tree's root, with ``/`` between components; the root is ``""``.
No implementation follows a symbolic link.
"""

import enum
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from weighlock.core.error import DeniedError
from weighlock.core.text import shown


class EntryKind(enum.StrEnum):
    """What stands under a name."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


class Entry(NamedTuple):
    """A name in a folder, by its full path; ``size`` in bytes is that of a file, else 0."""

    path: str
    kind: EntryKind
    size: int


class Tree(Protocol):
    """Read access to a tree of untrusted files."""

    def entries(self, folder: str) -> list[Entry]:
        """Return what ``folder`` holds, by path; empty if it is not a folder."""

    def read(self, path: str, *, limit: int) -> bytes | None:
        """Return a regular file's bytes, None if there is no regular file; raises DeniedError ``file_too_large``."""


class MemoryTree:
    """A tree made of bytes, as an archive gives them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    def entries(self, folder: str) -> list[Entry]:
        """Return what ``folder`` holds, by path."""
        prefix = f"{folder}/" if folder else ""
        found: dict[str, Entry] = {}
        for path, content in self._files.items():
            name, slash, _ = path.removeprefix(prefix).partition("/")
            if path.startswith(prefix):
                kind, size = (EntryKind.FOLDER, 0) if slash else (EntryKind.FILE, len(content))
                found[name] = Entry(prefix + name, kind, size)
        return [found[name] for name in sorted(found)]

    def read(self, path: str, *, limit: int) -> bytes | None:
        """Return a file's bytes, None if there is none; raises DeniedError ``file_too_large``."""
        content = self._files.get(path)
        if content is not None and len(content) > limit:
            raise too_large(path, limit)
        return content


def walk(tree: Tree, folder: str) -> Iterator[Entry]:
    """Yield everything below ``folder`` that is not a folder, in no useful order."""
    waiting = [folder]
    while waiting:
        for entry in tree.entries(waiting.pop()):
            if entry.kind == EntryKind.FOLDER:
                waiting.append(entry.path)
            else:
                yield entry


def too_large(path: str, limit: int) -> DeniedError:
    """Return the error for a file that is larger than what is read of its kind."""
    return DeniedError("file_too_large", f"{shown(path)!r} is larger than the limit of {limit} bytes")
