"""``weighlock sbom``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import clock, key_option, signer_from, workspace
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


@sbom.command(short_help="Say that a person has read a candidate's bill of materials.")
@click.argument("candidate")
@click.option("--accept/--refuse", "accepted", default=True, show_default=True, help="The reviewer's result.")
@click.option("--comment", default="", help="Kept in the signed statement.")
@key_option("The reviewer's private key.")
@common_options
@pass_output
def review(
    output: Output,
    *,
    candidate: str,
    accepted: bool,
    comment: str,
    key_file: Path,
    passphrase_file: Path | None,
) -> None:
    """Record that a person has read the bill of materials of CANDIDATE.

    The statement names the exact document: if another one is made, it must be reviewed
    again. Read it first: weighlock evidence ls CANDIDATE --json.
    """
    from weighlock.service.approve import review_sbom

    signer = signer_from(key_file, passphrase_file)
    stated = review_sbom(workspace(), candidate, signer, accept=accepted, comment=comment)
    word = "accepted" if accepted else "refused"
    facts = {
        "candidate": str(stated.digest),
        "by": stated.principal,
        "result": word,
        "statement": str(stated.bundle),
    }
    output.facts(facts, lambda: f"{stated.principal} {word} the bill of materials of {stated.candidate.name}")
