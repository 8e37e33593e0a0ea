"""``weighlock migrate``."""

import dataclasses

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text
from weighlock.cli.progress import progress_for
from weighlock.core.environment import ENVIRONMENTS
from weighlock.core.text import shown


@click.command(short_help="Bring an environment from its folder into its repository.")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
@common_options
@pass_output
def migrate(output: Output, *, environment: str) -> None:
    """Bring an environment from its folder into its repository.

    Set environments.NAME.repository first. Everything keeps its digest and its names, so
    what was approved and released stays so. The folder is not changed; the log stays in it.
    """
    from weighlock.service.migrate import migrate as move

    with progress_for(output) as progress:
        done = move(workspace(), environment, progress=progress)
    facts = {"environment": environment, **dataclasses.asdict(done)}
    output.facts(
        facts,
        lambda: (
            f"{environment} is in {shown(done.repository)}: {done.manifests} manifests, {done.names} names, "
            f"{size_text(done.sent)} sent"
        ),
    )
