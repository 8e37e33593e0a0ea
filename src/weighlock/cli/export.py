"""``weighlock export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text
from weighlock.cli.progress import progress_for
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.export import Exported

LAYOUTS = ("folder", "hf-cache", "ollama")  # a test holds them equal to the service's
MAX_NAMED = 5  # files that a message names; --json has them all


@click.command(short_help="Copy a model's files out of a store, verified.")
@click.argument("reference", metavar="[ENVIRONMENT:]NAME|DIGEST")
@click.argument("destination", type=click.Path(path_type=Path))
@click.option(
    "--as", "layout", type=click.Choice(LAYOUTS), default="folder", show_default=True, help="Whose layout."
)
@click.option(
    "--called", metavar="NAME[:TAG]", help="With --as ollama: its name there; by default as pulled."
)
@click.option(
    "--move", is_flag=True, help="Let a branch or name that leads to another model lead to this one."
)
@common_options
@pass_output
def export(
    output: Output, *, reference: str, destination: Path, layout: str, called: str | None, move: bool
) -> None:
    """Copy a model's files out of a store, verified.

    \b
    --as folder    DESTINATION is a new folder with the files
    --as hf-cache  DESTINATION is a hub's cache, such as ~/.cache/huggingface/hub:
                   vLLM and transformers find the model there by its name
    --as ollama    DESTINATION is Ollama's folder, such as ~/.ollama/models

    The files are reflinks where the file system can, else copies, never hard links. Every
    byte is digested on the way. A cache may exist already: what is in it is not changed.
    """
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.export import ExportRequest, Layout, export_model

    if called is not None and layout != "ollama":
        raise click.UsageError("--called belongs to --as ollama")
    if move and layout == "folder":
        raise click.UsageError("--move belongs to --as hf-cache and --as ollama")
    request = ExportRequest(StoreReference.parse(reference), destination, Layout(layout), called, move)
    here = workspace()
    with progress_for(output) as progress:
        exported = export_model(here, request, progress=progress)
    output.facts(
        _facts(request.reference.environment, destination, layout, exported), lambda: _text(exported)
    )


def _facts(environment: str, destination: Path, layout: str, exported: "Exported") -> dict[str, Any]:
    return {
        "environment": environment,
        "digest": str(exported.artifact.digest),
        "destination": str(destination),
        "layout": layout,
        "folder": str(exported.folder),
        "found_as": exported.found_as,
        "pointer": exported.pointer,
        "pointer_kept": exported.pointer_kept,
        "others": list(exported.others),
        "files": len(exported.artifact.files),
        "size": exported.artifact.size,
    }


def _text(exported: "Exported") -> str:
    model = exported.artifact
    count = f"{len(model.files)} file{'s' if len(model.files) != 1 else ''}"
    told = f"{shown(exported.found_as)}: {count}, {size_text(model.size)}, verified as {model.digest}"
    if exported.others:
        named = ", ".join(map(shown, exported.others[:MAX_NAMED]))
        more = f" and {len(exported.others) - MAX_NAMED} more" if len(exported.others) > MAX_NAMED else ""
        told += f"\n  not the model's and not verified, but in its folder: {named}{more}"
    if exported.pointer_kept is None:
        return told
    return (
        f"{told}\n  {shown(exported.pointer or '')} was there and still leads to {shown(exported.pointer_kept)}; "
        "--move lets it lead here"
    )
