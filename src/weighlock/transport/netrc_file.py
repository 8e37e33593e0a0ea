"""User names and passwords from the netrc file, as curl, git and pip use it."""

import netrc
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.transport.credential import Credential, basic
from weighlock.transport.url import Origin

_OTHERS: Final = 0o077  # permission bits of group and others


def netrc_credential(origin: Origin, environ: Mapping[str, str]) -> Credential | None:
    """Return what the file named by NETRC, or ~/.netrc, has for the host of ``origin``, over TLS only.

    The entry ``default`` is not used: it would show a password to every host.
    Raises UsageError ``netrc_invalid`` if the file is malformed or others can read it.
    """
    file = _find(environ)
    if file is None or origin.scheme != "https":
        return None
    entry = _read(file).get(origin.host)
    if entry is None:
        return None
    if file.stat().st_mode & _OTHERS:
        raise _invalid(file, "can be read or changed by other users")
    user, _, password = entry
    return basic(origin, user or "", password or "")


def _read(file: Path) -> Mapping[str, tuple[str, str | None, str | None]]:
    try:
        return netrc.netrc(str(file)).hosts if file.is_file() else {}
    except (OSError, UnicodeDecodeError):
        why = "cannot be read"
    except netrc.NetrcParseError as problem:
        why = f"is malformed near line {problem.lineno}"
    # not inside the except: the parser quotes the word that it stumbled over, which may be a password
    raise _invalid(file, why)


def _find(environ: Mapping[str, str]) -> Path | None:
    if environ.get("NETRC"):
        return Path(environ["NETRC"])
    return Path(environ["HOME"]) / ".netrc" if environ.get("HOME") else None


def _invalid(file: Path, why: str) -> UsageError:
    return UsageError(
        "netrc_invalid",
        f"the file {shown(str(file))} {why}",
        hint="lines look like `machine HOST login USER password WORD`, and `chmod 600` keeps it private",
    )
