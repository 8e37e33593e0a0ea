"""What is known about an artifact, from statements whose signatures were verified.

``Evidence`` is made by the service that verified the statement with a key that the
trust document gives the role for its kind. Policy and promotion take nothing else.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from weighlock.core.clock import read_time
from weighlock.core.digest import Digest

OWN: Final = "https://weighlock.dev/"


class Kind(enum.StrEnum):
    """The kinds of statement, by the word that people see."""

    PROVENANCE = "provenance"
    INSPECTION = "inspection"
    SBOM = "sbom"
    REVIEW = "review"
    EVALUATION = "evaluation"
    WAIVER = "waiver"
    REQUEST = "request"
    APPROVAL = "approval"
    PROMOTION = "promotion"
    SUMMARY = "summary"
    STATE = "state"
    REVOCATION = "revocation"


PREDICATE_TYPES: Final[Mapping[Kind, str]] = {
    Kind.PROVENANCE: "https://slsa.dev/provenance/v1",
    Kind.INSPECTION: f"{OWN}inspection/v1",
    Kind.SBOM: "https://cyclonedx.org/bom",
    Kind.REVIEW: f"{OWN}review/v1",
    Kind.EVALUATION: "https://in-toto.io/attestation/test-result/v0.1",
    Kind.WAIVER: f"{OWN}waiver/v1",
    Kind.REQUEST: f"{OWN}request/v1",
    Kind.APPROVAL: f"{OWN}approval/v1",
    Kind.PROMOTION: f"{OWN}promotion/v1",
    Kind.SUMMARY: "https://slsa.dev/verification_summary/v1",
    Kind.STATE: f"{OWN}state/v1",
    Kind.REVOCATION: f"{OWN}revocation/v1",
}

MAX_WAIVER_DAYS: Final = 90  # then somebody must look again
MADE_AT: Final = "madeAt"  # in our own predicates and, as an extra field, in a test result


def kind_of(predicate_type: str) -> Kind | None:
    """Return the kind that a predicate type is, or None for one that we do not know."""
    return next((kind for kind, known in PREDICATE_TYPES.items() if known == predicate_type), None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One verified statement about ``subject``, signed by ``principal`` in the role for its kind.

    ``digest`` is that of the stored bundle, so that decisions can name it.
    """

    kind: Kind
    subject: Digest
    predicate: Mapping[str, Any]
    digest: Digest
    key_id: str
    principal: str

    @property
    def made_at(self) -> dt.datetime:
        """When the signer says that it was made; raises DeniedError ``time_invalid`` if it does not say."""
        return read_time(_claimed_time(self.kind, self.predicate), what=f"the time of the {self.kind}")


def _claimed_time(kind: Kind, predicate: Mapping[str, Any]) -> object:
    if kind is Kind.SBOM:
        return _inner(predicate, "metadata").get("timestamp")
    if kind is Kind.PROVENANCE:
        return _inner(_inner(predicate, "runDetails"), "metadata").get("startedOn")
    if kind is Kind.SUMMARY:
        return predicate.get("timeVerified")
    return predicate.get(MADE_AT)


def _inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, Mapping) else {}
