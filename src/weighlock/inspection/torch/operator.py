"""Say what an operator of PyTorch does, by its name.

The table ``torchscript_operators`` has a row for each operator that is known, and for whole namespaces.
"""

from functools import cache
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.rulebook.table import read_rows

HARMLESS: Final = "harmless"
CUSTOM: Final = "custom"  # no row: an operator of a library that has to be loaded with the model
_OWN: Final = frozenset(
    {"aten", "prim", "prims"}
)  # an unknown name here is of a version that the table does not have

# what an operator may be → (the rule that says so of an operator, of a class)
_RULES: Final = {
    "dangerous": ("torch-operator-dangerous", "torch-operator-dangerous"),
    "unsafe": ("torch-operator-unsafe", "torch-operator-unsafe"),
    CUSTOM: ("torch-operator-custom", "torch-operator-class"),
}


class Effect(NamedTuple):
    """What an operator or a class does: a word of the table, and the reason as a clause for people."""

    kind: str
    reason: str


@cache
def effects() -> dict[str, Effect]:
    """Return the table."""
    return {name: Effect(kind, reason) for name, kind, reason in read_rows("torchscript_operators", 3)}


@cache
def reserved_methods() -> frozenset[str]:
    """Return the names of operators of ``aten`` that are not harmless: any value has them as methods."""
    found = (name.partition("::") for name, effect in effects().items() if effect.kind != HARMLESS)
    return frozenset(name for namespace, _, name in found if namespace == "aten")


def effect_of(namespace: str, name: str) -> Effect:
    """Return what the operator ``namespace::name`` does."""
    known = effects().get(f"{namespace}::{name}") or effects().get(f"{namespace}::*")
    if known:
        return known
    where = "of no version that is known" if namespace in _OWN else "of a library outside PyTorch"
    return Effect(CUSTOM, f"an operator {where}")


def class_effect(qualified: str) -> Effect:
    """Return what a class below ``torch.classes`` does; ``qualified`` is namespace.Class."""
    known = effects().get(f"class {qualified.partition('.')[0]}.*")
    return known or Effect(CUSTOM, "a class of a library outside PyTorch")


def find_operator(report: Report, namespace: str, name: str, *, line: int | None = None) -> None:
    """Report an operator that is not harmless."""
    effect = effect_of(namespace, name)
    if effect.kind != HARMLESS:
        told = f"it calls {shown(namespace, limit=60)}::{shown(name, limit=100)}: {effect.reason}"
        report.find(_RULES[effect.kind][0], told, line=line)


def find_class(report: Report, qualified: str, *, line: int | None = None) -> None:
    """Report a class below ``torch.classes`` that is not harmless."""
    effect = class_effect(qualified)
    if effect.kind != HARMLESS:
        told = f"it uses the class {shown(qualified, limit=100)}: {effect.reason}"
        report.find(_RULES[effect.kind][1], told, line=line)
