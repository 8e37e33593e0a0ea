"""Which sources a model may come from. Nothing is allowed that the settings do not name."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.text import shown
from weighlock.source.interface import SourceSpec

SCHEMES: Final = ("path", "pypi")
CLOSE_NAMES: Final = 0.8  # difflib's ratio: one letter more, less or other in a short name
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)


def parse_source(text: str) -> SourceSpec:
    """Return the source that ``text`` names; raises UsageError ``source_invalid``."""
    scheme, colon, location = text.partition(":")
    if scheme in SCHEMES and location:
        return SourceSpec(scheme, location)
    close = (
        difflib.get_close_matches(scheme, SCHEMES, n=1, cutoff=0.5)
        if colon and location and _SCHEME.fullmatch(scheme)
        else []
    )
    meant = (
        f"did you mean {close[0]}:{shown(location)}?" if close else "for a file or folder write path:FOLDER"
    )
    raise UsageError(
        "source_invalid",
        f"{shown(text)!r} is not a source",
        hint=f"a source is path:FILE-OR-FOLDER or pypi:NAME==VERSION[:SUBFOLDER]; {meant}",
    )


def check_project(project: str, allowed: Sequence[str]) -> None:
    """Return if ``project``, a normalised name, is one of ``allowed``; raises DeniedError ``source_not_allowed``."""
    known = [_normalised(name) for name in allowed]
    if project in known:
        return
    close = difflib.get_close_matches(project, known, n=1, cutoff=CLOSE_NAMES)
    warning = (
        f"did you mean {close[0]}? A name that close may be a trap; " if close else ""
    ) + f"to allow it, write in weighlock.yaml:\n    sources:\n      pypi:\n        - {project}"
    raise _denied(f"the PyPI project {project!r}", warning)


def check_folder(location: Path, allowed: Sequence[str], base: Path) -> None:
    """Return if ``location``, without links, lies in an allowed folder; ``base`` is where relative ones begin.

    Raises DeniedError ``source_not_allowed``.
    """
    for text in allowed:
        if location.is_relative_to((base / Path(text).expanduser()).resolve()):
            return
    if not location.exists():  # trusting the folder above would be the wrong advice
        raise _denied(f"{shown(str(location))!r}", "nothing is there: check the path")
    folder = location if location.is_dir() else location.parent
    raise _denied(
        f"the folder {shown(str(folder))!r}",
        "to allow it and everything in it, write in weighlock.yaml:\n    sources:\n      path:\n"
        f"        - {_yaml(str(folder))}",
    )


def _denied(what: str, hint: str) -> DeniedError:
    return DeniedError("source_not_allowed", f"{what} is not a trusted source", hint=hint)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503, "Normalized Names"


def _yaml(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9/_.-]+", text, re.ASCII)
    return text if plain else "'" + shown(text).replace("'", "''") + "'"
