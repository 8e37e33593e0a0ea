"""``weighlock policy``."""

from pathlib import Path

import click

from weighlock.cli.context import EXISTING_FILE, workspace
from weighlock.cli.output import Output, common_options, pass_output
from weighlock.core.text import shown


@click.group(short_help="Show the policy in force, or check a policy file.")
def policy() -> None:
    """Show the policy in force, or check a policy file.

    A policy holds the numbers of requirements that cannot be switched off. The settings
    name its file as `policy`; without one the starter policy decides.
    """


@policy.command(short_help="Print the policy in force, to read or to begin one's own from.")
@click.option("--starter", is_flag=True, help="Print the starter policy instead.")
@common_options
@pass_output
def show(output: Output, *, starter: bool) -> None:
    """Print the policy in force, as its file has it: a good beginning for one's own."""
    from weighlock.policy.document import Policy
    from weighlock.service.workspace import starter_policy

    if starter:
        raw = starter_policy()
        found = Policy.parse(raw, file="the starter policy")
    else:
        found, raw = workspace().policy
    text = raw.decode("utf-8")
    output.facts({"name": found.name, "digest": str(found.digest), "text": text}, lambda: text)


@policy.command(short_help="Check a policy file and print its digest.")
@click.argument("file", type=EXISTING_FILE)
@common_options
@pass_output
def check(output: Output, *, file: Path) -> None:
    """Check the policy FILE and print the digest that candidates will name."""
    from weighlock.policy.document import Policy
    from weighlock.service.policy_check import check_formats

    found = Policy.parse(file.read_bytes(), file=file)
    check_formats(found, file=file)
    output.facts(
        {"name": found.name, "digest": str(found.digest)}, lambda: f"{shown(found.name)}: {found.digest}"
    )
