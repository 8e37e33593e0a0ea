"""The rules and tables of inspection as Markdown, for docs/inspection.md."""

from collections.abc import Iterable

from weighlock.inspection.catalogue import EXAMINATIONS
from weighlock.inspection.pickle.global_name import ALLOWED, TRAPS
from weighlock.inspection.rulebook.registry import all_rules


def render_rules() -> str:
    """Return the table of rules, gravest first."""
    rules = sorted(all_rules().values(), key=lambda rule: (-rule.severity, rule.id))
    return _table(
        ("rule", "severity", "why it matters", "what to do", "see"),
        (
            (f"`{rule.id}`", rule.severity.name.lower(), rule.reason, rule.remedy, ", ".join(rule.references))
            for rule in rules
        ),
    )


def render_allowed() -> str:
    """Return the table of names that a pickle may import, and of those that only look harmless."""
    rows = [("allowed", f"`{module}.{name}`", reason) for (module, name), reason in sorted(ALLOWED.items())]
    rows += [("denied", f"`{module}.{name}`", reason) for (module, name), reason in sorted(TRAPS.items())]
    return _table(("", "name", "why"), rows)


def render_formats() -> str:
    """Return the list of formats that have a parser."""
    return ", ".join(f"`{name}`" for name, examination in EXAMINATIONS.items() if examination)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
