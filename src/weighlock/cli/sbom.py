"""``weighlock sbom``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import clock
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.core.installation import Installation


@click.group(short_help="Make a bill of materials, or record its review.")
def sbom() -> None:
    """Make a bill of materials, or record its review."""


@sbom.command(short_help="Make the bill of materials of an installation.")
@click.argument("installation", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write CycloneDX 1.6 here.",
)
@click.option(
    "--reproducible", is_flag=True, help="Leave out the time: equal installations give equal bytes."
)
@common_options
@pass_output
def make(output: Output, *, installation: Path, file: Path | None, reproducible: bool) -> int:
    """Make the bill of materials of INSTALLATION, without running it.

    INSTALLATION is a virtual environment, a prefix or a site-packages folder. With
    --output the CycloneDX document is written to a file; with --json it is the output.
    What does not belong to an orderly installation is a finding: exit status 1.
    """
    import json

    from weighlock.core.finding import Severity
    from weighlock.service.inventory import make_installation_bom, open_installation

    _, found = open_installation(installation)
    document = make_installation_bom(found, moment=None if reproducible else clock()())
    if file is not None:
        file.write_bytes(document)
    output.facts(json.loads(document), lambda: _text(found, file))
    if output.json:
        for finding in found.findings:
            output.note(f"{finding.severity.name.lower()}: {finding.location}: {finding.message}")
    grave = any(finding.severity > Severity.INFO for finding in found.findings)
    return Outcome.FINDINGS if grave else Outcome.CLEAN


def _text(installation: "Installation", file: Path | None) -> str:
    rows = [("PACKAGE", "VERSION", "FILES", "LICENCE")]
    rows += [
        (
            shown(package.name),
            shown(package.version),
            str(len(package.files)),
            shown(package.licence, limit=60) or "-",
        )
        for package in installation.packages
    ]
    lines = [
        table(rows),
        "",
        f"{len(installation.packages)} packages, Python {installation.python or 'unknown'}",
    ]
    lines += [
        f"{styled(finding.severity.name.lower(), Outcome.FINDINGS)}: {finding.location}: {finding.message}"
        for finding in installation.findings
    ]
    if file is not None:
        lines.append(f"written to {shown(str(file))}")
    return "\n".join(lines)
