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
    try:
        if not file.is_file():
            return None
        entry = netrc.netrc(str(file)).hosts.get(origin.host)
        others = file.stat().st_mode & _OTHERS
    except (OSError, UnicodeDecodeError) as problem:
        raise _invalid(file, "cannot be read") from problem
    except netrc.NetrcParseError as problem:
        # the parser quotes the word that it stumbled over, which may be a password
        raise _invalid(file, f"is malformed in line {problem.lineno}") from None
    if entry is None:
        return None
    if others:
        raise _invalid(file, "can be read or changed by other users")
    user, _, password = entry
    return basic(origin, user or "", password or "")


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
