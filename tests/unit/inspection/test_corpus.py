"""Every file of the corpus gets exactly the findings that its sidecar says, and the folder is what make.py makes."""

import json
from pathlib import Path

import pytest

from corpus.case import SIDECAR, Case
from corpus.make import HERE, cases
from model_file import examine, rules_of
from weighlock.inspection.rulebook.registry import all_rules

CASES = cases()


def test_the_folders_hold_exactly_what_the_table_makes() -> None:
    made = {case.path: case for case in CASES}
    assert len(made) == len(CASES)
    found = {
        str(file.relative_to(HERE))
        for kind in ("accept", "reject")
        for file in (HERE / kind).rglob("*")
        if file.is_file()
    }
    assert found == {*made, *(path + SIDECAR for path in made)}
    for path, case in made.items():
        assert (HERE / path).read_bytes() == case.data, path
        assert (HERE / (path + SIDECAR)).read_text(encoding="utf-8") == case.sidecar(), path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_a_file_gets_exactly_its_findings(case: Case) -> None:
    file = HERE / case.path
    expected = json.loads(Path(str(file) + SIDECAR).read_text(encoding="utf-8"))
    examined = examine(file.name, file.read_bytes())
    assert rules_of(examined) == set(expected["rules"]), examined
    assert examined.outcome.name.lower() == expected["outcome"]
    if expected["notExamined"] is None:
        assert examined.not_examined is None
    else:
        assert expected["notExamined"] in (examined.not_examined or "")


def test_nothing_under_accept_is_more_than_worth_knowing() -> None:
    assert all(case.outcome == "clean" for case in CASES if case.path.startswith("accept/"))
    assert all(case.outcome != "clean" for case in CASES if case.path.startswith("reject/"))


def test_every_rule_speaks_somewhere() -> None:
    spoken = {rule for case in CASES for rule in case.rules}
    of_several_files = {rule for rule in all_rules() if rule.startswith("repository-")}  # see repository/
    with_base = {"template-changed"}  # see template/test_base.py
    assert spoken == set(all_rules()) - of_several_files - with_base
