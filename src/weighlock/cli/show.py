"""``weighlock show``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, table
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.listing import ListedReferrer, Shown


@click.command(short_help="Show an artifact: its files and what is known about it.")
@click.argument("reference", metavar="[ENVIRONMENT:]NAME|DIGEST")
@common_options
@pass_output
def show(output: Output, *, reference: str) -> None:
    """Show an artifact: its files with sizes and digests, and what refers to it.

    A digest may be cut to its first 12 hex digits. The environment is experimentation
    unless named. Kinds of referrers are what their labels say; `weighlock evidence`
    verifies them.
    """
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.listing import show_artifact

    named = StoreReference.parse(reference)
    found = show_artifact(workspace().store(named.environment), named.text)
    output.facts({"environment": named.environment, **found.to_json()}, lambda: _text(found))


def _text(found: "Shown") -> str:
    lines = [
        f"{found.kind}  {found.digest}",
        f"names  {shown(', '.join(found.names)) or '-'}",
        f"size   {size_text(found.size)} in {len(found.files)} {'file' if len(found.files) == 1 else 'files'}",
        "",
        table(
            [
                (size_text(each.size), str(each.digest), shown(each.path or each.media_type))
                for each in found.files
            ],
            indent="  ",
        ),
    ]
    if found.referrers:
        lines += ["", "referrers, as labelled", *_referrers(found.referrers, "  ")]
    return "\n".join(lines)


def _referrers(referrers: "tuple[ListedReferrer, ...]", indent: str) -> list[str]:
    lines: list[str] = []
    for each in referrers:
        lines.append(f"{indent}{each.digest.short}  {shown(each.created)}  {shown(each.kind)}".rstrip())
        lines += _referrers(each.referrers, indent + "  ")
    return lines
