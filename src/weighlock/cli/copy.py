"""``weighlock copy``, and what ``push`` and ``fetch`` share with it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from weighlock.cli.broken_off import told_to_go_on
from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, rate_text, size_text
from weighlock.cli.progress import progress_for
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.copying import Moved, Wish

_Command = TypeVar("_Command", bound=Callable[..., Any])
OCI_METAVAR: Final = "oci:REGISTRY/REPOSITORY[:TAG][@DIGEST]"


def copy_options(command: _Command) -> _Command:
    """Give a command what says how to copy."""
    platform = click.option("--platform", metavar="OS/ARCH", help="Only this platform of an index.")
    referrers = click.option("--no-referrers", is_flag=True, help="Leave out what refers to it.")
    dry_run = click.option("--dry-run", is_flag=True, help="Show what would be copied, and copy nothing.")
    return platform(referrers(dry_run(command)))


@click.command(short_help="Copy an artifact and its evidence between environments and registries.")
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
@copy_options
@common_options
@pass_output
def copy(
    output: Output, origin: str, target: str, *, platform: str | None, no_referrers: bool, dry_run: bool
) -> None:
    """Copy an artifact and its evidence between environments and registries.

    FROM and TO are [ENVIRONMENT:]NAME or oci:REGISTRY/REPOSITORY[:TAG][@DIGEST]. A tag is
    resolved once; from then on everything is named by digest, and every byte that passes is
    digested. What is there already is not copied again.

    Registries are read where sources.oci allows it, and written where push.oci does. Into
    production leads only `weighlock promote`.
    """
    from weighlock.service.copying import Wish, parse_end

    wish = Wish(parse_end(origin), parse_end(target), platform, referrers=not no_referrers, dry_run=dry_run)
    carry_out(output, wish)


def carry_out(output: Output, wish: "Wish") -> None:
    """Copy and say what that came to."""
    from weighlock.service.copying import copy as move

    with told_to_go_on(output, "finished files are not sent again"), progress_for(output) as progress:
        moved = move(workspace(), wish, progress=progress)
    output.facts(moved.to_json(), lambda: _text(moved))


def _text(moved: "Moved") -> str:
    copied = moved.copied
    word = "would be copied" if moved.dry_run else "copied"
    more = f", {copied.referrers} of them referrers" if copied.referrers else ""
    parts = [
        f"{'to copy' if moved.dry_run else 'copied'} {copied.sent.blobs}, {size_text(copied.sent.size)}",
        f"mounted {copied.mounted.blobs}" if copied.mounted.blobs else "",
        f"there already {copied.present.blobs}" if copied.present.blobs else "",
    ]
    lines = [
        f"{shown(moved.origin)} {word} to {shown(moved.target)}",
        f"  digest     {copied.descriptor.digest}",
        f"  manifests  {copied.manifests}{more}",
        f"  blobs      {'; '.join(filter(None, parts))}",
    ]
    if moved.moved_from is not None:
        was = "would be moved, from" if moved.dry_run else "was"
        lines.append(f"  name       {shown(moved.name or '')} {was} {moved.moved_from}")
    if not moved.dry_run:
        rate = rate_text(copied.sent.size, moved.seconds)
        lines.append(f"  time       {moved.seconds:.1f} s{rate}")
    return "\n".join(lines)
