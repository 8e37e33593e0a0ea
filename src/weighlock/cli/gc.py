"""``weighlock gc``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import environment_option, workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, table

if TYPE_CHECKING:
    from weighlock.store.collect import Garbage


@click.command(short_help="Remove what nothing in a store refers to.")
@environment_option
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@common_options
@pass_output
def gc(output: Output, *, environment: str, dry_run: bool) -> None:
    """Remove blobs that no manifest lists, and what crashed ingests left.

    What a running ingest needs is kept. If a manifest cannot be read, what it lists is
    unknown, so nothing is removed.
    """
    from weighlock.service.storage import clean_environment

    garbage = clean_environment(workspace(), environment, dry_run=dry_run)
    facts = {
        "environment": environment,
        "dry_run": garbage.dry_run,
        "size": garbage.size,
        "files": [{"path": path, "size": size} for path, size in garbage.files],
    }
    output.facts(facts, lambda: _text(garbage))


def _text(garbage: "Garbage") -> str:
    verb = "would free" if garbage.dry_run else "freed"
    rows = [(size_text(size), path) for path, size in garbage.files]
    return "\n".join(filter(None, [table(rows), f"{verb} {size_text(garbage.size)} in {len(rows)} files"]))
