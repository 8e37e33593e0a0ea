"""Ask a Docker credential helper: a program ``docker-credential-NAME`` that keeps logins elsewhere.

Protocol: docker/docker-credential-helpers, README, "Development": ``get`` takes the server on standard
input and answers with JSON. The helper is a program of the person's own, named in their own file.
"""

import contextlib
import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.jsontext import read_object
from weighlock.core.text import shown
from weighlock.transport.credential import Secret

HELPER_SECONDS: Final = 60  # some ask a cloud, or the person
MAX_ANSWER_BYTES: Final = 64 * 1024  # tokens of clouds have about 3 KB
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)  # becomes part of a program's name
_NOT_FOUND: Final = "credentials not found in native keychain"


class Answer(NamedTuple):
    """A user's name, and the password or token."""

    user: str
    secret: Secret


def ask_helper(
    name: str, server: str, environ: Mapping[str, str], *, timeout_s: float = HELPER_SECONDS
) -> Answer | None:
    """Return what the helper ``name`` knows for ``server``, or None if it knows nothing.

    Raises UsageError ``credentials_invalid`` for a name that cannot be one, UndecidedError
    ``credential_helper_failed``. What the helper prints is never shown: it may be a secret.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "credentials_invalid",
            f"{shown(repr(name))} cannot be the name of a credential helper",
            hint="it is made of letters, digits and - _ . in the Docker configuration",
        )
    program = shutil.which(f"docker-credential-{name}", path=environ.get("PATH"))
    if program is None:
        raise _failed(name, "is not on PATH", hint="install it, or log in without it")
    status, output = _call(program, name, server, environ, timeout_s)
    if status != 0:
        if output.strip().decode(errors="replace") == _NOT_FOUND:
            return None
        raise _failed(name, f"ended with status {status}")
    return _read_answer(name, output)


def _call(
    program: str, name: str, server: str, environ: Mapping[str, str], timeout_s: float
) -> tuple[int, bytes]:
    # In our own session: some helpers ask the person at the terminal.
    try:
        process = subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
        )
    except OSError as error:
        raise _failed(name, f"could not be started: {error.strerror}") from error
    with process:
        try:
            output = _converse(process, name, server, time.monotonic() + timeout_s)
            return process.wait(timeout_s), output
        except subprocess.TimeoutExpired:
            raise _failed(name, f"did not end within {timeout_s:g} seconds") from None
        finally:
            process.kill()


def _converse(process: subprocess.Popen[bytes], name: str, server: str, deadline: float) -> bytes:
    """Send the server's name and return all that the helper prints."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for as pipes")
    with contextlib.suppress(BrokenPipeError):  # a helper with one server need not read which
        process.stdin.write(server.encode())
        process.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    output = bytearray()
    # A plain read could wait for a grandchild that holds the pipe open after the helper was killed.
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _failed(name, "gave no answer in time")
            piece = os.read(process.stdout.fileno(), MAX_ANSWER_BYTES)
            output += piece
            if not piece:
                return bytes(output)
            if len(output) > MAX_ANSWER_BYTES:
                raise _failed(name, f"printed more than {MAX_ANSWER_BYTES} bytes")


def _read_answer(name: str, output: bytes) -> Answer:
    try:
        document = read_object(output, what="the answer", limit=MAX_ANSWER_BYTES)
    except DeniedError:
        raise _failed(name, "did not answer in JSON") from None  # the cause might show a part of a secret
    user, secret = document.get("Username"), document.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        raise _failed(name, "gave no user and secret")
    return Answer(user, Secret(secret))


def _failed(name: str, why: str, *, hint: str = "") -> WeighlockError:
    return UndecidedError(
        "credential_helper_failed",
        f"docker-credential-{name} {why}",
        hint=hint or f"try it yourself: echo HOST | docker-credential-{name} get",
    )
