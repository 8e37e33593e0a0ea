"""The root command. It imports nothing heavy: commands are found by name when they are called."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from weighlock import __version__
from weighlock.cli.output import Output, wants_colour
from weighlock.core.error import InternalError, UndecidedError, UsageError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

# name → (module:attribute, one line for the list; a test holds it equal to the command's own)
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("weighlock.cli.init:init", "Start a project: commented settings and trial keys."),
    "config": ("weighlock.cli.config:config", "Show the settings in force and where each comes from."),
    "pull": (
        "weighlock.cli.pull:pull",
        "Pull a model from a trusted source, byte for byte against the lock.",
    ),
    "mirror": (
        "weighlock.cli.mirror:mirror",
        "Fill a folder or registry with everything that the lock names.",
    ),
    "fetch": ("weighlock.cli.fetch:fetch", "Fetch an artifact and its evidence from a registry."),
    "push": ("weighlock.cli.push:push", "Push an artifact and its evidence to a registry."),
    "copy": (
        "weighlock.cli.copy:copy",
        "Copy an artifact and its evidence between environments and registries.",
    ),
    "ls": ("weighlock.cli.ls:ls", "List what an environment holds."),
    "show": ("weighlock.cli.show:show", "Show an artifact: its files and what is known about it."),
    "export": ("weighlock.cli.export:export", "Copy a model's files out of a store, verified."),
    "inspect": ("weighlock.cli.inspect:inspect", "Find what a model's files would do, without running them."),
    "explain": (
        "weighlock.cli.explain:explain",
        "Explain a rule of inspection: why it matters, how it decides, what to do.",
    ),
    "sbom": ("weighlock.cli.sbom:sbom", "Make a bill of materials, or record its review."),
    "evidence": ("weighlock.cli.evidence:evidence", "List, record or waive what a promotion needs to know."),
    "policy": ("weighlock.cli.policy:policy", "Show the policy in force, or check a policy file."),
    "request": ("weighlock.cli.request:request", "Ask for a model to be promoted: make a candidate."),
    "approve": ("weighlock.cli.approve:approve", "Approve a candidate's exact digest."),
    "reject": ("weighlock.cli.approve:reject", "Reject a candidate."),
    "promote": ("weighlock.cli.promote:promote", "Release an approved candidate to production."),
    "release": ("weighlock.cli.release:release", "Show or verify what production may serve."),
    "renew": ("weighlock.cli.promote:renew", "Sign production's state again before it expires."),
    "check": ("weighlock.cli.check:check", "Check workloads, compose files and Dockerfiles before they run."),
    "run": ("weighlock.cli.run:run", "Verify a release and start its server in a sandbox."),
    "revoke": ("weighlock.cli.revoke:revoke", "Withdraw a manifest, a file or a key, everywhere."),
    "drift": ("weighlock.cli.drift:drift", "Compare an installation with its package lock."),
    "sign": ("weighlock.cli.sign:sign", "Sign a model or a folder (OpenSSF Model Signing)."),
    "verify": ("weighlock.cli.verify:verify", "Verify a signature over a model or a folder."),
    "keys": ("weighlock.cli.keys:keys", "Make and show keys."),
    "trust": ("weighlock.cli.trust:trust", "Make, extend, sign and show who is trusted with what."),
    "log": ("weighlock.cli.log:log", "Show or verify the log of decisions."),
    "fsck": ("weighlock.cli.fsck:fsck", "Check every byte of a store."),
    "gc": ("weighlock.cli.gc:gc", "Remove what nothing in a store refers to."),
    "migrate": ("weighlock.cli.migrate:migrate", "Bring an environment from its folder into its repository."),
    "drill": ("weighlock.cli.drill:drill", "Attempt the five attacks that must always be blocked."),
    "completion": ("weighlock.cli.completion:completion", "Print the completion script for a shell."),
}

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
            if not close:
                raise
            hint = f"{error.format_message()} Did you mean {' or '.join(close)}?"
            raise click.UsageError(hint, ctx=ctx) from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 clean or allowed, 1 findings or denied, 2 usage, 3 could not decide, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", message="weighlock %(version)s")
@click.option(
    "-C",
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file; by default weighlock.yaml here or in a folder above.",
)
@click.option(
    "--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Override one setting; repeatable."
)
@click.pass_context
def root(context: click.Context, config: Path | None, assignments: tuple[str, ...]) -> None:
    """Release self-hosted AI models like software.

    Weighlock pulls models by digest, looks inside them without running them, has
    people approve what may serve, and starts or admits nothing else.
    """
    context.meta["weighlock.config"] = config
    flags: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise click.BadParameter(f"{assignment!r} is not NAME=VALUE", param_hint="--set")
        flags[name] = value
    context.meta["weighlock.set"] = flags


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit status."""
    output = Output()
    try:
        result: Any = root.main(
            arguments, prog_name="weighlock", standalone_mode=False, obj=output, color=wants_colour()
        )
        return int(result) if isinstance(result, int) else Outcome.CLEAN
    except click.ClickException as error:
        if "--json" in arguments:  # before click has read it, perhaps
            output.json = True
            output.error(UsageError("arguments_invalid", error.format_message(), hint=_USAGE_HINT))
        else:
            error.show()
        return Outcome.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: nothing unverified was kept under a final name", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # so that flushing at exit is silent
        return Outcome.UNDECIDED
    except Exception as error:  # the last resort: whatever it is, nothing was allowed
        if os.environ.get("WEIGHLOCK_DEBUG") and not isinstance(error, WeighlockError):
            raise
        told = _told(error)
        output.error(told)
        return told.outcome


def _told(error: Exception) -> WeighlockError:
    if isinstance(error, WeighlockError):
        return error
    return _outside(error) if isinstance(error, OSError) else _bug(error)


_USAGE_HINT: Final = "`weighlock COMMAND --help` tells what it takes"


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
    """Run as a program; ``cli.start`` is the quicker entry."""
    sys.exit(run(sys.argv[1:]))
