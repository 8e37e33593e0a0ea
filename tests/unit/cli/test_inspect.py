"""`inspect` as people see it: lists shortened, thresholds, rules explained, names completed."""

import datetime as dt
import hashlib
import json
import os
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from weighlock.cli import context
from weighlock.cli.inspect_text import MAX_ROWS
from weighlock.cli.main import root, run
from weighlock.core.outcome import Outcome
from weighlock.inspection.rulebook.registry import all_rules
from weighlock.service.inspection_start import start_early
from weighlock.settings import FILE_NAME

SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."


def test_long_lists_are_shortened_with_a_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(50):
        (tmp_path / f"{number:03}.json").write_bytes(b"{}")
        (tmp_path / f"{number:03}.rar").write_bytes(b"Rar!\x1a\x07" + bytes(20))
    for number in range(10):
        (tmp_path / f"{number:03}.pkl").write_bytes(SYSTEM)
    assert run(["inspect", str(tmp_path)]) == Outcome.FINDINGS
    out = capsys.readouterr().out
    assert "… and 50 clean, 40 not examined (--all lists them)" in out
    assert out.count("critical  pickle-global-dangerous") == 3
    assert "… and 7 of pickle-global-dangerous" in out
    assert f"… and {50 - MAX_ROWS} more (--all lists them)" in out
    assert run(["inspect", "--all", str(tmp_path)]) == Outcome.FINDINGS
    out = capsys.readouterr().out
    assert "…" not in out
    assert out.count("critical  pickle-global-dangerous") == 10


def test_why_it_matters_and_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pkl").write_bytes(SYSTEM)
    run(["inspect", str(tmp_path)])
    out = capsys.readouterr().out
    rule = all_rules()["pickle-global-dangerous"]
    assert f"why it matters: {rule.reason}" in out
    assert "what to do: " in out
    assert "a.pkl@0" in out


@pytest.mark.parametrize(
    ("level", "expected"),
    [("low", Outcome.FINDINGS), ("medium", Outcome.FINDINGS), ("critical", Outcome.CLEAN)],
)
def test_fail_on(level: str, expected: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04]." + b"left over")
    assert run(["inspect", "--fail-on", level, str(tmp_path / "a.pkl")]) == expected
    assert "pickle-trailing-bytes" in capsys.readouterr().out


def test_fail_on_never_makes_the_unexamined_clean(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07" + bytes(20))
    assert run(["inspect", "-q", "--fail-on", "critical", str(tmp_path)]) == Outcome.UNDECIDED


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pkl").write_bytes(SYSTEM)
    assert run(["inspect", "-q", str(tmp_path)]) == Outcome.FINDINGS
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


@pytest.mark.parametrize("command", [["explain"], ["inspect", "explain"]])
def test_rules_are_explained(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for rule in all_rules().values():
        assert run([*command, "--json", rule.id]) == Outcome.CLEAN
        told = json.loads(capsys.readouterr().out)
        assert (told["rule"], told["reason"]) == (rule.id, rule.reason)
        assert run([*command, rule.id]) == Outcome.CLEAN
        text = " ".join(capsys.readouterr().out.split())
        assert f"What to do: {' '.join(rule.remedy.split())}." in text
        assert all(reference in text for reference in rule.references)


def test_all_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == Outcome.CLEAN
    assert len(capsys.readouterr().out.splitlines()) == len(all_rules())
    assert run(["explain", "--json"]) == Outcome.CLEAN
    assert len(json.loads(capsys.readouterr().out)["rules"]) == len(all_rules())


@pytest.mark.parametrize(
    ("name", "close"),
    [("pickle-global-dangerou", "pickle-global-dangerous"), ("dangerous", "pickle-global-dangerous")],
)
def test_close_rules_are_suggested(name: str, close: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", name]) == Outcome.USAGE
    err = capsys.readouterr().err
    assert "[rule_unknown]" in err
    assert close in err


def test_an_unknown_rule_without_relatives(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "\x1b[31mqqqq"]) == Outcome.USAGE
    err = capsys.readouterr().err
    assert "`weighlock explain` lists all rules" in err
    assert "\\x1b" in err


@pytest.mark.parametrize("words", [["explain"], ["inspect", "explain"]])
def test_rules_are_completed(words: list[str]) -> None:
    found = ShellComplete(root, {}, "weighlock", "_WEIGHLOCK_COMPLETE").get_completions(words, "pickle-gl")
    assert {each.value for each in found} == {name for name in all_rules() if name.startswith("pickle-gl")}


def test_the_settings_file_has_one_name() -> None:
    assert context.SETTINGS_FILE == FILE_NAME


def test_lines_fit_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pkl").write_bytes(SYSTEM)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 20)))
    monkeypatch.setattr("weighlock.cli.inspect_text.sys.stdout.fileno", lambda: 1, raising=False)
    run(["inspect", str(tmp_path)])
    wrapped = [line for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert wrapped
    assert max(map(len, wrapped)) <= 60


def test_templates_are_compared_with_a_base(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}"
    base, model = tmp_path / "base", tmp_path / "model"
    base.mkdir()
    model.mkdir()
    (base / "chat_template.jinja").write_text(text)
    changed = text.replace("{% endfor", "{{ tools }}{% endfor")
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": changed}))
    assert run(["inspect", str(model), "--base", str(base)]) == Outcome.CLEAN
    out = capsys.readouterr().out
    assert f"against the 1 chat template of {base}:" in out
    assert "it adds the value 'tools'" in out
    assert run(["inspect", str(model), "--base", str(model), "--json"]) == Outcome.CLEAN
    found = json.loads(capsys.readouterr().out)
    assert found["base"] == {"target": str(model), "templates": 1}
    assert found["files"][0]["findings"] == []
    assert "templates" not in found["files"][0]
    assert run(["inspect", str(model), "--base", str(tmp_path / "nothing")]) == Outcome.USAGE


def test_a_base_without_templates_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jinja").write_text("{{ x }}")
    (tmp_path / "config.json").write_text("{}")
    assert (
        run(["inspect", str(tmp_path / "a.jinja"), "--base", str(tmp_path / "config.json")]) == Outcome.CLEAN
    )
    ran = capsys.readouterr()
    assert "has no chat template" in ran.err
    assert "'a.jinja' was added" in ran.out


def test_a_rule_is_explained_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.pkl", "b.pkl"):
        (tmp_path / name).write_bytes(SYSTEM)
    run(["inspect", str(tmp_path)])
    out = capsys.readouterr().out
    assert out.count("critical  pickle-global-dangerous") == 2
    reason = all_rules()["pickle-global-dangerous"].reason
    assert out.count(f"why it matters: {reason}") == 1
    assert out.index("a.pkl@") < out.index("why it matters:") < out.index("b.pkl@")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "a target is empty"),
        (["a.json", "hf:owner/name"], "is inspected alone"),
        (["a.json", "experimentation:model"], "is inspected alone"),
        (["a.json", "--sarif", "missing/x.sarif"], "there is no folder missing"),
        (["a.json", "--sarif", "-", "--markdown", "-"], "only one of --sarif and --markdown"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_read(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("weighlock.service.inspect.inspect_paths", None)
    assert run(["inspect", *arguments]) == Outcome.USAGE
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_misspelt_path_outside_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", "modell"]) == Outcome.USAGE
    err = capsys.readouterr().err
    assert "'modell' is no file or folder here" in err
    assert "check the path" in err


def test_a_misspelt_path_in_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "-q"]) == Outcome.CLEAN
    assert run(["inspect", "models/resem"]) == Outcome.USAGE
    err = capsys.readouterr().err
    assert "'models/resem' is no file or folder here" in err
    assert "[artifact_unknown]" in err
    assert run(["inspect", "experimentation:resem"]) == Outcome.USAGE
    assert "no file or folder" not in capsys.readouterr().err


def test_waived_findings_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = b"\x80\x04]." + b"left over"
    (tmp_path / "a.pkl").write_bytes(data)
    reviewed = tmp_path / "waivers.yaml"
    reviewed.write_text(
        "version: 1\nwaivers:\n  - {rule: pickle-trailing-bytes, digest: 'sha256:"
        f"{hashlib.sha256(data).hexdigest()}', owner: ada, reason: known, ticket: ML-1, "
        f"expires: {dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)}}}\n"
    )
    run(["inspect", str(tmp_path / "a.pkl"), "--waivers", str(reviewed)])
    assert ": 0 findings, 1 waived; " in capsys.readouterr().out


def test_without_room_for_a_worker_nothing_is_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    (tmp_path / "a.json").write_text("{}")
    monkeypatch.setattr("weighlock.service.inspection_start.os.posix_spawn", refuse)
    start_early()
    assert run(["inspect", str(tmp_path)]) == Outcome.UNDECIDED
    assert "not examined" in capsys.readouterr().out
