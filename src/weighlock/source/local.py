"""``path:``: a model in a folder, or one file, of this machine."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.progress import Progress
from weighlock.source.folder import FolderFile, walk_folder
from weighlock.source.interface import Item, Material, Resolved, SourceSpec, Staging
from weighlock.source.permission import check_folder
from weighlock.source.skipping import skip
from weighlock.source.steady import steady_chunks

LEFT_OUT: Final = (".git", ".cache/huggingface")  # what git and the hub's client keep beside a model


class LocalSource:
    """Files of this machine.

    Args:
        home: the folder of the lock; sources in it are locked relative to it.
        allowed: folders that the settings trust, relative ones beginning at ``settings_folder``.
    """

    remote = False

    def __init__(self, *, home: Path, allowed: Sequence[str], settings_folder: Path) -> None:
        self._home = Path(os.path.normpath(home.absolute()))
        self._allowed = allowed
        self._settings_folder = settings_folder

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the path relative to the lock's folder if it lies there, else absolute."""
        # links are kept: the name of a single file is the one that the person wrote
        named = Path(os.path.normpath(base.absolute() / Path(spec.location).expanduser()))
        written = named.relative_to(self._home) if named.is_relative_to(self._home) else named
        return SourceSpec("path", str(written))

    def name_of(self, spec: SourceSpec) -> str:
        """Return the name of the folder or file."""
        return (self._home / spec.location).name

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the place that ``spec`` really is, links followed, lies in a trusted folder."""
        check_folder((self._home / spec.location).resolve(), self._allowed, self._settings_folder)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return where the files are. A folder has no revisions and nobody who answers for it."""
        del spec, locked  # a folder has no facts of its own
        return Resolved(
            revision="unversioned",
            owner=Owner("path", UNAVAILABLE, "local files"),
            origin_confirmed=True,  # the folder that the settings trust is the origin
        )

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return: a folder has no history."""

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator["_Files"]:
        """Yield the files; each is opened when it is read."""
        del resolved, locked, staging, progress
        yield _Files(walk_folder(self._home / spec.location, ignore=LEFT_OUT))


class _Files:
    def __init__(self, files: Sequence[FolderFile]) -> None:
        self._files = {file.path: file for file in files}
        self.items = [Item(file.path, file.size) for file in files]
        self.materials: Sequence[Material] = ()

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        return skip(steady_chunks(self._files[path]), start)
