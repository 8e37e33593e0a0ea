"""``weighlock promote`` and ``weighlock renew``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, styled
from weighlock.cli.progress import progress_for
from weighlock.core.clock import write_time
from weighlock.core.outcome import Outcome

if TYPE_CHECKING:
    from weighlock.service.promote import Promoted


@click.command(short_help="Release an approved candidate to production.")
@click.argument("candidate")
@click.option("--dry-run", is_flag=True, help="Only say what stands in the way.")
@common_options
@pass_output
def promote(output: Output, *, candidate: str, dry_run: bool) -> Outcome:
    """Release an approved CANDIDATE to production.

    Digests every byte again, inspects the copied bytes again with production's own key,
    counts the approvals, and asks the policy. If nothing stands in the way, writes the
    signed release, a SLSA verification summary and production's next signed state.
    """
    from weighlock.service.promote import promote as decide

    with progress_for(output) as progress:
        promoted = decide(workspace(), candidate, dry_run=dry_run, progress=progress)
    output.facts(_facts(promoted, dry_run), lambda: _text(promoted, dry_run))
    if output.quiet and not promoted.decision.allow:
        click.echo(_text(promoted, dry_run), err=True)
    return Outcome.CLEAN if promoted.decision.allow else Outcome.FINDINGS


@click.command(short_help="Sign production's state again before it expires.")
@common_options
@pass_output
def renew(output: Output) -> None:
    """Sign production's state again before it expires; nothing else in it changes.

    Run it from a timer, at least twice as often as environments.production.state_days.
    """
    from weighlock.core.environment import PRODUCTION
    from weighlock.ledger.entry import Action
    from weighlock.service.state import sign_state

    here = workspace()
    state = sign_state(here, PRODUCTION)
    here.note_decision(PRODUCTION, Action.RENEW, [], message=f"state {state.number}")
    facts = {
        "number": state.number,
        "expires_at": write_time(state.expires_at),
        "releases": len(state.releases),
    }
    output.facts(
        facts, lambda: f"state {state.number} of production is fresh until {write_time(state.expires_at)}"
    )


def _facts(promoted: "Promoted", dry_run: bool) -> dict[str, object]:
    entry = promoted.entry
    return {
        "candidate": str(promoted.digest),
        "name": promoted.candidate.name,
        "dry_run": dry_run,
        "decision": promoted.decision.to_json(),
        "release": None if entry is None else {"alias": entry.alias, "digest": str(entry.release)},
    }


def _text(promoted: "Promoted", dry_run: bool) -> str:
    if promoted.entry is not None:
        return f"{styled('released', Outcome.CLEAN)} {promoted.entry.alias}, {promoted.entry.release}"
    if promoted.decision.allow:
        return f"{styled('would be allowed', Outcome.CLEAN)}, unless inspection of the copied bytes objects"
    word = "would be denied" if dry_run else "denied"
    lines = [f"{styled(word, Outcome.FINDINGS)}: {promoted.candidate.name} is not released"]
    for reason in promoted.decision.reasons:
        lines.append(f"  {reason.message} [{reason.code}]")
        if reason.hint:
            lines.append(f"    hint: {reason.hint}")
    return "\n".join(lines)
