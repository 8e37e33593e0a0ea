"""Whether a path that a model names stays inside the model's folder, on every system."""

import re
from typing import Final

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\]|(?:file|data|smb):", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SEPARATORS: Final = re.compile(r"[/\\]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TESTS: Final = (
    (_SCHEME, "is an address, not a file of the model"),
    (_DRIVE, "names a drive"),
    (re.compile(r"[/\\]"), "is absolute"),
    (re.compile(r"~"), "names a home folder"),
)


def escape_of(path: str) -> str | None:
    """Return how a path leaves the folder that it is relative to, as a clause; None if it does not.

    Both separators count, because a model made for one system is read on another.
    """
    if _CONTROL.search(path):
        return "has control characters, at which readers cut it"
    for pattern, why in _TESTS:
        if pattern.match(path):
            return why
    return "leads out of the model's folder" if ".." in _SEPARATORS.split(path) else None
