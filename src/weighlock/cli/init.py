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
    them. Nothing that exists is overwritten: in a project that has its settings, only stores
    that are missing are made.
    """
    from weighlock.service.initialise import initialise
    from weighlock.settings import FILE_NAME

    folder.mkdir(parents=True, exist_ok=True)
    if (folder / FILE_NAME).is_file():
        _complete(output, folder.absolute() / FILE_NAME)
        return
    made = initialise(folder.absolute(), clock(), os.environ)
    names = [str(file.relative_to(folder.absolute())) for file in made]
    text = (
        f"made {len(names)} files in {shown(str(folder))}; trial keys only\n"
        "next: allow a source in weighlock.yaml, then weighlock pull"
    )
    output.facts({"folder": str(folder.absolute()), "files": names}, lambda: text)


def _complete(output: Output, settings_file: Path) -> None:
    from weighlock.service.initialise import make_missing_stores
    from weighlock.service.workspace import Workspace
    from weighlock.settings import load_settings

    found = load_settings(settings_file, variables=os.environ, flags={}, folder=settings_file.parent)
    stores, has_state = make_missing_stores(Workspace(found, clock()))
    lines = [f"made an empty store in {shown(str(store))}" for store in stores]
    if not has_state:
        lines.append("next: weighlock renew, where production's key is: production has no signed state yet")
    facts = {"folder": str(settings_file.parent), "files": [str(store) for store in stores]}
    output.facts(facts, lambda: "\n".join(lines))
