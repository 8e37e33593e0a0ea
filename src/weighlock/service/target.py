"""What is signed and verified: a model in a folder, or anything else that can say what files it has."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.progress import Progress
from weighlock.source.digesting import DigestMemory, digest_files
from weighlock.source.folder import walk_folder
from weighlock.source.ignored import list_ignored
from weighlock.source.sharding import digest_shards


class Target(Protocol):
    """A model to sign or to verify. ``ignore`` are relative paths of files and folders to leave out."""

    @property
    def name(self) -> str:
        """The model's name, for people."""

    def digest_files(
        self, *, ignore: Collection[str], progress: Progress, memory: DigestMemory | None = None
    ) -> Mapping[str, ArtifactFile]:
        """Return every file by path, read and digested now, or from ``memory`` if given."""

    def digest_shards(
        self, shard_size: int, *, ignore: Collection[str], progress: Progress
    ) -> Mapping[str, tuple[Digest, ...]]:
        """Return the digests of every file's parts by path."""

    def list_ignored(self, ignore: Collection[str]) -> list[str]:
        """Return the files that lie under ``ignore``."""

    def has_links(self, ignore: Collection[str]) -> bool:
        """Return whether some files are symbolic links, which were followed."""


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """A model in a plain folder, in a snapshot of the Hugging Face cache, or in one file."""

    root: Path

    @property
    def name(self) -> str:
        """The name of the folder or file."""
        return self.root.name or self.root.resolve().name or "model"

    def digest_files(
        self, *, ignore: Collection[str], progress: Progress, memory: DigestMemory | None = None
    ) -> Mapping[str, ArtifactFile]:
        """Return every file by path; raises what ``walk_folder`` and ``digest_files`` raise."""
        return digest_files(walk_folder(self.root, ignore=ignore), progress=progress, memory=memory)

    def digest_shards(
        self, shard_size: int, *, ignore: Collection[str], progress: Progress
    ) -> Mapping[str, tuple[Digest, ...]]:
        """Return the digests of every file's parts by path; raises what ``walk_folder`` raises."""
        return digest_shards(walk_folder(self.root, ignore=ignore), shard_size, progress=progress)

    def list_ignored(self, ignore: Collection[str]) -> list[str]:
        """Return the files that lie under ``ignore``."""
        return list_ignored(self.root, ignore)

    def has_links(self, ignore: Collection[str]) -> bool:
        """Return whether some files are symbolic links, which ``walk_folder`` accepts in one layout."""
        if not self.root.is_dir():
            return False
        return any((self.root / file.path).is_symlink() for file in walk_folder(self.root, ignore=ignore))

    def path_of(self, location: Path) -> str | None:
        """Return the path inside this model at which ``location`` lies, or None if it lies elsewhere."""
        folder = Path(os.path.realpath(self.root))
        real = Path(os.path.realpath(location.parent)) / location.name
        if real == folder or not real.is_relative_to(folder):
            return None
        return real.relative_to(folder).as_posix()
