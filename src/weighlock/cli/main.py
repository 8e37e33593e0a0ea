"""The root command. It imports nothing heavy: commands are found by name when they are called."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from weighlock import __version__
from weighlock.cli.output import Output
from weighlock.core.error import InternalError, UndecidedError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

# name → (module:attribute, one line for the list; a test holds it equal to the command's own)
COMMANDS: Final[dict[str, tuple[str, str]]] = {}

INTERRUPTED: Final = 130  # the shell's status for a program ended by SIGINT


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the way of a model through the house."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table, importing none of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the names closest to a misspelt one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=2) if args else []
            if close:
                error.message += f" Did you mean {' or '.join(close)}?"
            raise


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 clean or allowed, 1 findings or denied, 2 usage, 3 could not decide.",
)
@click.version_option(__version__, "-V", "--version", message="weighlock %(version)s")
@click.option(
    "-C",
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file; by default weighlock.yaml here or in a folder above.",
)
@click.pass_context
def root(context: click.Context, config: Path | None) -> None:
    """Release self-hosted AI models like software.

    Weighlock pulls models by digest, looks inside them without running them, has
    people approve what may serve, and starts or admits nothing else.
    """
    context.meta["weighlock.config"] = config


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit status."""
    output = Output()
    try:
        result: Any = root.main(arguments, prog_name="weighlock", standalone_mode=False, obj=output)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return Outcome.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: nothing unverified was kept under a final name", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # so that flushing at exit is silent
        return Outcome.UNDECIDED
    except WeighlockError as error:
        output.error(error)
        return error.outcome
    except OSError as error:
        output.error(_outside(error))
        return Outcome.UNDECIDED
    except Exception as error:
        if os.environ.get("WEIGHLOCK_DEBUG"):
            raise
        output.error(_bug(error))
        return Outcome.UNDECIDED
    return int(result) if isinstance(result, int) else Outcome.CLEAN


def _outside(error: OSError) -> UndecidedError:
    where = f" {shown(str(error.filename))}" if error.filename else ""
    return UndecidedError(
        "io_failed",
        f"the system refused{where}: {error.strerror or error}",
        hint="check space, permissions and that the path exists; nothing unverified was kept",
    )


def _bug(error: Exception) -> InternalError:
    return InternalError(
        "unexpected",
        f"a bug of Weighlock: {type(error).__name__}: {shown(str(error))}",
        hint="set WEIGHLOCK_DEBUG=1 for the traceback, and please report it; nothing was allowed",
    )


def main() -> NoReturn:
    """Run as a program."""
    sys.exit(run(sys.argv[1:]))
