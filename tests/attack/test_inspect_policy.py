"""What the policy says of inspection: forbidden formats, names that a pickle may import, evidence by other options."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    House,
    requested_fixture,
    stages_fixture,
)
from weighlock.cli.main import run
from weighlock.core.outcome import Outcome

STARTER = Path(__file__).parents[2] / "src/weighlock/policy/starter.yaml"
FORBIDDEN = "  forbidden_formats: [pickle, joblib, torch-legacy]\n"
PLAIN = b"\x80\x04}\x8c\x01wK\x01s."  # {"w": 1}: nothing is imported
SCALE = b"\x80\x04\x8c\x0chouse.layers\x8c\x05Scale\x93."
ALLOWED = "  allow: {house.layers.Scale: our own}\n"


def promote(house: House, files: dict[str, bytes], inspection: str | None = None) -> Any:
    if inspection is not None:
        (house.root / "policy.yaml").write_text(STARTER.read_text().replace(FORBIDDEN, inspection))
        settings = house.root / "weighlock.yaml"
        settings.write_text(settings.read_text() + "policy: policy.yaml\n")
    folder = house.root / "models" / "odd"
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    house.ok("pull", "path:models/odd")
    candidate = house.request(name="odd", model="odd")
    house.review(candidate)
    house.approve(candidate)
    return house.run("promote", candidate)


def archived(data: bytes, place: Path) -> bytes:
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("weights/w.pkl", data)
    return place.read_bytes()


def test_a_clean_pickle_does_not_serve_under_the_starter_policy(requested: House) -> None:
    assert promote(requested, {"model.pkl": PLAIN}).codes == {"format_forbidden"}


def test_nor_does_one_inside_an_archive(requested: House, tmp_path: Path) -> None:
    assert "format_forbidden" in promote(requested, {"model.zip": archived(PLAIN, tmp_path / "a.zip")}).codes


def test_nor_does_one_under_another_name(requested: House) -> None:
    assert "format_forbidden" in promote(requested, {"weights": PLAIN}).codes


def test_a_policy_without_the_line_lets_it_in(requested: House) -> None:
    allowed = promote(requested, {"model.pkl": PLAIN}, "")
    assert allowed.status == 0, allowed


def test_an_unknown_name_is_denied(requested: House) -> None:
    assert promote(requested, {"model.pkl": SCALE}, "").codes == {"inspection_findings"}


def test_a_name_that_the_policy_allows(requested: House) -> None:
    allowed = promote(requested, {"model.pkl": SCALE}, ALLOWED)
    assert allowed.status == 0, allowed


def test_a_name_that_only_the_requesters_settings_allow(requested: House) -> None:
    settings = requested.root / "weighlock.yaml"
    settings.write_text(settings.read_text() + "inspection: {allow: ['house.layers.Scale: mine']}\n")
    denied = promote(requested, {"model.pkl": SCALE}, "")
    assert denied.codes == {"inspection_findings"}
    assert requested.run("inspect", "models/odd").status == Outcome.CLEAN  # it informs people, and no more


def test_a_dangerous_name_is_no_less_so_for_being_allowed(requested: House) -> None:
    system = b"cposix\nsystem\n(S'touch marker'\ntR."
    denied = promote(requested, {"model.pkl": system}, "  allow: {posix.system: trust me}\n")
    assert "inspection_findings" in denied.codes


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("  forbidden_formats: [pickel]\n", "did you mean pickle?"),
        ("  forbidden_formats: [h5]\n", "no format"),
    ],
)
def test_a_misspelt_format_would_forbid_nothing(
    line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(STARTER.read_text().replace(FORBIDDEN, line))
    assert run(["policy", "check", str(policy)]) == Outcome.USAGE
    err = capsys.readouterr().err
    assert "[policy_invalid]" in err
    assert told in err


def test_settings_name_what_is_allowed_and_the_result_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.pkl").write_bytes(SCALE)
    (tmp_path / "weighlock.yaml").write_text(
        "version: 1\ninspection:\n  allow: ['house.layers.Scale: our own']\n"
    )
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", "--json", "model"]) == Outcome.CLEAN
    told = json.loads(capsys.readouterr().out)
    assert told["options"] == {"allow": {"house.layers:Scale": "our own"}}
    assert run(["--set", "inspection.allow=", "inspect", "model"]) == Outcome.FINDINGS
    assert run(["--set", "inspection.allow=Scale", "inspect", "model"]) == Outcome.USAGE
