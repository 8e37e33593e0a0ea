"""The chat templates that ``weighlock inspect --base`` compares with."""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from weighlock.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighlock.inspection.result import InspectionResult

MAX_CHARACTERS: Final = 1_000_000  # of all templates of a base; every batch of files carries them to a worker
_RULE: Final = "template-changed"


class Base(NamedTuple):
    """What was named as base, its templates by name, and sentences about what was left out."""

    target: str
    templates: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def base_of(target: str, result: "InspectionResult") -> Base:
    """Return the templates that the inspection of a base gathered."""
    gathered = [template for file in result.files for template in file.examined.templates]
    kept = tuple(_within(dict.fromkeys(gathered)))
    notes = []
    if not kept:
        notes.append(f"the base {shown(target)} has no chat template: every template counts as added")
    if len(kept) < len(set(gathered)):
        notes.append(f"the base {shown(target)} has more chat templates than are compared")
    return Base(target, kept, tuple(notes))


def _within(templates: "Iterable[tuple[str, str]]") -> "Iterable[tuple[str, str]]":
    left = MAX_CHARACTERS
    for name, text in templates:
        left -= len(text)
        if left < 0:
            return
        yield name, text


def base_facts(base: Base) -> dict[str, Any]:
    """Return what a result says about its base, as JSON."""
    return {"target": base.target, "templates": len(base.templates)}


def base_text(base: Base, result: "InspectionResult") -> str:
    """Return how the templates differ from the base's, for people."""
    told = [f"  {each.location}: {each.message}" for each in result.findings if each.rule == _RULE]
    count = len(base.templates)
    of = f"the {count} chat {'template' if count == 1 else 'templates'} of {shown(base.target)}"
    return "\n".join([f"against {of}:", *told]) if told else f"no chat template differs from {of}"
