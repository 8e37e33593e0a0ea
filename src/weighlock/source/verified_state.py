"""Remember the digests of files that did not change, so that a second ``verify`` takes milliseconds.

For people's ``verify`` only (rule of trust 12): whoever can set the clock or write to
the disk beneath the file system can make this cache lie, so nothing that decides
reads it. A file of fixed records: magic, records, then the SHA-256 of all before it.
"""

import os
import stat
import struct
import threading
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from weighlock.core.clock import Clock, system_clock
from weighlock.core.digest import Digest
from weighlock.source.steady import FileIdentity

MAX_ENTRIES: Final = 20_000  # two models of the largest size; 1.6 MB
SETTLED_NS: Final = 2_000_000_000  # a younger file may still change within one tick of its time stamp
_MAGIC: Final = b"weighlock verified state 1\n"
_RECORD: Final = struct.Struct("<QQQqqq32s")  # identity, when it was digested, digest
_DIGEST_BYTES: Final = 32
_MAX_BYTES: Final = len(_MAGIC) + MAX_ENTRIES * _RECORD.size + _DIGEST_BYTES
_Known = dict[FileIdentity, tuple[int, bytes]]


class VerifiedState:
    """Digests by file identity, kept in one private file; a ``DigestMemory``.

    A file that is missing, damaged, of another user or writable by others is no cache
    at all: everything is then digested again.
    """

    def __init__(self, location: Path, clock: Clock = system_clock) -> None:
        self._location = location
        self._clock = clock
        self._lock = threading.Lock()
        self._known = _read(location)
        self._new: _Known = {}

    @classmethod
    def of_user(cls, environ: Mapping[str, str], clock: Clock = system_clock) -> Self:
        """Return the state in the user's cache folder (XDG Base Directory Specification)."""
        base = environ.get("XDG_CACHE_HOME", "")
        folder = Path(base) if base.startswith("/") else Path.home() / ".cache"
        return cls(folder / "weighlock" / "verified-state", clock)

    def recall(self, identity: FileIdentity) -> Digest | None:
        """Return the digest of a file that is still the same, if known."""
        with self._lock:
            known = self._known.get(identity)
        return Digest("sha256", known[1].hex()) if known and _settled(identity, known[0]) else None

    def remember(self, identity: FileIdentity, digest: Digest) -> None:
        """Keep a SHA-256 digest, unless the file is so young that it may still change unseen."""
        now_ns = int(self._clock().timestamp()) * 1_000_000_000
        if _settled(identity, now_ns):
            with self._lock:
                self._new[identity] = (now_ns, bytes.fromhex(digest.hex))

    def save(self) -> bool:
        """Write what is new beside what other processes wrote; return whether it could be written."""
        with self._lock:
            if not self._new:
                return True
            merged = _read(self._location) | self._new
        newest = sorted(merged.items(), key=lambda item: item[1][0])[-MAX_ENTRIES:]
        body = _MAGIC + b"".join(_RECORD.pack(*identity, *known) for identity, known in newest)
        try:
            _replace(self._location, body + sha256(body).digest())
        except OSError:
            return False  # a cache that cannot be kept costs time, nothing else
        return True


def _settled(identity: FileIdentity, now_ns: int) -> bool:
    return max(identity.mtime_ns, identity.ctime_ns) + SETTLED_NS <= now_ns


def _read(location: Path) -> _Known:
    try:
        descriptor = os.open(location, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        private = facts.st_uid == os.geteuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not private or not stat.S_ISREG(facts.st_mode):
            return {}
        try:
            return _parse(file.read(_MAX_BYTES + 1))
        except OSError:
            return {}


def _parse(raw: bytes) -> _Known:
    body, promised = raw[:-_DIGEST_BYTES], raw[-_DIGEST_BYTES:]
    records = body[len(_MAGIC) :]
    whole = body.startswith(_MAGIC) and len(raw) <= _MAX_BYTES and len(records) % _RECORD.size == 0
    if not whole or sha256(body).digest() != promised:
        return {}
    return {
        FileIdentity(*identity): (digested_ns, digest)
        for *identity, digested_ns, digest in _RECORD.iter_unpack(records)
    }


def _replace(location: Path, content: bytes) -> None:
    location.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    import tempfile  # noqa: PLC0415  # 4 ms that reading need not pay

    descriptor, name = tempfile.mkstemp(prefix=".verified-state-", dir=location.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(location)
    except BaseException:
        Path(name).unlink()
        raise
