"""What a rule is, and the words that many rules share."""

from dataclasses import dataclass
from typing import Final

from weighlock.core.finding import Confidence, Severity

INFO, LOW, MEDIUM, HIGH, CRITICAL = Severity
GUESS, LIKELY, SURE = Confidence

FETCH_AGAIN: Final = "do not load the file; fetch it again from its origin by digest, and report it there"
CONVERT: Final = "convert it to safetensors in a sandbox, and release the result"
REVIEW: Final = "review the code, or use a model that the serving engine supports without it"
REMOVE: Final = "remove it from the model"

# ids of MITRE ATLAS 5.6.0, OWASP LLM Top 10 2025 and NIST AI 600-1: a finding is evidence for these controls
CODE_EXECUTION: Final = ("LLM03:2025", "AML.T0010.003", "AML.T0011.000", "AML.T0018.002", "MS-2.7-001")
TAMPERING: Final = ("LLM03:2025", "AML.T0010.003", "AML.T0074", "MS-2.7-005")
BEHAVIOUR: Final = ("LLM04:2025", "AML.T0018", "AML.T0058", "MS-2.7-005")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that inspection can say of a file, and what to do about it.

    ``reason`` is one sentence; ``remedy`` a clause in the imperative; ``detail`` tells how an attack works and how
    the rule decides, for `inspect explain`; ``references`` are CVE, GHSA and CWE ids, ``controls`` ids of standards.
    """

    id: str
    severity: Severity
    confidence: Confidence
    reason: str
    remedy: str
    references: tuple[str, ...] = ()
    detail: str = ""
    controls: tuple[str, ...] = ()
