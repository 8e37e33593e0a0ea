"""``weighlock trust``: who is trusted with what."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weighlock.cli.context import EXISTING_FILE, clock, key_option, settings, signer_from
from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.clock import write_time
from weighlock.core.error import UsageError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.attestation.trust import Tally
    from weighlock.attestation.trust_document import Role, TrustDocument
    from weighlock.core.digest import Digest
    from weighlock.service.trust import Changes

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DAYS = click.IntRange(1, 3660)
_DEFAULT_DAYS = 365  # long enough to be no burden, short enough that someone looks


@click.group(short_help="Make, extend, sign and show who is trusted with what.")
def trust() -> None:
    """Make, extend, sign and show who is trusted with what.

    A trust document names people, services, their keys and their roles. Version 1 is
    pinned by its digest (trust.root in weighlock.yaml); each later version is signed
    by the root of the version before and by its own.
    """


def _change_options(command: _Command) -> _Command:
    options = (
        click.option("--add-person", "people", multiple=True, metavar="ID[=NAME]", help="A person."),
        click.option("--add-service", "services", multiple=True, metavar="ID[=NAME]", help="A service."),
        click.option("--add-key", "keys", multiple=True, metavar="ID=FILE", help="A public key of somebody."),
        click.option(
            "--role", "roles", multiple=True, metavar="ROLE=ID,…", help="Who holds a role; none: nobody."
        ),
        click.option(
            "--threshold", "thresholds", multiple=True, metavar="ROLE=N", help="How many must agree."
        ),
        click.option(
            "--expires",
            "days",
            type=_DAYS,
            default=_DEFAULT_DAYS,
            show_default=True,
            help="Days it is valid.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@trust.command()
@_change_options
@click.option(
    "--plan",
    "plan_file",
    type=EXISTING_FILE,
    help="A YAML file with people, services, keys and roles, instead of options.",
)
@click.option(
    "--trial", is_flag=True, help="A trial: its keys may be trial keys, and no real environment takes it."
)
@common_options
@pass_output
def make(
    output: Output,
    *,
    people: tuple[str, ...],
    services: tuple[str, ...],
    keys: tuple[str, ...],
    roles: tuple[str, ...],
    thresholds: tuple[str, ...],
    days: int,
    plan_file: Path | None,
    trial: bool,
) -> None:
    """Draft version 1 and print the digest to pin.

    \b
    weighlock trust make --add-person ada --add-key ada=ada.pub --add-person bob --add-key bob=bob.pub \\
        --role root=ada,bob --threshold root=2 --role approver=ada,bob --threshold approver=2
    """
    from weighlock.service import trust as service
    from weighlock.service.trust_plan import read_plan

    if plan_file is not None and any((people, services, keys, roles, thresholds)):
        raise click.UsageError("give either --plan or the options, not both")
    changes = read_plan(plan_file) if plan_file else _changes(people, services, keys, roles, thresholds)
    made = service.make(settings().trust_folder, changes, trial=trial, created=_now(), days=days)
    _tell_draft(output, made.number, f"pin it: trust.root in weighlock.yaml is {_digest_of(made.raw)}")


@trust.command()
@_change_options
@click.option(
    "--revoke-key", "revoked", multiple=True, metavar="KEY-ID", help="A key to be trusted no longer."
)
@click.option("--remove", "removed", multiple=True, metavar="ID", help="A person or service to take out.")
@common_options
@pass_output
def extend(
    output: Output,
    *,
    people: tuple[str, ...],
    services: tuple[str, ...],
    keys: tuple[str, ...],
    roles: tuple[str, ...],
    thresholds: tuple[str, ...],
    days: int,
    revoked: tuple[str, ...],
    removed: tuple[str, ...],
) -> None:
    """Draft the next version with changes; it counts when both roots have signed it."""
    import dataclasses

    from weighlock.service import trust as service

    found = settings()
    changes = dataclasses.replace(
        _changes(people, services, keys, roles, thresholds), revoked=revoked, removed=removed
    )
    chain = service.load_chain(found.trust_folder, found.trust_root)
    made = service.extend(found.trust_folder, chain.root, changes, created=_now(), days=days)
    _tell_draft(output, made.number, "nothing changes until it is signed")


@trust.command()
@click.argument("version", type=click.IntRange(min=1), required=False)
@key_option("The private key to sign with.")
@common_options
@pass_output
def sign(output: Output, version: int | None, key_file: Path, passphrase_file: Path | None) -> None:
    """Sign a version of the trust document, by default the newest. Read it before.

    What it changes is told first, from the version before, which must be verified.
    """
    from weighlock.attestation.trust_difference import differences
    from weighlock.attestation.trust_document import TrustDocument
    from weighlock.service import trust as service

    folder, pin = settings().trust_folder, settings().trust_root
    number = version or _newest(folder)
    raw = service.read_version(folder, number).raw
    previous = service.verified_previous(folder, number, pin)
    changes = [] if previous is None else differences(previous, TrustDocument.parse(raw))
    for sentence in changes:
        output.note(f"version {number}: {sentence}")
    path, tallies = service.sign(folder, number, signer_from(key_file, passphrase_file), pin=pin)
    facts = {
        "version": number,
        "digest": _digest_of(raw),
        "file": str(path),
        "changes": changes,
        "signatures": [service.describe_tally(each) for each in tallies],
    }
    output.facts(facts, lambda: f"signed version {number}: {shown(str(path))}\n{_render_tallies(tallies)}")


@trust.command()
@common_options
@pass_output
def show(output: Output) -> int:
    """Show who is trusted with what, and whether it is verified."""
    from weighlock.attestation.trust_document import TrustDocument
    from weighlock.core.digest import Digest
    from weighlock.service import trust as service

    found = settings()
    problem: WeighlockError | None = None
    try:
        verified = service.load_trust(found.trust_folder, found.trust_root, clock()())
        document, digest = verified.document, verified.digest
    except WeighlockError as error:
        problem = error
        raw = service.read_version(found.trust_folder, _newest(found.trust_folder)).raw
        document, digest = TrustDocument.parse(raw), Digest.of(raw)
    facts: dict[str, Any] = {"verified": problem is None, **service.describe(document, digest)}
    if problem is not None:
        facts["problem"] = {"code": problem.code, "message": problem.message}
    output.facts(facts, lambda: _render(document, digest, problem))
    return Outcome.CLEAN if problem is None else problem.outcome


@trust.command()
@click.option(
    "--minimum-version",
    type=click.IntRange(min=1),
    default=1,
    help="Deny if the newest version is below this one, which you saw before.",
)
@common_options
@pass_output
def verify(output: Output, minimum_version: int) -> None:
    """Verify every version in the trust folder, from the pin on."""
    from weighlock.service import trust as service

    found = settings()
    chain = service.load_chain(found.trust_folder, found.trust_root)
    verified = chain.root.trust(clock()(), minimum_version=minimum_version)
    if chain.draft is not None:
        raise chain.draft
    facts = {"verified": True, **service.describe(verified.document, verified.digest)}
    sentence = (
        f"version {verified.version} is signed by its root and valid until {write_time(verified.expires)}"
    )
    output.facts(facts, lambda: f"{styled('verified', Outcome.CLEAN)}  {sentence}\n{verified.digest}")


def _changes(
    people: Sequence[str],
    services: Sequence[str],
    keys: Sequence[str],
    roles: Sequence[str],
    thresholds: Sequence[str],
) -> "Changes":
    from weighlock.service.keys import read_public_key
    from weighlock.service.trust import Changes

    assigned = [(_role(name), holders) for name, holders in map(_halves, roles)]
    needed = [(_role(name), number) for name, number in map(_halves, thresholds)]
    return Changes(
        people=dict(map(_named, people)),
        services=dict(map(_named, services)),
        keys=[(owner, read_public_key(Path(file))) for owner, file in map(_halves, keys)],
        roles={
            role: [each.strip() for each in holders.split(",") if each.strip()] for role, holders in assigned
        },
        thresholds={role: _number(number) for role, number in needed},
    )


def _named(text: str) -> tuple[str, str]:
    principal, equals, name = text.partition("=")
    return principal, name if equals else principal


def _halves(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{shown(text)!r} is not NAME=VALUE")
    return name, value


def _role(name: str) -> "Role":
    from weighlock.attestation.trust_document import Role

    if name not in set(Role):
        raise click.UsageError(f"there is no role {shown(name)!r}; the roles are {', '.join(Role)}")
    return Role(name)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise click.UsageError(f"{shown(text)!r} is not a number of principals")
    return int(text)


def _now() -> dt.datetime:
    return clock()().replace(microsecond=0)


def _newest(folder: Path) -> int:
    from weighlock.service.trust import numbers

    found = numbers(folder)
    if not found:
        raise UsageError(
            "trust_missing",
            f"there is no trust document in {shown(str(folder))}",
            hint="`weighlock trust make` drafts the first one",
        )
    return found[-1]


def _digest_of(raw: bytes) -> str:
    from weighlock.core.digest import Digest

    return str(Digest.of(raw))


def _tell_draft(output: Output, number: int, next_step: str) -> None:
    from weighlock.service import trust as service

    folder = settings().trust_folder
    tallies = service.tallies(folder, number)
    path = folder / f"{number}.json"
    digest = _digest_of(service.read_version(folder, number).raw)
    facts = {
        "version": number,
        "digest": digest,
        "file": str(path),
        "signatures": [service.describe_tally(each) for each in tallies],
    }
    output.facts(
        facts, lambda: f"drafted {shown(str(path))}\n{digest}\n{_render_tallies(tallies)}\n{next_step}"
    )


def _render_tallies(tallies: "Sequence[Tally]") -> str:
    lines = []
    for each in tallies:
        word = styled("enough", Outcome.CLEAN) if each.reached else styled("not yet", Outcome.UNDECIDED)
        lines.append(f"{word}  {each}")
        lines.extend(f"  not counted: {shown(why)}" for why in each.refused)
    return "\n".join(lines)


def _render(document: "TrustDocument", digest: "Digest", problem: WeighlockError | None) -> str:
    state = styled("verified", Outcome.CLEAN)
    if problem is not None:
        state = f"{styled('not verified', problem.outcome)}: {problem.message} [{problem.code}]"
    rows = [("version", f"{document.version}{' (trial)' if document.trial else ''}"), ("digest", str(digest))]
    rows += [("created", write_time(document.created)), ("expires", write_time(document.expires))]
    keys = [(document.owners[key_id], key.algorithm, key_id) for key_id, key in document.keys.items()]
    roles = [
        (str(role), f"{each.threshold} of {len(each.principals)}", ", ".join(each.principals))
        for role, each in document.roles.items()
    ]
    names = [(each, "person", shown(name)) for each, name in document.people.items()]
    names += [(each, "service", shown(name)) for each, name in document.services.items()]
    parts = [state, table(rows), table(names), table(sorted(keys)), table(roles)]
    return "\n\n".join(part for part in parts if part)
