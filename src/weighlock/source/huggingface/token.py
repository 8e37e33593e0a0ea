"""Where the token for a hub is: a file that the settings name, or the variable that the hub's own tools read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.transport.credential import Credential, bearer
from weighlock.transport.url import Origin

VARIABLE: Final = "HF_TOKEN"
MAX_TOKEN_BYTES: Final = 4096  # the hub's have 37; OAuth tokens are longer
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+/=-]+", re.ASCII)  # RFC 6750, section 2.1


def read_token(file: Path | None, environ: Mapping[str, str], origin: Origin) -> Credential | None:
    """Return what proves to ``origin``, and to nobody else, who asks; None without a token.

    Raises UsageError ``settings_invalid``; the token itself is in no message.
    """
    if file is not None:
        place, text = shown(str(file)), _read(file)
    else:
        place, text = VARIABLE, environ.get(VARIABLE, "")
    token = text.strip()
    if not token and file is None:
        return None
    if len(token) > MAX_TOKEN_BYTES or not _TOKEN.fullmatch(token):
        raise _invalid(f"{place} does not hold a token")
    return bearer(origin, token)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_TOKEN_BYTES + 2).decode("ascii", errors="replace")
    except OSError as error:
        raise _invalid(f"the token cannot be read from {shown(str(file))}: {error.strerror}") from error


def _invalid(why: str) -> UsageError:
    return UsageError(
        "settings_invalid", why, hint="put the token, and nothing else, into that file, or set HF_TOKEN to it"
    )
