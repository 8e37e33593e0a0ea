"""``weighlock init``."""

import os
from pathlib import Path

import click

from weighlock.cli.context import clock
from weighlock.cli.output import Output, common_options, pass_output
from weighlock.core.text import shown


@click.command(short_help="Start a project: commented settings and trial keys.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@common_options
@pass_output
def init(output: Output, *, folder: Path) -> None:
    """Start a project in FOLDER: commented settings, trial keys, two empty stores.

    The trial people are ana and ben, who approve, and cem, who asks. Their keys prove
    nothing: everyone can see that they are trial keys, and no real environment accepts
    them. Nothing that exists is overwritten.
    """
    from weighlock.service.initialise import initialise

    folder.mkdir(parents=True, exist_ok=True)
    made = initialise(folder.absolute(), clock(), os.environ)
    names = [str(file.relative_to(folder.absolute())) for file in made]
    text = (
        f"made {len(names)} files in {shown(str(folder))}; trial keys only\n"
        "next: allow a source in weighlock.yaml, then weighlock pull"
    )
    output.facts({"folder": str(folder.absolute()), "files": names}, lambda: text)
