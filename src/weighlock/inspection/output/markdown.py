"""Write a result as Markdown, for a pull request or a ticket. What files hold is escaped: it is untrusted text."""

import re
from collections.abc import Iterator
from typing import Final

from weighlock.core.finding import Finding, Severity
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.inspection.rulebook.registry import find_rule

MAX_ROWS: Final = 500  # of a table; a page of more is read by nobody, and forges cut it off
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@:$-])")
_WORDS: Final = {Outcome.CLEAN: "clean", Outcome.FINDINGS: "findings", Outcome.UNDECIDED: "not examined"}


def to_markdown(result: InspectionResult) -> str:
    """Return the page: the verdict, the findings with what to do, what was not examined, every file."""
    coverage = result.coverage
    found = sum(each.severity > Severity.INFO for each in result.findings)
    known = len(result.findings) - found
    counts = (
        f"{coverage.files_examined} of {len(result.files)} files examined, {found} findings"
        f"{f', {known} more only worth knowing' if known else ''}. Weighlock {escaped(result.tool_version)}."
    )
    lines = [f"# Inspection: {_WORDS.get(result.outcome, 'not examined')}", "", counts]
    lines += _section("Findings", ("severity", "rule", "where", "what", "what to do"), _findings(result))
    lines += _section("Waived", ("rule", "where", "owner", "ticket", "until", "reason"), _waived(result))
    lines += _section("Not examined", ("file", "why"), _unexamined(result))
    lines += _section("Files", ("verdict", "format", "bytes", "file"), map(_file, result.files))
    lines += _rules(result.findings)
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return untrusted text so that Markdown shows it as it is: no link, no image, no mention, no HTML."""
    return _SPECIAL.sub(r"\\\1", shown(text))


def _section(title: str, head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    cells = list(rows)
    if not cells:
        return []
    lines = ["", f"## {title}", "", f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in cells[:MAX_ROWS]]
    return [*lines, "", f"… and {len(cells) - MAX_ROWS} more."] if len(cells) > MAX_ROWS else lines


def _findings(result: InspectionResult) -> Iterator[tuple[str, ...]]:
    for each in result.findings:
        yield (
            each.severity.name.lower(),
            escaped(each.rule),
            escaped(each.location),
            escaped(each.message),
            escaped(each.remedy),
        )


def _waived(result: InspectionResult) -> Iterator[tuple[str, ...]]:
    for file in result.files:
        for finding, waiver in file.waived:
            texts = (finding.rule, finding.location, waiver.owner, waiver.ticket, str(waiver.expires))
            yield (*map(escaped, texts), escaped(waiver.reason))


def _unexamined(result: InspectionResult) -> Iterator[tuple[str, ...]]:
    for file in result.files:
        for reason in file.examined.skipped:
            yield (escaped(file.examined.path), escaped(reason))


def _file(file: InspectedFile) -> tuple[str, ...]:
    word = _WORDS.get(file.examined.outcome, "not examined")
    return (word, escaped(file.examined.format), str(file.size), escaped(file.examined.path))


def _rules(findings: list[Finding]) -> list[str]:
    names = sorted({each.rule for each in findings})
    if not names:
        return []
    return ["", "## Why it matters", "", *(f"- {escaped(name)}: {find_rule(name).reason}" for name in names)]
