"""Which files of a repository count: shell patterns, those with ``!`` excluding.

A file counts if one of the patterns without ``!`` matches its whole path, or there is none,
and none with ``!`` does. ``*`` matches any text, slashes too, ``?`` one character, ``[...]``
one of a set; a pattern that ends in a slash means everything in that folder; case counts.
The order of patterns means nothing, so they are kept sorted. Without a pattern that names
it, a file of git's own (``.gitattributes``) does not count: it says how git stores the rest.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final, NamedTuple

from weighlock.core.error import UsageError
from weighlock.core.path import MAX_PATH_BYTES
from weighlock.core.text import shown

MAX_PATTERNS: Final = 64  # more than a person reviews in one line of a lock
OF_GIT: Final = frozenset({".gitattributes", ".gitignore", ".gitkeep", ".gitmodules"})
_PATTERN: Final = re.compile(r"[^\x00-\x1f\x7f\\:,!/][^\x00-\x1f\x7f\\:,]*")


class Selection(NamedTuple):
    """Patterns, sorted, each once; no ``included`` means all but what is git's own."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ",".join([*self.included, *(f"!{pattern}" for pattern in self.excluded)])

    def takes(self, path: str) -> bool:
        """Return whether the file at ``path`` counts."""
        if any(_matcher(pattern)(path) for pattern in self.excluded):
            return False
        if self.included:
            return any(_matcher(pattern)(path) for pattern in self.included)
        return path.rpartition("/")[2] not in OF_GIT


def parse_selection(text: str) -> Selection:
    """Return what ``text``, patterns joined by commas or nothing, selects; raises UsageError ``source_invalid``."""
    if not text:
        return Selection()
    parts = text.split(",")
    if len(parts) > MAX_PATTERNS:
        raise _invalid(text, f"it has more than {MAX_PATTERNS} patterns")
    excluded = _checked(part[1:] for part in parts if part.startswith("!"))
    included = _checked(part for part in parts if not part.startswith("!"))
    return Selection(included, excluded)


def _checked(patterns: Iterable[str]) -> tuple[str, ...]:
    found = sorted(set(patterns))
    for pattern in found:
        if len(pattern) > MAX_PATH_BYTES or not _PATTERN.fullmatch(pattern):
            raise _invalid(pattern, "a pattern is a path relative to the repository's root")
        if not {"", ".", ".."}.isdisjoint(pattern.rstrip("/").split("/")):
            raise _invalid(pattern, "a pattern has no empty component, and no . or ..")
    return tuple(found)


@cache
def _matcher(pattern: str) -> Callable[[str], object]:
    whole = pattern + "*" if pattern.endswith("/") else pattern
    return re.compile(fnmatch.translate(whole)).match


def _invalid(text: str, why: str) -> UsageError:
    return UsageError(
        "source_invalid",
        f"{shown(text)!r} does not select files: {why}",
        hint="write patterns such as *.safetensors,*.json,!original/* after the revision and a colon",
    )
