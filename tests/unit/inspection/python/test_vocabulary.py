"""What compiled Python uses is in the vocabulary of its source, whatever the compiler made of it."""

import ast
import py_compile
import time
from pathlib import Path

import pytest

from model_file import examine
from weighlock.core.finding import Examined
from weighlock.inspection.python.vocabulary import names_of_source
from weighlock.inspection.report import Report
from weighlock.inspection.repository.examine import examine_repository
from weighlock.inspection.summary import CODE_NAMES, MAX_NAMES, add_summary, summaries_of, summary_of

SOURCE = '''"""A module.

    With an indented line.
"""
from __future__ import annotations
import os.path as place
from collections import abc

LONG = "a" + "b" * 3 + "%5d of %s, 100%%" % (1, place)

class Outer(abc.Sized):
    """A class."""
    __hidden = 1
    kind: abc.Mapping[str, Outer | None] = None

    def __len__(self) -> int:
        assert self.__hidden, f"none {self!r:>10}"
        return max([len(x) for x in LONG], key=lambda n: n, default=("one", 2))

    async def run(self, *, flag: bool = True) -> abc.Iterator[int]:
        match flag:
            case Outer(kind=x):
                nonlocal_name = x
        def inner():
            return super().__len__() + nonlocal_name
        return {"key": inner}
'''


def compiled(source: str, folder: Path) -> bytes:
    file = folder / "x.py"
    file.write_text(source)
    return Path(str(py_compile.compile(str(file), cfile=str(folder / "x.pyc"), doraise=True))).read_bytes()


def told(source: str, bytecode: bytes) -> list[tuple[str, str]]:
    files = [examine("x.py", source.encode()), examine("x.pyc", bytecode)]
    return [(finding.rule, finding.message) for _, finding in examine_repository(files)]


def test_what_was_compiled_from_a_source_is_in_it(tmp_path: Path) -> None:
    assert told(SOURCE, compiled(SOURCE, tmp_path)) == []


@pytest.mark.parametrize(
    ("added", "count"), [("place.removedirs\n", 1), ("print('touch marker')\n", 2), ("def more(): pass\n", 1)]
)
def test_what_was_added_before_compiling_is_not(added: str, count: int, tmp_path: Path) -> None:
    [(rule, message)] = told(SOURCE, compiled(SOURCE + added, tmp_path))
    assert rule == "repository-bytecode-differs"
    assert message.startswith(f"{count} of its ")


def test_modules_of_the_standard_library_compile_to_what_they_say(tmp_path: Path) -> None:
    for name in ("argparse", "configparser", "dataclasses", "enum", "smtplib", "tokenize"):
        source = Path(__import__(name).__file__ or "").read_text(encoding="utf-8")
        assert told(source, compiled(source, tmp_path)) == [], name


def test_summaries_are_split_and_put_together() -> None:
    report = Report("a")
    names = [f"n{number}" for number in range(1000)]
    add_summary(report, CODE_NAMES, names, "b")
    add_summary(report, CODE_NAMES, [])
    found = summaries_of(report.examined(), CODE_NAMES)
    assert {about: len(digests) for about, digests in found.items()} == {"b": 1000, "": 0}


def test_of_too_many_names_there_is_no_summary() -> None:
    report = Report("a")
    add_summary(report, CODE_NAMES, map(str, range(MAX_NAMES + 1)))
    assert summary_of(report.examined(), CODE_NAMES) is None
    assert summary_of(Examined("a", "text"), CODE_NAMES) is None


@pytest.mark.parametrize(
    "source",
    [
        "x = " + " + ".join(['"a"'] * 2000),
        "x = " + "(" * 40 + " * ".join(['"a"'] * 40) + ")" * 40,
        "".join(f"class C{number}:\n    __a{number} = 1\n" for number in range(2000)),
    ],
)
def test_hostile_sources_take_linear_time(source: str) -> None:
    began = time.process_time()
    names_of_source(ast.parse(source))
    assert time.process_time() - began < 2
