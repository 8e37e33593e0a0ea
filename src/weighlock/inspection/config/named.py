"""Classes and functions that a configuration makes its reader import and call, by their dotted names."""

from functools import cache
from pathlib import Path
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.python.effect import effect_of
from weighlock.inspection.report import Report

_TABLE: Final = Path(__file__).parents[1] / "rulebook" / "data" / "config_class.tsv"
# modules whose names within a path mean that it walks through an import of a library to that module
_CARRIED: Final = frozenset(
    {"os", "sys", "subprocess", "builtins", "importlib", "socket", "shutil", "pickle", "ctypes"}
)
_DANGEROUS: Final = frozenset(
    {"process", "code", "native", "network", "file", "unpickle", "compile", "torch-load"}
)


@cache
def _known() -> tuple[str, ...]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    return tuple(line.split("\t")[0] + "." for line in lines if line and line[0] != "#")


def examine_named(report: Report, name: str, how: str, *, line: int | None = None) -> None:
    """Add a finding about a callable; ``how`` says what names it."""
    message = f"{how} names {shown(name)}"
    effect = effect_of(name)
    if effect and effect[0] in _DANGEROUS:
        report.find("config-target-dangerous", message, line=line)
    elif is_known_class(name):
        report.find("config-target-known", message, line=line)
    else:
        report.find("config-target", message, line=line)


def examine_dangerous(report: Report, name: str, how: str) -> None:
    """Add a finding about a callable if its effect is known to be harmful, and nothing about others."""
    effect = effect_of(name)
    if effect and effect[0] in _DANGEROUS:
        report.find("config-target-dangerous", f"{how} names {shown(name)}")


def is_known_class(name: str) -> bool:
    """Return whether a dotted name is that of a class, by its capital, of a package that the table lists."""
    parts = name.split(".")
    plain = all(part.isidentifier() and not part.startswith("_") and part not in _CARRIED for part in parts)
    return plain and parts[-1][:1].isupper() and name.startswith(_known())
