"""Add files to a folder that belongs to another program: a cache that may hold other models already.

Nothing that is there is changed. A file appears whole and verified under its name, or not at
all; one that is there already must have the same bytes. Only a *pointer* (a branch, a tag) is
put in the place of an older one, and only if that is asked for.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the folder."""
        os.close(self._descriptor)

    def put_blob(self, store: Store, blob: Descriptor, path: str) -> bool:
        """Make the file ``path`` a blob of ``store``; return False if it was there with these very bytes.

        Raises UsageError ``destination_exists`` if it was there with others; DeniedError ``digest_mismatch``,
        ``size_mismatch``, ``blob_missing``, ``link_refused``, ``path_invalid``; OSError.
        """
        with self._parent(path) as (folder, name):
            if self._holds(folder, name, path, blob):
                self._progress.advance(blob.size)
                return False
            with _partial(folder, name) as (descriptor, partial):
                with os.fdopen(os.dup(descriptor), "r+b", buffering=0) as target:
                    fill_file(store, blob, target, what=f"the file {shown(path)!r}", progress=self._progress)
                return self._settle(descriptor, partial, folder, name, path, blob)

    def put_bytes(self, raw: bytes, path: str) -> bool:
        """Make a small file; return False if it was there with these very bytes; raises as ``put_blob``."""
        blob = _blob_of(raw)
        with self._parent(path) as (folder, name):
            if self._holds(folder, name, path, blob):
                return False
            with _partial(folder, name) as (descriptor, partial):
                write_all(descriptor, raw)
                return self._settle(descriptor, partial, folder, name, path, blob)

    def point(self, path: str, raw: bytes, *, move: bool) -> bytes:
        """Make the pointer ``path`` say ``raw``, and return what it says now: what it said before, unless ``move``.

        Raises DeniedError ``file_special``, ``path_invalid``; OSError.
        """
        with self._parent(path) as (folder, name):
            with contextlib.suppress(FileNotFoundError):
                before = read_file(name, within=folder, limit=MAX_POINTER_BYTES)
                if before == raw or not move:
                    return before
            with _partial(folder, name) as (descriptor, partial):
                write_all(descriptor, raw)
                os.fchmod(descriptor, FILE_MODE)
                os.fsync(descriptor)
                if move:
                    os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
                elif not _name_new(partial, name, folder):
                    return read_file(name, within=folder, limit=MAX_POINTER_BYTES)
            os.fsync(folder)
        return raw

    def link_folder(self, path: str, links: Mapping[str, str]) -> list[str]:
        """Make a folder of symbolic links, all at once if it is new; ``links`` maps names to targets.

        In a folder that is there, links are added, and those that are there must be the same. Returns what
        else is in it: whoever loads the folder loads that, too.
        Raises UsageError ``destination_exists``; DeniedError ``link_refused``, ``path_invalid``; OSError.
        """
        with self._parent(path) as (folder, name):
            try:
                os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                _make_linked(folder, name, links)
                others = []
            else:
                opened = _open_below(name, folder)
                try:
                    for link in sorted(links):
                        _add_link(opened, link, links[link], f"{path}/{link}")
                    others = sorted(set(_listed(opened)) - links.keys())
                finally:
                    os.close(opened)
            os.fsync(folder)
        return others

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """Yield the open folder of ``path``, made if it is missing, and the last name; no link is followed."""
        *folders, name = check_path(path).split("/")
        with _made(self._descriptor, folders) as folder:
            yield folder, name

    def _holds(self, folder: int, name: str, path: str, blob: Descriptor) -> bool:
        """Return whether a file is there; raises UsageError ``destination_exists`` if it has other bytes."""
        try:
            descriptor = open_file(name, within=folder)
        except FileNotFoundError:
            return False
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            same = os.fstat(descriptor).st_size == blob.size
            if same:
                tally = Tally(path)
                for chunk in read_chunks(file):
                    tally.update(chunk)
                same = tally.finish().digest == blob.digest
        if not same:
            raise _differs(self.root / path)
        return True

    def _settle(
        self, descriptor: int, partial: str, folder: int, name: str, path: str, blob: Descriptor
    ) -> bool:
        """Give a finished file its name, unless somebody else did so meanwhile."""
        os.fchmod(descriptor, FILE_MODE)
        os.fsync(descriptor)
        if not _name_new(partial, name, folder):
            return not self._holds(folder, name, path, blob)
        os.fsync(folder)
        return True


def _blob_of(raw: bytes) -> Descriptor:
    return Descriptor("application/octet-stream", Digest.of(raw), len(raw))


def _differs(path: Path) -> UsageError:
    return UsageError(
        "destination_exists",
        f"{shown(str(path))} is there, and is something else",
        hint="an export never changes what is there: look at it, remove it, or name another folder",
    )


@contextlib.contextmanager
def _made(root: int, folders: list[str]) -> Iterator[int]:
    opened = [os.dup(root)]
    try:
        for name in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=opened[-1])
            opened.append(_open_below(name, opened[-1]))
        yield opened[-1]
    finally:
        close_all(opened)


@contextlib.contextmanager
def _partial(folder: int, name: str) -> Iterator[tuple[int, str]]:
    """Yield a new file that has another name, and in the end has none of its own."""
    partial = f".{name[:100]}.{secrets.token_hex(8)}"
    descriptor = create_file(partial, within=folder)
    try:
        yield descriptor, partial
    finally:
        os.close(descriptor)
        remove_file(partial, within=folder)


def _name_new(partial: str, name: str, folder: int) -> bool:
    """Give a finished file its name; return False if somebody else's has it meanwhile. Raises OSError."""
    try:
        os.link(partial, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)  # nobody had it a moment ago
    return True


def _open_below(name: str, folder: int) -> int:
    """Return a descriptor of a folder; raises OSError, which for a link says that it is one."""
    try:
        return open_folder(name, within=folder)
    except NotADirectoryError as error:
        if _target_of(name, folder) is None:
            raise
        raise OSError(errno.ELOOP, "a symbolic link") from error


def _make_linked(folder: int, name: str, links: Mapping[str, str]) -> None:
    partial = f".{name[:100]}.{secrets.token_hex(8)}"
    os.mkdir(partial, 0o700, dir_fd=folder)
    try:
        opened = open_folder(partial, within=folder)
        try:
            for link in sorted(links):
                _add_link(opened, link, links[link], link)
            os.fchmod(opened, 0o755)
            os.fsync(opened)
        finally:
            os.close(opened)
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        shutil.rmtree(partial, dir_fd=folder)
        raise


def _add_link(root: int, path: str, target: str, told: str) -> None:
    *folders, name = check_path(path).split("/")
    with _made(root, folders) as folder:
        try:
            os.symlink(target, name, dir_fd=folder)
        except FileExistsError:
            if _target_of(name, folder) != target:
                raise _differs(Path(told)) from None


def _listed(root: int) -> Iterator[str]:
    """Yield the paths of what is in a folder and is no folder; a link to one is none. Raises OSError."""
    for folder, folders, files, descriptor in os.fwalk(".", dir_fd=root, onerror=_raise):
        links = [name for name in folders if _target_of(name, descriptor) is not None]
        yield from (os.path.normpath(f"{folder}/{name}") for name in (*files, *links))


def _raise(error: OSError) -> None:
    raise error


def _target_of(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:  # it is no link
        return None
