"""``weighlock release``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.cli.progress import progress_for
from weighlock.core.clock import write_time
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from weighlock.service.gatekeeper import Situation
    from weighlock.service.release import Standing


@click.group(short_help="Show or verify what production may serve.")
def release() -> None:
    """Show or verify what production may serve."""


@release.command(short_help="List what production may serve now.")
@common_options
@pass_output
def show(output: Output) -> None:
    """List the releases that production's signed state names, and which of them the gates deny."""
    from weighlock.service.release import list_releases

    situation, standings = list_releases(workspace())
    facts = {
        "state": situation.state.number,
        "expires_at": write_time(situation.state.expires_at),
        "releases": [each.to_json() for each in standings],
    }
    output.facts(facts, lambda: _text(situation, standings))


@release.command(short_help="Verify one release as a gate does, with every byte.")
@click.argument("release_name", metavar="RELEASE")
@common_options
@pass_output
def verify(output: Output, *, release_name: str) -> None:
    """Verify RELEASE (NAME, NAME@N or its digest) as a gate does, and digest every byte of its model."""
    from weighlock.service.release import verify_every_byte

    with progress_for(output) as progress:
        verified = verify_every_byte(workspace(), release_name, progress=progress)
    facts = {
        "release": verified.entry.alias,
        "digest": str(verified.entry.release),
        "candidate": str(verified.entry.candidate),
        "model": str(verified.entry.model),
        "approvers": sorted(verified.approvers),
        "files": len(verified.model.files),
        "bytes": verified.model.size,
    }
    output.facts(facts, lambda: _verified_text(facts, verified.approvers))


def _text(situation: "Situation", standings: "list[Standing]") -> str:
    head = (
        f"state {situation.state.number} of production, fresh until {write_time(situation.state.expires_at)}"
    )
    if not standings:
        return f"{head}\nnothing is released yet"
    rows = [("RELEASE", "DIGEST", "MODEL", "MAY RUN")]
    for each in standings:
        verdict = (
            styled("yes", Outcome.CLEAN)
            if each.problem is None
            else styled(f"no: {each.problem.message} [{each.problem.code}]", Outcome.FINDINGS)
        )
        rows.append((each.entry.alias, each.entry.release.short, each.entry.model.short, verdict))
    return f"{head}\n{table(rows)}"


def _verified_text(facts: dict[str, object], approvers: "Collection[str]") -> str:
    rows = [(name, shown(str(value))) for name, value in facts.items() if name != "approvers"]
    return (
        f"{styled('may run', Outcome.CLEAN)}\n{table([*rows, ('approved by', ', '.join(sorted(approvers)))])}"
    )
