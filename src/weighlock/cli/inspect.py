"""``weighlock inspect``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, styled, table
from weighlock.cli.progress import progress_for
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.core.finding import Finding
    from weighlock.core.progress import Progress
    from weighlock.inspection.result import InspectedFile, InspectionResult

_WORDS = {Outcome.CLEAN: "clean", Outcome.FINDINGS: "findings", Outcome.UNDECIDED: "not examined"}


@click.command(short_help="Find what a model's files would do, without running them.")
@click.argument("target", metavar="FILE|FOLDER|[ENVIRONMENT:]NAME|DIGEST")
@click.option(
    "--sarif",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the findings to this file as SARIF 2.1.0.",
)
@common_options
@pass_output
def inspect(output: Output, *, target: str, sarif: Path | None) -> int:
    """Find what a model's files would do, without running them.

    The target is a file or a folder, else a name or digest in a store. Formats are told
    by content. Nothing is executed, imported, unpickled or rendered, and what no parser
    accounted for to its last byte is "not examined", never clean.

    Exit status: 0 clean, 1 findings, 3 not examined; findings win.
    """
    with progress_for(output) as progress:
        result = _inspect(target, progress)
    if sarif is not None:
        from weighlock.inspection.sarif import to_sarif

        sarif.write_text(json.dumps(to_sarif(result), indent=2) + "\n", encoding="utf-8")
    output.facts({"target": target, **result.to_json()}, lambda: _text(result))
    return result.outcome


def _inspect(target: str, progress: "Progress") -> "InspectionResult":
    from weighlock.service.inspect import inspect_path

    if Path(target).exists() or target.startswith(("/", "./", "../")):
        return inspect_path(Path(target), progress=progress)
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.inspect_stored import inspect_stored

    named = StoreReference.parse(target)
    store = workspace().store(named.environment)
    return inspect_stored(store, named.text, progress=progress)


def _text(result: "InspectionResult") -> str:
    lines = [table([_row(file) for file in result.files])]
    findings = result.findings
    if findings:
        lines += ["", *(_finding(finding) for finding in findings)]
    unexamined = [file for file in result.files if file.examined.not_examined is not None]
    if unexamined:
        lines += ["", "not examined:"]
        lines += [f"  {shown(file.examined.path)}: {file.examined.not_examined}" for file in unexamined]
    return "\n".join([*lines, "", _summary(result)])


def _row(file: "InspectedFile") -> tuple[str, ...]:
    outcome = file.examined.outcome
    return (
        styled(_WORDS[outcome], outcome),
        file.examined.format,
        size_text(file.size),
        shown(file.examined.path),
    )


def _finding(finding: "Finding") -> str:
    head = styled(finding.severity.name.lower(), Outcome.FINDINGS)
    return (
        f"{head}  {finding.rule}  {finding.location}\n    {finding.message}\n    what to do: {finding.remedy}"
    )


def _summary(result: "InspectionResult") -> str:
    coverage = result.coverage
    files = coverage.files_examined + coverage.files_not_examined
    word = styled(_WORDS[result.outcome], result.outcome)
    found = len(result.findings)
    return (
        f"{word}: {found} {'finding' if found == 1 else 'findings'}; "
        f"{coverage.files_examined} of {files} {'file' if files == 1 else 'files'} and "
        f"{size_text(coverage.bytes_examined)} of "
        f"{size_text(coverage.bytes_examined + coverage.bytes_not_examined)} examined "
        f"({size_text(coverage.bytes_read)} read)"
    )
