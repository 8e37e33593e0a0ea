"""``weighlock fsck``."""

from typing import TYPE_CHECKING

import click

from weighlock.cli.context import environment_option, workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text, styled, table
from weighlock.cli.progress import progress_for
from weighlock.core.outcome import Outcome

if TYPE_CHECKING:
    from weighlock.store.check import StoreReport


@click.command(short_help="Check every byte of a store.")
@environment_option
@common_options
@pass_output
def fsck(output: Output, *, environment: str) -> Outcome:
    """Check every byte and every name in the store of an environment.

    Finds flipped bytes, missing, extra, linked and shared files, wrong modes and sizes,
    damaged lists and manifests, evidence without a subject, and what crashed ingests left,
    which `weighlock gc` removes. Exits 1 if anything was found. The log of decisions in the
    same folder is checked by `weighlock log verify`.
    """
    from weighlock.service.storage import check_environment, outcome_of_check

    with progress_for(output) as progress:
        report = check_environment(workspace(), environment, progress=progress)
    facts = {
        "environment": environment,
        "blobs": report.blobs,
        "size": report.size,
        "findings": [finding.to_json() for finding in report.findings],
    }
    output.facts(facts, lambda: _text(report))
    return outcome_of_check(report)


def _text(report: "StoreReport") -> str:
    read = f"{report.blobs} blobs, {size_text(report.size)} read"
    if not report.findings:
        return f"{styled('clean', Outcome.CLEAN)}: {read}, every byte as its digest says"
    rows = [
        (styled(each.rule, Outcome.FINDINGS), each.location, f"{each.message}; {each.remedy}")
        for each in report.findings
    ]
    return f"{table(rows)}\n{len(report.findings)} findings; {read}"
