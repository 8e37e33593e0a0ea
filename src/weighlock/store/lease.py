"""Who is writing now: locks and leases, in the folder ``ingest`` of a store.

``lock`` is held shared to put one finished blob in its place, exclusively to change
the list of manifests and to collect garbage; never while bytes are read or written.
A *lease* says which blobs an ingest needs before a manifest lists them: a file,
locked for as long as the process lives, with one digest a line. The kernel drops
the lock when a process dies however it dies, so a lease that can be locked is stale.
"""

import contextlib
import fcntl
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.store.folder import create_file, open_file, read_file, remove_file, write_all

LOCK: Final = "lock"
_LEASE: Final = re.compile(r"([0-9a-f]{16})\.lease", re.ASCII)
_PARTIAL: Final = re.compile(r"([0-9a-f]{16})-[0-9a-f]{16}\.partial", re.ASCII)
_RESUMABLE: Final = re.compile(r"[0-9a-f]{64}\.partial", re.ASCII)  # named by the digest of what it will be
_DIGEST_LINE: Final = re.compile(rb"[0-9a-f]{64}\n")


@contextlib.contextmanager
def locked(ingest: int, *, exclusive: bool) -> Iterator[None]:
    """Hold the store's lock; threads of one process exclude each other too. Raises OSError."""
    # read-only suffices for flock, so that several users can share a store by group
    descriptor = os.open(LOCK, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=ingest)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        # explicitly: a forked child that inherited the descriptor would keep the lock
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


class Lease:
    """The lease of one open store: there is a file only while something is unlisted."""

    def __init__(self, ingest: int) -> None:
        self._ingest = ingest
        self._mutex = threading.Lock()
        self._name = ""
        self._descriptor: int | None = None
        self._process = os.getpid()
        self._writing = 0
        self._unlisted: set[Digest] = set()

    def begin(self) -> str:
        """Begin to write a blob and return the name of its partial file; raises OSError."""
        with locked(self._ingest, exclusive=False), self._mutex:
            if self._descriptor is None:
                self._open()
            self._writing += 1
        return f"{self._name}-{secrets.token_hex(8)}.partial"

    def protect(self, digest: Digest) -> None:
        """Keep gc from a blob. The caller holds the store's lock, and looks for the blob only afterwards."""
        with self._mutex:
            if self._descriptor is not None and digest not in self._unlisted:
                write_all(self._descriptor, f"{digest.hex}\n".encode())
                self._unlisted.add(digest)

    def end(self) -> None:
        """End the writing of a blob."""
        with self._mutex:
            self._writing -= 1
            self._drop_if_idle()

    def settle(self, digests: Iterable[Digest]) -> None:
        """Forget blobs that a manifest lists now."""
        with self._mutex:
            self._unlisted.difference_update(digests)
            self._drop_if_idle()

    def close(self) -> None:
        """Give up: what no manifest lists is garbage from now on."""
        if os.getpid() != self._process:
            return  # a forked child ends; the lease is its parent's
        with self._mutex:
            self._unlisted.clear()
            self._drop_if_idle()

    def _open(self) -> None:
        name = secrets.token_hex(8)
        descriptor = create_file(f"{name}.lease", within=self._ingest, mode=0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._name, self._descriptor = name, descriptor

    def _drop_if_idle(self) -> None:
        if self._descriptor is not None and not self._writing and not self._unlisted:
            remove_file(f"{self._name}.lease", within=self._ingest)
            os.close(self._descriptor)
            self._descriptor = None


def index_partial() -> str:
    """Return a name for a partial index: its lease is nobody's, as the store's lock is held meanwhile."""
    return f"{'0' * 16}-{secrets.token_hex(8)}.partial"


def live_leases(ingest: int) -> dict[str, set[Digest]]:
    """Return the leases of live processes and what they protect. The caller holds the store's lock."""
    leases: dict[str, set[Digest]] = {}
    for name in _files(ingest):
        match = _LEASE.fullmatch(name)
        # a process that ends in good order meanwhile has listed its blobs before we took the lock
        with contextlib.suppress(FileNotFoundError):
            if match and is_held(name, ingest):
                raw = read_file(name, within=ingest, limit=MAX_FILE_BYTES)
                leases[match[1]] = {
                    Digest("sha256", line[:64].decode()) for line in _DIGEST_LINE.findall(raw)
                }
    return leases


def leftovers(ingest: int, live: Iterable[str]) -> list[str]:
    """Return what dead processes left: partial files, then leases."""
    living = set(live)
    stale = [
        name
        for name in _files(ingest)
        if (match := _PARTIAL.fullmatch(name) or _LEASE.fullmatch(name)) and match[1] not in living
    ]
    return sorted(stale, key=lambda name: (name.endswith(".lease"), name))


def resumables(ingest: int) -> list[str]:
    """Return the partial files that belong to no lease, held or not."""
    return [name for name in _files(ingest) if _RESUMABLE.fullmatch(name)]


def foreign(ingest: int) -> list[str]:
    """Return names in the folder that no writer of ours makes."""
    kinds = (_PARTIAL, _LEASE, _RESUMABLE)
    ours = {name for name in _files(ingest) if any(kind.fullmatch(name) for kind in kinds)}
    return sorted(set(os.listdir(ingest)) - ours - {LOCK})


def _files(ingest: int) -> list[str]:
    with os.scandir(ingest) as entries:
        return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]


def is_held(name: str, ingest: int) -> bool:
    """Return whether a live process has locked a file; raises OSError, DeniedError ``file_special``."""
    descriptor = open_file(name, within=ingest)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
