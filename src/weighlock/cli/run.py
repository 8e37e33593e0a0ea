"""``weighlock run``."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import workspace
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.cli.progress import progress_for
from weighlock.core.error import WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.sandbox import Server
    from weighlock.service.gatekeeper import VerifiedRelease


@click.command(
    short_help="Verify a release and start its server in a sandbox.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("release_name", metavar="RELEASE")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--installation", type=click.Path(path_type=Path), help="The installation that it was approved with."
)
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    help="Where the one port is reached; port 0: any free one.",
)
@click.option(
    "--minimum",
    type=click.Choice(["landlock", "namespaces", "bubblewrap"]),
    default="landlock",
    show_default=True,
    help="Refuse a weaker sandbox.",
)
@common_options
@pass_output
def run(
    output: Output,
    *,
    release_name: str,
    command: tuple[str, ...],
    installation: Path | None,
    listen: str,
    minimum: str,
) -> int:
    """Verify RELEASE and start its server in a sandbox.

    Counts the approvals, checks that production's state is fresh and nothing is revoked,
    digests every byte of a private copy of the model, and compares the installation with
    the approved one. The server sees the copy read-only, a temporary folder of its own,
    and one relayed port. It is stopped when the release is revoked or the state expires.

    COMMAND, after --, must be the approved one; it may be left out. Exit status: 125 if
    it was not started, 1 if Weighlock stopped it, else the server's.
    """
    from weighlock.sandbox import Tier
    from weighlock.service.run import DENIED_BEFORE_START, Order, status_of
    from weighlock.service.run import run as start

    order = Order(release_name, installation, command, _address(listen), Tier[minimum.upper()])
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with progress_for(output) as progress:
            ended = start(
                workspace(),
                order,
                started=lambda server, verified: _tell(output, server, verified),
                stopping=stopping,
                progress=progress,
            )
    except WeighlockError as error:
        output.error(error)
        return DENIED_BEFORE_START
    if ended.stopped is not None:
        output.error(ended.stopped)
    return status_of(ended)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param_hint="--listen")
    return host, int(port)


def _tell(output: Output, server: "Server", verified: "VerifiedRelease") -> None:
    address = None if server.address is None else f"{server.address[0]}:{server.address[1]}"
    facts: dict[str, object] = {
        "release": verified.entry.alias,
        "digest": str(verified.entry.release),
        "address": address,
        "tier": server.tier.name.lower(),
        "pid": server.pid,
        "approvers": sorted(verified.approvers),
        "protections": [
            {"name": each.name, "holds": each.holds, "reason": each.reason} for each in server.protections
        ],
    }
    output.facts(facts, lambda: _text(facts, server))


def _text(facts: dict[str, object], server: "Server") -> str:
    rows = [
        (
            styled("holds", Outcome.CLEAN) if each.holds else styled("does not hold", Outcome.UNDECIDED),
            each.name,
            shown(each.reason),
        )
        for each in server.protections
    ]
    head = (
        f"{facts['release']} runs in the {facts['tier']} sandbox, reached at {facts['address'] or 'no port'}"
    )
    return f"{styled(head, Outcome.CLEAN)}\n{table(rows, indent='  ')}"
