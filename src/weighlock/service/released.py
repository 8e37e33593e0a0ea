"""Which digests workloads may name: those of releases that a gate allows now."""

from collections.abc import Sequence
from typing import NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.environment import PRODUCTION
from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown
from weighlock.gate.subject import FileReport
from weighlock.ledger.entry import Action
from weighlock.promotion.revocation import KEY
from weighlock.promotion.state import Entry
from weighlock.service.gatekeeper import Situation, observe, verify_release
from weighlock.service.workspace import Workspace


class Released(NamedTuple):
    """The digests of models that may be named, and those that nothing may name."""

    released: frozenset[Digest]
    revoked: frozenset[Digest]


def released_digests(workspace: Workspace) -> Released:
    """Return what production's verified state allows and withdraws; raises what ``observe`` raises.

    A release that is named by the state but denied (an approver left, something in it was
    revoked) is not released; its digests are withdrawn if that is why.
    """
    situation = observe(workspace, PRODUCTION)
    allowed: set[Digest] = set()
    withdrawn = {Digest.parse(value) for value in situation.revoked if not value.startswith(KEY)}
    for entry in situation.state.releases:
        code = _denied(situation, entry)
        if code is None:
            allowed |= {entry.model, entry.release}
        elif code == "revoked":
            withdrawn |= {entry.model, entry.release}
    return Released(frozenset(allowed - withdrawn), frozenset(withdrawn))


def note_check(workspace: Workspace, reports: Sequence[FileReport]) -> None:
    """Put on record what `check` decided, one entry for all files, where this machine holds the log's key."""
    subjects = [subject for report in reports for subject in report.subjects]
    denied = [subject for subject in subjects if subject.outcome is Outcome.FINDINGS]
    names = ", ".join(report.file for report in reports)
    error: WeighlockError | None = None
    if denied:
        judgement = denied[0].judgement
        error = DeniedError(judgement.code, judgement.reason)
    elif any(report.outcome is not Outcome.CLEAN for report in reports):
        error = UndecidedError("not_examined", "a file was not examined")
    workspace.note_decision(PRODUCTION, Action.CHECK, [], error=error, message=shown(names))


def _denied(situation: Situation, entry: Entry) -> str | None:
    try:
        verify_release(situation, str(entry.release))
    except DeniedError as error:
        return error.code
    return None
