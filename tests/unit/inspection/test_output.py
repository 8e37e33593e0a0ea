"""A result in every form that other tools read, held against the schema and against hostile names."""

import json
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from inspect_house import PROGRAM
from weighlock.attestation.statement import Statement
from weighlock.cli.main import run
from weighlock.core.digest import Digest
from weighlock.core.outcome import Outcome
from weighlock.inspection.output.junit import to_junit
from weighlock.inspection.output.markdown import escaped, to_markdown
from weighlock.inspection.output.sarif import to_sarif
from weighlock.service import inspection_start
from weighlock.service.inspect import inspect_path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a package that jsonschema imports
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types of its own

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs/schema/inspection-result-1.schema.json").read_text(encoding="utf-8"))
SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."
HOSTILE = "a](x) #_b_ &`@ada`.pkl"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.pkl").write_bytes(SYSTEM)
    (folder / "weights.rar").write_bytes(b"Rar!\x1a\x07" + bytes(20))
    return folder


def valid(value: Any) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(value)


def test_results_follow_the_published_schema(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["inspect", "--json", str(model)])
    valid(json.loads(capsys.readouterr().out))
    valid(inspect_path(model).to_json())
    run(["inspect", "--json", str(model / "model.pkl"), str(model / "config.json")])
    valid(json.loads(capsys.readouterr().out))


def test_results_of_the_corpus_follow_the_schema() -> None:
    for kind in ("accept", "reject"):
        valid(inspect_path(ROOT / "tests" / "corpus" / kind).to_json())


def test_results_of_workers_that_died_follow_the_schema(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_start, "_PROGRAM", PROGRAM)
    (model / "found-crash.json").write_bytes(b"{}")
    valid(inspect_path(model).to_json())


def test_the_schema_refuses_what_it_does_not_know(model: Path) -> None:
    told = inspect_path(model).to_json()
    changes: list[dict[str, Any]] = [{"format": 2}, {"outcome": "fine"}, {"extra": 1}, {"files": {}}]
    for change in changes:
        assert not Draft202012Validator(SCHEMA).is_valid({**told, **change})


def test_markdown_shows_hostile_text_as_it_is(tmp_path: Path) -> None:
    result = inspect_path(model_with(tmp_path, HOSTILE))
    page = to_markdown(result)
    assert "# Inspection: findings" in page
    assert r"a\]\(x\) \#\_b\_ \&\`\@ada\`" in page
    assert "| critical | pickle\\-global\\-dangerous |" in page
    rows = [line for line in page.splitlines() if line.startswith("| critical")]
    assert len(rows[0].replace("\\|", "").split("|")) == 7


def test_markdown_escapes_what_a_terminal_or_a_table_obeys() -> None:
    assert escaped("a|b\x1b[2J\u202e\n# x") == r"a\|b\\x1b\[2J\\u202e\\x0a\# x"


def model_with(folder: Path, name: str) -> Path:
    made = folder / "odd"
    made.mkdir()
    (made / name).write_bytes(SYSTEM)
    return made


def test_junit_has_a_case_for_each_file(model: Path) -> None:
    suite = ET.fromstring(to_junit(inspect_path(model)))  # noqa: S314  # our own text
    assert suite.attrib["tests"] == "3"
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert list(cases["config.json"]) == []
    failure = cases["model.pkl"].find("failure")
    assert failure is not None
    assert "pickle-global-dangerous" in failure.attrib["message"]
    assert "model.pkl@0" in str(failure.text)
    error = cases["weights.rar"].find("error")
    assert error is not None
    assert error.attrib["message"] == "not examined: there is no parser for rar"


def test_junit_is_xml_whatever_files_are_called(tmp_path: Path) -> None:
    case = next(ET.fromstring(to_junit(inspect_path(model_with(tmp_path, HOSTILE)))).iter("testcase"))  # noqa: S314  # as above
    assert "&`@ada`" in case.attrib["name"]


def test_sarif_of_a_member_has_no_place_in_the_file(model: Path) -> None:
    for told in to_sarif(inspect_path(model))["runs"][0]["results"]:
        assert told["message"]["text"]
        assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_a_statement_is_about_every_file(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    assert run(["inspect", "-q", "--statement", str(target), str(model)]) == Outcome.FINDINGS
    statement = Statement.parse(target.read_bytes())
    assert statement.predicate_type == "https://weighlock.dev/inspection/v1"
    assert {each.name: each.digest for each in statement.subjects} == {
        file.name: {"sha256": Digest.of(file.read_bytes()).hex} for file in model.iterdir()
    }
    valid(dict(statement.predicate))


def test_forms_on_standard_output(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, mark in (("sarif", "{"), ("markdown", "# Insp"), ("junit", "<?xml"), ("statement", "{")):
        assert run(["inspect", f"--{form}", "-", str(model)]) == Outcome.FINDINGS
        assert capsys.readouterr().out.startswith(mark)
    assert run(["inspect", "--sarif", "-", "--junit", "-", str(model)]) == Outcome.USAGE
    assert "only one of" in capsys.readouterr().err
