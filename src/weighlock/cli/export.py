"""``weighlock export``."""

from pathlib import Path

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text
from weighlock.cli.progress import progress_for
from weighlock.core.text import shown


@click.command(short_help="Copy a model's files into a new folder, verified.")
@click.argument("reference", metavar="[ENVIRONMENT:]NAME|DIGEST")
@click.argument("destination", type=click.Path(path_type=Path))
@common_options
@pass_output
def export(output: Output, *, reference: str, destination: Path) -> None:
    """Copy a model's files into the new folder DESTINATION.

    The files are reflinks where the file system can, else copies, never hard links. Every
    byte is digested on the way; if one differs, DESTINATION does not appear.
    """
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.storage import export_model

    named = StoreReference.parse(reference)
    store = workspace().store(named.environment)
    with progress_for(output) as progress:
        model = export_model(store, named.text, destination, progress=progress)
    facts = {
        "environment": named.environment,
        "digest": str(model.digest),
        "destination": str(destination),
        "files": len(model.files),
        "size": model.size,
    }
    told = f"{shown(str(destination))}: {len(model.files)} files, {size_text(model.size)}, verified as {model.digest}"
    output.facts(facts, lambda: told)
