"""Withdraw something, so that every gate denies whatever contains it.

A person with the role revoker signs; that statement alone makes gates that see the
store deny. The service then signs the next state with it, which gates that are cut
off meet at the latest when their last state expires.
"""

from dataclasses import dataclass

from weighlock.attestation.signer import Signer
from weighlock.attestation.trust_document import Role
from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.environment import PRODUCTION
from weighlock.core.error import WeighlockError
from weighlock.core.evidence import MADE_AT, Evidence, Kind
from weighlock.ledger.entry import Action, Actor
from weighlock.promotion.revocation import KEY, MEDIA_TYPE, Revocation, check_value
from weighlock.service.approve import principal_in
from weighlock.service.evidence import attach
from weighlock.service.gatekeeper import (
    find_revocations,
    observe,
    verify_release,
)
from weighlock.service.record import put_record
from weighlock.service.state import sign_state
from weighlock.service.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was withdrawn, the state that says so (None if the service key is not here), what is hit."""

    revocation: Revocation
    principal: str
    state_number: int | None
    state_problem: str
    affected: tuple[str, ...]


def revoke(workspace: Workspace, value: str, signer: Signer, *, reason: str) -> Revoked:
    """Withdraw ``value`` from production; raises UsageError ``revocation_invalid``, DeniedError ``role_missing``."""
    check_value(value)
    store = workspace.store(PRODUCTION)
    trust = workspace.trust_for(PRODUCTION)
    principal = principal_in(trust, signer, Role.REVOKER)
    now = workspace.clock()
    revocation = Revocation(value, reason, now)
    descriptor = put_record(store, MEDIA_TYPE, revocation.to_bytes())
    attach(store, descriptor, Kind.REVOCATION, {"value": value, MADE_AT: write_time(now)}, signer, name=value)
    store.tag(descriptor.digest, f"revocation/{descriptor.digest.short[:8]}-made")
    number, problem = _tell(workspace)
    actor = Actor(signer.public.key_id, principal)
    subjects = [] if value.startswith(KEY) else [Digest.parse(value)]
    workspace.note_decision(PRODUCTION, Action.REVOKE, subjects, actor=actor, message=f"{value}: {reason}")
    # what cannot be observed was said as the problem already; the revocation stands all the same
    return Revoked(revocation, principal, number, problem, affected(workspace) if number else ())


def affected(workspace: Workspace) -> tuple[str, ...]:
    """Return the releases that the gates deny now, as ``name@N (why)``."""
    situation = observe(workspace, PRODUCTION, fresh=False)
    found = []
    for entry in situation.state.releases:
        try:
            verify_release(situation, entry.alias)
        except WeighlockError as error:
            found.append(f"{entry.alias} ({error.code})")
    return tuple(found)


def _tell(workspace: Workspace) -> tuple[int | None, str]:
    """Sign the next state if this machine can; a revocation must not fail because it cannot."""
    try:
        return sign_state(workspace, PRODUCTION).number, ""
    except WeighlockError as error:
        return None, f"{error.message} [{error.code}]"


def list_revocations(workspace: Workspace) -> list[tuple[Revocation, Evidence]]:
    """Return the signed revocations of production."""
    return find_revocations(workspace.store(PRODUCTION), workspace.trust_for(PRODUCTION))
