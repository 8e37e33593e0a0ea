"""Garbage collection: free what no manifest lists and no live ingest needs."""

import os
import re
from dataclasses import dataclass
from typing import Final

from weighlock.core.digest import Digest
from weighlock.store.folder import remove_file, told
from weighlock.store.layout import BLOBS, INGEST, SHA256, LayoutStore
from weighlock.store.lease import leftovers, live_leases, locked
from weighlock.store.manifest import read_manifest
from weighlock.store.resumable import expired_partials

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Garbage:
    """What gc removed, or would remove: paths inside the store with their sizes in bytes."""

    files: tuple[tuple[str, int], ...]
    dry_run: bool

    @property
    def size(self) -> int:
        """The bytes freed, or that would be."""
        return sum(size for _, size in self.files)


def collect_garbage(store: LayoutStore, *, dry_run: bool = False) -> Garbage:
    """Remove unlisted blobs and what dead processes left; return what that was.

    What a broken fetch left stays for as long as somebody may come back to it, ``KEPT``.

    The store's lock is held meanwhile, so nothing can be listed that is about to go.
    Raises DeniedError ``index_damaged``, ``digest_mismatch``, ``blob_missing`` or ``manifest_invalid``:
    where a manifest cannot be read, what it lists is unknown and nothing is removed.
    """
    folders = store.folders
    with told("collect garbage in the store"), locked(folders.ingest, exclusive=True):
        live = live_leases(folders.ingest)
        needed = listed_blobs(store).union(*live.values())
        stale = [*leftovers(folders.ingest, live), *expired_partials(folders.ingest, store.now)]
        blobs = [name for name in _blob_names(folders.blobs) if Digest("sha256", name) not in needed]
        files = [
            *((f"{BLOBS}/{SHA256}/{name}", _size(name, folders.blobs)) for name in blobs),
            *((f"{INGEST}/{name}", _size(name, folders.ingest)) for name in stale),
        ]
        if not dry_run:
            os.fsync(folders.root)  # the index that no longer lists them must outlive a power cut
            for name in blobs:
                remove_file(name, within=folders.blobs)
            for name in stale:
                remove_file(name, within=folders.ingest)
    return Garbage(tuple(files), dry_run)


def listed_blobs(store: LayoutStore) -> set[Digest]:
    """Return the digests of all listed manifests and of all that they list; raises as ``collect_garbage``."""
    needed: set[Digest] = set()
    manifests = [entry.descriptor.digest for entry in store.entries()]
    seen = set(manifests)
    for digest in manifests:
        manifest = read_manifest(store, digest)
        needed |= {manifest.digest, *(blob.digest for blob in manifest.blobs)}
        children = {child.descriptor.digest for child in manifest.children} - seen
        seen |= children
        manifests += children  # an index needs them though somebody unlisted them
    return needed


def _blob_names(blobs: int) -> list[str]:
    # anything that is not a blob of ours is for fsck to report, not for gc to remove
    with os.scandir(blobs) as entries:
        return sorted(
            entry.name
            for entry in entries
            if _HEX.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        )


def _size(name: str, folder: int) -> int:
    return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
