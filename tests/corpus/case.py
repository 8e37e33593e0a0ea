"""What a case of the corpus is."""

import json
from dataclasses import dataclass
from typing import Final

from weighlock.core.finding import Severity
from weighlock.inspection.rulebook.registry import find_rule

MARK: Final = "touch marker"  # what payloads would do
SIDECAR: Final = ".expected.json"  # beside each file
EIGHT: Final = bytes(range(8))


@dataclass(frozen=True)
class Case:
    """A file of the corpus, and what inspection must say of it: exactly these rules."""

    path: str
    data: bytes
    why: str
    rules: tuple[str, ...] = ()
    not_examined: str | None = None

    @property
    def outcome(self) -> str:
        if any(find_rule(rule).severity > Severity.INFO for rule in self.rules):  # less never denies
            return "findings"
        return "clean" if self.not_examined is None else "undecided"

    def sidecar(self) -> str:
        told = {
            "why": self.why,
            "outcome": self.outcome,
            "rules": sorted(self.rules),
            "notExamined": self.not_examined,
        }
        return json.dumps(told, indent=2) + "\n"


def accept(path: str, data: bytes, why: str, *rules: str) -> Case:
    return Case(f"accept/{path}", data, why, rules)


def reject(path: str, data: bytes, why: str, *rules: str, not_examined: str | None = None) -> Case:
    return Case(f"reject/{path}", data, why, rules, not_examined)
