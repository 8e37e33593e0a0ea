"""Add files to a folder that belongs to another program: a cache that may hold other models already.

Nothing that is there is changed. A file appears whole and verified under its name, or not at
all; one that is there already must have the same bytes. Only a *pointer* (a branch, a tag) is
put in the place of an older one, and only if that is asked for.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.path import check_path
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.store.export import fill_file
from weighlock.store.folder import (
    close_all,
    create_file,
    open_file,
    open_folder,
    read_chunks,
    read_file,
    remove_file,
    write_all,
)
from weighlock.store.interface import Store
from weighlock.store.tally import Tally

FILE_MODE: Final = 0o644
MAX_POINTER_BYTES: Final = 4 * 1024 * 1024  # a manifest; a branch has 40 bytes
# what link(2) says on file systems without hard links
_CANNOT_LINK: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Cache:
    """An open folder of another program, and what is added to it; a context manager. For any thread."""

    def __init__(self, root: Path, *, progress: Progress = NO_PROGRESS) -> None:
        """Open or make the folder; raises OSError. A link is followed here, because the caller named it."""
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self._progress = progress
        self._descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the folder."""
        os.close(self._descriptor)

    def put_blob(self, store: Store, blob: Descriptor, path: str) -> bool:
        """Make the file ``path`` a blob of ``store``; return False if it was there with these very bytes.

        Raises UsageError ``destination_exists`` if it was there with others; DeniedError ``digest_mismatch``,
        ``size_mismatch``, ``blob_missing``, ``link_refused``; OSError.
        """
        with self._parent(path) as (folder, name):
            if self._holds(folder, name, path, blob.digest, blob.size):
                return False
            with _partial(folder, name) as (descriptor, partial):
                with os.fdopen(os.dup(descriptor), "r+b", buffering=0) as target:
                    fill_file(store, blob, target, what=f"the file {shown(path)!r}", progress=self._progress)
                return self._settle(descriptor, partial, folder, name, path, Tally_of(blob))

    def put_bytes(self, raw: bytes, path: str) -> bool:
        """Make a small file; return False if it was there with these very bytes; raises as ``put_blob``."""
        digest = Digest.of(raw)
        with self._parent(path) as (folder, name):
            if self._holds(folder, name, path, digest, len(raw)):
                return False
            with _partial(folder, name) as (descriptor, partial):
                write_all(descriptor, raw)
                return self._settle(descriptor, partial, folder, name, path, (digest, len(raw)))
