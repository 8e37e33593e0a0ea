"""``weighlock approve`` and ``weighlock reject``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.candidate_text import describe_candidate
from weighlock.cli.context import key_option, signer_from, workspace
from weighlock.cli.output import Output, common_options, pass_output
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.approve import Stated


@click.command(short_help="Approve a candidate's exact digest.")
@click.argument("candidate")
@click.option("--comment", default="", help="Why; kept in the signed statement.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--show", is_flag=True, help="Only show what would be approved.")
@key_option("The approver's private key.", required=False)
@common_options
@pass_output
def approve(
    output: Output,
    *,
    candidate: str,
    comment: str,
    yes: bool,
    show: bool,
    key_file: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Approve CANDIDATE: sign its exact digest.

    Shows what would run and what is known of it, and on a terminal asks before signing.
    Approval by the requester does not count, and each person counts once.
    """
    from weighlock.service.approve import approve as sign

    here = workspace()
    if show:
        told, digest = describe_candidate(here, candidate)
        output.facts({"candidate": digest, "text": told}, lambda: told)
        return
    if key_file is None:
        raise click.UsageError("give --key FILE, or --show to read before you sign")
    if not yes and sys.stdin.isatty():
        # by its digest from here on: a name could be moved while the person reads
        told, candidate = describe_candidate(here, candidate)
        click.echo(told, err=True)
        click.confirm("Approve this?", abort=True, err=True)
    stated = sign(here, candidate, signer_from(key_file, passphrase_file), comment=comment)
    output.facts(
        _facts(stated), lambda: f"{stated.principal} approved {stated.candidate.name}, {stated.digest}"
    )


@click.command(short_help="Reject a candidate.")
@click.argument("candidate")
@click.option("--comment", required=True, help="Why; kept in the signed statement.")
@key_option("The approver's private key.")
@common_options
@pass_output
def reject(
    output: Output, *, candidate: str, comment: str, key_file: Path, passphrase_file: Path | None
) -> None:
    """Reject CANDIDATE for good; a new candidate must answer why."""
    from weighlock.service.approve import reject as sign

    stated = sign(workspace(), candidate, signer_from(key_file, passphrase_file), comment=comment)
    output.facts(_facts(stated), lambda: f"{stated.principal} rejected {shown(stated.candidate.name)}")


def _facts(stated: "Stated") -> dict[str, object]:
    return {
        "candidate": str(stated.digest),
        "name": stated.candidate.name,
        "principal": stated.principal,
        "statement": str(stated.bundle),
    }
