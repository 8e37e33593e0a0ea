"""``weighlock mirror``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighlock.cli.broken_off import told_to_go_on
from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, table
from weighlock.cli.progress import progress_for
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.mirror import Mirrored


@click.command(short_help="Fill a folder or registry with everything that the lock names.")
@click.argument("destination")
@click.option(
    "--lock",
    "lock_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Lock file, instead of the settings'.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be copied, and copy nothing.")
@common_options
@pass_output
def mirror(output: Output, destination: str, *, lock_file: Path | None, dry_run: bool) -> None:
    """Fill a folder or registry with everything that the lock names.

    DESTINATION is a folder, which becomes an OCI image layout that any OCI tool reads, or
    oci:REGISTRY/REPOSITORY. Models that are not in the store are pulled first. What is
    known about them, such as their provenance, goes along.

    A machine without a network then pulls with `weighlock pull --offline --mirror DESTINATION`.
    """
    from weighlock.service.mirror import Mirror

    here = workspace()
    file = lock_file or here.settings.lock
    how = "what is in the mirror is not copied again"
    with told_to_go_on(output, how), progress_for(output) as progress:
        made = Mirror(here, folder=Path.cwd(), environ=os.environ, progress=progress)
        mirrored = made.fill(destination, file, dry_run=dry_run)
    facts = {
        "destination": destination,
        "lock": str(file),
        "dry_run": dry_run,
        "models": [_facts(each) for each in mirrored],
    }
    output.facts(facts, lambda: _text(destination, mirrored, dry_run=dry_run))


def _facts(mirrored: "Mirrored") -> dict[str, Any]:
    return {
        "name": mirrored.name,
        "digest": str(mirrored.manifest),
        "status": mirrored.status.value,
        "pulled": mirrored.pulled,
        "size": mirrored.size,
        "referrers": mirrored.referrers,
        "sent": mirrored.sent._asdict(),
    }


def _text(destination: str, mirrored: "list[Mirrored]", *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    rows: list[tuple[str, ...]] = [
        (
            each.name,
            f"{would}{each.status.value}",
            size_text(each.sent.size),
            "pulled first" if each.pulled else each.manifest.short,
        )
        for each in mirrored
    ]
    total = sum(each.sent.size for each in mirrored)
    count = f"{len(mirrored)} model{'s' if len(mirrored) != 1 else ''}"
    told = f"{shown(destination)}: {count}, {size_text(total)} {'to copy' if dry_run else 'copied'}"
    return f"{table(rows)}\n{told}"
