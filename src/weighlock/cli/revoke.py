"""``weighlock revoke``."""

from pathlib import Path

import click

from weighlock.cli.context import key_option, signer_from, workspace
from weighlock.cli.output import Output, common_options, pass_output, table
from weighlock.core.clock import write_time
from weighlock.core.text import shown


@click.command(short_help="Withdraw a manifest, a file or a key, everywhere.")
@click.argument("value", required=False)
@click.option("--reason", help="Why; kept in the signed statement.")
@click.option("--list", "listing", is_flag=True, help="List what was revoked.")
@key_option("The revoker's private key.", required=False)
@common_options
@pass_output
def revoke(
    output: Output,
    *,
    value: str | None,
    reason: str | None,
    listing: bool,
    key_file: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Withdraw VALUE from production: a full digest, or key: and a full key id.

    A digest may be that of a model's manifest, of one of its files (then every model
    that contains the file is denied, however it was repackaged), of a candidate, a
    release, a package lock or a policy. Gates that see the store deny at once, and
    servers that run on it stop; a gate that is cut off denies when its state expires.
    """
    if listing:
        _list(output)
        return
    if value is None or reason is None or key_file is None:
        raise click.UsageError("give VALUE, --reason and --key, or --list")
    from weighlock.service.revoke import revoke as withdraw

    done = withdraw(workspace(), value, signer_from(key_file, passphrase_file), reason=reason)
    facts: dict[str, object] = {
        "revoked": done.revocation.value,
        "reason": reason,
        "by": done.principal,
        "state": done.state_number,
        "state_problem": done.state_problem or None,
        "denied": list(done.affected),
    }
    output.facts(facts, lambda: _text(facts, done.affected))
    if done.state_number is None:
        output.note(f"the state was not signed: {done.state_problem}; run `weighlock renew` where its key is")


def _text(facts: dict[str, object], denied: tuple[str, ...]) -> str:
    hit = "\n".join(f"  denied now: {shown(each)}" for each in denied) or "  no release contains it"
    return f"revoked {shown(str(facts['revoked']))}, by {shown(str(facts['by']))}\n{hit}"


def _list(output: Output) -> None:
    from weighlock.service.revoke import list_revocations

    found = list_revocations(workspace())
    facts = [
        {
            "value": each.value,
            "reason": each.reason,
            "made_at": write_time(each.made_at),
            "by": evidence.principal,
        }
        for each, evidence in found
    ]
    rows = [("REVOKED", "AT", "BY", "REASON")]
    rows += [(fact["value"], fact["made_at"], shown(fact["by"]), shown(fact["reason"])) for fact in facts]
    output.facts({"revocations": facts}, lambda: table(rows) if facts else "nothing was revoked")
