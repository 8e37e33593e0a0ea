"""What an examination found, for people and for SARIF."""

import enum
from dataclasses import dataclass
from typing import Any

from weighlock.core.outcome import Outcome, worst


class Severity(enum.IntEnum):
    """How bad a finding is if it is true; the order is the order of badness."""

    INFO = 0  # worth knowing; never denies
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(enum.IntEnum):
    """How sure the rule is."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule has to say. ``location`` is a path, with ``@offset`` in bytes or ``:line`` where known."""

    rule: str
    severity: Severity
    confidence: Confidence
    location: str
    message: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object with severities and confidences by name."""
        return {
            "rule": self.rule,
            "severity": self.severity.name.lower(),
            "confidence": self.confidence.name.lower(),
            "location": self.location,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Link:
    """A file names another: ``kind`` says how (see ``inspection.repository``), ``member`` where inside an archive."""

    kind: str
    target: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known of one file: its format, its findings, and why it was not examined, if it was not.

    ``skipped`` has every reason, each with the part that it is about; ``parts`` counts the file and those in it;
    ``formats`` are those of all of them. ``templates`` are its chat templates by name, if they were asked for.
    """

    path: str
    format: str
    findings: tuple[Finding, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    not_examined: str | None = None
    skipped: tuple[str, ...] = ()
    parts: int = 1
    formats: tuple[str, ...] = ()
    templates: tuple[tuple[str, str], ...] = ()

    @property
    def outcome(self) -> Outcome:
        """CLEAN only if the file was examined and nothing above INFO was found."""
        if any(finding.severity > Severity.INFO for finding in self.findings):
            return Outcome.FINDINGS
        return Outcome.CLEAN if self.not_examined is None else Outcome.UNDECIDED


def outcome_of(examined: list[Examined]) -> Outcome:
    """Return the outcome for a whole model: findings win over not examined; an empty list is UNDECIDED."""
    return worst(each.outcome for each in examined)
