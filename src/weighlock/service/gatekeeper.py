"""What every gate does before it allows anything: believe nothing, look it all up, verify it itself.

1. the gate's memory and the clock
2. the trust document, not older than one seen before
3. revocations: remembered, stated in the store, listed in the state
4. the state: signed by a releaser, in order, fresh
5. the release: named by the state, signed, of an approved candidate
6. the approvals, counted anew
7. nothing in it revoked

A service key and write access to the store are not enough to get past step 6.
"""

import datetime as dt
from dataclasses import dataclass, replace

from weighlock.attestation.trust import Trust, require_real
from weighlock.attestation.trust_document import Role
from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.evidence import Evidence, Kind
from weighlock.policy.document import MAX_POLICY_BYTES, Policy
from weighlock.promotion import candidate as candidate_record
from weighlock.promotion import release as release_record
from weighlock.promotion import revocation as revocation_record
from weighlock.promotion import state as state_record
from weighlock.promotion.approval import count_approvals, reasons_against
from weighlock.promotion.candidate import Candidate, Installation
from weighlock.promotion.release import Release
from weighlock.promotion.revocation import Revocation, check_not_revoked, revoked_keys
from weighlock.promotion.state import Entry, Memory, State, check_fresh
from weighlock.service.evidence import gather
from weighlock.service.gate_memory import told_of_memory
from weighlock.service.record import read_record
from weighlock.service.trust import load_trust
from weighlock.service.workspace import Workspace
from weighlock.store.interface import Store
from weighlock.store.manifest import read_model


@dataclass(frozen=True, slots=True)
class Situation:
    """What is true of an environment now, verified: whom to trust, what may run, what is withdrawn."""

    environment: str
    store: Store
    trust: Trust
    state: State
    revoked: frozenset[str]
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release that may run, with everything that it names; only ``verify_release`` makes it."""

    entry: Entry
    release: Release
    candidate: Candidate
    model: Artifact
    approvers: frozenset[str]


def observe(
    workspace: Workspace, environment: str, *, fresh: bool = True, resigning: bool = False
) -> Situation:
    """Return the situation of an environment and remember what was seen.

    ``fresh`` False accepts an expired state, for renewing it; ``resigning`` one whose signature counts no
    longer, if it is the very one that this gate believed last: who signs it may change. Raises
    DeniedError with the code of the step that failed, UndecidedError if something cannot be read.
    """
    memory = workspace.memory(environment)
    with told_of_memory(workspace.settings.memory), memory.exclusive():
        known = memory.read()
        now = workspace.clock()
        known.check_clock(now)
        trust = trust_now(workspace, environment, known, now)
        store = workspace.store(environment)
        stated = find_revocations(store, trust)
        known = replace(known, revoked=known.revoked | {each.value for each, _ in stated})
        memory.write(known)  # a revocation once seen stays, even if what follows denies
        state, digest = _read_state(store, trust, known, environment, resigning=resigning)
        known = known.admit(state, digest, now)
        known = replace(known, trust_version=max(known.trust_version, trust.version))
        memory.write(known)
    # a stolen key signs what it likes, but not for longer than this gate's own settings say
    longest = state.made_at + dt.timedelta(days=workspace.settings.state_days)
    state = replace(state, expires_at=min(state.expires_at, longest))
    if fresh:
        check_fresh(state, now)
    return Situation(environment, store, trust, state, known.revoked, now)


def trust_now(workspace: Workspace, environment: str, known: Memory, now: dt.datetime) -> Trust:
    """Return the trust document in force, not older than one that this gate has seen, real where it must be."""
    settings = workspace.settings
    trust = load_trust(settings.trust_folder, workspace.pin, now, minimum_version=max(1, known.trust_version))
    if not settings.environment(environment).trial:
        require_real(trust)
    return trust


def find_revocations(store: Store, trust: Trust) -> list[tuple[Revocation, Evidence]]:
    """Return the revocations that a revoker signed, with the evidence; unsigned ones say nothing.

    Keys that were revoked later still count here: withdrawing too much is the safe side.
    """
    found = []
    for digest in store.find(revocation_record.MEDIA_TYPE):
        raw, descriptor = read_record(store, digest, revocation_record.MEDIA_TYPE)
        signed = gather(store, descriptor.digest, trust).of(Kind.REVOCATION)
        if signed:
            found.append((Revocation.parse(raw), signed[0]))
    return found


def verify_release(situation: Situation, wanted: str) -> VerifiedRelease:
    """Return the release that ``wanted`` (name, ``name@N`` or digest) names, if it may run now.

    Raises DeniedError ``release_unknown``, ``release_invalid``, ``approvals_missing``,
    ``candidate_rejected``, ``requester_unknown``, ``revoked``, or the store's codes.
    """
    entry = situation.state.find(wanted)
    release = _read_release(situation, entry)
    raw, descriptor = read_record(situation.store, release.candidate, candidate_record.MEDIA_TYPE)
    candidate = Candidate.parse(raw)
    if (candidate.environment, candidate.model) != (situation.environment, release.model):
        raise _invalid(entry, "its candidate is for another environment or model")
    approvers = verify_approvals(situation, descriptor, candidate)
    model = read_model(situation.store, release.model)
    check_not_revoked(_digests(entry, release, candidate, model), situation.revoked, what=entry.alias)
    return VerifiedRelease(entry, release, candidate, model, approvers)


def verify_approvals(situation: Situation, descriptor: Descriptor, candidate: Candidate) -> frozenset[str]:
    """Return who approved a candidate, if they are enough; raises DeniedError."""
    keys = revoked_keys(situation.revoked)
    evidence = gather(situation.store, descriptor.digest, situation.trust, revoked_keys=keys).evidence
    tally = count_approvals(descriptor.digest, evidence, requesters={candidate.requester}, now=situation.now)
    policy = Policy.parse(
        situation.store.read_blob(candidate.policy, limit=MAX_POLICY_BYTES), file="the policy"
    )
    threshold = max(policy.people, situation.trust.threshold(Role.APPROVER))
    reasons = reasons_against(tally, threshold=threshold)
    if reasons:
        raise DeniedError(reasons[0].code, reasons[0].message, hint=reasons[0].hint)
    check_request(candidate, evidence)  # or the requester could be one of the two under another name
    return tally.approved


def check_request(candidate: Candidate, evidence: tuple[Evidence, ...]) -> None:
    """Raise DeniedError ``requester_unknown`` unless the named requester, and nobody else, signed the request."""
    signers = {each.principal for each in evidence if each.kind is Kind.REQUEST}
    if signers != {candidate.requester}:
        raise DeniedError(
            "requester_unknown",
            "the request is not signed by the requester that the candidate names, and by nobody else",
            hint="make the candidate anew with `weighlock request`",
        )


def contained_digests(candidate: Candidate, model: Artifact) -> list[Digest]:
    """Return every digest that a candidate consists of: manifests, files, package lock, image, policy."""
    serving = candidate.serving
    parts = (
        [serving.package_lock, serving.packages] if isinstance(serving, Installation) else [serving.digest]
    )
    files = [descriptor.digest for descriptor in model.files.values()]
    return [*candidate.artifacts.values(), candidate.policy, model.config.digest, *parts, *files]


def _digests(entry: Entry, release: Release, candidate: Candidate, model: Artifact) -> list[Digest]:
    return [entry.release, release.candidate, *contained_digests(candidate, model)]


def _read_state(
    store: Store, trust: Trust, known: Memory, environment: str, *, resigning: bool
) -> tuple[State, Digest]:
    try:
        found = store.resolve(state_record.NAME)
    except UsageError as error:
        raise _no_state(environment, known) from error
    raw, descriptor = read_record(store, found.digest, state_record.MEDIA_TYPE)
    keys = revoked_keys(known.revoked)
    signed = gather(store, descriptor.digest, trust, revoked_keys=keys).of(Kind.STATE)
    if not signed and not (resigning and descriptor.digest == known.digest):
        raise DeniedError(
            "state_invalid",
            f"the state of {environment} is not signed by a releaser of the trust document",
            hint="restore it if somebody else wrote it; if its releaser left, `weighlock renew` with another one's key",
        )
    state = State.parse(raw)
    if state.environment != environment:
        raise DeniedError("state_invalid", f"the state in {environment}'s store is of another environment")
    if state.trust_version > trust.version:
        raise DeniedError(
            "trust_rolled_back",
            f"the state was signed under version {state.trust_version} of the trust document, and here is {trust.version}",
            hint="fetch the trust folder again; if someone put an old one back, find out who can write it",
        )
    return state, descriptor.digest


def _no_state(environment: str, known: Memory) -> WeighlockError:
    if known.number:
        return DeniedError(
            "state_replayed",
            f"{environment} has no state, but state {known.number} was seen already",
            hint="somebody removed it; restore the store",
        )
    return DeniedError(
        "state_missing", f"{environment} has no signed state", hint="`weighlock renew` signs the first one"
    )


def _read_release(situation: Situation, entry: Entry) -> Release:
    raw, descriptor = read_record(situation.store, entry.release, release_record.MEDIA_TYPE)
    release = Release.parse(raw)
    named = (release.name, release.number, release.environment, release.candidate, release.model)
    if named != (entry.name, entry.number, situation.environment, entry.candidate, entry.model):
        raise _invalid(entry, "the state and the release's record disagree")
    keys = revoked_keys(situation.revoked)
    if not gather(situation.store, descriptor.digest, situation.trust, revoked_keys=keys).of(Kind.PROMOTION):
        raise _invalid(entry, "it is not signed by a releaser of the trust document")
    return release


def _invalid(entry: Entry, why: str) -> DeniedError:
    return DeniedError("release_invalid", f"the release {entry.alias} is refused: {why}")
