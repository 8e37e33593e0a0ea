"""Sign the state of production anew: after a promotion, a revocation, or before it expires.

The new state is written and signed before the name ``state`` moves to it, so a gate
sees the old one or the new one, never an unsigned one.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from weighlock.attestation.signer import Signer
from weighlock.attestation.trust import Trust
from weighlock.attestation.trust_document import Role
from weighlock.core.clock import write_time
from weighlock.core.error import DeniedError
from weighlock.core.evidence import MADE_AT, Kind
from weighlock.promotion.revocation import revoked_keys
from weighlock.promotion.state import MEDIA_TYPE, NAME, State
from weighlock.service.approve import principal_in
from weighlock.service.evidence import attach
from weighlock.service.gatekeeper import find_revocations, observe, trust_now
from weighlock.service.record import put_record
from weighlock.service.workspace import Workspace


def sign_state(
    workspace: Workspace, environment: str, change: Callable[[State], State] = lambda state: state
) -> State:
    """Sign the next state, which is the last one with ``change``, and return it.

    Every revocation that was seen is listed in it. Raises DeniedError ``role_missing`` or ``key_revoked``
    if the service's key may not sign it, and what ``observe`` raises, but accepts an expired state, and
    one whose releaser left.
    """
    signer = workspace.signer(environment)
    with workspace.memory(environment).exclusive("signing"):  # or two would sign the same number
        before, revoked = _last(workspace, environment)
        _check_signer(workspace.trust_for(environment), signer, revoked)  # or it would stop every gate
        now = workspace.clock()
        after = replace(
            before,
            number=before.number + 1,
            made_at=now,
            expires_at=now + dt.timedelta(days=workspace.settings.state_days),
            trust_version=workspace.trust_for(environment).version,
            revoked=tuple(sorted(revoked)),
        )
        after = change(after)
        _publish(workspace, environment, after, signer)
        observe(workspace, environment)  # this machine remembers what it just signed
    return after


def _last(workspace: Workspace, environment: str) -> tuple[State, frozenset[str]]:
    try:
        situation = observe(workspace, environment, fresh=False, resigning=True)
    except DeniedError as error:
        if error.code != "state_missing":
            raise
    else:
        return situation.state, situation.revoked
    # the first state of an environment: nothing was seen yet but perhaps revocations
    now = workspace.clock()
    memory = workspace.memory(environment).read()
    trust = trust_now(workspace, environment, memory, now)
    stated = {each.value for each, _ in find_revocations(workspace.store(environment), trust)}
    return State(0, environment, now, now, trust.version), memory.revoked | stated


def _check_signer(trust: Trust, signer: Signer, revoked: frozenset[str]) -> None:
    principal = principal_in(trust, signer, Role.RELEASER)
    if signer.public.key_id in revoked_keys(revoked):
        raise DeniedError(
            "key_revoked",
            f"the key {signer.public.key_id[:16]}… of {principal} was revoked",
            hint="give the service a new key in the trust document and in the settings",
        )


def _publish(workspace: Workspace, environment: str, state: State, signer: Signer) -> None:
    store = workspace.store(environment)
    raw = state.to_bytes()
    State.parse(raw)  # what no gate could read (too large, numbers run out) must not take the old one's place
    descriptor = put_record(store, MEDIA_TYPE, raw)
    predicate = {"number": state.number, MADE_AT: write_time(state.made_at)}
    attach(store, descriptor, Kind.STATE, predicate, signer, name=f"state {state.number}")
    store.tag(descriptor.digest, f"{NAME}/{state.number}")
    store.tag(descriptor.digest, NAME)
