"""Release an approved candidate to production.

1. read the candidate, and what is known of it and of its model in experimentation
2. count the approvals; look for revocations; decide on all that needs no bytes
3. copy the model by digest, every byte digested on the way
4. inspect the copied bytes again, and sign the result with production's own key
5. decide, on that inspection and on the people's statements
6. write and sign the release, a verification summary, and the next state

Nothing of production's state changes before step 6; what step 3 left behind when step 5
denies is named by nothing and collected by ``gc``.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from weighlock.attestation.signer import Signer
from weighlock.attestation.trust_document import Role
from weighlock.core.artifact import Artifact
from weighlock.core.clock import write_time
from weighlock.core.decision import Decision, Reason
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION, PRODUCTION
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.evidence import MADE_AT, OWN, Evidence, Kind
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.inspection.options import Options
from weighlock.ledger.entry import Action, Actor
from weighlock.policy.evaluate import Question, evaluate
from weighlock.promotion import release as release_record
from weighlock.promotion.approval import Tally, count_approvals, reasons_against
from weighlock.promotion.candidate import MODEL, Candidate, Installation
from weighlock.promotion.release import Release
from weighlock.promotion.revocation import check_not_revoked, revoked_keys
from weighlock.promotion.state import Entry, State
from weighlock.service.approve import read_candidate
from weighlock.service.evidence import attach, gather
from weighlock.service.gatekeeper import (
    check_request,
    contained_digests,
    find_revocations,
    observe,
    verify_release,
)
from weighlock.service.inspect_stored import inspect_artifact
from weighlock.service.record import put_record
from weighlock.service.sbom_check import compare_sbom
from weighlock.service.serving import read_serving
from weighlock.service.state import sign_state
from weighlock.service.workspace import Workspace
from weighlock.store.copying import copy_artifact, copy_referrers
from weighlock.store.interface import Store
from weighlock.store.manifest import read_model

_ABOUT_BYTES: Final = frozenset(
    {"format_forbidden", "inspection_findings", "inspection_missing", "inspection_options", "not_examined"}
)


@dataclass(frozen=True, slots=True)
class Promoted:
    """What was decided, and the release if it was allowed."""

    candidate: Candidate
    digest: Digest
    decision: Decision
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class _Case:
    candidate: Candidate
    descriptor: Descriptor
    model: Artifact
    evidence: tuple[Evidence, ...]
    against: tuple[Reason, ...]
    tally: Tally


def promote(
    workspace: Workspace, text: str, *, dry_run: bool = False, progress: Progress = NO_PROGRESS
) -> Promoted:
    """Promote the candidate that ``text`` names, or return why not.

    With ``dry_run`` nothing is copied or written, so the decision leaves out what only the inspection
    of the copied bytes can tell. A candidate that is the newest release of its name already is not
    released twice. Raises the errors of stores, trust and keys; a denial is no error.
    """
    if dry_run:
        case = _open_case(workspace, text)
        return Promoted(case.candidate, case.descriptor.digest, _decide_early(workspace, case), None)
    try:
        return _promote(workspace, text, progress)
    except WeighlockError as error:
        workspace.note_decision(PRODUCTION, Action.PROMOTE, [], error=error, message=text)
        raise


def _promote(workspace: Workspace, text: str, progress: Progress) -> Promoted:
    case = _open_case(workspace, text)
    decision = _decide_early(workspace, case)
    if decision.reasons:
        return _denied(workspace, case, decision)
    signer = workspace.signer(PRODUCTION)
    inspected = _copy_and_inspect(workspace, case, signer, progress)
    case = replace(case, evidence=(*_without_inspections(case.evidence), inspected))
    decision = _decide(workspace, case)
    if not decision.allow:
        return _denied(workspace, case, decision)
    entry = _release(workspace, case, decision, signer)
    return Promoted(case.candidate, case.descriptor.digest, decision, entry)


def _open_case(workspace: Workspace, text: str) -> _Case:
    source = workspace.store(EXPERIMENTATION)
    trust = workspace.trust_for(PRODUCTION)
    candidate, descriptor = read_candidate(source, text)
    model = read_model(source, candidate.model)
    policy = workspace.policy[0]
    known = workspace.memory(PRODUCTION).read()
    target = workspace.store(PRODUCTION)
    revoked = known.revoked | {each.value for each, _ in find_revocations(target, trust)}
    keys = revoked_keys(revoked)
    evidence = (
        *gather(source, descriptor.digest, trust, revoked_keys=keys).evidence,
        *gather(source, candidate.model, trust, revoked_keys=keys).evidence,
    )
    tally = count_approvals(
        descriptor.digest,
        evidence,
        requesters={candidate.requester},
        now=workspace.clock(),
        max_age=dt.timedelta(days=policy.approval_days),
    )
    threshold = max(policy.people, trust.threshold(Role.APPROVER))
    against = [
        *_reasons(lambda: check_request(candidate, evidence)),
        *reasons_against(tally, threshold=threshold),
        *_reasons(
            lambda: check_not_revoked(
                [descriptor.digest, *contained_digests(candidate, model)], revoked, what="the candidate"
            )
        ),
        *_policy_reasons(candidate, policy.digest),
        *_reasons(lambda: _check_serving(source, candidate)),
        *compare_sbom(source, candidate, descriptor.digest, model, evidence),
    ]
    return _Case(candidate, descriptor, model, evidence, tuple(against), tally)


def _reasons(check: Callable[[], None]) -> Iterable[Reason]:
    try:
        check()
    except (DeniedError, UsageError) as error:
        yield Reason(error.code, error.message, error.hint)


def _check_serving(store: Store, candidate: Candidate) -> None:
    """Raise what would keep the candidate from running anyway: nobody should release that."""
    if isinstance(candidate.serving, Installation):
        read_serving(store, candidate.serving, candidate.argv[0])


def _policy_reasons(candidate: Candidate, policy: Digest) -> Iterable[Reason]:
    if candidate.environment != PRODUCTION:
        yield Reason("record_invalid", "the candidate is for another environment")
    for role in sorted(candidate.artifacts.keys() - {MODEL}):
        yield Reason(
            "artifact_role_unsupported",
            f"nobody inspects the {role} of a candidate yet",
            "make it a part of the model's folder",
        )
    if candidate.policy != policy:
        yield Reason(
            "policy_differs",
            "the candidate was approved under another policy than the one in force",
            "make the candidate anew with `weighlock request`",
        )


def _decide(workspace: Workspace, case: _Case) -> Decision:
    question = Question(
        case.descriptor.digest,
        case.candidate.model,
        case.candidate.evaluation,
        case.candidate.requester,
        case.evidence,
        workspace.clock(),
    )
    decision = evaluate(workspace.policy[0], question, also=case.against)
    return replace(decision, evidence=(*decision.evidence, *case.tally.counted))


def _decide_early(workspace: Workspace, case: _Case) -> Decision:
    """Return the decision without what only the inspection of the copied bytes can tell."""
    decision = _decide(workspace, case)
    reasons = tuple(reason for reason in decision.reasons if reason.code not in _ABOUT_BYTES)
    return replace(decision, reasons=reasons)


def _denied(workspace: Workspace, case: _Case, decision: Decision) -> Promoted:
    first = decision.reasons[0]
    error = DeniedError(first.code, first.message)
    workspace.note_decision(PRODUCTION, Action.PROMOTE, [case.descriptor.digest], error=error)
    return Promoted(case.candidate, case.descriptor.digest, decision, None)


def _copy_and_inspect(workspace: Workspace, case: _Case, signer: Signer, progress: Progress) -> Evidence:
    source, target = workspace.store(EXPERIMENTATION), workspace.store(PRODUCTION)
    progress.begin("copying", case.model.size)
    try:
        descriptor = copy_artifact(source, target, case.candidate.model, progress=progress)
    finally:
        progress.end()
    predicate = {
        **inspect_artifact(
            target, case.model, options=Options(dict(workspace.policy[0].allow)), progress=progress
        ).to_json(),
        MADE_AT: write_time(workspace.clock()),
    }
    digest = attach(target, descriptor, Kind.INSPECTION, predicate, signer, name=case.candidate.name)
    made = gather(target, case.candidate.model, workspace.trust_for(PRODUCTION)).of(Kind.INSPECTION)
    found = [each for each in made if each.digest == digest]
    if not found:
        raise DeniedError(
            "role_missing",
            "production's service key does not hold the role inspector, so its inspection would not count",
            hint="give its service the roles inspector and releaser in the trust document",
        )
    return found[0]


def _without_inspections(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(each for each in evidence if each.kind is not Kind.INSPECTION)


def _release(workspace: Workspace, case: _Case, decision: Decision, signer: Signer) -> Entry:
    source, target = workspace.store(EXPERIMENTATION), workspace.store(PRODUCTION)
    copy_referrers(source, target, case.candidate.model)  # its bytes are there, and were inspected there
    copy_artifact(source, target, case.descriptor.digest, with_referrers=True)
    made: list[Entry] = []

    def add(state: State) -> State:
        same_name = (each for each in state.releases if each.name == case.candidate.name)
        newest = max(same_name, key=lambda each: each.number, default=None)
        if newest is not None and newest.candidate == case.descriptor.digest and _stands(workspace, newest):
            made.append(newest)  # promoted already, perhaps by somebody else a moment ago
            return state
        number = 1 if newest is None else newest.number + 1
        entry = _write_release(workspace, case, decision, signer, number)
        # on record before it takes effect: a log that was tampered with stops the promotion
        actor = Actor(signer.public.key_id, workspace.trust.principal_of(signer.public.key_id))
        subjects = [entry.release, entry.candidate, entry.model]
        workspace.note_decision(PRODUCTION, Action.PROMOTE, subjects, actor=actor, message=entry.alias)
        made.append(entry)
        return replace(state, releases=(*state.releases, made[0]))

    sign_state(workspace, PRODUCTION, add)
    return made[0]


def _stands(workspace: Workspace, entry: Entry) -> bool:
    try:
        verify_release(observe(workspace, PRODUCTION, fresh=False, resigning=True), str(entry.release))
    except DeniedError:
        return False  # signed by a releaser who left, or damaged: it is released anew
    return True


def _write_release(
    workspace: Workspace, case: _Case, decision: Decision, signer: Signer, number: int
) -> Entry:
    target, candidate, now = workspace.store(PRODUCTION), case.candidate, workspace.clock()
    release = Release(
        candidate.name,
        number,
        PRODUCTION,
        case.descriptor.digest,
        candidate.model,
        decision.policy,
        decision.evidence,
        workspace.trust_for(PRODUCTION).version,
        now,
    )
    descriptor = put_record(target, release_record.MEDIA_TYPE, release.to_bytes())
    predicate = {"release": release.alias, "decision": decision.to_json(), MADE_AT: write_time(now)}
    attach(target, descriptor, Kind.PROMOTION, predicate, signer, name=release.alias)
    model = case.model.descriptor
    attach(target, model, Kind.SUMMARY, _summary(release, decision), signer, name=candidate.name)
    target.tag(descriptor.digest, release.alias)
    return Entry(candidate.name, number, descriptor.digest, release.candidate, release.model)


def _summary(release: Release, decision: Decision) -> Mapping[str, Any]:
    """Return a SLSA verification summary (slsa.dev/spec/v1.1/verification_summary) for other people's gates."""
    return {
        "verifier": {"id": f"{OWN}promotion"},
        "timeVerified": write_time(release.made_at),
        "resourceUri": f"{release.environment}:{release.alias}",
        "policy": {"uri": f"{OWN}policy", "digest": {decision.policy.algorithm: decision.policy.hex}},
        "inputAttestations": [
            {"uri": f"{OWN}evidence", "digest": {digest.algorithm: digest.hex}}
            for digest in decision.evidence
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": ["WEIGHLOCK_RELEASED"],
        "slsaVersion": "1.1",
    }
