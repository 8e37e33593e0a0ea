"""Count who approved: distinct people, for exactly this candidate, none of them the requester.

The same function decides at promotion and at every gate (rule of trust 2), so that
whoever can write the store and sign as a service can still not approve.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from weighlock.core.clock import MAX_CLOCK_SKEW
from weighlock.core.decision import MIN_PEOPLE, Reason
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import Evidence, Kind
from weighlock.core.text import shown

APPROVE: Final = "approve"
REJECT: Final = "reject"


@dataclass(frozen=True, slots=True)
class Tally:
    """Who approved and who rejected, by principal, and the bundles that were counted."""

    approved: frozenset[str]
    rejected: frozenset[str]
    counted: tuple[Digest, ...]


def count_approvals(
    candidate: Digest,
    evidence: Iterable[Evidence],
    *,
    requesters: Collection[str],
    now: dt.datetime,
    max_age: dt.timedelta | None = None,
) -> Tally:
    """Return who approved and rejected ``candidate``; ``requesters`` count as neither.

    An approval counts if it is about this digest, is not from the future and, where
    ``max_age`` is given (at promotion), not older. A rejection always counts.
    """
    approved: set[str] = set()
    rejected: set[str] = set()
    counted: list[Digest] = []
    for each in evidence:
        if each.kind is not Kind.APPROVAL or each.subject != candidate:
            continue
        answer = each.predicate.get("decision")
        if answer == REJECT:
            rejected.add(each.principal)
            counted.append(each.digest)
        elif answer == APPROVE and each.principal not in requesters and _is_current(each, now, max_age):
            approved.add(each.principal)
            counted.append(each.digest)
    return Tally(frozenset(approved - rejected), frozenset(rejected), tuple(counted))


def reasons_against(tally: Tally, *, threshold: int) -> list[Reason]:
    """Return why the tally does not allow; empty if it does. ``threshold`` below two means two."""
    reasons = []
    if tally.rejected:
        who = shown(", ".join(sorted(tally.rejected)))
        reasons.append(
            Reason(
                "candidate_rejected",
                f"{who} rejected this candidate",
                "make a new candidate that answers why",
            )
        )
    wanted = max(threshold, MIN_PEOPLE)
    if len(tally.approved) < wanted:
        who = f": {shown(', '.join(sorted(tally.approved)))}" if tally.approved else ""
        reasons.append(
            Reason(
                "approvals_missing",
                f"{len(tally.approved)} of {wanted} people have approved{who}",
                "`weighlock approve CANDIDATE --key FILE`, by people other than the requester",
            )
        )
    return reasons


def _is_current(evidence: Evidence, now: dt.datetime, max_age: dt.timedelta | None) -> bool:
    try:
        made_at = evidence.made_at
    except DeniedError:
        return False  # without a time it cannot be current
    return made_at <= now + MAX_CLOCK_SKEW and (max_age is None or now - made_at <= max_age)
