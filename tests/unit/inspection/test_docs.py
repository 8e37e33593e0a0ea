"""The page about inspection holds what the registry says. Run as a program, this writes it there."""

import re
from pathlib import Path

import pytest

from weighlock.inspection.document import render_allowed, render_formats, render_rules

PAGE = Path(__file__).parents[3] / "docs" / "inspection.md"
PARTS = {"formats": render_formats, "rules": render_rules, "names": render_allowed}


def part(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_page_holds_the_table(name: str) -> None:
    found = part(name).search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[2] == PARTS[name]() + "\n", "run: python tests/unit/inspection/test_docs.py"


def write() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, render in PARTS.items():
        found = part(name).search(text)
        assert found
        text = text[: found.end(1)] + render() + "\n" + text[found.start(3) :]
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
