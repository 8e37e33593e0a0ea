"""Write a model's files into a new folder: verified, private, wholly or not at all.

Each file is a reflink where the file system can share extents, else a copy; never a
hard link, because whoever writes to a hard link writes into the store (rule of trust 6).
What is digested is the new file's own bytes: a reflink is digested after it was made.
"""

import contextlib
import errno
import fcntl
import io
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.store.folder import close_all, create_file, open_folder, read_chunks, told, write_all
from weighlock.store.interface import BlobStream, Store
from weighlock.store.manifest import read_model
from weighlock.store.tally import Tally
from weighlock.store.threads import in_order
from weighlock.store.verifying import MAX_THREADS

FICLONE: Final = 0x40049409  # linux/fs.h, _IOW(0x94, 9, int)
# what FICLONE says where it cannot: ioctl_ficlone(2), "ERRORS"
_CANNOT_CLONE: Final = {
    errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.EISDIR, errno.ETXTBSY
}  # fmt: skip


def export_artifact(
    store: Store,
    digest: Digest,
    destination: Path,
    *,
    mode: int = 0o644,
    durable: bool = True,
    progress: Progress = NO_PROGRESS,
) -> Artifact:
    """Write the files of a model into the new folder ``destination`` and return the model.

    ``mode`` is the files' mode; ``durable`` waits until the disk has them. ``progress`` is advanced
    only, from several threads. The folder appears when everything in it is verified.
    Raises UsageError ``destination_exists``; DeniedError ``digest_mismatch``, ``size_mismatch``,
    ``blob_missing``, ``manifest_invalid``, ``link_refused``; UndecidedError ``io_failed``.
    """
    artifact = read_model(store, digest)
    with told(f"export into {shown(str(destination))}"):
        parent = os.open(destination.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _refuse_existing(destination, parent)
            with _partial_folder(destination.name, parent) as (name, folder):
                _Export(store, folder, mode, durable=durable, progress=progress).write(artifact.files)
                # an empty folder made meanwhile is replaced; anything else makes rename fail
                os.rename(name, destination.name, src_dir_fd=parent, dst_dir_fd=parent)
            if durable:
                os.fsync(parent)
        finally:
            os.close(parent)
    return artifact


def clone_file(source: int, target: int) -> bool:
    """Make ``target`` share the extents of ``source``; return whether the file system can. Raises OSError."""
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


class _Export:
    def __init__(self, store: Store, folder: int, mode: int, *, durable: bool, progress: Progress) -> None:
        self._store = store
        self._folder = folder
        self._mode = mode
        self._durable = durable
        self._progress = progress

    def write(self, files: Mapping[str, Descriptor]) -> None:
        """Write all files; the first error ends it."""
        folders = _make_folders(self._folder, files)
        in_order(lambda path: self._write_file(path, files[path]), files, threads=MAX_THREADS)
        if self._durable:
            for path in (*folders, ""):
                with _inside(self._folder, path) as folder:
                    os.fsync(folder)

    def _write_file(self, path: str, file: Descriptor) -> None:
        parent, _, name = path.rpartition("/")
        with _inside(self._folder, parent) as folder:
            descriptor = create_file(name, within=folder)
        with os.fdopen(descriptor, "r+b", buffering=0) as target:
            fill_file(self._store, file, target, what=f"the file {shown(path)!r}", progress=self._progress)
            os.fchmod(descriptor, self._mode)
            if self._durable:
                os.fsync(descriptor)


def fill_file(store: Store, blob: Descriptor, target: io.FileIO, *, what: str, progress: Progress) -> None:
    """Make the new, empty file ``target`` a blob, digested as it is there; ``what`` names it in errors.

    Raises DeniedError ``digest_mismatch``, ``size_mismatch``, ``blob_missing``; OSError.
    """
    with store.open_blob(blob.digest) as stream:
        tally = Tally(what, expected=blob.digest, expected_size=blob.size)
        cloned = _clone(stream, target.fileno())
        for chunk in read_chunks(target if cloned else stream):
            tally.update(chunk)
            if not cloned:
                write_all(target.fileno(), chunk)
            progress.advance(len(chunk))
    tally.finish()


def _clone(stream: BlobStream, target: int) -> bool:
    # a stream in memory has no descriptor to clone
    return isinstance(stream, io.FileIO) and clone_file(stream.fileno(), target)


def _refuse_existing(destination: Path, parent: int) -> None:
    try:
        # the current folder and the root have no name of their own
        os.stat(destination.name or ".", dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise UsageError(
        "destination_exists",
        f"{shown(str(destination))} exists",
        hint="name a folder that does not exist yet; an export never changes what is there",
    )


@contextlib.contextmanager
def _partial_folder(name: str, parent: int) -> Iterator[tuple[str, int]]:
    """Make a private folder beside the destination, removed if the work in it fails."""
    partial = f"{name}.partial-{secrets.token_hex(8)}"
    os.mkdir(partial, 0o700, dir_fd=parent)
    folder = open_folder(partial, within=parent)
    try:
        yield partial, folder
    except BaseException:
        shutil.rmtree(partial, dir_fd=parent)
        raise
    finally:
        os.close(folder)


def _make_folders(root: int, files: Iterable[str]) -> list[str]:
    """Make the folders that the paths need and return them, the deepest first."""
    needed = {str(folder) for path in files for folder in PurePosixPath(path).parents} - {"."}
    for path in sorted(needed):
        parent, _, name = path.rpartition("/")
        with _inside(root, parent) as folder:
            os.mkdir(name, 0o755, dir_fd=folder)
    return sorted(needed, reverse=True)


@contextlib.contextmanager
def _inside(root: int, path: str) -> Iterator[int]:
    """Yield a descriptor of a folder below ``root``, reached step by step without following a link."""
    opened = [os.dup(root)]
    try:
        for name in filter(None, path.split("/")):
            opened.append(open_folder(name, within=opened[-1]))
        yield opened[-1]
    finally:
        close_all(opened)
