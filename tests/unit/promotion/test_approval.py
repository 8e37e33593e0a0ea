"""Counting people: every reason not to count one."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from weighlock.core.clock import MAX_CLOCK_SKEW, write_time
from weighlock.core.digest import Digest
from weighlock.core.evidence import Evidence, Kind
from weighlock.promotion.approval import count_approvals, reasons_against

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
CANDIDATE, OTHER = Digest.of(b"candidate"), Digest.of(b"other")


def said(
    principal: str,
    decision: object = "approve",
    *,
    at: dt.datetime = NOW,
    subject: Digest = CANDIDATE,
    kind: Kind = Kind.APPROVAL,
    predicate: Mapping[str, Any] | None = None,
) -> Evidence:
    made = {"decision": decision, "madeAt": write_time(at)} if predicate is None else predicate
    return Evidence(kind, subject, made, Digest.of(f"{principal}{decision}{at}".encode()), "k", principal)


def approvers(*evidence: Evidence, max_age: dt.timedelta | None = 14 * DAY) -> frozenset[str]:
    return count_approvals(CANDIDATE, evidence, requesters={"cem"}, now=NOW, max_age=max_age).approved


def test_two_people() -> None:
    tally = count_approvals(CANDIDATE, [said("ana"), said("ben")], requesters={"cem"}, now=NOW)
    assert tally.approved == {"ana", "ben"}
    assert tally.counted == (said("ana").digest, said("ben").digest)
    assert reasons_against(tally, threshold=2) == []


@pytest.mark.parametrize(
    "evidence",
    [
        said("ana", subject=OTHER),
        said("ana", kind=Kind.REVIEW),
        said("ana", kind=Kind.WAIVER),
        said("ana", "Approve"),
        said("ana", True),
        said("ana", None),
        said("cem"),
        said("ana", predicate={"madeAt": write_time(NOW)}),
        said("ana", predicate={"decision": "approve"}),
        said("ana", predicate={"decision": "approve", "madeAt": "soon"}),
        said("ana", predicate={}),
        said("ana", at=NOW + MAX_CLOCK_SKEW + SECOND),
        said("ana", at=NOW - 14 * DAY - SECOND),
    ],
)
def test_who_does_not_count(evidence: Evidence) -> None:
    tally = count_approvals(CANDIDATE, [evidence], requesters={"cem"}, now=NOW, max_age=14 * DAY)
    assert (tally.approved, tally.rejected, tally.counted) == (frozenset(), frozenset(), ())


def test_ages_at_their_limits() -> None:
    assert approvers(said("ana", at=NOW - 14 * DAY)) == {"ana"}
    assert approvers(said("ana", at=NOW + MAX_CLOCK_SKEW)) == {"ana"}
    assert approvers(said("ana", at=NOW - 10_000 * DAY), max_age=None) == {"ana"}
    assert approvers(said("ana", at=NOW + MAX_CLOCK_SKEW + SECOND), max_age=None) == set()


def test_a_rejection_always_counts() -> None:
    old = NOW - 1000 * DAY
    for rejection in (said("ana", "reject", at=old), said("ana", predicate={"decision": "reject"})):
        for evidence in ([rejection, said("ana")], [said("ana"), rejection]):
            tally = count_approvals(CANDIDATE, evidence, requesters={"cem"}, now=NOW, max_age=14 * DAY)
            assert not tally.approved
            assert tally.rejected == {"ana"}
            assert len(tally.counted) == 2


def test_the_requester_may_reject_their_own() -> None:
    tally = count_approvals(CANDIDATE, [said("cem", "reject")], requesters={"cem"}, now=NOW)
    assert tally.rejected == {"cem"}


@pytest.mark.parametrize(
    ("people", "threshold", "codes"),
    [
        ("", 2, ["approvals_missing"]),
        ("a", 2, ["approvals_missing"]),
        ("a", 1, ["approvals_missing"]),  # never one alone, whatever a document says
        ("a", 0, ["approvals_missing"]),
        ("a", -5, ["approvals_missing"]),
        ("ab", 2, []),
        ("ab", 0, []),
        ("ab", 3, ["approvals_missing"]),
        ("abc", 3, []),
        ("aab", 2, []),
        ("aa", 2, ["approvals_missing"]),
    ],
)
def test_thresholds(people: str, threshold: int, codes: list[str]) -> None:
    tally = count_approvals(CANDIDATE, [said(each) for each in people], requesters=(), now=NOW)
    assert [reason.code for reason in reasons_against(tally, threshold=threshold)] == codes


def test_one_rejection_outweighs_many_approvals() -> None:
    evidence = [said("a"), said("b"), said("c"), said("d", "reject")]
    reasons = reasons_against(count_approvals(CANDIDATE, evidence, requesters=(), now=NOW), threshold=2)
    assert [reason.code for reason in reasons] == ["candidate_rejected"]
    assert "d" in reasons[0].message


def test_people_are_told_who_approved() -> None:
    def told(*evidence: Evidence) -> str:
        [reason] = reasons_against(count_approvals(CANDIDATE, evidence, requesters=(), now=NOW), threshold=3)
        return reason.message

    assert told() == "0 of 3 people have approved"
    assert told(said("ben"), said("ana")) == "2 of 3 people have approved: ana, ben"
