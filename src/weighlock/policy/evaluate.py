"""Turn evidence and policy into a decision.

Everything that a requirement cannot find, read or date is a reason to deny; allow is
what remains when no requirement objects.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weighlock.core.clock import MAX_CLOCK_SKEW, read_time
from weighlock.core.decision import Decision, Reason
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import MAX_WAIVER_DAYS, Evidence, Kind
from weighlock.core.finding import Severity
from weighlock.core.text import shown
from weighlock.core.waiver import Waiver
from weighlock.policy.document import Policy


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be decided: a candidate, its model, the evaluation that it names, and what is known.

    What ``requester`` says of their own candidate is not listened to.
    """

    candidate: Digest
    model: Digest
    evaluation: Digest | None
    requester: str
    evidence: Sequence[Evidence]
    now: dt.datetime


def evaluate(policy: Policy, question: Question, *, also: Iterable[Reason] = ()) -> Decision:
    """Return the decision; ``also`` are reasons found elsewhere (approvals, revocations)."""
    used: list[Digest] = []
    reasons = [
        *_inspection(policy, question, used),
        *_sbom(policy, question, used),
        *_evaluation(policy, question, used),
        *also,
    ]
    return Decision(tuple(reasons), policy.digest, tuple(used))


def _inspection(policy: Policy, question: Question, used: list[Digest]) -> Iterator[Reason]:
    newest = _newest(question, Kind.INSPECTION, question.model, policy.inspection_days)
    if newest is None:
        yield Reason(
            "inspection_missing", f"no inspection of the model from the last {policy.inspection_days} days"
        )
        return
    used.append(newest.digest)
    files = newest.predicate.get("files")
    if not isinstance(files, list) or not files:
        yield Reason("inspection_missing", "the inspection lists no files")
        return
    if _allowed_names(newest.predicate) != set(policy.allow):
        yield Reason(
            "inspection_options",
            "the inspection was made with other names allowed than the policy's",
            "promote again: promotion inspects with the policy's own options",
        )
    waivers = [waiver for waiver in policy.waivers if waiver.refusal(question.now.date()) is None]
    for file in files:
        yield from _inspected_file(file, policy, waivers)


def _allowed_names(predicate: Mapping[str, Any]) -> set[tuple[str, str]] | None:
    """Return the names that the inspection let a pickle import beyond the rules; None if it does not say."""
    options = predicate.get("options")
    allow = options.get("allow") if isinstance(options, Mapping) else None
    if not isinstance(allow, Mapping):
        return None
    return {(module, name) for module, _, name in (str(each).partition(":") for each in allow)}


def _inspected_file(file: Any, policy: Policy, waivers: Sequence[Waiver]) -> Iterator[Reason]:
    if not isinstance(file, Mapping) or not isinstance(file.get("findings"), list):
        yield Reason("inspection_missing", "the inspection of a file cannot be read")
        return
    path = shown(str(file.get("path")))
    for finding in file["findings"]:
        severity = _severity(finding)
        if (severity is None or severity > policy.accept_up_to) and not _is_waived(file, finding, waivers):
            told = (
                f"{finding.get('severity')} {finding.get('rule')}: {finding.get('message')}"
                if isinstance(finding, Mapping)
                else str(finding)
            )
            yield Reason(
                "inspection_findings",
                f"{path}: {shown(told)}",
                shown(str(finding.get("remedy", ""))) if isinstance(finding, Mapping) else "",
            )
    yield from _forbidden(file, path, policy.forbidden_formats)
    if file.get("notExamined", "unknown") is not None:
        yield Reason(
            "not_examined",
            f"{path} was not examined: {shown(str(file.get('notExamined', 'it is not said why')))}",
            "leave the file out of the model, or convert it to a format that is examined",
        )


def _forbidden(file: Mapping[str, Any], path: str, forbidden: frozenset[str]) -> Iterator[Reason]:
    """Deny a file of a forbidden format, or with a part of one; also one that does not say what it is."""
    if not forbidden:
        return
    formats = file.get("formats")
    if not isinstance(formats, list) or not formats:
        if file.get("notExamined", "unknown") is not None:
            return  # which denies, and says why
        yield Reason("format_forbidden", f"{path}: the inspection does not say of which format it is")
        return
    for name in sorted(forbidden & {*map(str, formats), str(file.get("format"))}):
        yield Reason(
            "format_forbidden",
            f"{path} is of the format {shown(name)} or holds it, which the policy forbids",
            "convert it, for weights to safetensors, or have the policy's owners change forbidden_formats",
        )


def _is_waived(file: Mapping[str, Any], finding: Any, waivers: Sequence[Waiver]) -> bool:
    if not isinstance(finding, Mapping):
        return False
    try:
        digest = Digest.parse(file.get("digest"))
    except DeniedError:
        return False  # a waiver is about bytes, and it is not known which these were
    rule, path = str(finding.get("rule")), str(file.get("path"))
    return any(waiver.covers_rule(rule, _severity(finding), digest, path) for waiver in waivers)


def _severity(finding: Any) -> Severity | None:
    name = finding.get("severity") if isinstance(finding, Mapping) else None
    return Severity.__members__.get(str(name).upper())


def _sbom(policy: Policy, question: Question, used: list[Digest]) -> Iterator[Reason]:
    newest = _newest(question, Kind.SBOM, question.candidate, policy.sbom_days)
    if newest is None:
        yield Reason(
            "sbom_missing",
            f"no bill of materials of the candidate from the last {policy.sbom_days} days",
            "`weighlock request` makes it",
        )
        return
    used.append(newest.digest)
    reviews = [
        review
        for review in _of(question, Kind.REVIEW, question.candidate)
        if review.predicate.get("sbom") == str(newest.digest)
        and _is_fresh(review, question.now, policy.sbom_days)
    ]
    rejecting = [review for review in reviews if review.predicate.get("result") != "accepted"]
    if rejecting or all(review.principal == question.requester for review in reviews):
        told = (
            "was reviewed and not accepted"
            if rejecting
            else "was not reviewed by a person other than the requester"
        )
        yield Reason(
            "sbom_not_reviewed",
            f"the bill of materials {told}",
            "`weighlock sbom review CANDIDATE --key FILE`",
        )
    used.extend(review.digest for review in reviews)


def _evaluation(policy: Policy, question: Question, used: list[Digest]) -> Iterator[Reason]:
    evaluations = [
        each for each in _of(question, Kind.EVALUATION, question.model) if each.digest == question.evaluation
    ]
    if evaluations:
        used.append(evaluations[0].digest)
        if evaluations[0].predicate.get("result") != "PASSED":
            yield Reason("evaluation_failed", "the evaluation that the candidate names did not pass")
        elif not _is_fresh(evaluations[0], question.now, policy.evaluation_days):
            yield Reason("evaluation_missing", f"the evaluation is older than {policy.evaluation_days} days")
        return
    waivers = [
        each
        for each in _of(question, Kind.WAIVER, question.candidate)
        if each.principal != question.requester and _waives(each, question.now)
    ]
    if policy.evaluation_waivable and waivers and question.evaluation is None:
        used.append(waivers[0].digest)
        return
    yield Reason(
        "evaluation_missing",
        "the candidate names no evaluation, and nobody waived it"
        if question.evaluation is None
        else "the evaluation that the candidate names is not there, or not signed by an evaluator",
        "`weighlock evidence evaluation MODEL FILE --key FILE` before `request`, or "
        "`weighlock evidence waive CANDIDATE --reason TEXT --key FILE`",
    )


def _waives(waiver: Evidence, now: dt.datetime) -> bool:
    try:
        expires_at = read_time(waiver.predicate.get("expiresAt"), what="the waiver's expiry")
        made_at = waiver.made_at
    except DeniedError:
        return False
    return (
        waiver.predicate.get("waived") == Kind.EVALUATION
        and made_at <= now + MAX_CLOCK_SKEW < expires_at
        and expires_at - made_at <= dt.timedelta(days=MAX_WAIVER_DAYS)  # whatever program signed it
    )


def _of(question: Question, kind: Kind, subject: Digest) -> list[Evidence]:
    return [each for each in question.evidence if each.kind is kind and each.subject == subject]


def _newest(question: Question, kind: Kind, subject: Digest, days: int) -> Evidence | None:
    fresh = [each for each in _of(question, kind, subject) if _is_fresh(each, question.now, days)]
    return max(fresh, key=lambda each: (each.made_at, each.digest), default=None)


def _is_fresh(evidence: Evidence, now: dt.datetime, days: int) -> bool:
    try:
        made_at = evidence.made_at
    except DeniedError:
        return False
    return made_at <= now + MAX_CLOCK_SKEW and now - made_at <= dt.timedelta(days=days)
