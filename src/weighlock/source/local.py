"""``path:``: a model in a folder, or one file, of this machine."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from weighlock.core.lock import UNAVAILABLE, Owner
from weighlock.core.progress import Progress
from weighlock.source.folder import FolderFile, walk_folder
from weighlock.source.interface import Item, Material, Resolved, SourceSpec
from weighlock.source.permission import check_folder
from weighlock.source.steady import steady_chunks

LEFT_OUT: Final = (".git", ".cache/huggingface")  # what git and the hub's client keep beside a model


class LocalSource:
    """Files of this machine.

    Args:
        base: the folder where relative paths begin: where the person is, or where the lock lies.
        home: the folder of the lock; sources in it are locked relative to it.
        allowed: folders that the settings trust, relative ones beginning at ``settings_folder``.
    """

    def __init__(self, *, base: Path, home: Path, allowed: Sequence[str], settings_folder: Path) -> None:
        self._base = base
        self._home = home
        self._allowed = allowed
        self._settings_folder = settings_folder

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return where the files are. A folder has no revisions and nobody who answers for it."""
        del locked  # a folder has no facts of its own
        named = self._named(spec)
        check_folder(named.resolve(), self._allowed, self._settings_folder)
        home = Path(os.path.normpath(self._home.absolute()))
        written = named.relative_to(home) if named.is_relative_to(home) else named
        return Resolved(
            source=str(SourceSpec("path", str(written))),
            revision="unversioned",
            owner=Owner("path", UNAVAILABLE, "local files"),
            origin_confirmed=True,  # the folder that the settings trust is the origin
        )

    @contextlib.contextmanager
    def fetch(self, spec: SourceSpec, resolved: Resolved, progress: Progress) -> Iterator["_Files"]:
        """Yield the files; each is opened when it is read."""
        del resolved, progress
        yield _Files(walk_folder(self._named(spec), ignore=LEFT_OUT))

    def _named(self, spec: SourceSpec) -> Path:
        # links are kept: the name of a single file is the one that the person wrote
        return Path(os.path.normpath(self._base.absolute() / Path(spec.location).expanduser()))


class _Files:
    def __init__(self, files: Sequence[FolderFile]) -> None:
        self._files = {file.path: file for file in files}
        self.items = [Item(file.path, file.size) for file in files]
        self.materials: Sequence[Material] = ()

    def chunks(self, path: str) -> Iterator[memoryview]:
        return steady_chunks(self._files[path])
