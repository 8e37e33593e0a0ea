"""What every command prints and how: facts as text or JSON, errors with code and hint."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from weighlock.core.error import WeighlockError
from weighlock.core.outcome import Outcome

_Command = TypeVar("_Command", bound=Callable[..., Any])
MIN_RATE_BYTES: Final = 1_000_000  # less is answers and round trips rather than a rate
MIN_RATE_S: Final = 1.0
_COLOURS: Final = {
    Outcome.CLEAN: "green",
    Outcome.FINDINGS: "red",
    Outcome.USAGE: "yellow",
    Outcome.UNDECIDED: "yellow",
}


class Output:
    """Where a command's facts go. Text for people unless ``--json``; nothing but facts on stdout."""

    def __init__(self) -> None:
        self.json = False
        self.quiet = False
        self.above: Callable[[str], None] | None = None  # writes a line above what is drawn now

    def facts(self, value: dict[str, Any], text: Callable[[], str]) -> None:
        """Print the facts: ``value`` with ``--json``, else what ``text`` renders, unless ``--quiet``."""
        if self.json:
            click.echo(json.dumps(value, ensure_ascii=True, indent=2))
        elif not self.quiet:
            click.echo(text().rstrip("\n"))

    def note(self, sentence: str) -> None:
        """Say something to the person on stderr, unless ``--quiet``."""
        if not self.quiet:
            click.echo(sentence, err=True)

    def say(self, line: str) -> None:
        """Print a line to stderr, above the progress that is drawn there."""
        if self.above is None:
            click.echo(line, err=True)
        else:
            self.above(line)

    def error(self, error: WeighlockError) -> None:
        """Print an error: a sentence, its code and a hint on stderr; with ``--json`` an object on stdout."""
        if self.json:
            facts = {
                "error": {
                    "code": error.code,
                    "message": error.message,
                    "hint": error.hint,
                    "details": error.details,
                },
                "outcome": error.outcome.name.lower(),
            }
            click.echo(json.dumps(facts, ensure_ascii=True, indent=2, default=str))
        word = "denied" if error.outcome is Outcome.FINDINGS else "error"
        told = styled(f"{word}: {error.message} [{error.code}]", error.outcome)
        click.echo(told, err=True, color=wants_colour())
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)

    @property
    def talks(self) -> bool:
        """Whether somebody watches: on a terminal only, and neither --quiet nor --json."""
        return sys.stderr.isatty() and not (self.quiet or self.json)

    @property
    def draws(self) -> bool:
        """Whether progress may be drawn: where somebody watches, on a terminal that can draw."""
        return self.talks and os.environ.get("TERM") != "dumb"


pass_output = click.make_pass_decorator(Output)


def wants_colour() -> bool | None:
    """Return False if NO_COLOR is set, as no-color.org says; None leaves it to click, which looks for a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def styled(word: str, outcome: Outcome) -> str:
    """Return ``word`` in the outcome's colour; click strips colours where there is no terminal."""
    return click.style(word, fg=_COLOURS[outcome])


def table(rows: Sequence[tuple[str, ...]], *, indent: str = "") -> str:
    """Return rows as aligned columns, the last one free; the cells are already ``shown()``."""
    if not rows:
        return ""
    widths = [max(len(click.unstyle(row[column])) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [
            cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=False)
        ]
        lines.append((indent + "  ".join([*cells, row[-1]])).rstrip())
    return "\n".join(lines)


def size_text(size_bytes: float) -> str:
    """Return a size for people, in decimal units as disks and networks have them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def rate_text(size_bytes: float, seconds: float) -> str:
    """Return ", " and a rate; nothing where so little was moved that it would tell about noise."""
    if size_bytes < MIN_RATE_BYTES or seconds < MIN_RATE_S:
        return ""
    return f", {size_text(size_bytes / seconds)}/s"


def common_options(command: _Command) -> _Command:
    """Give a command ``--json`` and ``--quiet``; it takes the Output through ``@pass_output``."""
    for name, text in (("quiet", "Print errors only."), ("json", "Print facts as JSON on stdout.")):
        flags = (f"--{name}", "-q") if name == "quiet" else (f"--{name}",)
        command = click.option(*flags, is_flag=True, expose_value=False, callback=_set(name), help=text)(
            command
        )
    return command


def _set(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(context: click.Context, _: click.Parameter, value: bool) -> None:  # click's signature
        if value:
            setattr(context.ensure_object(Output), name, True)

    return callback
