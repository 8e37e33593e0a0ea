"""People say what they think of a candidate: approve, reject, review its bill of materials, waive.

Each is a signed statement about the candidate's exact digest, attached to it in
experimentation. Whether it counts is decided later, by promotion and by every gate.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weighlock.attestation.signer import Signer
from weighlock.attestation.trust import Trust
from weighlock.attestation.trust_document import Role
from weighlock.core.clock import write_time
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION, PRODUCTION
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.evidence import MADE_AT, MAX_WAIVER_DAYS, Kind
from weighlock.core.text import shown
from weighlock.ledger.entry import Action, Actor
from weighlock.promotion.approval import APPROVE, REJECT
from weighlock.promotion.candidate import MEDIA_TYPE, Candidate
from weighlock.service.evidence import ROLE_FOR, attach, gather
from weighlock.service.record import read_record
from weighlock.service.workspace import Workspace
from weighlock.store.interface import Store

ACCEPTED = "accepted"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Stated:
    """Who said what about which candidate; ``bundle`` is the statement's digest."""

    candidate: Candidate
    digest: Digest
    principal: str
    bundle: Digest


def read_candidate(store: Store, text: str) -> tuple[Candidate, Descriptor]:
    """Return the candidate that a digest, prefix or name stands for, and its descriptor.

    Raises UsageError ``artifact_unknown``, DeniedError ``candidate_unknown`` if it is another artifact.
    """
    found = store.resolve(text)
    try:
        raw, descriptor = read_record(store, found.digest, MEDIA_TYPE)
    except DeniedError as error:
        if error.code != "manifest_invalid":
            raise
        raise DeniedError(
            "candidate_unknown",
            f"{shown(text)} is not a candidate",
            hint="`weighlock request` prints the digest of the candidate that it makes",
        ) from error
    return Candidate.parse(raw), descriptor


def approve(workspace: Workspace, candidate: str, signer: Signer, *, comment: str) -> Stated:
    """Approve; raises DeniedError ``role_missing``, ``own_request`` for the requester's own candidate."""
    return _decide(workspace, candidate, signer, APPROVE, comment)


def reject(workspace: Workspace, candidate: str, signer: Signer, *, comment: str) -> Stated:
    """Reject; raises DeniedError ``role_missing``, UsageError ``candidate_released`` where that comes too late."""
    store = workspace.store(EXPERIMENTATION)
    _, descriptor = read_candidate(store, candidate)
    if descriptor.digest in workspace.store(PRODUCTION).find(MEDIA_TYPE):
        raise UsageError(
            "candidate_released",
            "the candidate was promoted already, and rejecting it would stop nothing",
            hint=f"`weighlock revoke {descriptor.digest} --reason TEXT --key FILE` stops it",
        )
    return _decide(workspace, candidate, signer, REJECT, comment)


def review_sbom(
    workspace: Workspace, candidate: str, signer: Signer, *, accept: bool, comment: str
) -> Stated:
    """Say that the newest bill of materials was read, and whether it is acceptable.

    Raises DeniedError ``role_missing``, ``sbom_missing``.
    """
    store = workspace.store(EXPERIMENTATION)
    trust = workspace.trust_for(EXPERIMENTATION)
    _, descriptor = read_candidate(store, candidate)
    sboms = gather(store, descriptor.digest, trust).of(Kind.SBOM)
    if not sboms:
        raise DeniedError("sbom_missing", "the candidate has no bill of materials signed by an inspector")
    newest = max(sboms, key=lambda each: (each.made_at, each.digest))
    predicate = {
        "sbom": str(newest.digest),
        "result": ACCEPTED if accept else REFUSED,
        "comment": comment,
    }
    return _state(workspace, candidate, signer, Kind.REVIEW, predicate, Action.ATTEST)


def waive_evaluation(
    workspace: Workspace, candidate: str, signer: Signer, *, reason: str, days: int
) -> Stated:
    """Waive the evaluation of a candidate for some days; raises DeniedError ``role_missing``."""
    if not 1 <= days <= MAX_WAIVER_DAYS:
        raise UsageError("waiver_invalid", f"a waiver lasts from 1 to {MAX_WAIVER_DAYS} days")
    expires_at = workspace.clock() + dt.timedelta(days=days)
    predicate = {"waived": str(Kind.EVALUATION), "reason": reason, "expiresAt": write_time(expires_at)}
    return _state(workspace, candidate, signer, Kind.WAIVER, predicate, Action.ATTEST)


def _decide(workspace: Workspace, candidate: str, signer: Signer, decision: str, comment: str) -> Stated:
    predicate = {"decision": decision, "comment": comment}
    action = Action.APPROVE if decision == APPROVE else Action.REJECT
    return _state(workspace, candidate, signer, Kind.APPROVAL, predicate, action)


def _state(
    workspace: Workspace,
    candidate_text: str,
    signer: Signer,
    kind: Kind,
    predicate: Mapping[str, Any],
    action: Action,
) -> Stated:
    store = workspace.store(EXPERIMENTATION)
    trust = workspace.trust_for(EXPERIMENTATION)
    candidate, descriptor = read_candidate(store, candidate_text)
    principal = principal_in(trust, signer, ROLE_FOR[kind])
    if principal == candidate.requester and predicate.get("decision") != REJECT:
        raise DeniedError(
            "own_request",
            f"{principal} asked for this candidate, so what they say for it does not count",
            hint="another person must approve, review or waive",
        )
    predicate = {**predicate, MADE_AT: write_time(workspace.clock())}
    bundle = attach(store, descriptor, kind, predicate, signer, name=candidate.name)
    actor = Actor(signer.public.key_id, principal)
    workspace.note_decision(EXPERIMENTATION, action, [descriptor.digest], actor=actor)
    return Stated(candidate, descriptor.digest, principal, bundle)


def principal_in(trust: Trust, signer: Signer, role: Role) -> str:
    """Return whose key it is, if they hold ``role``; raises DeniedError ``role_missing``."""
    if signer.public.key_id not in trust.keys_of(role):
        raise DeniedError(
            "role_missing",
            f"the key {signer.public.key_id[:16]}… belongs to nobody with the role {role}",
            hint="`weighlock trust show` tells who holds which role",
        )
    return trust.principal_of(signer.public.key_id)
