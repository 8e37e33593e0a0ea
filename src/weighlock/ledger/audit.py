"""Compare all entries of a log with its checkpoint and with earlier heads of it."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weighlock.core.error import DeniedError
from weighlock.ledger.checkpoint import Checkpoint, TreeHead
from weighlock.ledger.tree import EMPTY_ROOT, Frontier, leaf_node

_RECOVER = (
    "put the log back from a copy, find out who can write its folder, and treat what it allowed as unproven"
)


@dataclass(frozen=True, slots=True)
class Audited:
    """A log whose entries are exactly those that its checkpoint covers."""

    frontier: Frontier
    compared: tuple[TreeHead, ...]


def check_grown(head: TreeHead | None, earlier: TreeHead) -> None:
    """Return unless ``head`` (None: an empty log) cannot have grown from ``earlier``, as far as heads tell.

    Raises DeniedError ``log_truncated`` or ``log_forked``.
    """
    size = 0 if head is None else head.size
    if size < earlier.size:
        raise DeniedError(
            "log_truncated",
            f"the log has {size} entries and had {earlier.size} before: the end was cut off, or an old copy put back",
            hint=_RECOVER,
            details={"size": size, "remembered": earlier.size},
        )
    if size == earlier.size and head is not None and head.root != earlier.root:
        raise _forked(earlier)


def audit(entries: Iterable[bytes], checkpoint: Checkpoint | None, earlier: Sequence[TreeHead]) -> Audited:
    """Return what ``entries`` (whole lines, without newlines) amount to; more than the checkpoint covers are not taken.

    Raises DeniedError ``log_truncated`` if entries are missing that the checkpoint or an earlier head counts,
    ``log_tampered`` if they are not the entries that were signed, ``log_forked`` if they agree with the
    checkpoint and yet contradict an earlier head: the log was signed twice, differently.
    """
    signed = None if checkpoint is None else checkpoint.head
    for head in earlier:
        check_grown(signed, head)
    roots: dict[int, bytes] = {0: EMPTY_ROOT}
    wanted = {head.size for head in earlier}
    frontier = Frontier()
    for entry in itertools.islice(entries, signed.size if signed else 0):
        frontier = frontier.grown(leaf_node(entry))
        if frontier.size in wanted:
            roots[frontier.size] = frontier.root
    if signed is not None:
        _check_signed(frontier, signed)
    for head in earlier:
        if roots[head.size] != head.root:
            raise _forked(head)
    return Audited(frontier, tuple(earlier))


def check_rest(rest: bytes, begun: bytes) -> None:
    """Return if ``rest``, what follows the covered entries, is a beginning of the line whose writing broke off.

    Raises DeniedError ``log_tampered``: bytes that no signed intent announced were put there by someone else.
    """
    if not begun.startswith(rest):
        raise tampered("after its last signed entry follow bytes that were never signed")


def _check_signed(frontier: Frontier, head: TreeHead) -> None:
    if frontier.size < head.size:
        raise DeniedError(
            "log_truncated",
            f"the log has {frontier.size} entries and {head.size} were signed: some were taken out",
            hint=_RECOVER,
            details={"size": frontier.size, "signed": head.size},
        )
    if frontier.root != head.root:
        raise tampered("an entry was changed, exchanged or moved since it was signed")


def tampered(why: str) -> DeniedError:
    """Return the error for a log whose entries are not the ones that were signed."""
    return DeniedError("log_tampered", f"the log was tampered with: {why}", hint=_RECOVER)


def _forked(earlier: TreeHead) -> DeniedError:
    return DeniedError(
        "log_forked",
        f"the log's first {earlier.size} entries are not those that were seen before: it was rewritten or forked",
        hint=_RECOVER,
        details={"remembered": earlier.size},
    )
