"""What production may serve now, as its gates see it."""

from dataclasses import dataclass

from weighlock.core.environment import PRODUCTION
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.ledger.entry import Action
from weighlock.promotion.state import Entry
from weighlock.service.gatekeeper import Situation, VerifiedRelease, observe, verify_release
from weighlock.service.workspace import Workspace
from weighlock.store.verifying import verify_blobs


@dataclass(frozen=True, slots=True)
class Standing:
    """A release that the state names, and why gates deny it, if they do."""

    entry: Entry
    problem: DeniedError | None

    def to_json(self) -> dict[str, object]:
        """Return the JSON object."""
        return {
            "alias": self.entry.alias,
            "digest": str(self.entry.release),
            "candidate": str(self.entry.candidate),
            "model": str(self.entry.model),
            "may_run": self.problem is None,
            "code": None if self.problem is None else self.problem.code,
        }


def list_releases(workspace: Workspace) -> tuple[Situation, list[Standing]]:
    """Return the situation of production and each release's standing."""
    situation = observe(workspace, PRODUCTION)
    return situation, [_stand(situation, entry) for entry in situation.state.releases]


def verify_every_byte(
    workspace: Workspace, wanted: str, *, progress: Progress = NO_PROGRESS
) -> VerifiedRelease:
    """Return the release if it may run and every byte of its model is as released; raises DeniedError."""
    try:
        verified = _verify(workspace, wanted, progress)
    except WeighlockError as error:
        workspace.note_decision(PRODUCTION, Action.VERIFY, [], error=error, message=shown(wanted))
        raise
    entry = verified.entry
    subjects = [entry.release, entry.candidate, entry.model]
    workspace.note_decision(PRODUCTION, Action.VERIFY, subjects, message=entry.alias)
    return verified


def _verify(workspace: Workspace, wanted: str, progress: Progress) -> VerifiedRelease:
    situation = observe(workspace, PRODUCTION)
    verified = verify_release(situation, wanted)
    digests = {file.digest for file in verified.model.files.values()}
    progress.begin("verifying", verified.model.size)
    try:
        verify_blobs(situation.store, digests, progress)
    finally:
        progress.end()
    return verified


def _stand(situation: Situation, entry: Entry) -> Standing:
    try:
        verify_release(situation, str(entry.release))
    except DeniedError as error:
        return Standing(entry, error)
    return Standing(entry, None)
