"""Names of members."""

import pytest

from weighlock.inspection.archive.name import check_names, leaves, link_leaves
from weighlock.inspection.report import Report


def rules(*names: str, exactly: bool = False) -> set[str]:
    report = Report("a.zip")
    check_names(report, ((name, 0) for name in names), looked_up_exactly=exactly)
    return {finding.rule for finding in report.examined().findings}


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/a", "\\a", "~/a", "C:/a", "c:\\a", "C:a/b", "a/..", "..\\a", ".."]
)
def test_names_that_lead_out(name: str) -> None:
    assert leaves(name)
    assert rules(name) == {"archive-path"}


@pytest.mark.parametrize(
    "name",
    ["a", "a.b/c_d-e+f", ".format_version", "d/", "./a", "a/.data/x", "dense/kernel:0.npy", "é/日.txt", "."],
)
def test_ordinary_names(name: str) -> None:
    assert rules(name) == set()


@pytest.mark.parametrize(
    "name", ["con", "a/NUL.txt", "com1", "a ", "a.", "a\\b", "a\u200b", "a//b", "", "a\n", "x" * 300]
)
def test_names_that_mean_something_else_elsewhere(name: str) -> None:
    assert rules(name) == {"archive-name"}


def test_names_that_are_one() -> None:
    assert rules("a", "a") == {"archive-duplicate"}
    assert rules("a", "A") == {"archive-collision"}
    assert rules("stra\u00dfe", "STRASSE") == {"archive-collision"}
    assert rules("\u00e9", "e\u0301") == {"archive-collision"}
    assert rules("a", "A", exactly=True) == set()
    assert rules("a", "a", exactly=True) == {"archive-duplicate"}


def test_links() -> None:
    assert not link_leaves("a/b", "../c")
    assert not link_leaves("", "c")
    assert link_leaves("a", "../../c")
    assert link_leaves("a", "/c")
    assert link_leaves("a", "..\\..\\c")
