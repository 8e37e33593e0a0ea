"""``weighlock keys``."""

import os
import sys
from pathlib import Path

import click

from weighlock.cli.context import EXISTING_FILE, passphrase
from weighlock.cli.output import Output, common_options, pass_output, table
from weighlock.core.error import UsageError
from weighlock.core.text import shown

_PASSPHRASE = click.option("--passphrase-file", type=EXISTING_FILE, help="File holding the key's passphrase.")
_ALGORITHMS = ("p256", "p384", "p521", "ed25519")  # a test holds it equal to the attestation package's


@click.group(short_help="Make and show keys.")
def keys() -> None:
    """Make and show keys.

    A key's id is the SHA-256 of its public half. Ids that begin with 7e5 belong to
    trial keys, which never satisfy production.
    """


@keys.command(short_help="Make a key pair.")
@click.argument("name", type=click.Path(path_type=Path))
@click.option(
    "--algorithm", type=click.Choice(_ALGORITHMS), default="p256", show_default=True, help="Kind of key."
)
@click.option("--trial", is_flag=True, help="Make a trial key, kept without a passphrase.")
@_PASSPHRASE
@common_options
@pass_output
def make(output: Output, name: Path, algorithm: str, trial: bool, passphrase_file: Path | None) -> None:
    """Make a key pair: NAME.pem (private) and NAME.pub.

    The private key is encrypted with a passphrase from --passphrase-file,
    WEIGHLOCK_PASSPHRASE or the terminal. OMS tools know p256, p384 and p521;
    p256 is what most of them can verify.
    """
    from weighlock.attestation.key import ALGORITHMS
    from weighlock.service.keys import make_key_pair

    chosen = next(each for each in ALGORITHMS if each == algorithm)
    secret = None if trial else _new_passphrase(passphrase_file)
    pair = make_key_pair(name, chosen, trial=trial, passphrase=secret)
    facts = {
        "key_id": pair.public.key_id,
        "algorithm": pair.public.algorithm,
        "trial": pair.public.trial,
        "private_file": str(pair.private_file),
        "public_file": str(pair.public_file),
    }
    output.facts(facts, lambda: _text(facts))


@keys.command(short_help="Show a key's id, algorithm and whether it is a trial key.")
@click.argument("file", type=EXISTING_FILE)
@_PASSPHRASE
@common_options
@pass_output
def show(output: Output, file: Path, passphrase_file: Path | None) -> None:
    """Show a key's id, algorithm and whether it is a trial key.

    FILE is a public key, or a private one.
    """
    from weighlock.service.keys import read_either_key

    public = read_either_key(file, passphrase(passphrase_file))
    facts = {"key_id": public.key_id, "algorithm": public.algorithm, "trial": public.trial}
    output.facts(facts, lambda: _text(facts))


def _new_passphrase(file: Path | None) -> bytes | None:
    """Return the passphrase for a new key: asked twice on a terminal, because nobody can read it back."""
    secret = passphrase(file)()
    asked = file is None and sys.stdin.isatty()
    if asked and "WEIGHLOCK_PASSPHRASE" not in os.environ and passphrase(None)() != secret:
        raise UsageError(
            "passphrase_wrong", "the two passphrases differ", hint="try again; nothing was written"
        )
    return secret


def _text(facts: dict[str, object]) -> str:
    words = {True: "yes", False: "no"}
    rows = [
        (name.replace("_", " "), words[value] if isinstance(value, bool) else shown(str(value)))
        for name, value in facts.items()
    ]
    return table(rows)
