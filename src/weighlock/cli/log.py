"""``weighlock log``: what was decided, and whether that record is whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighlock.cli.context import EXISTING_FILE, clock, environment_option, settings
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.clock import write_time
from weighlock.core.error import WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.ledger.entry import Entry
    from weighlock.service.log import Log, Verified

_key_option = click.option(
    "--key",
    "keys",
    multiple=True,
    type=EXISTING_FILE,
    help="Public key of the log, instead of those of the trust document.",
)


@click.group(invoke_without_command=True, short_help="Show or verify the log of decisions.")
@environment_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest last."
)
@_key_option
@common_options
@pass_output
@click.pass_context
def log(
    context: click.Context, output: Output, environment: str, *, limit: int, keys: tuple[Path, ...]
) -> int:
    """Show the log of decisions, and whether it is what was signed."""
    if context.invoked_subcommand is not None:
        # `log -e production verify` must not verify another environment's log
        given = {"environment": environment, "keys": keys}
        context.default_map = {context.invoked_subcommand: given}
        return Outcome.CLEAN
    from weighlock.service import log as service

    found = _open(environment, keys)
    problem: WeighlockError | None = None
    try:
        service.verify(found)
    except WeighlockError as error:
        problem = error
    lines = service.read_entries(found)
    first = max(0, len(lines) - limit)
    facts: dict[str, Any] = {
        "origin": found.origin,
        "size": len(lines),
        "verified": problem is None,
        "entries": [{"index": first + place, **_facts(raw)} for place, raw in enumerate(lines[first:])],
    }
    if problem is not None:
        facts["problem"] = {"code": problem.code, "message": problem.message}
    output.facts(facts, lambda: _render(lines[first:], first, problem))
    return Outcome.CLEAN if problem is None else problem.outcome


@log.command()
@environment_option
@click.option(
    "--since", multiple=True, type=EXISTING_FILE, help="A checkpoint of this log that you kept elsewhere."
)
@_key_option
@common_options
@pass_output
def verify(output: Output, environment: str, *, since: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Recompute the log from its entries and compare it with all that is known of it.

    That is its signed checkpoint, what this machine remembers of it, and each
    checkpoint given with --since.
    """
    from weighlock.ledger.note import MAX_NOTE_BYTES
    from weighlock.service import log as service
    from weighlock.service.file import read_limited

    earlier = [read_limited(each, MAX_NOTE_BYTES, missing="log_missing") for each in since]
    verified = service.verify(_open(environment, keys), earlier)
    output.facts({"verified": True, **service.describe(verified)}, lambda: _render_verified(verified))


@log.command()
@click.argument("index", type=click.IntRange(min=0), required=False)
@environment_option
@click.option(
    "--since", type=click.IntRange(min=0), help="Prove growth from that many entries, for a witness."
)
@_key_option
@click.option(
    "-o", "--output-file", type=click.Path(dir_okay=False, path_type=Path), help="File; else stdout."
)
@common_options
@pass_output
def prove(
    output: Output,
    index: int | None,
    environment: str,
    *,
    since: int | None,
    keys: tuple[Path, ...],
    output_file: Path | None,
) -> None:
    """Write the proof that entry INDEX is in the log, to be checked without the log.

    With --since, write the request of C2SP tlog-witness to cosign the newest checkpoint.
    """
    from weighlock.service import log as service
    from weighlock.service.file import write_whole

    found = _open(environment, keys)
    if index is not None and since is None:
        proof = service.prove(found, index)
    elif since is not None and index is None:
        proof = service.prove_growth(found, since)
    else:
        raise click.UsageError("name an entry, or give --since")
    if output_file is not None:
        write_whole(output_file.absolute(), proof)
        output.facts({"file": str(output_file)}, lambda: f"wrote {shown(str(output_file))}")
    else:
        output.facts({"proof": proof.decode()}, proof.decode)


@log.command(name="verify-proof")
@click.argument("proof", type=EXISTING_FILE)
@environment_option
@_key_option
@common_options
@pass_output
def verify_proof(output: Output, proof: Path, environment: str, *, keys: tuple[Path, ...]) -> None:
    """Verify a proof that `log prove` wrote, and show its entry. The log is not needed."""
    from weighlock.ledger.tlog import MAX_PROOF_BYTES
    from weighlock.service import log as service
    from weighlock.service.file import read_limited

    raw = read_limited(proof, MAX_PROOF_BYTES, missing="log_missing")
    proved = service.verify_proof(_open(environment, keys), raw)
    facts = {"verified": True, "index": proved.index, "size": proved.checkpoint.head.size}
    output.facts(
        {**facts, "entry": _facts(proved.entry)}, lambda: _render([proved.entry], proved.index, None)
    )


def _open(environment: str, keys: tuple[Path, ...]) -> "Log":
    from weighlock.service.keys import read_public_key
    from weighlock.service.log import log_of
    from weighlock.service.workspace import Workspace

    found = settings()
    if not keys:
        return Workspace(found, clock()).log(environment)
    folder = found.environment(environment).folder
    return log_of(environment, folder, found.memory, [read_public_key(each) for each in keys])


def _facts(raw: bytes) -> dict[str, Any]:
    entry = _parse(raw)
    if entry is None:
        return {"unreadable": shown(raw.decode("utf-8", errors="replace"))}
    return {
        "time": write_time(entry.time),
        "environment": entry.environment,
        "action": str(entry.action),
        "outcome": str(entry.outcome),
        "code": entry.code,
        "subjects": [str(each) for each in entry.subjects],
        "actor": {"key": entry.actor.key_id, "principal": entry.actor.principal},
        "message": entry.message,
    }


def _parse(raw: bytes) -> "Entry | None":
    from weighlock.ledger.entry import Entry

    try:
        return Entry.parse(raw)
    except WeighlockError:
        return None  # of a newer Weighlock, or tampered with; which of them, the verification says


def _render(lines: list[bytes], first: int, problem: WeighlockError | None) -> str:
    rows = [(str(first + place), *_row(raw)) for place, raw in enumerate(lines)]
    state = styled("verified", Outcome.CLEAN)
    if problem is not None:
        state = f"{styled('not verified', problem.outcome)}: {problem.message} [{problem.code}]"
    return f"{table(rows)}\n{state}" if rows else state


def _row(raw: bytes) -> tuple[str, str, str, str, str]:
    entry = _parse(raw)
    if entry is None:
        return (
            "?",
            "?",
            styled("unreadable", Outcome.UNDECIDED),
            "",
            shown(raw.decode("utf-8", errors="replace")),
        )
    outcome = {"allow": Outcome.CLEAN, "deny": Outcome.FINDINGS}.get(str(entry.outcome), Outcome.UNDECIDED)
    told = " ".join(each.short for each in entry.subjects[:3]) + (" …" if len(entry.subjects) > 3 else "")
    words = [told, entry.code, shown(entry.message)]
    actor = entry.actor.principal or entry.actor.key_id[:12]
    return (
        write_time(entry.time),
        str(entry.action),
        styled(str(entry.outcome), outcome),
        shown(actor),
        "  ".join(filter(None, words)),
    )


def _render_verified(verified: "Verified") -> str:
    head = verified.checkpoint.head
    sizes = sorted({each.size for each in verified.compared})
    compared = ", ".join(map(str, sizes)) if sizes else "nothing: this is the first time here"
    rows = [
        ("log", head.origin),
        ("entries", str(head.size)),
        ("root", head.root.hex()),
        ("key", str(verified.checkpoint.signer)),
        ("grew from", compared),
    ]
    if verified.unfinished:
        rows.append(("unfinished", "one entry, which the next decision completes"))
    return f"{styled('verified', Outcome.CLEAN)}\n{table(rows)}"
