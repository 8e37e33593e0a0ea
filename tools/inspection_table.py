"""The rules and tables of inspection as Markdown, for docs/inspection.md."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Final

from weighlock.inspection.archive.kind import READERS
from weighlock.inspection.catalogue import EXAMINATIONS
from weighlock.inspection.rulebook import registry
from weighlock.inspection.rulebook.registry import all_rules, family_of
from weighlock.inspection.rulebook.rule import Rule

_RENDERED = "Rendered from the program by `make docs`; a test holds it equal."

_DATA: Final = Path(registry.__file__).parent / "data"
MAX_MODULES: Final = 12  # named of one table


def render_rules() -> dict[str, str]:
    """Return the pages about rules by their path in docs: an index, and a page for each family with its rules."""
    pages = {"rules.md": _index()}
    for family, rules in _families().items():
        parts = [f"# Rules: {_title(family)}", "", _RENDERED, "", "[All rules](../rules.md)", ""]
        for rule in rules:
            parts += _rule(rule)
        pages[f"rules/{family}.md"] = "\n".join(parts)
    return pages


def _families() -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in sorted(all_rules().values(), key=lambda rule: (-rule.severity, rule.id)):
        found.setdefault(family_of(rule.id), []).append(rule)
    return dict(sorted(found.items()))


def _title(family: str) -> str:
    about = import_module(f"weighlock.inspection.rulebook.{family}").__doc__ or family
    return about.strip().splitlines()[0].rstrip(".")


def _index() -> str:
    parts = ["# Rules of inspection", "", _RENDERED, "`weighlock explain RULE` tells the same.", ""]
    for family, rules in _families().items():
        rows = (
            (f"[`{rule.id}`](rules/{family}.md#{rule.id})", rule.severity.name.lower(), rule.reason)
            for rule in rules
        )
        parts += [f"## {_title(family)}", "", _table(("rule", "severity", "why it matters"), rows), ""]
    return "\n".join(parts)


def _rule(rule: Rule) -> list[str]:
    lines = [
        f"## {rule.id}",
        "",
        f"**{rule.severity.name.lower()}**, confidence {rule.confidence.name.lower()}. {rule.reason}",
        "",
    ]
    if rule.detail:
        lines += [rule.detail, ""]
    lines += [f"What to do: {rule.remedy}.", ""]
    for name, values in (("See", rule.references), ("Evidence for", rule.controls)):
        if values:
            lines += [f"{name}: {', '.join(values)}", ""]
    return lines


def render_allowed() -> str:
    """Return how many names of pickles each table has, and its rows by module."""
    rows = []
    for file in sorted(_DATA.glob("pickle_*.tsv")):
        names = [
            line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line[:1] != "#"
        ]
        modules = sorted({module.partition(".")[0] for module, *_ in names})
        told = ", ".join(f"`{module}`" for module in modules[:MAX_MODULES])
        more = f" and {len(modules) - MAX_MODULES} more" if len(modules) > MAX_MODULES else ""
        rows.append((f"`{file.stem.removeprefix('pickle_')}`", str(len(names)), told + more))
    return _table(("table", "names", "of"), rows)


def render_formats() -> str:
    """Return the list of formats that have a parser, kinds of archives too."""
    known = {name for name, examination in EXAMINATIONS.items() if examination} | READERS.keys()
    return ", ".join(f"`{name}`" for name in sorted(known - {"unknown"}))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
