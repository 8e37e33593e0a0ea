"""What `inspect` tells a person: what, where, why it matters, what to do; long lists shortened with a count."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from weighlock.cli.output import size_text, styled, table
from weighlock.core.finding import Severity
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.core.finding import Finding
    from weighlock.inspection.result import InspectedFile, InspectionResult

MAX_ROWS: Final = 20  # of files, of findings, of files not examined: more scroll away; --all has them
MAX_OF_A_RULE: Final = 3  # findings told in full; a thousand like them teach nothing more
MAX_RULES: Final = 8  # counted by name at the end
MIN_WIDTH: Final = 50  # narrower, a terminal breaks the lines itself
MAX_WIDTH: Final = 120  # longer lines are hard to read
_WORDS: Final = {Outcome.CLEAN: "clean", Outcome.FINDINGS: "findings", Outcome.UNDECIDED: "not examined"}
_COLOURS: Final = {
    Severity.INFO: Outcome.CLEAN,
    Severity.LOW: Outcome.UNDECIDED,
    Severity.MEDIUM: Outcome.UNDECIDED,
    Severity.HIGH: Outcome.FINDINGS,
    Severity.CRITICAL: Outcome.FINDINGS,
}


def inspection_text(result: "InspectionResult", *, everything: bool, outcome: Outcome) -> str:
    """Return the report; ``everything`` shortens nothing, ``outcome`` is how the command ends."""
    width = _width()
    parts = [_files(result.files, everything=everything)]
    grave = [finding for finding in result.findings if finding.severity > Severity.INFO or everything]
    parts += [_findings(grave, width, everything=everything), _notes(result.findings, everything=everything)]
    parts.append(_waived(result))
    parts += [
        _unexamined(result.files, everything=everything),
        _confinement(result),
        _summary(result, outcome),
    ]
    return "\n\n".join(part for part in parts if part)


def _width() -> int | None:
    """Return the columns of the terminal that standard output is; None if it is none: then nothing is wrapped."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return None
    return min(columns, MAX_WIDTH) if columns >= MIN_WIDTH else None


def _files(files: "Sequence[InspectedFile]", *, everything: bool) -> str:
    if everything or len(files) <= MAX_ROWS:
        return table([_row(file) for file in files])
    worst = [file for file in files if file.examined.outcome is Outcome.FINDINGS]
    worst += [file for file in files if file.examined.outcome is Outcome.UNDECIDED]
    rows = [_row(file) for file in worst[:MAX_ROWS]]
    left = Counter(_WORDS[file.examined.outcome] for file in files)
    left.subtract(_WORDS[file.examined.outcome] for file in worst[:MAX_ROWS])
    counts = ", ".join(f"{count} {word}" for word, count in left.items() if count)
    return "\n".join([*([table(rows)] if rows else []), f"… and {counts} (--all lists them)"])


def _row(file: "InspectedFile") -> tuple[str, ...]:
    outcome = file.examined.outcome
    return (
        styled(_WORDS[outcome], outcome),
        file.examined.format,
        size_text(file.size),
        shown(file.examined.path),
    )


def _findings(findings: "Sequence[Finding]", width: int | None, *, everything: bool) -> str:
    told = list(findings) if everything else list(_first_of_each(findings))[:MAX_ROWS]
    seen: set[tuple[str, str]] = set()
    blocks = [_finding(finding, width, seen) for finding in told]
    left = Counter(finding.rule for finding in findings)
    left.subtract(finding.rule for finding in told)
    more = [f"{count} of {rule}" for rule, count in left.items() if count]
    if len(more) > MAX_RULES:
        more[MAX_RULES:] = [f"others, {sum(left.values())} in all"]
    if more:
        blocks.append(f"… and {', '.join(more)} (--all shows them)")
    return "\n".join(blocks)


def _notes(findings: "Sequence[Finding]", *, everything: bool) -> str:
    """Return one line for all that is only worth knowing; with --all each is told like the others."""
    counts = Counter(finding.rule for finding in findings if finding.severity is Severity.INFO)
    if everything or not counts:
        return ""
    more = ", ".join(f"{count} of {rule}" for rule, count in counts.most_common(MAX_RULES))
    return f"worth knowing, and no more: {more} (--all shows them)"


def _first_of_each(findings: "Iterable[Finding]") -> "Iterator[Finding]":
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.rule] += 1
        if seen[finding.rule] <= MAX_OF_A_RULE:
            yield finding


def _finding(finding: "Finding", width: int | None, seen: set[tuple[str, str]]) -> str:
    """Return what was found and where; what its rule says stands at the first one and is put into ``seen``."""
    from weighlock.inspection.rulebook.registry import find_rule

    head = styled(finding.severity.name.lower(), _COLOURS[finding.severity])
    lines = [f"{head}  {finding.rule}  {finding.location}", *_wrapped(finding.message, width)]
    if (finding.rule, finding.remedy) not in seen:
        seen.add((finding.rule, finding.remedy))
        lines += _wrapped(f"why it matters: {find_rule(finding.rule).reason}", width)
        lines += _wrapped(f"what to do: {finding.remedy}", width)
    return "\n".join(lines)


def _wrapped(text: str, width: int | None) -> list[str]:
    if width is None:
        return [f"    {text}"]
    import textwrap

    return textwrap.wrap(
        text, width, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False
    )


def _waived(result: "InspectionResult") -> str:
    lines = [
        f"  {each.finding.rule}  {each.finding.location}: {shown(each.waiver.owner)}, {shown(each.waiver.ticket)}, "
        f"until {each.waiver.expires}: {shown(each.waiver.reason)}"
        for file in result.files
        for each in file.waived
    ]
    return "\n".join(["waived:", *lines]) if lines else ""


def _unexamined(files: "Sequence[InspectedFile]", *, everything: bool) -> str:
    lines: list[str] = []
    for file in files:
        if file.examined.not_examined is None:
            continue
        reasons = file.examined.skipped if everything else (file.examined.not_examined,)
        lines += [f"  {shown(file.examined.path)}: {reason}" for reason in reasons]
    if not lines:
        return ""
    cut = lines if everything else lines[:MAX_ROWS]
    more = [f"  … and {len(lines) - len(cut)} more (--all lists them)"] if len(cut) < len(lines) else []
    return "\n".join(["not examined:", *cut, *more])


def _confinement(result: "InspectionResult") -> str:
    lacking = sorted({"landlock", "seccomp"} - set(result.confinement))
    if not result.confinement or not lacking:
        return ""
    return f"warning: the parsers ran without {' and '.join(lacking)}, which this kernel lacks or forbids"


def _summary(result: "InspectionResult", outcome: Outcome) -> str:
    coverage = result.coverage
    files = coverage.files_examined + coverage.files_not_examined
    found = sum(finding.severity > Severity.INFO for finding in result.findings)
    waived = sum(len(file.waived) for file in result.files)
    return (
        f"{styled(_WORDS[outcome], outcome)}: {found} {'finding' if found == 1 else 'findings'}"
        f"{f', {waived} waived' if waived else ''}; "
        f"{coverage.files_examined} of {files} {'file' if files == 1 else 'files'} and "
        f"{size_text(coverage.bytes_examined)} of "
        f"{size_text(coverage.bytes_examined + coverage.bytes_not_examined)} examined "
        f"({size_text(coverage.bytes_read)} read)"
    )
