"""``weighlock ls``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import environment_option, workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, styled, table
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.listing import Listed


@click.command(short_help="List what an environment holds.")
@environment_option
@common_options
@pass_output
def ls(output: Output, *, environment: str) -> Outcome:
    """List what an environment holds: names, digests, sizes and how much is known about each.

    Evidence is counted, not listed: `weighlock show` lists it. Exits 1 if a manifest is
    damaged.
    """
    from weighlock.service.listing import list_artifacts, outcome_of_listing

    here = workspace()
    listed = list_artifacts(here.store(environment))
    repository = here.settings.environment(environment).repository
    facts = {"environment": environment, "artifacts": [each.to_json() for each in listed]}
    output.facts(facts, lambda: _text(listed, environment, has_folder=repository is None))
    return outcome_of_listing(listed)


def _text(listed: "list[Listed]", environment: str, *, has_folder: bool) -> str:
    if not listed:
        more = "" if has_folder else f", `weighlock migrate {environment}` what its folder held"
        return f"{environment} holds nothing yet; `weighlock pull` gets a model{more}"
    heading = ("NAME", "DIGEST", "KIND", "SIZE", "REFERRERS")
    return table([heading, *(_row(each) for each in listed)])


def _row(each: "Listed") -> tuple[str, ...]:
    size = styled(f"damaged: {each.damage}", Outcome.FINDINGS) if each.damage else size_text(each.size)
    names = ", ".join(each.names) or "-"
    return shown(names), each.digest.short, shown(each.kind), size, str(each.referrers)
