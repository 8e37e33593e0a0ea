"""The embedded store: an OCI image layout in a folder, safe under several processes.

Source: OCI image-spec v1.1, image-layout.md. Beside what that lists there is one folder,
``ingest``, for partial files, leases and the lock; other tools ignore it.

A partial file is named by its lease, or, where a broken fetch should go on, by the digest of what it
will be. The order of every write: partial file, digest in the same pass, fsync, lock, rename,
fsync of the folder. The order of an ingest: blobs first, the manifest that lists them
last. So whatever is listed is whole, at any moment at which a process or a machine dies.
"""

import contextlib
import datetime as dt
import errno
import os
import stat
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from weighlock.core.chunk import ended
from weighlock.core.clock import Clock, system_clock
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_DOCUMENT_BYTES
from weighlock.core.text import shown
from weighlock.store.base import IndexedStore
from weighlock.store.folder import (
    BLOB_MODE,
    close_all,
    create_file,
    failure,
    open_file,
    open_folder,
    read_file,
    remove_file,
    replace_file,
    told,
    write_all,
)
from weighlock.store.index import Index
from weighlock.store.interface import Blob, BlobStream
from weighlock.store.lease import Lease, index_partial, locked
from weighlock.store.resumable import ResumablePartial
from weighlock.store.resuming import complete
from weighlock.store.tally import Tally, check_algorithm

LAYOUT_FILE: Final = "oci-layout"
LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_FILE: Final = "index.json"
BLOBS: Final = "blobs"
SHA256: Final = "sha256"
INGEST: Final = "ingest"
LOG: Final = "log"  # the environment's log of decisions lies in the same folder; `log verify` checks it
MAX_LAYOUT_BYTES: Final = 4096  # the file has one short field


class Folders:
    """The open folders of a store: nothing in it is reached by a path."""

    def __init__(self, root: Path) -> None:
        """Open them; raises OSError, also where a link stands for one of them."""
        opened: list[int] = []
        # the finaliser also runs at exit; it may hold no reference to self
        self.close = weakref.finalize(self, close_all, opened)
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.append(self.root)
        self.outer = open_folder(BLOBS, within=self.root)
        opened.append(self.outer)
        self.blobs = open_folder(SHA256, within=self.outer)
        opened.append(self.blobs)
        self.ingest = open_folder(INGEST, within=self.root)
        opened.append(self.ingest)


class LayoutStore(IndexedStore):
    """A store in a folder. One object serves many threads; each process opens its own."""

    def __init__(self, root: Path, clock: Clock = system_clock) -> None:
        """Open the store in ``root``.

        Raises UsageError ``store_missing``, DeniedError ``store_version_unknown``, UndecidedError ``io_failed``.
        """
        super().__init__(clock)
        self.root = root
        self.folders = _open_folders(root)
        self._lease = Lease(self.folders.ingest)
        self._known: tuple[bytes, Index] = (b"", Index({}))
        # must come before the folders' own finaliser, which runs later as it was made earlier
        self.close = weakref.finalize(self, _close, self._lease, self.folders)

    @property
    def now(self) -> dt.datetime:
        """The time, by the clock that the store was given."""
        return self._clock()

    @classmethod
    def open(cls, root: Path, clock: Clock = system_clock) -> Self:
        """Return the store in ``root``; raises as the class does."""
        return cls(root, clock)

    @classmethod
    def create(cls, root: Path, clock: Clock = system_clock) -> Self:
        """Make an empty store in a new or empty folder, with the folders above it, and return it.

        Raises UsageError ``store_exists``, UndecidedError ``io_failed``.
        """
        with told(f"make a store in {shown(str(root))}"):
            _create(root)
        return cls(root, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store: blobs that no manifest lists are garbage from then on."""
        self.close()

    def write_blob(
        self,
        chunks: Iterable[bytes | memoryview],
        *,
        expected: Digest | None = None,
        expected_size: int | None = None,
    ) -> Blob:
        """Store bytes under their digest; they take the place of a blob that is there already."""
        tally = Tally("what was offered", expected=expected, expected_size=expected_size)
        with self._writing() as partial:
            try:
                with ended(chunks):
                    self._write_partial(partial, chunks, tally)
                blob = tally.finish()
                with told("write into the store"):
                    self._place(partial, blob)
                return blob
            finally:
                remove_file(partial, within=self.folders.ingest)

    def resume_blob(
        self,
        expected: Digest,
        size: int,
        chunks_from: Callable[[int], Iterable[bytes | memoryview]],
        *,
        wait: bool = True,
    ) -> Blob | None:
        """Store the bytes of ``expected``, taking what a broken attempt left."""
        check_algorithm(expected)
        with self._writing():
            if self._holds(expected):
                return self._check_whole(expected, size)
            with told("begin to write into the store"):
                partial = ResumablePartial.claim(expected, ingest=self.folders.ingest, wait=wait)
            if partial is None:
                return None
            with partial:
                if not self._holds(expected):  # else another ended between the two looks
                    blob = complete(partial, expected, size, chunks_from)
                    with told("write into the store"):
                        partial.synchronise()
                        self._place(partial.name, blob)
                    return blob
                partial.clear()
            return self._check_whole(expected, size)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[str]:
        """Hold a lease, and give a name for a partial file that ends with it."""
        with told("begin to write into the store"):
            partial = self._lease.begin()
        try:
            yield partial
        finally:
            self._lease.end()

    def _holds(self, digest: Digest) -> bool:
        """Return whether there is a blob, and keep gc from it."""
        with told(f"look for the blob {digest.short}"), locked(self.folders.ingest, exclusive=False):
            there = self._status(digest) is not None
            if there:
                self._lease.protect(digest)
            return there

    def blob_size(self, digest: Digest) -> int:
        """Return the size in bytes of a blob."""
        check_algorithm(digest)
        with told(f"look for the blob {digest.short}"):
            status = self._status(digest)
        if status is None:
            raise _missing(digest)
        return status.st_size

    def open_blob(self, digest: Digest) -> BlobStream:
        """Return the blob's bytes as a stream, unverified."""
        check_algorithm(digest)
        try:
            return os.fdopen(open_file(digest.hex, within=self.folders.blobs), "rb", buffering=0)
        except FileNotFoundError as error:
            raise _missing(digest) from error
        except OSError as error:
            raise failure(error, f"open the blob {digest.short}") from error

    def _write_partial(self, name: str, chunks: Iterable[bytes | memoryview], tally: Tally) -> None:
        with told("make a file in the store"):
            descriptor = create_file(name, within=self.folders.ingest)
        try:
            for chunk in chunks:  # its own errors are not the store's, so not told() as such
                tally.update(chunk)
                _write(descriptor, chunk)
            with told("write into the store"):
                os.fchmod(descriptor, BLOB_MODE)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _place(self, partial: str, blob: Blob) -> None:
        with locked(self.folders.ingest, exclusive=False):
            self._lease.protect(blob.digest)
            status = self._status(blob.digest)
            if status is not None and status.st_size != blob.size:
                raise DeniedError(
                    "size_mismatch",
                    f"the store holds {status.st_size} bytes as {blob.digest}, which has {blob.size}",
                    hint="the store is damaged: run `weighlock fsck`, remove that file, then do this again",
                )
            # also where there is one: nobody has read that, and these bytes were just digested
            os.rename(partial, blob.digest.hex, src_dir_fd=self.folders.ingest, dst_dir_fd=self.folders.blobs)

    def _status(self, digest: Digest) -> os.stat_result | None:
        try:
            status = os.stat(digest.hex, dir_fd=self.folders.blobs, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(status.st_mode):
            raise OSError(errno.ELOOP, "a symbolic link")
        return status

    def _index(self) -> Index:
        return self._read_index()[1]

    def _read_index(self) -> tuple[bytes, Index]:
        with told("read index.json of the store"):
            raw = read_file(INDEX_FILE, within=self.folders.root, limit=MAX_DOCUMENT_BYTES)
        known = self._known  # parsing megabytes takes longer than comparing them
        if raw != known[0]:
            known = self._known = (raw, Index.parse(raw))
        return known

    def _change_index(self, change: Callable[[Index], Index], *, listed: Iterable[Digest] = ()) -> None:
        folders = self.folders
        with told("change index.json of the store"), locked(folders.ingest, exclusive=True):
            old, index = self._read_index()
            index = change(index)
            raw = index.to_bytes()
            # what the index lists must survive a power cut before the index does
            os.fsync(folders.blobs)
            if raw != old:
                replace_file(
                    INDEX_FILE, raw, within=folders.root, partial=index_partial(), partials=folders.ingest
                )
                self._known = (raw, index)
        self._lease.settle(listed)


def check_version(raw: bytes) -> None:
    """Raise DeniedError ``store_version_unknown`` unless ``raw`` is a layout file of the one known version."""
    try:
        version = read_object(raw, what="oci-layout", limit=MAX_LAYOUT_BYTES).get("imageLayoutVersion")
    except WeighlockError as error:
        raise _unknown_version(error.message) from error
    if version != "1.0.0":
        raise _unknown_version(f"its version is {shown(repr(version))}")


def _unknown_version(why: str) -> DeniedError:
    return DeniedError(
        "store_version_unknown",
        f"the store's format is not known: {why}",
        hint="use the version of Weighlock that wrote it, or put oci-layout back from a backup",
    )


def _open_folders(root: Path) -> Folders:
    try:
        folders = Folders(root)
        raw = read_file(LAYOUT_FILE, within=folders.root, limit=MAX_LAYOUT_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            "store_missing",
            f"there is no store in {shown(str(root))}",
            hint="`weighlock init` makes one; `weighlock config` shows where it is looked for",
        ) from error
    except OSError as error:
        raise failure(error, f"open the store in {shown(str(root))}") from error
    check_version(raw)
    return folders


def _create(root: Path) -> None:
    new = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for path in new:
        _sync(path.parent)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # what an interrupted create left is completed
        if {each.name for each in root.iterdir()} - {BLOBS, INGEST, INDEX_FILE, LOG}:
            raise UsageError(
                "store_exists",
                f"{shown(str(root))} is a store already or holds something else",
                hint="name a new or empty folder",
            )
        _fill(folder)
    finally:
        os.close(folder)


def _sync(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fill(folder: int) -> None:
    for name in (BLOBS, f"{BLOBS}/{SHA256}", INGEST):
        _ensure_folder(name, within=folder)
    blobs = open_folder(BLOBS, within=folder)
    ingest = open_folder(INGEST, within=folder)
    try:
        with locked(ingest, exclusive=True):
            os.fsync(blobs)
            os.fsync(ingest)
            with os.scandir(folder) as entries:
                present = {entry.name for entry in entries}
            # last the file that makes it a store
            for name, data in ((INDEX_FILE, Index({}).to_bytes()), (LAYOUT_FILE, LAYOUT)):
                if name not in present:
                    replace_file(name, data, within=folder, partial=index_partial(), partials=ingest)
    finally:
        close_all((blobs, ingest))


def _ensure_folder(name: str, *, within: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=within)
    except FileExistsError:
        os.close(open_folder(name, within=within))


def _write(descriptor: int, chunk: bytes | memoryview) -> None:
    try:
        write_all(descriptor, chunk)
    except OSError as error:
        raise failure(error, "write into the store") from error


def _close(lease: Lease, folders: Folders) -> None:
    if folders.close.alive:
        lease.close()
        folders.close()


def _missing(digest: Digest) -> DeniedError:
    return DeniedError(
        "blob_missing",
        f"the store has no blob {digest}",
        hint="run `weighlock fsck`; pull or copy the artifact again",
    )
