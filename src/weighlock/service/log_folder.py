"""The files of a log. What they mean is the ledger's business; here they are locked, read and made durable.

``entries.jsonl``  one entry a line, only ever appended to: the leaves of the tree
``checkpoint``     the newest signed checkpoint
``intent``         present while an entry is being written, and after a crash in between
``frontier.json``  a cache, believed only if it leads to the checkpoint's root
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.ledger.audit import tampered
from weighlock.ledger.entry import MAX_ENTRY_BYTES
from weighlock.ledger.intent import MAX_INTENT_BYTES
from weighlock.ledger.note import MAX_NOTE_BYTES
from weighlock.ledger.tree import Frontier
from weighlock.service.file import sync_folder

ENTRIES: Final = "entries.jsonl"
CHECKPOINT: Final = "checkpoint"
INTENT: Final = "intent"
FRONTIER: Final = "frontier.json"
MAX_FRONTIER_BYTES: Final = 16 * 1024  # 40 nodes in hex
LOCK_S: Final = 30.0  # an entry takes milliseconds, verifying a long log seconds
POLL_S: Final = 0.01
# O_NONBLOCK: opening a FIFO would otherwise wait for a writer for ever
_OPEN: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LogFolder:
    """A locked log folder; the lock is on the folder itself, so that a reader need not write anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0  # bytes of the lines that were read so far

    @classmethod
    @contextlib.contextmanager
    def locked(cls, path: Path, *, exclusive: bool) -> Iterator[Self]:
        """Yield the folder under a lock that ends with the process; raises OSError if it does not exist.

        Raises UndecidedError ``io_failed`` if somebody else keeps it: whoever can read the folder can lock it.
        """
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield cls(path)
        finally:
            os.close(handle)

    def checkpoint(self) -> bytes | None:
        """Return the checkpoint's bytes, or None for a log that was never written to."""
        return read_small(self.path / CHECKPOINT, MAX_NOTE_BYTES)

    def intent(self) -> bytes | None:
        """Return the intent's bytes, or None if no entry was left unfinished."""
        return read_small(self.path / INTENT, MAX_INTENT_BYTES)

    def frontier(self) -> tuple[Frontier, int] | None:
        """Return the cached frontier and the bytes of its entries, or None if there is no usable cache."""
        raw = read_small(self.path / FRONTIER, MAX_FRONTIER_BYTES)
        try:
            document = read_object(raw or b"", what="the frontier")
            nodes = tuple(bytes.fromhex(node) for node in document["nodes"])
            return Frontier(int(document["size"]), nodes), int(document["offset"])
        except (DeniedError, KeyError, TypeError, ValueError):
            return None  # it is only a cache: the entries say the same

    def entries(self) -> Iterator[bytes]:
        """Yield the complete lines without their newlines, counting their bytes in ``offset``."""
        self.offset = 0
        with contextlib.suppress(FileNotFoundError), _reading(self.path / ENTRIES) as handle:
            while (line := handle.readline(MAX_ENTRY_BYTES + 2)).endswith(b"\n"):
                self.offset += len(line)
                yield line[:-1]
            if len(line) > MAX_ENTRY_BYTES:
                raise tampered(f"a line is longer than the {MAX_ENTRY_BYTES} bytes that an entry may have")

    def rest(self, offset: int) -> bytes:
        """Return what follows ``offset``; never much more than one entry, which is all that a crash leaves."""
        try:
            with _reading(self.path / ENTRIES) as handle:
                handle.seek(offset)
                return handle.read(MAX_ENTRY_BYTES + 2)
        except FileNotFoundError:
            return b""

    def size_bytes(self) -> int:
        """Return the size of the entries' file."""
        try:
            return (self.path / ENTRIES).lstat().st_size
        except FileNotFoundError:
            return 0

    def begin(self, intent: bytes) -> None:
        """Make an intent durable."""
        replace_durably(self.path / INTENT, intent)

    def append(self, offset: int, line: bytes) -> None:
        """Make ``line`` durable at ``offset``, in place of a piece of it that a crash left there."""
        new = not (self.path / ENTRIES).exists()
        handle = os.open(self.path / ENTRIES, os.O_WRONLY | os.O_CREAT | _OPEN, 0o666)
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(handle, line[written:], offset + written)
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            sync_folder(self.path)

    def publish(self, checkpoint: bytes, frontier: Frontier, offset: int) -> None:
        """Make the checkpoint durable and forget the intent."""
        replace_durably(self.path / CHECKPOINT, checkpoint)
        cached = {"size": frontier.size, "nodes": [node.hex() for node in frontier.nodes], "offset": offset}
        temporary = self.path / f".{FRONTIER}.new"
        temporary.write_bytes(write_json(cached))
        temporary.replace(self.path / FRONTIER)
        (self.path / INTENT).unlink(missing_ok=True)


def _lock(handle: int, kind: int) -> None:
    until = time.monotonic() + LOCK_S
    while True:
        try:
            return fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise UndecidedError(
                    "io_failed",
                    f"the log is locked by another process for {LOCK_S:.0f} s",
                    hint="`fuser` on its folder tells which process it is",
                ) from error
        time.sleep(POLL_S)


def read_small(path: Path, limit: int) -> bytes | None:
    """Return a file's bytes, at most one more than ``limit``, or None if it does not exist."""
    try:
        with _reading(path) as handle:
            return handle.read(limit + 1)
    except FileNotFoundError:
        return None


def replace_durably(path: Path, data: bytes) -> None:
    """Put ``data`` under a name so that after a crash the old or the new bytes are there, whole."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _reading(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | _OPEN), "rb")
