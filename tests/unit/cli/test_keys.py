import json
from pathlib import Path
from typing import Any

import pytest

from weighlock.attestation.key import ALGORITHMS
from weighlock.cli.keys import _ALGORITHMS
from weighlock.cli.main import run
from weighlock.core.outcome import Outcome

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _facts(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run([*arguments, "--json"])
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, facts


def test_the_command_offers_the_algorithms_that_exist() -> None:
    assert _ALGORITHMS == ALGORITHMS


def test_a_real_key_is_encrypted_private_and_shown(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHLOCK_PASSPHRASE", "correct horse")
    status, made = _facts(capsys, "keys", "make", "alice", "--algorithm", "p384")
    assert (status, made["algorithm"], made["trial"]) == (Outcome.CLEAN, "p384", False)
    private = Path("alice.pem")
    assert private.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert private.stat().st_mode & 0o777 == 0o600
    for file in ("alice.pem", "alice.pub"):
        shown = _facts(capsys, "keys", "show", file)[1]
        assert shown == {"key_id": made["key_id"], "algorithm": "p384", "trial": False}


def test_a_passphrase_from_a_file_opens_what_it_closed(capsys: Capture) -> None:
    Path("secret").write_text("from a file\n")
    Path("wrong").write_text("another")
    assert run(["keys", "make", "bob", "--passphrase-file", "secret", "-q"]) == Outcome.CLEAN
    assert run(["keys", "show", "bob.pem", "--passphrase-file", "secret", "-q"]) == Outcome.CLEAN
    status, facts = _facts(capsys, "keys", "show", "bob.pem", "--passphrase-file", "wrong")
    assert (status, facts["error"]["code"]) == (Outcome.USAGE, "passphrase_wrong")


def test_a_trial_key_needs_no_passphrase_and_says_so(capsys: Capture) -> None:
    made = _facts(capsys, "keys", "make", "toy", "--trial")[1]
    assert made["trial"] is True
    assert made["key_id"].startswith("7e5")
    assert Path("toy.pem").stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert run(["keys", "show", "toy.pem"]) == Outcome.CLEAN
    assert "trial      yes" in capsys.readouterr().out


def test_a_real_key_without_passphrase_is_not_made(capsys: Capture) -> None:
    status, facts = _facts(capsys, "keys", "make", "eve")
    assert (status, facts["error"]["code"]) == (Outcome.USAGE, "passphrase_missing")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("there", ["toy.pem", "toy.pub"])
def test_no_key_is_overwritten(capsys: Capture, there: str) -> None:
    Path(there).write_text("precious")
    status, facts = _facts(capsys, "keys", "make", "toy", "--trial")
    assert (status, facts["error"]["code"]) == (Outcome.USAGE, "key_exists")
    assert [(path.name, path.read_text()) for path in Path().iterdir()] == [(there, "precious")]


def test_other_files_are_no_keys(capsys: Capture) -> None:
    Path("note.txt").write_text("hello")
    status, facts = _facts(capsys, "keys", "show", "note.txt")
    assert (status, facts["error"]["code"]) == (Outcome.FINDINGS, "key_invalid")
