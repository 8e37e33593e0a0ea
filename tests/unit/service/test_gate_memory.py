"""Where gates remember: what is written is read again, alone, and never believed when damaged."""

import datetime as dt
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError
from weighlock.promotion.state import Memory
from weighlock.service.gate_memory import GateMemory

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
FULL = Memory(7, Digest.of(b"state"), 3, NOW, frozenset({"b", "a"}))


@pytest.fixture
def memory(tmp_path: Path) -> GateMemory:
    return GateMemory(tmp_path / "memory", "production")


def file_of(folder: Path) -> Path:
    return folder / "memory" / "gate" / "production.json"


def test_a_gate_that_never_saw_anything(memory: GateMemory, tmp_path: Path) -> None:
    assert memory.read() == Memory()
    assert not (tmp_path / "memory").exists()


@pytest.mark.parametrize("value", [Memory(), FULL])
def test_what_is_written_is_read(memory: GateMemory, value: Memory, tmp_path: Path) -> None:
    with memory.exclusive():
        memory.write(value)
    assert memory.read() == value
    assert GateMemory(tmp_path / "memory", "production").read() == value
    assert GateMemory(tmp_path / "memory", "experimentation").read() == Memory()


def test_nobody_else_can_read_it(memory: GateMemory, tmp_path: Path) -> None:
    with memory.exclusive():
        memory.write(FULL)
    assert file_of(tmp_path).parent.stat().st_mode & 0o077 == 0
    assert {each.name for each in file_of(tmp_path).parent.iterdir()} == {
        "production.json",
        "production.lock",
    }


GOOD: dict[str, Any] = {
    "version": 1,
    "number": 1,
    "digest": str(Digest.of(b"")),
    "trust": 1,
    "newest": "2026-06-01T12:00:00Z",
    "revoked": ["x"],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("version", "1"),
        ("number", -1),
        ("number", True),
        ("number", "1"),
        ("number", 1.0),
        ("number", None),
        ("trust", -1),
        ("trust", True),
        ("trust", None),
        ("digest", ""),
        ("digest", 1),
        ("digest", "sha256:12"),
        ("newest", "soon"),
        ("newest", 1),
        ("revoked", None),
        ("revoked", "x"),
        ("revoked", [1]),
        ("extra", 1),
        *((field, ...) for field in GOOD),
    ],
)
def test_what_is_damaged(memory: GateMemory, tmp_path: Path, field: str, value: object) -> None:
    document = {**GOOD, field: value}
    if value is ...:
        del document[field]
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).write_text(json.dumps(document))
    with pytest.raises(UndecidedError) as caught:
        memory.read()
    assert caught.value.code == "memory_damaged"


def test_good_is_not_damaged(memory: GateMemory, tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).write_text(json.dumps(GOOD))
    assert memory.read() == Memory(1, Digest.of(b""), 1, NOW, frozenset({"x"}))


def test_more_than_its_limit_is_damage(
    memory: GateMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    raw = json.dumps(GOOD).encode()
    file_of(tmp_path).write_bytes(raw)
    monkeypatch.setattr("weighlock.service.gate_memory._MAX_BYTES", len(raw))
    memory.read()
    monkeypatch.setattr("weighlock.service.gate_memory._MAX_BYTES", len(raw) - 1)
    with pytest.raises(UndecidedError) as caught:
        memory.read()
    assert caught.value.code == "memory_damaged"


def test_reading_and_writing_are_one_step(memory: GateMemory) -> None:
    def count() -> None:
        for _ in range(25):
            with memory.exclusive():
                known = memory.read()
                memory.write(Memory(known.number + 1))

    counting = [threading.Thread(target=count) for _ in range(4)]
    for each in counting:
        each.start()
    for each in counting:
        each.join()
    assert memory.read().number == 100


def test_locks_for_different_purposes_do_not_meet(memory: GateMemory) -> None:
    with memory.exclusive("signing"), memory.exclusive():
        memory.write(FULL)
    assert memory.read() == FULL
