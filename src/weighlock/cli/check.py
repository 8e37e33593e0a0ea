"""``weighlock check``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.outcome import Outcome, worst
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.gate.subject import FileReport
    from weighlock.service.released import Released

FORMATS = ("yaml", "dockerfile")


@click.command(short_help="Check workloads, compose files and Dockerfiles before they run.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--as", "file_format", type=click.Choice(FORMATS), help="What FILES are; else names and contents tell."
)
@common_options
@pass_output
def check(output: Output, *, files: tuple[Path, ...], file_format: str | None) -> int:
    """Check Kubernetes workloads, compose files and Dockerfiles before they run.

    Every image must be pinned by digest, and every model that is named must be a
    released one. Annotations and labels are not believed. What this cannot look into
    is reported as not examined, and then the exit status is 3.
    """
    from weighlock.gate.examine import FileFormat
    from weighlock.service.check import check_files

    released, revoked = state_digests(output)
    reports = check_files(
        files,
        released=released,
        revoked=revoked,
        file_format=FileFormat(file_format) if file_format else None,
    )
    note_decision(reports)
    outcome = worst(report.outcome for report in reports)
    facts = {"outcome": outcome.name.lower(), "files": [report.to_json() for report in reports]}
    output.facts(facts, lambda: _text(reports))
    return outcome


def state_digests(output: Output) -> "Released":
    """Return what production's state allows; where nothing is pinned yet, no model is released."""
    from weighlock.service.released import Released, released_digests

    here = workspace()
    if here.settings.trust_root is None:
        output.note("no trust root is set, so no model counts as released")
        return Released(frozenset(), frozenset())
    return released_digests(here)


def note_decision(reports: "Sequence[FileReport]") -> None:
    """Put the decision on record where production's log key is."""
    from weighlock.service.released import note_check

    here = workspace()
    if here.settings.trust_root is not None:
        note_check(here, reports)


def _text(reports: "Sequence[FileReport]") -> str:
    return "\n\n".join(_report_text(report) for report in reports)


def _report_text(report: "FileReport") -> str:
    words = {Outcome.CLEAN: "allowed", Outcome.FINDINGS: "denied"}
    verdict = styled(words.get(report.outcome, "not examined"), report.outcome)
    rows = [
        (
            f"line {subject.line}",
            styled(subject.judgement.verdict.value, subject.outcome),
            subject.kind,
            subject.text,
        )
        for subject in report.subjects
    ]
    lines = [f"{shown(report.file)} ({report.format}): {verdict}"]
    for row, subject in zip(table(rows, indent="  ").splitlines(), report.subjects, strict=True):
        judged = subject.judgement
        lines.append(row)
        if not subject.allowed:
            lines.append(f"      {judged.reason} [{judged.code}]")
    hints = dict.fromkeys(subject.judgement.hint for subject in report.subjects if subject.judgement.hint)
    lines += [f"  hint: {hint}" for hint in hints]
    return "\n".join(lines)
