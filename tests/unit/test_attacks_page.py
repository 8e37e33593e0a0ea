"""docs/attacks.md names tests that exist, and errors that these tests expect."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from weighlock.core.code import CODES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests" / "attack"
QUOTED = re.compile(r"`([^`]+)`")
LEAST_LINES = 60  # fewer, and the page has lost some


class Line(NamedTuple):
    """A line of a table: what is attacked, the codes that it ends with, the tests of it."""

    attack: str
    codes: tuple[str, ...]
    said: str
    tests: tuple[str, ...]


def lines(page: str) -> Iterator[Line]:
    for row in page.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if row.startswith("|") and len(cells) == 3 and "::" in row:
            attack, said, tests = cells
            yield Line(attack, tuple(QUOTED.findall(said)), said, tuple(QUOTED.findall(tests)))


@functools.cache
def definitions(file: Path) -> dict[str, ast.stmt]:
    """Return what a module defines at its top, by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def texts_of(file: Path, name: str) -> set[str]:
    """Return every text in a test, in its decorators, and in the module's tables that these name."""
    known = definitions(file)
    found: set[str] = set()
    for node in ast.walk(known[name]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Name) and isinstance(table := known.get(node.id), ast.Assign):
            found |= {each.value for each in ast.walk(table) if isinstance(each, ast.Constant)}  # type: ignore[misc]  # other constants do no harm
    return found


def problems(line: Line) -> list[str]:
    """Return what is wrong with a line."""
    wrong = [f"no such code: {code}" for code in line.codes if code not in CODES]
    if not line.codes and not line.said.startswith("none: "):
        wrong.append("neither a code nor why there is none")
    for test in line.tests:
        name, _, function = test.partition("::")
        file = TESTS / name
        if not file.is_file() or function not in definitions(file):
            wrong.append(f"no such test: {test}")
            continue
        texts = {str(text).strip("[]") for text in texts_of(file, function)}
        wrong += [f"{test} does not expect {code}" for code in line.codes if code not in texts]
    return wrong


@pytest.mark.parametrize("line", list(lines(PAGE)), ids=lambda line: line.attack)
def test_a_line_is_true(line: Line) -> None:
    assert line.tests
    assert problems(line) == []


def test_the_page_is_whole() -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.endswith("| test |")]
    assert len(rows) == len(list(lines(PAGE))) >= LEAST_LINES


def test_what_is_wrong_is_noticed() -> None:
    good = "test_pull_hub.py::test_history_that_was_rewritten"
    for row, wrong in (
        (f"| a | `history_rewritten` | `{good}` |", []),
        (f"| a | `owner_changed` | `{good}` |", [f"{good} does not expect owner_changed"]),
        (
            f"| a | `no_such_code` | `{good}` |",
            ["no such code: no_such_code", f"{good} does not expect no_such_code"],
        ),
        (f"| a | nothing | `{good}` |", ["neither a code nor why there is none"]),
        ("| a | none: x | `test_x.py::test_y` |", ["no such test: test_x.py::test_y"]),
        (f"| a | none: x | `{good}_s` |", [f"no such test: {good}_s"]),
    ):
        assert [problems(line) for line in lines(row)] == [wrong]
