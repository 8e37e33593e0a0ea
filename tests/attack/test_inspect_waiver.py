"""Waivers: what they cover and what they never do, through `inspect` and through promotion."""

import datetime as dt
import json
from hashlib import sha256
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

BYTECODE = (3495).to_bytes(2, "little") + b"\r\n" + bytes(28)
TRAILING = b"\x80\x04]." + b"left over"  # a medium finding, and nothing of it calls
SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."
NATIVE = b"\x7fELF" + bytes(60)


def entry(name: str, data: bytes, **changes: Any) -> str:
    fields = {
        "rule": name,
        "digest": f"sha256:{sha256(data).hexdigest()}",
        "owner": "ada",
        "reason": "looked at",
        "ticket": "ML-12",
        "expires": str(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)),
        **changes,
    }
    return "  - " + "\n    ".join(f"{name}: {value}" for name, value in fields.items()) + "\n"


def waivers(*entries: str) -> str:
    return f"version: 1\nwaivers:\n{''.join(entries)}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.pkl").write_bytes(TRAILING)
    (tmp_path / "weighlock.yaml").write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inspect(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run(["inspect", *arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


def rules_of_the_model(capsys: pytest.CaptureFixture[str]) -> list[str]:
    run(["inspect", "--json", "model"])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["notExamined"] is None, file["notExamined"]
    return [each["rule"] for each in file["findings"] if each["severity"] != "info"]


def test_every_finding_waived_is_clean_and_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = rules_of_the_model(capsys)
    assert rules
    (project / "weighlock-waivers.yaml").write_text(waivers(*(entry(rule, TRAILING) for rule in rules)))
    status, out, err = inspect(capsys, "model")
    assert status == Outcome.CLEAN
    assert "waived:" in out
    assert "ada, ML-12, until" in out
    assert not err
    run(["inspect", "--json", "model"])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert {each["severity"] for each in file["findings"]} <= {"info"}
    assert [each["waiver"]["ticket"] for each in file["waived"]] == ["ML-12"] * len(rules)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires": "2020-01-01"}, "it expired on 2020-01-01"),
        ({"expires": "2999-01-01"}, "more than 366 days ahead"),
        ({"digest": f"sha256:{'0' * 64}"}, "other bytes than it names"),
        ({"path": "b.pkl"}, "other bytes than it names"),
        ({"rule": "native-code"}, "that rule found nothing"),
    ],
)
def test_a_waiver_of_something_else_does_nothing_and_says_so(
    changes: dict[str, str], why: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = rules_of_the_model(capsys)[0]
    (project / "weighlock-waivers.yaml").write_text(waivers(entry(rule, TRAILING, **changes)))
    status, out, err = inspect(capsys, "model")
    assert status == Outcome.FINDINGS
    assert "waived:" not in out
    assert "a waiver does not count" in err
    assert why in err


def test_one_byte_more_needs_another_look(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = rules_of_the_model(capsys)
    (project / "weighlock-waivers.yaml").write_text(waivers(*(entry(rule, TRAILING) for rule in rules)))
    (project / "model" / "a.pkl").write_bytes(TRAILING + b"!")
    assert inspect(capsys, "model")[0] == Outcome.FINDINGS


def test_nobody_waives_a_critical_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "model" / "a.pkl").write_bytes(SYSTEM)
    (project / "weighlock-waivers.yaml").write_text(
        waivers(entry("pickle-global-dangerous", SYSTEM), entry("pickle-present", SYSTEM))
    )
    status, out, err = inspect(capsys, "model")
    assert status == Outcome.FINDINGS
    assert "critical  pickle-global-dangerous" in out
    assert "or the finding is critical" in err


def test_nobody_waives_that_a_file_was_not_examined(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "model" / "a.pkl").unlink()
    (project / "model" / "kernel.so").write_bytes(NATIVE)
    run(["inspect", "--json", "model"])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    found = {each["rule"] for each in file["findings"]}
    (project / "weighlock-waivers.yaml").write_text(waivers(*(entry(rule, NATIVE) for rule in found)))
    status, out, _ = inspect(capsys, "model")
    assert "waived:" in out
    assert status == Outcome.UNDECIDED
    assert "kernel.so: " in out


def test_a_model_does_not_excuse_itself(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The downloaded folder brings settings and waivers of its own, and somebody inspects from inside it."""
    rules = rules_of_the_model(capsys)
    model = project / "model"
    (model / "weighlock.yaml").write_text("version: 1\ninspection: {allow: ['os.system: needed']}\n")
    (model / "weighlock-waivers.yaml").write_text(waivers(*(entry(rule, TRAILING) for rule in rules)))
    (model / "b.pkl").write_bytes(SYSTEM)
    with pytest.MonkeyPatch.context() as inside:
        inside.chdir(model)
        status, out, err = inspect(capsys, ".")
    assert status == Outcome.FINDINGS
    assert "waived:" not in out
    assert "weighlock.yaml is not listened to: it is part of what is inspected" in err


def test_nor_does_a_file_by_what_lies_beside_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rules_of_the_model(capsys)
    model = project / "model"
    (model / "weighlock.yaml").write_text("version: 1\ninspection: {allow: ['house.own: needed']}\n")
    (model / "weighlock-waivers.yaml").write_text(waivers(*(entry(rule, TRAILING) for rule in rules)))
    monkeypatch.chdir(model)
    status, out, err = inspect(capsys, "a.pkl")
    assert status == Outcome.FINDINGS
    assert "waived:" not in out
    assert "weighlock.yaml is not listened to: it is part of what is inspected" in err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version: 2\nwaivers: []\n", 1),
        ("version: 1\n", 1),
        ("version: 1\nwaivers: {}\n", 2),
        ("version: 1\nwaivers:\n  - rule: native-code\n", 3),
        (waivers(entry("native-code", b"", who="eve")), 9),
        (waivers(entry("native-code", b"", owner="''")), 5),
        (waivers(entry("native-code", b"", expires="soon")), 8),
        (waivers(entry("native-code", b"", digest="md5:0")), 4),
    ],
)
def test_a_broken_file_of_waivers_is_refused(
    text: str, line: int, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "weighlock-waivers.yaml").write_text(text)
    status, _, err = inspect(capsys, "model")
    assert status == Outcome.USAGE
    assert "[waivers_invalid]" in err
    assert f"line {line}:" in err


def test_a_named_file_must_be_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.is_dir()
    assert inspect(capsys, "model", "--waivers", "nothing.yaml")[0] == Outcome.USAGE


STARTER = Path(__file__).parents[2] / "src/weighlock/policy/starter.yaml"


def promote_with(house: House, data: bytes, inspection: str, *, name: str = "odd") -> Any:
    """Ask for the promotion of a model with a pickle of ``data`` under a policy with these lines of inspection."""
    text = STARTER.read_text().replace("  forbidden_formats: [pickle, joblib, torch-legacy]\n", inspection)
    (house.root / "policy.yaml").write_text(text)
    settings = house.root / "weighlock.yaml"
    if "policy:" not in settings.read_text():
        settings.write_text(settings.read_text() + "policy: policy.yaml\n")
    folder = house.root / "models" / name
    folder.mkdir(exist_ok=True)
    (folder / "model.pkl").write_bytes(data)
    house.ok("pull", f"path:models/{name}")
    candidate = house.request(name=name, model=name)
    house.review(candidate)
    house.approve(candidate)
    return house.run("promote", candidate)


def indented(*entries: str) -> str:
    return "  waivers:\n" + "".join("  " + line + "\n" for each in entries for line in each.splitlines())


def test_promotion_listens_to_the_policys_waivers_only(requested: House) -> None:
    (requested.root / "weighlock-waivers.yaml").write_text(
        waivers(entry("pickle-trailing-bytes", TRAILING), entry("pickle-present", TRAILING))
    )
    denied = promote_with(requested, TRAILING, "")
    assert "inspection_findings" in denied.codes


def test_a_waiver_in_the_policy_lets_the_approved_file_in(requested: House) -> None:
    allowed = promote_with(requested, TRAILING, indented(entry("pickle-trailing-bytes", TRAILING)))
    assert allowed.status == 0, allowed


def test_a_waiver_in_the_policy_is_for_those_bytes(requested: House) -> None:
    denied = promote_with(requested, TRAILING + b"!", indented(entry("pickle-trailing-bytes", TRAILING)))
    assert denied.codes == {"inspection_findings"}


def test_a_waiver_in_the_policy_never_covers_a_critical_finding(requested: House) -> None:
    denied = promote_with(requested, SYSTEM, indented(entry("pickle-global-dangerous", SYSTEM)))
    assert "inspection_findings" in denied.codes


def test_a_waiver_added_after_the_approvals_needs_new_ones(requested: House) -> None:
    """Approvals sign the policy's digest, and with it every waiver."""
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    (requested.root / "policy.yaml").write_text(
        STARTER.read_text().replace("\nsbom:", "\n" + indented(entry("native-code", NATIVE)) + "\nsbom:")
    )
    settings = requested.root / "weighlock.yaml"
    settings.write_text(settings.read_text() + "policy: policy.yaml\n")
    requested.denied("policy_differs", "promote", requested.candidate)
