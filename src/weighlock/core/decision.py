"""Allow or deny, with the reasons. Only ``allow is True`` allows (rule of trust 4)."""

from dataclasses import dataclass
from typing import Any, Final

from weighlock.core.code import CODES
from weighlock.core.digest import Digest

MIN_PEOPLE: Final = 2  # who approve, whatever a trust document or policy says: one cannot both ask and allow


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands in the way: an error code, a sentence, and what to do."""

    code: str
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        """Raise KeyError for a code that is not in the table."""
        if self.code not in CODES:
            raise KeyError(self.code)

    def to_json(self) -> dict[str, str]:
        """Return the JSON object."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy decided about a candidate, and on what."""

    reasons: tuple[Reason, ...]
    policy: Digest
    evidence: tuple[Digest, ...]

    @property
    def allow(self) -> bool:
        """True if nothing stands in the way and there was evidence to decide on."""
        return not self.reasons and bool(self.evidence)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "allow": self.allow,
            "reasons": [reason.to_json() for reason in self.reasons],
            "policy": str(self.policy),
            "evidence": [str(digest) for digest in self.evidence],
        }
