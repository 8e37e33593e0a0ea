"""Write a result as JUnit XML, which build servers show: a test case for each file.

There is no standard; this is the subset that the common readers share: a failure for a file with findings, an
error for one that was not examined, a skipped case for one whose findings were all waived.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from weighlock.core.finding import Severity
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown
from weighlock.inspection.result import InspectedFile, InspectionResult

_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, "Char"


def to_junit(result: InspectionResult) -> str:
    """Return the XML document."""
    outcomes = [file.examined.outcome for file in result.files]
    failures, errors = outcomes.count(Outcome.FINDINGS), outcomes.count(Outcome.UNDECIDED)
    counts = f'tests="{len(outcomes)}" failures="{failures}" errors="{errors}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="weighlock inspect" {counts}>']
    lines.append(f'  <testsuite name="weighlock inspect" {counts}>')
    for file in result.files:
        lines += _case(file)
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _case(file: InspectedFile) -> Iterator[str]:
    examined = file.examined
    yield f"    <testcase classname={_attribute(examined.format)} name={_attribute(examined.path)}>"
    if examined.outcome is Outcome.FINDINGS:
        bad = [each for each in examined.findings if each.severity > Severity.INFO]
        rules = ", ".join(sorted({each.rule for each in bad}))
        text = "\n".join(
            f"{each.severity.name.lower()} {each.rule} {each.location}: {each.message}. What to do: {each.remedy}."
            for each in bad
        )
        yield f"      <failure message={_attribute(rules)}>{_text(text)}</failure>"
    elif examined.outcome is Outcome.UNDECIDED:
        reasons = "\n".join(examined.skipped)
        yield f"      <error message={_attribute(f'not examined: {examined.not_examined}')}>{_text(reasons)}</error>"
    elif file.waived:
        waivers = "; ".join(f"{each.finding.rule}: {each.waiver.ticket}" for each in file.waived)
        yield f"      <skipped message={_attribute(f'waived: {waivers}')}/>"
    yield "    </testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", shown(text)))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))
