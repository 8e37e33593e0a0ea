"""Tell how the chat templates of a file differ from those of the model that it was made from."""

from collections.abc import Iterable, Sequence
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined
from weighlock.inspection.template.compare import TemplateDifference, compare_templates
from weighlock.inspection.template.lexer import TemplateError

MAX_CANDIDATES: Final = 8  # templates of the base that one template is compared with
MAX_TOLD: Final = 8  # parts of a difference; who wants all of them compares the files
MAX_TOLD_CHARACTERS: Final = 200  # of one part
_RULE: Final = "template-changed"


def compare_with_base(report: Report, base: Sequence[tuple[str, str]]) -> None:
    """Add a finding for each template of the report that the base does not have, with what differs.

    A template is compared with those of its name in the base, else with the one that differs least.
    """
    for name, text in report.templates:
        if any(text == other for _, other in base):
            continue
        same = [each for each in base if plain_name(each[0]) == plain_name(name)]
        candidates = (same or base)[:MAX_CANDIDATES]
        if candidates:
            _compare(report, name, text, candidates)
        else:
            report.find(_RULE, f"the base has no chat template: {shown(name)!r} was added")


def plain_name(name: str) -> str:
    """Return a template's name without what a format adds: GGUF a prefix, files a suffix."""
    return name.removeprefix("tokenizer.").removesuffix(".jinja2").removesuffix(".jinja")


def _compare(report: Report, name: str, text: str, candidates: Iterable[tuple[str, str]]) -> None:
    differences: list[tuple[str, TemplateDifference]] = []
    for other, base in candidates:
        try:
            differences.append((other, compare_templates(base, text)))
        except (TemplateError, Unexamined):
            continue  # another candidate may be readable; trouble of this template's own is a finding already
    if not differences:
        report.find(_RULE, f"{shown(name)!r} is not the base's, and cannot be compared with it")
        return
    other, least = min(differences, key=lambda each: sum(len(parts) for _, parts in _parts(each[1])))
    if least:
        told = f"{shown(name)!r} differs from the base's {shown(other)!r}: {difference_text(least)}"
        report.find(_RULE, told)


def difference_text(difference: TemplateDifference) -> str:
    """Return a difference in words, what was added first, shortened with a count."""
    told = [
        f"{what} {shown(part, limit=MAX_TOLD_CHARACTERS)!r}"
        for what, parts in _parts(difference)
        for part in parts
    ]
    more = [f"and {len(told) - MAX_TOLD} more"] if len(told) > MAX_TOLD else []
    return "; ".join([*told[:MAX_TOLD], *more])


def _parts(difference: TemplateDifference) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("it adds the text", difference.added_texts),
        ("it adds the condition", difference.added_conditions),
        ("it adds the value", difference.added_values),
        ("it lacks the text", difference.removed_texts),
        ("it lacks the condition", difference.removed_conditions),
        ("it lacks the value", difference.removed_values),
    )
