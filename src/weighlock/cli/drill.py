"""``weighlock drill``."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import clock
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.outcome import Outcome, worst
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.drill_result import Attempt, Drill


@click.command(short_help="Attempt the five attacks that must always be blocked.")
@common_options
@pass_output
def drill(output: Output) -> int:
    """Attempt the five attacks that must always be blocked, for real.

    Makes a scratch workspace with a tiny model and server, attacks it, and removes it:
    nothing of your own workspace is read or changed. Each drill also does the same
    thing untouched, which must be allowed. Exit status: 1 if any attack was not
    blocked, 3 if a drill could not be carried out on this machine.
    """
    from weighlock.service.drill import carry_out

    def tell(sentence: str) -> None:
        if output.draws:
            output.note(sentence)

    drills = carry_out(clock(), os.environ, tell)
    outcome = worst(each.outcome for each in drills)
    facts = {"outcome": outcome.name.lower(), "drills": [each.to_json() for each in drills]}
    output.facts(facts, lambda: _text(drills, outcome))
    return outcome


def _text(drills: "Sequence[Drill]", outcome: Outcome) -> str:
    rows = [("ATTEMPTED", "BLOCKED BY", "TIME")]
    for number, each in enumerate(drills, start=1):
        rows.append((f"{number} {styled(each.title, each.outcome)}", "", ""))
        rows += [_row(attempt) for attempt in each.attempts]
        if each.problem is not None:
            rows.append((styled("  could not be carried out", Outcome.UNDECIDED), each.problem.code, ""))
    lines = [table(rows)]
    for each in drills:
        if each.problem is not None:
            lines.append(f"{each.title}: {each.problem.message} [{each.problem.code}]")
            lines += [f"  hint: {each.problem.hint}"] if each.problem.hint else []
    return "\n".join([*lines, _summary(drills, outcome)])


def _row(attempt: "Attempt") -> tuple[str, str, str]:
    blocked = f"{attempt.command}: {attempt.code}"
    if attempt.outcome is Outcome.FINDINGS:
        blocked = f"{attempt.command}: NOT BLOCKED"
    elif attempt.outcome is not Outcome.CLEAN:
        blocked = f"{blocked}, not {attempt.expected}"
    return f"  {shown(attempt.what)}", styled(blocked, attempt.outcome), f"{attempt.seconds:.2f} s"


def _summary(drills: "Sequence[Drill]", outcome: Outcome) -> str:
    attempts = [attempt for each in drills for attempt in each.attempts]
    blocked = sum(attempt.outcome is Outcome.CLEAN for attempt in attempts)
    controls = sum(len(each.controls) for each in drills)
    text = (
        f"{blocked} of {len(attempts)} attacks blocked; untouched, {controls} of the same steps were allowed"
    )
    return styled(text, outcome)
