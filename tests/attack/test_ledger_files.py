"""Attacks on the log by someone who can write its folder, each through the command line."""

import base64
import datetime as dt
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trust_house import ADA, LEDGER, NOW, House, clock_at, settled
from weighlock.attestation.signer import KeySigner
from weighlock.cli.main import run
from weighlock.core.digest import Digest
from weighlock.ledger.entry import Action, Actor, Ending, Entry
from weighlock.ledger.tlog import MAX_PROOF_BYTES
from weighlock.service.log import Log, log_of, record
from weighlock.service.log_folder import CHECKPOINT, ENTRIES, FRONTIER
from weighlock.settings import load_settings


def write(log: Log, *messages: str, signer: KeySigner = LEDGER) -> None:
    for message in messages:
        entry = Entry(
            time=NOW,
            environment="production",
            action=Action.APPROVE,
            outcome=Ending.ALLOW,
            subjects=(Digest.of(message.encode()),),
            actor=Actor(ADA.public.key_id, "ada"),
            message=message,
        )
        record(log, entry, signer)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return settled(tmp_path / "project", monkeypatch, "log")


@pytest.fixture
def log(house: House, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # nothing crashes here, and a busy disk takes its time
    found = load_settings(None, variables=os.environ, flags={}, folder=house.folder)
    made = log_of("production", found.environment("production").folder, found.memory, [LEDGER.public])
    write(made, *(f"decision {number}" for number in range(6)))
    return made


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = run(["log", *arguments, "--json"])
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, facts


def denied(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    status, facts = told(capsys, "verify", "-e", "production", *arguments)
    assert status == 1
    code: str = facts["error"]["code"]
    return code


def lines(log: Log) -> list[bytes]:
    return (log.folder / ENTRIES).read_bytes().splitlines(keepends=True)


def rewrite(log: Log, entries: list[bytes]) -> None:
    (log.folder / ENTRIES).write_bytes(b"".join(entries))


def forget(log: Log) -> None:
    """Be another machine, which has never seen the log."""
    log.memory.unlink()


@pytest.mark.usefixtures("log")
def test_untouched_it_is_verified_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status, facts = told(capsys, "verify", "-e", "production")
    assert (status, facts["size"], facts["unfinished"]) == (0, 6, False)
    assert [each["size"] for each in facts["compared"]] == [6]
    status, facts = told(capsys, "-e", "production", "--limit", "2")
    assert (status, facts["verified"], facts["size"]) == (0, True, 6)
    assert [(each["index"], each["message"]) for each in facts["entries"]] == [
        (4, "decision 4"),
        (5, "decision 5"),
    ]


def test_one_byte_of_an_entry_changed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (log.folder / ENTRIES).read_bytes()
    (log.folder / ENTRIES).write_bytes(whole.replace(b"decision 2", b"decision 7"))
    assert denied(capsys) == "log_tampered"
    status, facts = told(capsys, "-e", "production")
    assert (status, facts["verified"], facts["problem"]["code"]) == (1, False, "log_tampered")
    assert len(facts["entries"]) == 6


def test_an_entry_made_unreadable_is_shown_as_such(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(log, [b'{"\x1b[31m": "\xff"}\n', *lines(log)[1:]])
    status = run(["log", "-e", "production"])
    shown = capsys.readouterr().out
    assert status == 1
    assert "unreadable" in shown
    assert "\x1b[31m" not in shown


def test_an_entry_removed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    entries = lines(log)
    rewrite(log, entries[:2] + entries[3:])
    assert denied(capsys) == "log_truncated"


def test_an_entry_removed_and_another_put_in(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    entries = lines(log)
    rewrite(log, [*entries[:2], *entries[3:], entries[2]])
    assert denied(capsys) == "log_tampered"


def test_an_old_copy_behind_a_link(log: Log, house: House, capsys: pytest.CaptureFixture[str]) -> None:
    folder = log.folder.parent
    old = shutil.copytree(folder, house.folder / "old")
    write(log, "the decision to hide")
    folder.rename(house.folder / "new")
    folder.symlink_to(old)
    assert denied(capsys) == "log_truncated"


def test_two_entries_exchanged(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    entries = lines(log)
    rewrite(log, [entries[1], entries[0], *entries[2:]])
    assert denied(capsys) == "log_tampered"


def test_an_entry_added(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(log, [*lines(log), lines(log)[0]])
    assert denied(capsys) == "log_tampered"


def test_the_end_cut_off(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(log, lines(log)[:-1])
    assert denied(capsys) == "log_truncated"


def test_the_last_line_torn(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (log.folder / ENTRIES).read_bytes()
    (log.folder / ENTRIES).write_bytes(whole[:-5])
    assert denied(capsys) == "log_truncated"


@pytest.fixture
def kept(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of the log as it was, before three more decisions."""
    shutil.copytree(log.folder, tmp_path / "kept")
    write(log, "later 1", "later 2", "later 3")
    assert told(capsys, "verify", "-e", "production")[0] == 0
    return tmp_path / "kept"


def test_the_end_cut_off_and_an_old_checkpoint_put_back(
    log: Log, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = tmp_path / "newest"
    shutil.copy(log.folder / CHECKPOINT, newest)
    rewrite(log, lines(log)[:6])
    shutil.copy(kept / CHECKPOINT, log.folder / CHECKPOINT)
    assert denied(capsys) == "log_truncated"
    forget(log)  # who has never seen it cannot know; a checkpoint kept elsewhere helps
    assert denied(capsys, "--since", str(newest)) == "log_truncated"
    assert told(capsys, "verify", "-e", "production")[0] == 0


def test_a_forked_log(log: Log, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest = tmp_path / "newest"
    shutil.copy(log.folder / CHECKPOINT, newest)
    memory = log.memory.read_bytes()
    shutil.rmtree(log.folder)
    shutil.copytree(kept, log.folder)
    forget(log)
    write(
        log, "other 1", "other 2", "other 3", "other 4"
    )  # whoever has the key and the disk signs another history
    assert denied(capsys, "--since", str(newest)) == "log_forked"
    log.memory.write_bytes(memory)
    assert denied(capsys) == "log_forked"


def test_growth_since_a_kept_checkpoint_is_fine(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, facts = told(capsys, "verify", "-e", "production", "--since", str(kept / CHECKPOINT))
    assert (status, sorted(each["size"] for each in facts["compared"])) == (0, [6, 9])


def test_a_checkpoint_by_another_key(house: House, log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = KeySigner(Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
    forged = log_of("production", house.folder / "forged", house.folder / "memory", [stranger.public])
    write(forged, *(f"decision {number}" for number in range(7)), signer=stranger)
    for name in (CHECKPOINT, ENTRIES, FRONTIER):
        shutil.copy(forged.folder / name, log.folder / name)
    assert denied(capsys) == "checkpoint_invalid"
    forget(log)
    assert denied(capsys) == "checkpoint_invalid"


def test_a_checkpoint_of_another_environments_log(
    house: House, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    other = log_of("experimentation", house.folder / "other", house.folder / "memory", [LEDGER.public])
    write(other, *(f"decision {number}" for number in range(6)))
    shutil.copy(other.folder / CHECKPOINT, log.folder / CHECKPOINT)
    shutil.copy(other.folder / ENTRIES, log.folder / ENTRIES)
    assert denied(capsys) == "checkpoint_invalid"


def test_the_checkpoint_removed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    (log.folder / CHECKPOINT).unlink()
    assert denied(capsys) == "log_truncated"
    forget(log)
    assert denied(capsys) == "log_tampered"


def test_the_whole_log_removed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(log.folder)
    assert denied(capsys) == "log_truncated"
    forget(log)
    status, facts = told(capsys, "verify", "-e", "production")
    assert (status, facts["error"]["code"]) == (3, "log_missing")


def test_a_forged_since_is_refused(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forged = tmp_path / "since"
    forged.write_bytes((log.folder / CHECKPOINT).read_bytes().replace(b"\n6\n", b"\n9\n"))
    assert denied(capsys, "--since", str(forged)) == "checkpoint_invalid"


@pytest.mark.usefixtures("log")
def test_a_key_given_by_hand_stands_for_the_trust_document(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weighlock.cli.log.clock", clock_at(NOW + dt.timedelta(days=1000)))
    assert denied(capsys) == "trust_expired"
    key = str(house.public_key("log", LEDGER))
    assert told(capsys, "verify", "-e", "production", "--key", key)[0] == 0
    wrong = str(house.public_key("ada", ADA))
    status, facts = told(capsys, "verify", "-e", "production", "--key", wrong)
    assert (status, facts["error"]["code"]) == (2, "log_key_missing")


@pytest.fixture
def proof(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert log.folder.is_dir()
    file = tmp_path / "entry.tlog-proof"
    assert told(capsys, "prove", "3", "-e", "production", "-o", str(file))[0] == 0
    return file


def test_a_proof_stands_without_the_log(log: Log, proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(log.folder)
    status, facts = told(capsys, "verify-proof", str(proof), "-e", "production")
    assert (status, facts["index"], facts["size"], facts["entry"]["message"]) == (0, 3, 6, "decision 3")


@pytest.mark.parametrize(
    ("find", "put", "code"),
    [
        (b"index 3", b"index 2", "proof_invalid"),
        (b"index 3", b"index 9", "proof_invalid"),
        (b"index 3", b"index 03", "proof_invalid"),
        (b"extra ey", b"extra eX", "proof_invalid"),
        (b"extra ", b"extra !", "proof_invalid"),
        (b"extra ", b"", "proof_invalid"),
        (b"proof@v1", b"proof@v2", "proof_invalid"),
        (b"\n6\n", b"\n7\n", "checkpoint_invalid"),
        (b"/production\n", b"/productiom\n", "checkpoint_invalid"),
    ],
)
def test_a_changed_proof_is_refused(
    proof: Path, capsys: pytest.CaptureFixture[str], find: bytes, put: bytes, code: str
) -> None:
    raw = proof.read_bytes()
    assert raw.count(find) == 1
    proof.write_bytes(raw.replace(find, put))
    status, facts = told(capsys, "verify-proof", str(proof), "-e", "production")
    assert (status, facts["error"]["code"]) == (1, code)


def test_a_proof_from_another_environments_log_is_refused(
    proof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, facts = told(capsys, "verify-proof", str(proof), "-e", "experimentation")
    assert (status, facts["error"]["code"]) == (1, "checkpoint_invalid")


@pytest.mark.usefixtures("log")
def test_a_witness_is_asked_in_its_own_format(capsys: pytest.CaptureFixture[str]) -> None:
    status, facts = told(capsys, "prove", "-e", "production", "--since", "4")
    head, _, note = facts["proof"].partition("\n\n")
    assert status == 0
    assert head.split("\n")[0] == "old 4"
    assert note.startswith("weighlock.dev/log/production\n6\n")
    nodes = [base64.b64decode(line) for line in head.split("\n")[1:]]
    assert [len(node) for node in nodes] == [32]
    assert told(capsys, "prove", "-e", "production", "--since", "0")[1]["proof"].startswith(
        "old 0\n\nweighlock"
    )


@pytest.mark.usefixtures("log")
def test_entries_that_are_not_there_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["prove", "6"], ["prove", "--since", "7"]):
        status, facts = told(capsys, *arguments, "-e", "production")
        assert (status, facts["error"]["code"]) == (2, "log_entry_unknown")
    assert run(["log", "prove", "-e", "production"]) == 2


def test_no_proof_is_made_of_a_tampered_log(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(log, [*lines(log)[:5], b"{}\n"])
    status, facts = told(capsys, "prove", "1", "-e", "production")
    assert (status, facts["error"]["code"]) == (1, "log_tampered")


def test_a_damaged_memory_denies(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.memory.write_bytes(b"forget it")
    status, facts = told(capsys, "verify", "-e", "production")
    assert (status, facts["error"]["code"]) == (3, "memory_damaged")


def test_options_before_the_subcommand_are_not_forgotten(
    house: House, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    (log.folder / CHECKPOINT).write_bytes(b"")
    key = str(house.public_key("log", LEDGER))
    status, facts = told(capsys, "-e", "production", "--key", key, "verify")
    assert (status, facts["error"]["code"]) == (1, "checkpoint_invalid")
    status, facts = told(capsys, "-e", "production", "verify", "-e", "experimentation")
    assert (status, facts["error"]["code"]) == (3, "log_missing")


def test_the_only_entry_of_a_log_is_proved(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = load_settings(None, variables=os.environ, flags={}, folder=house.folder)
    write(
        log_of("production", found.environment("production").folder, found.memory, [LEDGER.public]), "first"
    )
    file = tmp_path / "entry.tlog-proof"
    assert told(capsys, "prove", "0", "-e", "production", "-o", str(file))[0] == 0
    status, facts = told(capsys, "verify-proof", str(file), "-e", "production")
    assert (status, facts["index"], facts["size"], facts["entry"]["message"]) == (0, 0, 1, "first")
    file.write_bytes(file.read_bytes() + b"x" * MAX_PROOF_BYTES)
    status, facts = told(capsys, "verify-proof", str(file), "-e", "production")
    assert (status, facts["error"]["code"]) == (1, "proof_invalid")


@pytest.mark.usefixtures("log")
def test_people_read_what_was_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "verify", "-e", "production"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("verified\n")
    assert "grew from  6" in text
    assert "weighlock.dev/log/production+" in text
    assert run(["log", "-e", "production", "--limit", "1"]) == 0
    assert capsys.readouterr().out.endswith("decision 5\nverified\n")
    file = tmp_path / "proof"
    assert run(["log", "prove", "2", "-e", "production", "-o", str(file)]) == 0
    assert run(["log", "verify-proof", str(file), "-e", "production"]) == 0
    assert "decision 2" in capsys.readouterr().out


def test_showing_a_log_that_is_not_there(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert house.trust.is_dir()
    status, facts = told(capsys, "-e", "production")
    assert (status, facts["error"]["code"]) == (3, "log_missing")
