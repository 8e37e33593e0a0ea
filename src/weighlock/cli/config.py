"""``weighlock config``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import settings
from weighlock.cli.output import Output, common_options, pass_output, table
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.settings import Value


@click.command(short_help="Show the settings in force and where each comes from.")
@common_options
@pass_output
def config(output: Output) -> None:
    """Show the settings in force and where each comes from.

    Each can be set in weighlock.yaml, by an environment variable
    (WEIGHLOCK_TRUST_ROOT for trust.root) or by `weighlock --set NAME=VALUE`.
    """
    from weighlock.settings import KEYS, variable_of

    found = settings()
    facts = {
        name: {
            "value": _plain(found.values[name]),
            "origin": found.origins[name],
            "variable": variable_of(name),
            "purpose": key.purpose,
        }
        for name, key in KEYS.items()
    }
    output.facts({"file": str(found.file) if found.file else None, "settings": facts}, lambda: _text(facts))


def _plain(value: "Value") -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _text(facts: dict[str, dict[str, object]]) -> str:
    rows = [
        (
            name,
            shown("-" if fact["value"] is None else str(fact["value"])),
            f"{fact['origin']}  # {fact['purpose']}",
        )
        for name, fact in facts.items()
    ]
    return table(rows)
