"""Lay a model out as the cache of a Hugging Face client, so that it is found there without a network.

Source: huggingface_hub, "Understand caching" (docs/source/en/guides/manage-cache.md)::

    models--OWNER--NAME/blobs/ETAG             the bytes; the SHA-256 of files in LFS, git's name of others
    models--OWNER--NAME/snapshots/COMMIT/PATH  a relative link to them
    models--OWNER--NAME/refs/REF               the commit that a branch or tag leads to
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.store.export_cache import Cache
from weighlock.store.folder import read_chunks, told
from weighlock.store.interface import Store
from weighlock.store.tally import Tally
from weighlock.store.threads import in_order
from weighlock.store.verifying import MAX_THREADS

_COMMIT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HubSnapshot:
    """Which commit of which repository a model is; ``ref`` is the branch or tag by which it was pulled, if any.

    ``git_sha1`` maps the paths of files that are not in LFS to git's names of them, as somebody says.
    """

    repository: str
    commit: str
    ref: str | None = None
    git_sha1: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HubExport:
    """Where a snapshot lies now, and what its ref says: another commit, if it was there and was not to be moved.

    ``others`` are files that were in the snapshot before and that the model does not have, unverified.
    """

    folder: Path
    ref: str | None
    ref_commit: str | None
    others: Sequence[str] = ()


def export_hub(
    store: Store,
    artifact: Artifact,
    cache: Path,
    snapshot: HubSnapshot,
    *,
    move: bool,
    progress: Progress,
) -> HubExport:
    """Add a model to the cache folder ``cache`` and return where it is; ``move`` moves a ref that leads elsewhere.

    ``progress`` is advanced only. Raises UsageError ``destination_exists``, ``layout_unsuitable``; DeniedError
    ``git_mismatch`` if git's name of a file is another; the errors of ``Cache``; UndecidedError ``io_failed``.
    """
    home = _folder_name(snapshot)
    with told("read the model"):
        for path in sorted(snapshot.git_sha1.keys() & artifact.files.keys()):
            _check_git_name(store, path, artifact.files[path], snapshot.git_sha1[path])
    with told(f"export into {shown(str(cache))}"), Cache(cache, progress=progress) as writer:
        names = {path: snapshot.git_sha1.get(path, file.digest.hex) for path, file in artifact.files.items()}
        by_name = _by_name(names, artifact)
        in_order(
            lambda name: writer.put_blob(store, by_name[name], f"{home}/blobs/{name}"),
            by_name,
            threads=MAX_THREADS,
        )
        links = {path: f"{'../' * (2 + path.count('/'))}blobs/{name}" for path, name in names.items()}
        folder = f"{home}/snapshots/{snapshot.commit}"
        others = writer.link_folder(folder, links)
        if snapshot.ref is None:
            return HubExport(cache / folder, None, None, others)
        said = writer.point(f"{home}/refs/{snapshot.ref}", snapshot.commit.encode(), move=move)
        ref_commit = said.decode("ascii", "backslashreplace").strip()
        return HubExport(cache / folder, snapshot.ref, ref_commit, others)


def _folder_name(snapshot: HubSnapshot) -> str:
    parts = snapshot.repository.split("/")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise _unsuitable(f"{shown(snapshot.repository)!r} is no repository of a hub")
    if not _COMMIT.fullmatch(snapshot.commit):
        raise _unsuitable(f"{shown(snapshot.commit)!r} is no commit")
    return "--".join(["models", *parts])


def _check_git_name(store: Store, path: str, file: Descriptor, git_sha1: str) -> None:
    """Return if git's name of a file is ``git_sha1``: a client takes what has that name for every file that git calls so."""
    # git's object format: "blob", the size in decimal, a zero byte, the bytes (gitformat-pack, "hash-object")
    sums = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    tally = Tally(f"the file {shown(path)!r}", expected=file.digest, expected_size=file.size)
    with store.open_blob(file.digest) as stream:
        for chunk in read_chunks(stream, size=file.size):
            tally.update(chunk)
            sums.update(chunk)
    tally.finish()
    if sums.hexdigest() != git_sha1:
        raise DeniedError(
            "git_mismatch",
            f"the file {shown(path)!r} is git's blob {sums.hexdigest()}, and not {shown(git_sha1)}",
            hint="a line of the lock was edited: take it back from version control",
            details={"file": path, "expected": git_sha1, "found": sums.hexdigest()},
        )


def _by_name(names: Mapping[str, str], artifact: Artifact) -> dict[str, Descriptor]:
    by_name: dict[str, Descriptor] = {}
    for path, name in names.items():
        file = artifact.files[path]
        if by_name.setdefault(name, file).digest != file.digest:  # SHA-1 collisions can be made
            raise _unsuitable(f"{shown(path)!r} and another file have one git name and different bytes")
    return by_name


def _unsuitable(why: str) -> UsageError:
    return UsageError(
        "layout_unsuitable",
        f"the model cannot be laid out as a hub's cache: {why}",
        hint="export it as a plain folder: every program loads a model from one by its path",
    )
