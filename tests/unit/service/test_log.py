import datetime as dt
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from weighlock.attestation.signer import KeySigner
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.ledger.entry import Action, Ending, Entry
from weighlock.ledger.intent import Intent
from weighlock.ledger.note import VerifierKey
from weighlock.service import log_folder
from weighlock.service.log import Log, log_of, read_entries, record, verify

SIGNER = KeySigner(Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
STRANGER = KeySigner(Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))


def entry(message: str) -> Entry:
    moment = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    return Entry(moment, "production", Action.PROMOTE, Ending.ALLOW, message=message)


def messages(log: Log) -> list[str]:
    return [json.loads(line)["message"] for line in read_entries(log)]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return log_of("production", tmp_path / "production", tmp_path / "memory", [SIGNER.public])


def test_what_is_recorded_is_read_and_verified(log: Log) -> None:
    for number in range(9):
        recorded = record(log, entry(str(number)), SIGNER)
        assert (recorded.index, recorded.finished) == (number, False)
        assert recorded.checkpoint.head.size == number + 1
    assert messages(log) == [str(number) for number in range(9)]
    verified = verify(log)
    assert verified.checkpoint.head.size == 9
    assert [head.size for head in verified.compared] == [9]
    assert not verified.unfinished


def test_a_lost_or_lying_cache_changes_nothing(log: Log) -> None:
    for number in range(5):
        record(log, entry(str(number)), SIGNER)
    cache = log.folder / log_folder.FRONTIER
    honest = json.loads(cache.read_bytes())
    for lie in (
        None,
        b"",
        b"[]",
        b'{"size": 5}',
        json.dumps({**honest, "offset": honest["offset"] + 100}).encode(),
        json.dumps({**honest, "size": 6}).encode(),
        json.dumps({**honest, "nodes": ["00" * 32, "11" * 32]}).encode(),
    ):
        cache.unlink() if lie is None else cache.write_bytes(lie)
        record(log, entry("more"), SIGNER)
        assert verify(log).checkpoint.head.size == len(messages(log))


def test_a_cache_that_would_overwrite_entries_is_refused(log: Log) -> None:
    record(log, entry("kept"), SIGNER)
    cache = log.folder / log_folder.FRONTIER
    cache.write_bytes(json.dumps({**json.loads(cache.read_bytes()), "offset": 3}).encode())
    with pytest.raises(DeniedError) as caught:
        record(log, entry("over it"), SIGNER)
    assert caught.value.code == "log_tampered"
    assert messages(log) == ["kept"]


class Crash(BaseException):
    """Stands for the power going out: nothing of ours catches it."""


STEPS = ["begin", "append", "publish"]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "halfway", "after"])
def test_a_crash_at_any_step_loses_nothing_that_was_begun(
    log: Log, monkeypatch: pytest.MonkeyPatch, step: str, when: str, first: bool
) -> None:
    if not first:
        record(log, entry("old"), SIGNER)
    real = getattr(log_folder.LogFolder, step)

    def crash(files: log_folder.LogFolder, *arguments: object) -> None:
        if when == "halfway" and step == "append":
            offset, line = arguments
            assert isinstance(line, bytes)
            real(files, offset, line[:20])
        elif when == "halfway" and step == "publish":
            log_folder.replace_durably(files.path / log_folder.CHECKPOINT, arguments[0])  # type: ignore[arg-type]  # as publish is called
        elif when == "after":
            real(files, *arguments)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(log_folder.LogFolder, step, crash)
        with pytest.raises(Crash):
            record(log, entry("torn"), SIGNER)
    begun = not (step == "begin" and when in {"before", "halfway"})
    done = step == "publish" and when in {"halfway", "after"}
    if first and not done:
        with pytest.raises(UndecidedError) as caught:
            verify(log)
        assert caught.value.code == "log_missing"
    else:
        assert verify(log).unfinished is (begun and not done)
    recorded = record(log, entry("new"), SIGNER)
    assert recorded.finished is (begun and not done)
    old = [] if first else ["old"]
    assert messages(log) == [*old, *(["torn"] if begun else []), "new"]
    assert not verify(log).unfinished


def test_write_access_without_the_key_adds_nothing(log: Log) -> None:
    record(log, entry("honest"), SIGNER)
    entries = log.folder / log_folder.ENTRIES
    with entries.open("ab") as handle:
        handle.write(entry("forged").to_bytes() + b"\n")
    for attempt in (lambda: verify(log), lambda: record(log, entry("next"), SIGNER)):
        with pytest.raises(DeniedError) as caught:
            attempt()
        assert caught.value.code == "log_tampered"


def test_an_intent_signed_by_a_stranger_is_not_carried_out(log: Log) -> None:
    record(log, entry("honest"), SIGNER)
    files = log_folder.LogFolder(log.folder)
    cached = files.frontier()
    assert cached is not None
    key = VerifierKey.of(log.origin, STRANGER.public.der)
    files.begin(Intent.make(entry("forged").to_bytes(), cached[0], log.origin, key, STRANGER.sign).to_bytes())
    for attempt in (lambda: verify(log), lambda: record(log, entry("next"), SIGNER)):
        with pytest.raises(DeniedError) as caught:
            attempt()
        assert caught.value.code == "checkpoint_invalid"
    assert messages(log) == ["honest"]


def test_recording_over_a_log_that_was_put_back_is_refused(log: Log) -> None:
    record(log, entry("one"), SIGNER)
    kept = {path.name: path.read_bytes() for path in log.folder.iterdir()}
    record(log, entry("two"), SIGNER)
    for name, data in kept.items():
        (log.folder / name).write_bytes(data)
    with pytest.raises(DeniedError) as caught:
        record(log, entry("three"), SIGNER)
    assert caught.value.code == "log_truncated"


def test_a_removed_log_is_missed_by_who_remembers_it_only(log: Log, tmp_path: Path) -> None:
    with pytest.raises(UndecidedError) as missing:
        verify(log)
    assert missing.value.code == "log_missing"
    record(log, entry("one"), SIGNER)
    log.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DeniedError) as caught:
        verify(log)
    assert caught.value.code == "log_truncated"


def test_keys_that_may_not_sign_the_log(log: Log) -> None:
    with pytest.raises(DeniedError) as caught:
        record(log, entry("x"), STRANGER)
    assert caught.value.code == "log_key_unsuitable"
    with pytest.raises(DeniedError) as caught:
        record(log, entry("x"), KeySigner(generate_private_key(SECP256R1())))
    assert caught.value.code == "log_key_unsuitable"


def test_without_keys_nothing_is_verified(tmp_path: Path) -> None:
    p256 = KeySigner(generate_private_key(SECP256R1())).public
    with pytest.raises(UsageError) as caught:
        verify(log_of("production", tmp_path, tmp_path, [p256]))
    assert caught.value.code == "log_key_missing"


def test_a_line_that_no_entry_can_be_is_tampering(log: Log) -> None:
    record(log, entry("one"), SIGNER)
    (log.folder / log_folder.ENTRIES).write_bytes(b"x" * 100_000 + b"\n")
    with pytest.raises(DeniedError) as caught:
        verify(log)
    assert caught.value.code == "log_tampered"


def test_entries_are_not_read_through_a_link(log: Log, tmp_path: Path) -> None:
    record(log, entry("one"), SIGNER)
    (log.folder / log_folder.ENTRIES).rename(tmp_path / "elsewhere")
    (log.folder / log_folder.ENTRIES).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        verify(log)


def test_who_keeps_the_lock_keeps_nobody_waiting_for_ever(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """To lock a folder it is enough that one may read it."""
    record(log, entry("one"), SIGNER)
    monkeypatch.setattr(log_folder, "LOCK_S", 0.05)
    with log_folder.LogFolder.locked(log.folder, exclusive=False):
        assert messages(log) == ["one"]
        with pytest.raises(UndecidedError, match="locked by another process") as caught:
            record(log, entry("two"), SIGNER)
    assert caught.value.code == "io_failed"
    record(log, entry("three"), SIGNER)
    assert messages(log) == ["one", "three"]


@pytest.mark.parametrize("name", [log_folder.ENTRIES, log_folder.CHECKPOINT, log_folder.INTENT])
def test_a_fifo_instead_of_a_file_keeps_nobody_waiting(log: Log, name: str) -> None:
    record(log, entry("one"), SIGNER)
    (log.folder / name).unlink(missing_ok=True)
    os.mkfifo(log.folder / name)
    with pytest.raises(DeniedError):
        verify(log)


def _write_some(folder: Path, memory: Path, name: str) -> None:
    log = log_of("production", folder, memory, [SIGNER.public])
    for number in range(15):
        record(log, entry(f"{name}-{number}"), SIGNER)


def test_writers_at_the_same_time_lose_nothing(log: Log) -> None:
    context = multiprocessing.get_context("fork")
    memory = log.memory.parent.parent
    workers = [
        context.Process(target=_write_some, args=(log.folder.parent, memory, name))
        for name in ("a", "b", "c")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    found = messages(log)
    assert sorted(found) == sorted(f"{name}-{number}" for name in "abc" for number in range(15))
    for name in "abc":
        mine = [message for message in found if message.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(15)]
    assert verify(log).checkpoint.head.size == 45


def test_readers_at_the_same_time_do_not_stumble_over_each_other(log: Log) -> None:
    record(log, entry("one"), SIGNER)
    with ThreadPoolExecutor(8) as pool:
        verified = list(pool.map(lambda _: verify(log).checkpoint.head.size, range(200)))
    assert verified == [1] * 200


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from weighlock.service.log import log_of, record
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from weighlock.attestation.signer import KeySigner
from weighlock.ledger.entry import Action, Ending, Entry
import datetime as dt
signer = KeySigner(Ed25519PrivateKey.from_private_bytes(b"\\x01" * 32))
log = log_of("production", Path(sys.argv[1]), Path(sys.argv[2]), [signer.public])
moment = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
number = int(sys.argv[3])
while True:
    record(log, Entry(moment, "production", Action.RUN, Ending.ALLOW, message=str(number)), signer)
    print(number, flush=True)
    number += 1
"""


def test_kill_9_at_random_moments_loses_nothing_that_was_acknowledged(log: Log) -> None:
    moments = random.Random(2026)
    acknowledged: list[str] = []
    memory = str(log.memory.parent.parent)
    code = WRITER.format(tests="")
    for attempt in range(12):
        command = [sys.executable, "-c", code, str(log.folder.parent), memory, str(attempt * 100_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged.append(writer.stdout.readline().strip())
            time.sleep(moments.random() * 0.05)  # the moment of the kill is what varies, nothing waits for it
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
        verify(log)
        record(log, entry(f"after {attempt}"), SIGNER)
        verified = verify(log)
        found = messages(log)
        assert verified.checkpoint.head.size == len(found)
        assert not verified.unfinished
    assert len(acknowledged) > 12
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))


def test_the_codes_of_this_module_are_told_apart(log: Log) -> None:
    # One byte in each of the log's files in turn: each is noticed, or is the cache.
    for number in range(3):
        record(log, entry(str(number)), SIGNER)
    for name, codes in (
        (log_folder.ENTRIES, {"log_tampered", "log_truncated"}),
        (log_folder.CHECKPOINT, {"checkpoint_invalid"}),
    ):
        path = log.folder / name
        whole = path.read_bytes()
        for place in range(0, len(whole), 7):
            changed = bytearray(whole)
            changed[place] ^= 0x01
            path.write_bytes(changed)
            with pytest.raises(WeighlockError) as caught:
                verify(log)
            assert caught.value.code in codes, (name, place)
        path.write_bytes(whole)
    verify(log)
