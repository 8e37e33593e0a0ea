"""What a file names, and whether it may: the result of every examination in this package."""

import enum
from dataclasses import dataclass, field
from typing import Any

from weighlock.core.outcome import Outcome, worst
from weighlock.core.text import shown


class Verdict(enum.StrEnum):
    """Only ALLOW allows."""

    ALLOW = "allow"
    DENY = "deny"
    NOT_EXAMINED = "not examined"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict; unless it allows, with an error code, a sentence and what to write instead."""

    verdict: Verdict
    code: str = ""
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that a file names: line (from 1), place inside the document, kind, and the text itself.

    Kinds: ``image``, ``model``, ``model volume``, ``frontend`` (of a Dockerfile), ``file``.
    """

    line: int
    path: str
    kind: str
    text: str
    judgement: Judgement

    @property
    def allowed(self) -> bool:
        """Whether this may run."""
        return self.judgement.verdict is Verdict.ALLOW

    @property
    def outcome(self) -> Outcome:
        """What this subject alone makes of a file."""
        return _OUTCOMES[self.judgement.verdict]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "line": self.line,
            "path": self.path,
            "kind": self.kind,
            "text": self.text,
            "allowed": self.allowed,
            "verdict": self.judgement.verdict.value,
            "code": self.judgement.code,
            "reason": self.judgement.reason,
            "hint": self.judgement.hint,
        }


@dataclass(frozen=True, slots=True)
class FileReport:
    """A file's format and its subjects, in the order of lines."""

    file: str
    format: str
    subjects: tuple[Subject, ...]

    @property
    def outcome(self) -> Outcome:
        """CLEAN only if there is a subject and every one is allowed; a file without any was not examined."""
        return worst(subject.outcome for subject in self.subjects)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "file": self.file,
            "format": self.format,
            "outcome": self.outcome.name.lower(),
            "subjects": [subject.to_json() for subject in self.subjects],
        }


_OUTCOMES = {
    Verdict.ALLOW: Outcome.CLEAN,
    Verdict.DENY: Outcome.FINDINGS,
    Verdict.NOT_EXAMINED: Outcome.UNDECIDED,
}


@dataclass(slots=True)
class Findings:
    """Collects subjects while a file is walked."""

    subjects: list[Subject] = field(default_factory=list)

    def add(self, line: int, path: str, kind: str, text: str, judgement: Judgement) -> None:
        """Add one subject; its text is escaped."""
        self.subjects.append(Subject(line, shown(path), kind, shown(text), judgement))

    def skip(self, line: int, path: str, what: str, hint: str) -> None:
        """Say that something was not examined."""
        self.add(line, path, "file", "", not_examined(f"{shown(what)} cannot be looked into here", hint))

    def sorted(self) -> tuple[Subject, ...]:
        """Return the subjects by line, each once: an anchor is one place however often it is used."""
        unique = dict.fromkeys(self.subjects)
        return tuple(sorted(unique, key=lambda subject: (subject.line, subject.path)))


def allow() -> Judgement:
    """Return the judgement that allows."""
    return Judgement(Verdict.ALLOW)


def deny(code: str, reason: str, hint: str) -> Judgement:
    """Return a judgement that denies."""
    return Judgement(Verdict.DENY, code, reason, hint)


def not_examined(reason: str, hint: str) -> Judgement:
    """Return the judgement about what cannot be looked into; it does not allow."""
    return Judgement(Verdict.NOT_EXAMINED, "not_examined", reason, hint)
