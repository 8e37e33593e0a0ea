"""``weighlock evidence``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import EXISTING_FILE, key_option, signer_from, workspace
from weighlock.cli.output import Output, common_options, pass_output, table
from weighlock.core.clock import write_time
from weighlock.core.error import DeniedError
from weighlock.core.evidence import MAX_WAIVER_DAYS
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.core.evidence import Evidence
    from weighlock.service.evidence import Gathered

_DAYS = 30


@click.group(short_help="List, record or waive what a promotion needs to know.")
def evidence() -> None:
    """List, record or waive what a promotion needs to know."""


@evidence.command(short_help="List the statements about an artifact, and which of them count.")
@click.argument("reference")
@common_options
@pass_output
def ls(output: Output, *, reference: str) -> None:
    """List the statements about REFERENCE ([ENVIRONMENT:]NAME or digest), and which of them count."""
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.evidence import gather

    here = workspace()
    wanted = StoreReference.parse(reference)
    store = here.store(wanted.environment)
    digest = store.resolve(wanted.text).digest
    gathered = gather(store, digest, here.trust_for(wanted.environment))
    facts = {
        "subject": str(digest),
        "evidence": [_facts(each) for each in gathered.evidence],
        "ignored": [
            {"referrer": str(each.digest), "code": each.code, "why": each.why} for each in gathered.ignored
        ],
    }
    output.facts(facts, lambda: _text(gathered))


@evidence.command(short_help="Record the result of an evaluation.")
@click.argument("model")
@click.argument("result", type=EXISTING_FILE)
@key_option("The evaluator's private key.")
@common_options
@pass_output
def evaluation(
    output: Output, *, model: str, result: Path, key_file: Path, passphrase_file: Path | None
) -> None:
    """Record RESULT, the outcome of evaluating MODEL, as a signed in-toto test result.

    RESULT is a JSON file whose "passed" is true or false; whatever else it says is kept.
    Do it before `request`: the candidate names the newest evaluation.
    """
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.evaluation import record_evaluation

    signer = signer_from(key_file, passphrase_file)
    bundle = record_evaluation(workspace(), StoreReference.parse(model), result, signer)
    output.facts(
        {"model": model, "statement": str(bundle)}, lambda: f"recorded the evaluation of {shown(model)}"
    )


@evidence.command(short_help="Record what a model was made from, and by which program.")
@click.argument("model")
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    metavar="MODEL",
    help="What it was made from; repeatable.",
)
@click.option(
    "--tool",
    "tools",
    type=EXISTING_FILE,
    multiple=True,
    required=True,
    help="A file of the program that made it; repeatable.",
)
@key_option("An inspector's private key.")
@common_options
@pass_output
def derivation(
    output: Output,
    *,
    model: str,
    sources: tuple[str, ...],
    tools: tuple[Path, ...],
    key_file: Path,
    passphrase_file: Path | None,
) -> None:
    """Record what MODEL was made from, and by which program, as signed SLSA provenance."""
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.evaluation import record_derivation

    signer = signer_from(key_file, passphrase_file)
    bundle = record_derivation(workspace(), StoreReference.parse(model), sources, tools, signer)
    output.facts(
        {"model": model, "statement": str(bundle)}, lambda: f"recorded the derivation of {shown(model)}"
    )


@evidence.command(short_help="Waive the evaluation of a candidate, for a time.")
@click.argument("candidate")
@click.option("--reason", required=True, help="Why; kept in the signed statement.")
@click.option(
    "--days",
    type=click.IntRange(1, MAX_WAIVER_DAYS),
    default=_DAYS,
    show_default=True,
    help="How long it holds.",
)
@key_option("An approver's private key.")
@common_options
@pass_output
def waive(
    output: Output, *, candidate: str, reason: str, days: int, key_file: Path, passphrase_file: Path | None
) -> None:
    """Waive the evaluation of CANDIDATE: it is promoted without one, on your word."""
    from weighlock.service.approve import waive_evaluation

    signer = signer_from(key_file, passphrase_file)
    stated = waive_evaluation(workspace(), candidate, signer, reason=reason, days=days)
    facts = {"candidate": str(stated.digest), "by": stated.principal, "statement": str(stated.bundle)}
    output.facts(facts, lambda: f"{stated.principal} waived the evaluation of {stated.candidate.name}")


def _facts(each: "Evidence") -> dict[str, object]:
    return {
        "kind": str(each.kind),
        "by": each.principal,
        "key_id": each.key_id,
        "made_at": _time(each),
        "statement": str(each.digest),
        "predicate": dict(each.predicate),
    }


def _time(each: "Evidence") -> str | None:
    try:
        return write_time(each.made_at)
    except DeniedError:
        return None


def _text(gathered: "Gathered") -> str:
    if not (gathered.evidence or gathered.ignored):
        return "nothing is known about it"
    rows = [("KIND", "BY", "MADE AT", "STATEMENT")]
    rows += [
        (str(each.kind), shown(each.principal), _time(each) or "-", each.digest.short)
        for each in gathered.evidence
    ]
    lines = [table(rows)] if gathered.evidence else []
    lines += [f"ignored {each.digest.short}: {each.why} [{each.code}]" for each in gathered.ignored]
    return "\n".join(lines)
