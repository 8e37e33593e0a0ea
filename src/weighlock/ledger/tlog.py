"""Proofs in the text formats of C2SP, so that others can check an entry, or watch the log grow.

``tlog-proof.md``: one entry, its place, the nodes beside its way to the root, and the checkpoint. The entry
itself stands in the ``extra`` line, so that the proof is enough to read it.

``tlog-witness.md``, "add-checkpoint": what a witness asks for before it cosigns a checkpoint.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.ledger.checkpoint import Checkpoint, verify_checkpoint
from weighlock.ledger.entry import MAX_ENTRY_BYTES
from weighlock.ledger.note import MAX_NOTE_BYTES, VerifierKey
from weighlock.ledger.proof import (
    MAX_PROOF_NODES,
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from weighlock.ledger.tree import leaf_node

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES: Final = 2 * MAX_ENTRY_BYTES + MAX_NOTE_BYTES + 45 * (MAX_PROOF_NODES + 4)
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ProvedEntry:
    """An entry that is number ``index`` of the log whose checkpoint was verified."""

    entry: bytes
    index: int
    checkpoint: Checkpoint


def write_inclusion(entries: Sequence[bytes], index: int, checkpoint: Checkpoint) -> bytes:
    """Return the proof that ``entries[index]`` is in the log, verified as a reader would.

    Raises ValueError if there is no such entry.
    """
    leaves = [leaf_node(entry) for entry in entries]
    nodes = prove_inclusion(leaves, index)
    head = checkpoint.head
    verify_inclusion(leaves[index], index, head.size, nodes, head.root)
    extra = base64.b64encode(entries[index]).decode()
    lines = [HEADER, f"extra {extra}", f"index {index}", *_encoded(nodes), ""]
    return _joined(lines) + checkpoint.note


def read_inclusion(raw: bytes, keys: Sequence[VerifierKey], origin: str) -> ProvedEntry:
    """Return the entry that ``raw`` proves to be in the log.

    Raises DeniedError ``proof_invalid`` or ``checkpoint_invalid``.
    """
    if len(raw) > MAX_PROOF_BYTES:
        raise _invalid(f"it is longer than {MAX_PROOF_BYTES} bytes")
    head, blank, note = raw.partition(b"\n\n")
    lines = head.decode("utf-8", errors="replace").split("\n")
    if not blank or len(lines) < 3 or lines[0] != HEADER or not lines[1].startswith("extra "):
        raise _invalid(f"it does not begin with {HEADER} and the entry")
    place = _INDEX.fullmatch(lines[2])
    if place is None:
        raise _invalid("it does not say which entry it is about")
    entry, nodes = _decode(lines[1].removeprefix("extra ")), [_decode(line) for line in lines[3:]]
    checkpoint = verify_checkpoint(note, keys, origin)
    verify_inclusion(leaf_node(entry), int(place[1]), checkpoint.head.size, nodes, checkpoint.head.root)
    return ProvedEntry(entry, int(place[1]), checkpoint)


def write_growth(entries: Sequence[bytes], old_size: int, checkpoint: Checkpoint) -> bytes:
    """Return what asks a witness, who last saw ``old_size`` entries, to cosign ``checkpoint``.

    Raises ValueError if the log never had so few or so many entries.
    """
    leaves = [leaf_node(entry) for entry in entries]
    nodes: list[bytes] = []
    if old_size:  # from nothing, anything has grown
        nodes = prove_consistency(leaves, old_size)
        head = checkpoint.head
        verify_consistency(old_size, root_of(leaves[:old_size]), head.size, head.root, nodes)
    return _joined([f"old {old_size}", *_encoded(nodes), ""]) + checkpoint.note


def _encoded(nodes: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(node).decode() for node in nodes]


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid("a line of it is not base64") from error


def _invalid(why: str) -> DeniedError:
    return DeniedError("proof_invalid", f"the proof about the log is refused: {why}")
