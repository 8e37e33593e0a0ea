"""``weighlock drift``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import EXISTING_FILE, workspace
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.drift import DriftReport

MAX_SHOWN_DIFFERENCES = 200  # for people; --json has them all


@click.command(short_help="Compare an installation with its package lock.")
@click.argument("release", required=False)
@click.option(
    "--installation",
    required=True,
    type=click.Path(path_type=Path),
    help="A virtual environment, a prefix or a site-packages folder.",
)
@click.option(
    "--lock",
    "lock_file",
    type=EXISTING_FILE,
    help="Requirements file, every line pinned with digests.",
)
@click.option("--files", is_flag=True, help="Also compare every installed file with its RECORD.")
@click.option("--strict", is_flag=True, help="Tolerate nothing, not even pip, setuptools and wheel.")
@click.option(
    "--python", default="", metavar="VERSION", help="The installation's Python, if it does not say."
)
@common_options
@pass_output
def drift(
    output: Output,
    *,
    release: str | None,
    installation: Path,
    lock_file: Path | None,
    files: bool,
    strict: bool,
    python: str,
) -> int:
    """Compare an installation with its package lock, without running it.

    The baseline is the approved installation of RELEASE (a name, NAME@N or digest), every
    file digested, or the package lock given with --lock.

    Names packages that are missing, added or of another version, start-up files that
    belong to no package, and with --files every file that changed since it was
    installed. Exit status 1 if anything differs.
    """
    if release is not None and lock_file is None:
        from weighlock.service.serving import find_release_drift

        report = find_release_drift(workspace(), release, installation)
    elif lock_file is not None and release is None:
        report = _lock_drift(installation, lock_file, files=files, strict=strict, python=python)
    else:
        raise click.UsageError("give either RELEASE or --lock FILE")
    output.facts(_facts(report), lambda: _text(report))
    return report.outcome


def _lock_drift(
    installation: Path, lock_file: Path, *, files: bool, strict: bool, python: str
) -> "DriftReport":
    from weighlock.drift.package import INSTALLERS
    from weighlock.service.drift import find_drift, read_package_lock

    tolerated = frozenset() if strict else INSTALLERS
    return find_drift(
        installation, read_package_lock(lock_file), files=files, tolerated=tolerated, python=python
    )


def _facts(report: "DriftReport") -> dict[str, object]:
    return {
        "outcome": report.outcome.name.lower(),
        "packages": report.packages,
        "differences": [each.to_json() for each in report.differences],
        "tolerated": list(report.tolerated),
        "findings": [finding.to_json() for finding in report.findings],
        "files_compared": report.files_compared,
        "compiled_files_not_compared": report.compiled,
    }


def _text(report: "DriftReport") -> str:
    rows = [
        (
            styled(each.kind.value, Outcome.FINDINGS),
            shown(each.package or "-"),
            shown(each.path or "-"),
            shown(" → ".join(filter(None, (each.expected, each.observed)))),
        )
        for each in report.differences[:MAX_SHOWN_DIFFERENCES]
    ]
    lines = [table(rows)] if rows else []
    if len(report.differences) > MAX_SHOWN_DIFFERENCES:
        lines.append(f"… and {len(report.differences) - MAX_SHOWN_DIFFERENCES} more; --json lists them all")
    verdict = styled("drift", Outcome.FINDINGS) if report.differences else styled("no drift", Outcome.CLEAN)
    lines.append(f"{verdict}: {report.packages} packages compared, {len(report.differences)} differences")
    if report.files_compared is not None:
        lines.append(f"  {report.files_compared} files compared with their RECORD")
    if report.files_compared is not None and report.compiled:
        lines.append(f"  {report.compiled} compiled files (.pyc) have nothing to be compared with")
    if report.tolerated:
        lines.append(
            f"  tolerated though not locked: {shown(', '.join(report.tolerated))} (--strict refuses them)"
        )
    return "\n".join(lines)
