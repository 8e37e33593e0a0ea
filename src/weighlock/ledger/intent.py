"""A log that grows by one entry, safe against a crash at any moment and against forged entries.

Before an entry is appended, the *intent* is made durable: the entry together with the signed checkpoint
of the tree that will hold it. Then the entry is appended, then the checkpoint replaces the old one. After a
crash in between, the intent says how to finish. An entry without a signed intent is never covered afterwards,
so write access to the folder without the key adds nothing to the log; and no checkpoint is ever signed that
the log does not come to agree with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.ledger.checkpoint import Checkpoint, TreeHead, sign_checkpoint, verify_checkpoint
from weighlock.ledger.entry import MAX_ENTRY_BYTES
from weighlock.ledger.note import MAX_NOTE_BYTES, Sign, VerifierKey
from weighlock.ledger.tree import Frontier, leaf_node

MAX_INTENT_BYTES = 2 * (MAX_ENTRY_BYTES + MAX_NOTE_BYTES)  # both inside JSON strings, with escapes


@dataclass(frozen=True, slots=True)
class Intent:
    """An entry, the checkpoint over the log with it, and the frontier of that tree."""

    entry: bytes
    checkpoint: Checkpoint
    frontier: Frontier

    @classmethod
    def make(cls, entry: bytes, frontier: Frontier, origin: str, key: VerifierKey, sign: Sign) -> Self:
        """Return the signed intent to append ``entry`` to the tree of ``frontier``."""
        if b"\n" in entry or len(entry) > MAX_ENTRY_BYTES:
            raise DeniedError("log_entry_invalid", f"an entry is one line of at most {MAX_ENTRY_BYTES} bytes")
        grown = frontier.grown(leaf_node(entry))
        return cls(entry, sign_checkpoint(TreeHead.of(origin, grown), key, sign), grown)

    @classmethod
    def parse(cls, raw: bytes, frontier: Frontier, origin: str, keys: Sequence[VerifierKey]) -> Self:
        """Return the intent in ``raw`` if it follows ``frontier``.

        Raises DeniedError ``checkpoint_invalid``, ``json_invalid`` or ``log_tampered``.
        """
        entry, note = _read(raw)
        grown = frontier.grown(leaf_node(entry))
        checkpoint = verify_checkpoint(note, keys, origin)
        if b"\n" in entry or checkpoint.head != TreeHead.of(origin, grown):
            raise _misfit("its signed checkpoint does not follow from the log")
        return cls(entry, checkpoint, grown)

    @staticmethod
    def note_of(raw: bytes) -> bytes:
        """Return the checkpoint's bytes in an intent, unverified; raises DeniedError like ``parse``."""
        return _read(raw)[1]

    @property
    def line(self) -> bytes:
        """The bytes that are appended to the entries."""
        return self.entry + b"\n"

    def to_bytes(self) -> bytes:
        """Return the bytes that are made durable before the entry is appended."""
        return write_json({"entry": self.entry.decode(), "checkpoint": self.checkpoint.note.decode()})


def _read(raw: bytes) -> tuple[bytes, bytes]:
    document = read_object(raw, what="the log's unfinished entry", limit=MAX_INTENT_BYTES)
    entry, note = document.get("entry"), document.get("checkpoint")
    if len(document) != 2 or not isinstance(entry, str) or not isinstance(note, str):
        raise _misfit("its fields are not entry and checkpoint")
    return entry.encode(), note.encode()


def _misfit(why: str) -> DeniedError:
    return DeniedError("log_tampered", f"the log's unfinished entry is not one that was begun here: {why}")
