"""fsck: hold every byte and every name of a store against what they should be.

A snapshot of names is taken under the store's shared lock, so that writers are seen
either wholly or not at all; bytes are digested afterwards without it, in parallel.
No link is followed. The folder is read as it is: nothing in it is believed.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weighlock.core.artifact import ARTIFACT_TYPE, TITLE_ANNOTATION, Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.finding import Confidence, Finding, Severity
from weighlock.core.limit import MAX_DOCUMENT_BYTES, MAX_MANIFEST_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.store.folder import BLOB_MODE, failure, open_file, read_chunks, read_file, told
from weighlock.store.index import Index, is_sealed
from weighlock.store.interface import Entry
from weighlock.store.layout import (
    BLOBS,
    INDEX_FILE,
    INGEST,
    LAYOUT,
    LAYOUT_FILE,
    LOG,
    MAX_LAYOUT_BYTES,
    SHA256,
    Folders,
)
from weighlock.store.lease import LOCK, foreign, leftovers, live_leases, locked
from weighlock.store.manifest import Manifest
from weighlock.store.resumable import unheld_partials
from weighlock.store.tally import Tally

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RESTORE: Final = "restore it from a backup, or make a new store and pull again"
_REPULL: Final = "remove the file, then pull or copy the artifact again"
_WHO: Final = "find out who put it there, then remove it"
_GC: Final = "`weighlock gc` removes it"
# rule → (severity, what to do)
_RULES: Final[dict[str, tuple[Severity, str]]] = {
    "store.layout": (Severity.HIGH, _RESTORE),  # oci-layout or a folder is not as we write it
    "store.index": (Severity.HIGH, _RESTORE),  # index.json is unreadable, or not as we write it
    "store.digest": (Severity.HIGH, _REPULL),  # bytes differ from the digest they are named by
    "store.size": (Severity.HIGH, _REPULL),  # a manifest promises another size
    "store.missing": (Severity.HIGH, "pull or copy the artifact again"),
    "store.manifest": (Severity.HIGH, _RESTORE),  # malformed, or not what the index says of it
    "store.subject": (Severity.HIGH, "copy what it is about, or unlist it"),
    "store.link": (Severity.HIGH, _WHO),
    "store.shared": (
        Severity.HIGH,
        "copy the file and put the copy in its place",
    ),  # a hard link from elsewhere
    "store.unreadable": (Severity.HIGH, "run fsck as the user who owns the store, or mend the disk"),
    "store.extra": (Severity.MEDIUM, _WHO),
    "store.mode": (Severity.MEDIUM, f"chmod {BLOB_MODE:o}"),
    "store.leftover": (Severity.LOW, _GC),
    "store.resumable": (Severity.LOW, "pull it again to go on, or `weighlock gc` removes it after a day"),
}
_LEFTOVERS: Final = frozenset({"store.leftover", "store.resumable"})


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What fsck found, sorted by place, and how many blobs and bytes it read."""

    findings: tuple[Finding, ...]
    blobs: int
    size: int

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The findings that gc does not mend, at once or in time."""
        return tuple(each for each in self.findings if each.rule not in _LEFTOVERS)


def check_store(root: Path, *, progress: Progress = NO_PROGRESS, threads: int | None = None) -> StoreReport:
    """Check the store in ``root``, all of it, whatever is wrong.

    Raises UsageError ``store_missing`` if there is no such folder, UndecidedError ``io_failed``.
    """
    if not root.is_dir():
        raise UsageError("store_missing", f"there is no folder {shown(str(root))}")
    check = _Check()
    try:
        with told(f"check the store in {shown(str(root))}"):
            folders = Folders(root)
    except (DeniedError, UndecidedError) as error:
        check.add("store.layout", ".", error.message)
        return check.report(0, 0)
    with told(f"check the store in {shown(str(root))}"):
        check.names(folders)
    blobs = check.contents(folders, progress, threads or len(os.sched_getaffinity(0)))
    folders.close()
    return check.report(len(blobs), sum(blobs.values()))


def make_finding(rule: str, location: str, message: str, remedy: str = "") -> Finding:
    """Return a finding of one of the rules; ``remedy`` is another one than in a folder."""
    severity, usual = _RULES[rule]
    return Finding(rule, severity, Confidence.HIGH, location, message, remedy or usual)


class _Check:
    """The findings, and what has been learned: sizes of blobs by digest, and who needs each."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._sizes: dict[Digest, int] = {}
        self._needed: dict[Digest, str] = {}

    def add(self, rule: str, location: str, message: str) -> None:
        self._findings.append(make_finding(rule, location, message))

    def report(self, blobs: int, size: int) -> StoreReport:
        order = sorted(self._findings, key=lambda each: (-each.severity, each.location, each.rule))
        return StoreReport(tuple(order), blobs, size)

    def names(self, folders: Folders) -> None:
        """Take the snapshot."""
        with self._locked(folders):
            self._folder(folders.root, "", {BLOBS, INGEST, LOG}, {LAYOUT_FILE, INDEX_FILE})
            self._blob_folder(folders)
            self._layout_file(folders)
            leased = self._ingest(folders)
            index = self._index(folders)
            if index is not None:
                for entry in index.by_digest.values():
                    self._entry(entry, index, folders)
                self._unlisted(leased)

    def contents(self, folders: Folders, progress: Progress, threads: int) -> dict[Digest, int]:
        """Digest all blobs of the snapshot and return their sizes."""
        progress.begin("checking", sum(self._sizes.values()))
        with ThreadPoolExecutor(max_workers=threads) as pool:
            running = {
                digest: pool.submit(_read, digest, size, folders, progress)
                for digest, size in self._sizes.items()
            }
        progress.end()
        for digest, future in running.items():
            try:
                future.result()
            except FileNotFoundError:
                if digest in self._needed:  # else gc took it meanwhile
                    self.add("store.missing", _place(digest), f"it went away meanwhile{self._use(digest)}")
            except DeniedError as error:
                self.add("store.digest", _place(digest), f"{error.message}{self._use(digest)}")
            except OSError as error:
                self.add("store.unreadable", _place(digest), failure(error, "read it").message)
        return self._sizes

    @contextlib.contextmanager
    def _locked(self, folders: Folders) -> Iterator[None]:
        status = _status(LOCK, folders.ingest)
        if status is not None and not stat.S_ISREG(status.st_mode):
            self.add("store.link", f"{INGEST}/{LOCK}", "the lock is not a regular file")
            yield
            return
        if status is not None and status.st_size:
            self.add("store.extra", f"{INGEST}/{LOCK}", "the lock has content")
        with locked(folders.ingest, exclusive=False):
            yield

    def _folder(self, folder: int, prefix: str, subfolders: set[str], files: set[str]) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                expected = is_folder or entry.is_file(follow_symlinks=False)
                if entry.is_symlink():
                    self.add("store.link", prefix + shown(entry.name), "it is a symbolic link")
                elif not expected or entry.name not in (subfolders if is_folder else files):
                    self.add("store.extra", prefix + shown(entry.name), "it is not part of a store")

    def _blob_folder(self, folders: Folders) -> None:
        self._folder(folders.outer, f"{BLOBS}/", {SHA256}, set())
        names: set[str] = set()
        with os.scandir(folders.blobs) as entries:
            for entry in entries:
                if _HEX.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    names.add(entry.name)
                    self._blob(Digest("sha256", entry.name), entry.stat(follow_symlinks=False))
        self._folder(folders.blobs, f"{BLOBS}/{SHA256}/", set(), names)

    def _blob(self, digest: Digest, status: os.stat_result) -> None:
        self._sizes[digest] = status.st_size
        mode = stat.S_IMODE(status.st_mode)
        if mode != BLOB_MODE:
            self.add("store.mode", _place(digest), f"its mode is {mode:04o}, not {BLOB_MODE:04o}")
        if status.st_nlink != 1:
            self.add("store.shared", _place(digest), f"the file has {status.st_nlink} names: one is outside")

    def _layout_file(self, folders: Folders) -> None:
        raw = self._read(LAYOUT_FILE, folders, "store.layout", MAX_LAYOUT_BYTES)
        if raw is not None and raw != LAYOUT:
            self.add("store.layout", LAYOUT_FILE, f"it is not {LAYOUT.decode()}")

    def _index(self, folders: Folders) -> Index | None:
        raw = self._read(INDEX_FILE, folders, "store.index", MAX_DOCUMENT_BYTES)
        if raw is None:
            return None
        try:
            index = Index.parse(raw)
        except DeniedError as error:
            self.add("store.index", INDEX_FILE, error.message)
            return None
        if not is_sealed(raw):
            self.add("store.index", INDEX_FILE, "its bytes are not those that were written")
        return index

    def _read(self, name: str, folders: Folders, rule: str, limit: int) -> bytes | None:
        try:
            return read_file(name, within=folders.root, limit=limit)
        except FileNotFoundError:
            self.add(rule, name, "it is missing")
        except OSError as error:
            self.add(rule, name, failure(error, "read it").message)
        except DeniedError as error:
            self.add(rule, name, error.message)
        return None

    def _ingest(self, folders: Folders) -> set[Digest]:
        live = live_leases(folders.ingest)
        for name in leftovers(folders.ingest, live):
            self.add("store.leftover", f"{INGEST}/{name}", "an ingest that did not end left it")
        for name in unheld_partials(folders.ingest):
            self.add("store.resumable", f"{INGEST}/{name}", "a fetch that broke off left it")
        for name in foreign(folders.ingest):
            status = _status(name, folders.ingest)
            is_link = status is not None and stat.S_ISLNK(status.st_mode)
            rule = "store.link" if is_link else "store.extra"
            self.add(rule, f"{INGEST}/{shown(name)}", "it is not part of a store")
        return set().union(*live.values())

    def _entry(self, entry: Entry, index: Index, folders: Folders) -> None:
        digest = entry.descriptor.digest
        who = ", ".join(entry.names) or str(digest)
        self._need(entry.descriptor, f"the manifest of {who}")
        if digest not in self._sizes:
            return
        try:
            manifest = Manifest.parse(read_file(digest.hex, within=folders.blobs, limit=MAX_MANIFEST_BYTES))
            if manifest.artifact_type == ARTIFACT_TYPE:
                Artifact.parse(manifest.raw)
        except (OSError, WeighlockError) as error:
            self.add("store.manifest", _place(digest), f"the manifest of {who} cannot be read: {error}")
            return
        if manifest.digest == digest:  # else the byte that differs is found anyway
            self._manifest(manifest, entry, index, who)

    def _manifest(self, manifest: Manifest, entry: Entry, index: Index, who: str) -> None:
        subject = manifest.subject.digest if manifest.subject else None
        if (manifest.descriptor, subject) != (entry.descriptor, entry.subject):
            self.add("store.manifest", INDEX_FILE, f"the index describes {who} otherwise than its manifest")
        if subject is not None and subject not in index.by_digest:
            self.add(
                "store.subject",
                _place(entry.descriptor.digest),
                f"it is about {subject}, which is not listed",
            )
        for child in manifest.children:
            self._need(child.descriptor, f"{shown(child.platform) or 'a part'} of {who}")
        for blob in manifest.blobs:
            title = blob.annotations.get(TITLE_ANNOTATION)
            self._need(blob, f"{shown(title)!r} of {who}" if title else f"part of {who}")

    def _need(self, blob: Descriptor, who: str) -> None:
        self._needed.setdefault(blob.digest, who)
        size = self._sizes.get(blob.digest)
        if size is None:
            self.add("store.missing", _place(blob.digest), f"it is missing: {who}")
        elif size != blob.size:
            self.add("store.size", _place(blob.digest), f"it has {size} bytes, not {blob.size}: {who}")

    def _unlisted(self, leased: set[Digest]) -> None:
        for digest in self._sizes.keys() - self._needed.keys() - leased:
            self.add("store.leftover", _place(digest), "no manifest lists it")

    def _use(self, digest: Digest) -> str:
        return f": {self._needed[digest]}" if digest in self._needed else ""


def _read(digest: Digest, size: int, folders: Folders, progress: Progress) -> None:
    tally = Tally("the file", expected=digest)
    with os.fdopen(open_file(digest.hex, within=folders.blobs), "rb", buffering=0) as file:
        for chunk in read_chunks(file, size=size):
            tally.update(chunk)
            progress.advance(len(chunk))
    tally.finish()


def _status(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _place(digest: Digest) -> str:
    return f"{BLOBS}/{digest.algorithm}/{digest.hex}"
