"""What commands share: the settings in force, the clock, passphrases."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from weighlock.cli.output import Output
from weighlock.cli.waiting import Waiting
from weighlock.core.clock import Clock, system_clock
from weighlock.core.environment import ENVIRONMENTS, EXPERIMENTATION

if TYPE_CHECKING:
    from weighlock.attestation.signer import Signer
    from weighlock.service.workspace import Workspace
    from weighlock.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])
SETTINGS_FILE: Final = (
    "weighlock.yaml"  # a test holds it equal to that of ``settings``, which takes 15 ms to import
)
EXISTING_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def clock() -> Clock:
    """Return the clock of this run."""
    return system_clock


def settings() -> "Settings":
    """Return the settings in force; raises UsageError if they are missing or wrong."""
    from weighlock.settings import load_settings  # 15 ms, and few commands need it

    meta = click.get_current_context().meta
    file = meta.get("weighlock.config")
    if file is None and os.environ.get("WEIGHLOCK_CONFIG"):
        file = Path(os.environ["WEIGHLOCK_CONFIG"])
    return load_settings(file, variables=os.environ, flags=meta.get("weighlock.set", {}), folder=Path.cwd())


def settings_named() -> bool:
    """Return whether a person named the settings file, with -C or in the environment."""
    named = click.get_current_context().meta.get("weighlock.config") or os.environ.get("WEIGHLOCK_CONFIG")
    return bool(named)


def has_project() -> bool:
    """Return whether there are settings to read: a file, named or found here or above, or single ones."""
    if settings_named() or click.get_current_context().meta.get("weighlock.set"):
        return True
    if any(name.startswith("WEIGHLOCK_INSPECTION_") for name in os.environ):
        return True
    here = Path.cwd()
    return any((folder / SETTINGS_FILE).is_file() for folder in (here, *here.parents))


def workspace() -> "Workspace":
    """Return the settings in force with the clock, ready for a use case."""
    from weighlock.service.workspace import Workspace

    output = click.get_current_context().find_object(Output)
    if output is None:
        return Workspace(settings(), clock())
    return Workspace(settings(), clock(), notify=Waiting(output))


def signer_from(key_file: Path, passphrase_file: Path | None) -> "Signer":
    """Return the signer of a person's private key; raises UsageError, DeniedError."""
    from weighlock.service.keys import read_signer

    return read_signer(key_file, passphrase(passphrase_file))


def is_stored(target: str) -> bool:
    """Return whether a target names an environment's store (``experimentation:NAME``) and not a path."""
    head, colon, _ = target.partition(":")
    return bool(colon) and head in ENVIRONMENTS


def key_option(help_text: str, *, required: bool = True) -> Callable[[_Command], _Command]:
    """Give a command ``--key`` and ``--passphrase-file``."""
    key = click.option("--key", "key_file", type=EXISTING_FILE, required=required, help=help_text)
    secret = click.option("--passphrase-file", type=EXISTING_FILE, help="File with the passphrase.")
    return lambda command: key(secret(command))


def passphrase(file: Path | None) -> Callable[[], bytes | None]:
    """Return how to get a key's passphrase, asked only if the key is encrypted.

    From ``file``, else WEIGHLOCK_PASSPHRASE, else a prompt on a terminal, else None.
    """

    def ask() -> bytes | None:
        if file is not None:
            return file.read_bytes().rstrip(b"\r\n")
        if "WEIGHLOCK_PASSPHRASE" in os.environ:
            return os.environb[b"WEIGHLOCK_PASSPHRASE"]
        if sys.stdin.isatty():
            return str(click.prompt("Passphrase", hide_input=True, err=True)).encode()
        return None

    return ask


def environment_option(command: _Command) -> _Command:
    """Give a command ``-e/--environment``, experimentation by default."""
    return click.option(
        "-e",
        "--environment",
        default=EXPERIMENTATION,
        show_default=True,
        help="Which environment's store.",
    )(command)
