"""Every error code that the source raises is in the table, and every code of the table is raised."""

import ast
from collections.abc import Iterator
from pathlib import Path

import weighlock
from weighlock.core.code import CODES

SOURCE = Path(weighlock.__file__).parent
RAISED = {"UsageError", "DeniedError", "UndecidedError", "InternalError", "Reason", "WeighlockError"}


def literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def raised(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in RAISED
            and node.args
        ):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_every_code_raised_is_in_the_table() -> None:
    found = {
        (file.name, code)
        for file in SOURCE.rglob("*.py")
        for code in raised(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert len(found) > 100
    assert {(name, code) for name, code in found if code not in CODES} == set()


def test_every_code_of_the_table_occurs_in_the_source() -> None:
    table = SOURCE / "core" / "code.py"
    used = {
        text
        for file in SOURCE.rglob("*.py")
        if file != table
        for text in literals(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert set(CODES) - used == set()


def test_the_table_is_sorted_and_says_something() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in CODES.values())
