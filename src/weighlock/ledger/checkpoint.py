"""Checkpoints (C2SP, tlog-checkpoint.md): the signed head of the log's tree.

``TreeHead`` is a claim. Only ``verify_checkpoint`` makes a ``Checkpoint``.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.ledger.note import Note, Sign, VerifierKey, invalid_checkpoint, sign_note
from weighlock.ledger.tree import EMPTY_ROOT, NODE_BYTES, Frontier

MAX_ENTRIES: Final = 2**40  # far past any log of decisions, and no integer of a reader overflows
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,12}", re.ASCII)
_ORIGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", re.ASCII)  # also becomes a file name


@dataclass(frozen=True, slots=True)
class TreeHead:
    """Which log (a URL without a scheme), how many entries, and the root (32 bytes) over them."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def of(cls, origin: str, frontier: Frontier) -> Self:
        """Return the head of the tree that ``frontier`` stands for."""
        return cls(check_origin(origin), frontier.size, frontier.root)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Return the head that a note's text states; raises DeniedError ``checkpoint_invalid``."""
        # Extension lines are allowed by the specification and signed by none of our logs.
        lines = text.decode("utf-8", errors="replace").split("\n")
        if len(lines) != 4 or lines[3]:
            raise invalid_checkpoint("its text is not the three lines origin, size and root")
        origin, size, root = lines[:3]
        if not _ORIGIN.fullmatch(origin):
            raise invalid_checkpoint(f"{shown(origin)!r} is not the name of a log")
        if not _SIZE.fullmatch(size) or int(size) > MAX_ENTRIES:
            raise invalid_checkpoint(f"{shown(size)!r} is not a number of entries")
        try:
            node = base64.b64decode(root, validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid_checkpoint("its root is not base64") from error
        if len(node) != NODE_BYTES or base64.b64encode(node).decode() != root:
            raise invalid_checkpoint(f"its root is not {NODE_BYTES} bytes in base64")
        if size == "0" and node != EMPTY_ROOT:
            raise invalid_checkpoint("it states a root of no entries that cannot be")
        return cls(origin, int(size), node)

    @property
    def text(self) -> bytes:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head that a key of this log signed, with the note's exact bytes."""

    head: TreeHead
    note: bytes
    signer: VerifierKey


def sign_checkpoint(head: TreeHead, key: VerifierKey, sign: Sign) -> Checkpoint:
    """Return the head signed by ``key``, verified as a reader would; raises DeniedError ``checkpoint_invalid``."""
    return verify_checkpoint(sign_note(head.text, key, sign), [key], head.origin)


def verify_checkpoint(raw: bytes, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """Return the checkpoint in ``raw`` if one of ``keys`` signed it for this log.

    Raises DeniedError ``checkpoint_invalid``.
    """
    note = Note.parse(raw)
    signer = note.verify(keys)
    head = TreeHead.parse(note.text)
    if head.origin != origin:
        raise invalid_checkpoint(f"it is of the log {shown(head.origin)}, not of {shown(origin)}")
    return Checkpoint(head, raw, signer)


def check_origin(origin: str) -> str:
    """Return ``origin`` if it can name a log; raises UsageError ``log_origin_invalid``."""
    if not _ORIGIN.fullmatch(origin):
        raise UsageError(
            "log_origin_invalid",
            f"{shown(origin)!r} cannot name a log",
            hint="write it like a URL without its scheme, such as models.example.com/production",
        )
    return origin
