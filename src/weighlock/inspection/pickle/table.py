"""What is known of names that pickles import: the tables of the rulebook, by tiers.

Each table is a file with a row for each name: module, name, words, reason (``rulebook/data/pickle_*.tsv``).
What is in no table is unknown, and that is a finding. Tables of classes are one file for each package and
are read when the first of its names comes.
"""

import enum
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.inspection.pickle.python2 import renamed

_DATA: Final = Path(__file__).parents[1] / "rulebook" / "data"
_PACKAGE: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)  # becomes a part of a file's name


class Tier(enum.Enum):
    """How far a name is trusted."""

    ANY = "any"  # harmless with any arguments and any state
    CHECKED = "checked"  # harmless with the arguments that its check allows
    CLASS = "class"  # instances may be made without arguments and given attributes
    REFERENCE = "reference"  # may be carried as a value, never called
    UNKNOWN = "unknown"
    TRAP = "trap"  # looks harmless and is not
    DANGER = "danger"


TRUSTED: Final = frozenset({Tier.ANY, Tier.CHECKED, Tier.CLASS, Tier.REFERENCE})
_GRAVE: Final = {"danger": Tier.DANGER, "trap": Tier.TRAP}


_CARRIED: Final = {"value", "new"}  # words of names that are more than functions to be called


class Entry(NamedTuple):
    """What is known of a name; ``words`` are the row's, ``reason`` is a clause for people."""

    tier: Tier
    words: Mapping[str, str]
    reason: str

    @property
    def carried(self) -> bool:
        """Whether a model may keep the name as a value, for a library to call later."""
        return self.tier in {Tier.ANY, Tier.CLASS, Tier.REFERENCE} or not self.words.keys().isdisjoint(
            _CARRIED
        )


_WALK: Final = Entry(Tier.DANGER, {}, "the name walks from one object to the interpreter's own")
_DOTTED: Final = Entry(Tier.UNKNOWN, {}, "a dotted name walks attributes, which can lead anywhere")
_UNKNOWN: Final = Entry(Tier.UNKNOWN, {}, "nobody has shown that it is harmless")
_SCRIPT: Final = "__torch__"  # what only TorchScript's reader resolves: classes of the archive itself
_SCRIPT_WORDS: Final = {"new": "values", "call": "values", "build": "values"}


@cache
def harmless_names() -> frozenset[tuple[str, str]]:
    """Return the names that are harmless with any arguments, those of Python 2 included."""
    names = {(module, name) for module, _, name in (key.partition("\t") for key in _rows("any"))}
    return frozenset(names | {("__builtin__", name) for module, name in names if module == "builtins"})


def entry_of(module: str, name: str, allow: Mapping[tuple[str, str], str] | None = None) -> Entry:
    """Return what is known of a name. ``allow`` is the user's policy; it never makes a dangerous name harmless.

    Below protocol 3 a reader maps Python 2's names; they are mapped here if the name is known only so.
    """
    module, name = current_name(module, name)
    found = _entry(module, name)
    if found.tier is Tier.UNKNOWN:
        mapped = renamed(module, name)
        if mapped != (module, name):
            found = _entry(*mapped)
    if found.tier is Tier.UNKNOWN and allow:
        reason = allow.get((module, name))
        if reason is not None:
            return Entry(Tier.CLASS, _SCRIPT_WORDS if module.startswith(_SCRIPT) else {}, reason)
    return found


def current_name(module: str, name: str) -> tuple[str, str]:
    """Return NumPy's private modules by their new names; every other name as it is."""
    if module.startswith("numpy.core."):
        return "numpy._core." + module[11:], name
    return module, name


@cache
def _entry(module: str, name: str) -> Entry:
    key = f"{module}\t{name}"
    grave = _rows("danger")
    row = grave.get(key)
    if row is None:
        for tier in (Tier.ANY, Tier.CHECKED, Tier.REFERENCE):
            found = _rows(tier.value).get(key)
            if found is not None:
                return _made(tier, found)
        found = _rows_of_package(module.partition(".")[0]).get(key)
        if found is not None:
            return _made(Tier.CLASS, found)
        row = _row_of_module(module)
    if row is not None:
        return _made(_GRAVE[row.partition("\t")[0]], row)
    if "." in name:
        return _WALK if _walks_to_danger(module, name) else _DOTTED
    return _UNKNOWN


def _made(tier: Tier, row: str) -> Entry:
    words, _, reason = row.partition("\t")
    pairs = (word.partition("=") for word in words.split() if word != "-")
    return Entry(tier, {key: value for key, _, value in pairs}, reason)


def _row_of_module(module: str) -> str | None:
    """Return the row that names the whole module, or one that it lies in."""
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        row = _rows("danger").get(".".join(parts[:count]) + "\t*")
        if row is not None:
            return row
    return None


def _walks_to_danger(module: str, name: str) -> bool:
    parts = name.split(".")
    if any(part.startswith("__") or _row_of_module(part) for part in parts):
        return True
    first = f"{module}\t{parts[0]}"
    return first in _rows("danger")


def _rows_of_package(package: str) -> dict[str, str]:
    return _rows(f"class_{package}") if _PACKAGE.fullmatch(package) else {}


@cache
def _rows(table: str) -> dict[str, str]:
    """Return the rows of a table: "module<tab>name" → "words<tab>reason"; none if there is no such table."""
    try:
        text = (_DATA / f"pickle_{table}.tsv").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    rows: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            module, name, rest = line.split("\t", 2)
            rows[f"{module}\t{name}"] = rest
    return rows
