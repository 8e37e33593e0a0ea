"""Choices that commands write out, so that no --help imports what has them, are those that there are."""

import click

from weighlock.cli.check import check
from weighlock.cli.run import run
from weighlock.gate.examine import FileFormat
from weighlock.sandbox import Tier


def choices(command: click.Command, name: str) -> list[str]:
    [kind] = [each.type for each in command.params if each.name == name]
    assert isinstance(kind, click.Choice)
    return list(kind.choices)


def test_check_offers_the_formats_that_exist() -> None:
    assert choices(check, "file_format") == [str(each) for each in FileFormat]


def test_run_offers_the_tiers_that_protect() -> None:
    assert choices(run, "minimum") == [each.name.lower() for each in Tier if each is not Tier.NONE]
