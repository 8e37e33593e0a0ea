"""Attacks on a server while `run` starts and keeps it: each a process of its own, in its real sandbox."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import missing
from release_house import (  # noqa: F401  # fixtures are found by name
    ARGV,
    NAME,
    PACKAGE,
    House,
    released_fixture,
    stages_fixture,
)
from serving import Serving
from weighlock import sandbox
from weighlock.sandbox import Server, Tier
from weighlock.sandbox.private import private_folder
from weighlock.service.run import GRACE_S, WITHDRAWN_GRACE_S, Order, run


@pytest.fixture(scope="module", autouse=True)
def _a_sandbox() -> None:
    if sandbox.detect().tier < Tier.LANDLOCK:
        missing("this machine has no Landlock and seccomp")


@pytest.fixture
def serving(released: House) -> Iterator[Serving]:
    with released.serving() as made:
        yield made


def private_copy(house: House) -> Path:
    [found] = (house.root / ".weighlock" / "run").glob("run-*/model/model.safetensors")
    return found


def test_it_serves_the_released_bytes_and_ends_when_asked(released: House) -> None:
    with released.serving() as serving:
        assert serving.ask() == released.model_file.read_bytes()
        assert serving.facts["approvers"] == ["ana", "ben"]
        serving.process.terminate()
        serving.end()
    assert list((released.root / ".weighlock" / "run").iterdir()) == []


def test_the_model_overwritten_through_a_descriptor_opened_before(released: House) -> None:
    """Whoever holds the store's file open changes the store, not what is served."""
    expected = released.model_file.read_bytes()
    stored = released.blob("production", released.file_digest())
    stored.chmod(0o600)
    with stored.open("r+b") as mine, released.serving() as serving:
        assert serving.ask() == expected
        mine.write(b"\0" * 100)
        mine.flush()
        os.fsync(mine.fileno())
        assert stored.read_bytes()[:100] == b"\0" * 100
        assert serving.ask() == expected
    released.run_denied("digest_mismatch")


@pytest.mark.usefixtures("serving")
def test_the_private_copy_is_nobody_else_s(released: House) -> None:
    copy = private_copy(released)
    facts = copy.stat()
    assert not os.path.samestat(facts, released.blob("production", released.file_digest()).stat())
    assert (facts.st_nlink, facts.st_mode & 0o777) == (1, 0o400)
    folder = copy.parents[1]
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.stat().st_uid == os.getuid()


def test_the_environment_is_the_approved_one(released: House) -> None:
    inherited = {
        "LD_PRELOAD": "",
        "EVIL": "1",
        "PYTHONPATH": str(released.root),
        "HTTP_PROXY": "http://[::1]:1",
    }
    with released.serving(environment=inherited) as serving:
        assert json.loads(serving.ask("/environment")) == {"LANG": "C.UTF-8"}


def test_a_revoked_file_stops_the_server(released: House, serving: Serving) -> None:
    assert serving.ask() == released.model_file.read_bytes()
    digest = str(released.file_digest())
    released.ok("revoke", digest, "--reason", "test", "--key", released.key("ana"))
    status, err = serving.end()
    assert status == 1
    assert "[revoked]" in err
    entries = released.ok("log", "-e", "production")["entries"]
    assert ("stop", "deny", "revoked") in [
        (each["action"], each["outcome"], each["code"]) for each in entries
    ]
    released.run_denied("revoked")


def test_a_withdrawn_server_gets_no_time_for_last_deeds(
    released: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    stop = Server.stop

    def recorded(server: Server, grace_s: float = 10.0) -> int:
        given.append(grace_s)
        return stop(server, grace_s)

    monkeypatch.setattr(Server, "stop", recorded)

    def revoke(*_: object) -> None:
        key = released.key("ana")
        released.ok("revoke", str(released.file_digest()), "--reason", "test", "--key", key)

    order = Order(NAME, released.installation)
    ended = run(released.workspace(), order, started=revoke, stopping=threading.Event())
    assert ended.stopped is not None
    assert ended.stopped.code == "revoked"
    assert given[0] == WITHDRAWN_GRACE_S < GRACE_S


def test_a_file_exchanged_between_the_check_and_the_import(
    released: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may run for a moment, shut in; as soon as the watch looks, it is stopped."""

    @contextlib.contextmanager
    def exchange(parent: Path) -> Iterator[Path]:  # the first step after the check
        released.flip(released.packages / PACKAGE / "__init__.py", -2)
        with private_folder(parent) as folder:
            yield folder

    monkeypatch.setattr("weighlock.service.run.private_folder", exchange)
    ran = released.run("run", NAME, "--installation", str(released.installation), json_output=False)
    assert ran.status == 1
    assert "[package_drift]" in ran.err


def test_a_state_put_back_stops_the_server(released: House, serving: Serving) -> None:
    assert serving.ask() == released.model_file.read_bytes()
    with released.store("production") as store:
        store.tag(store.resolve("state/1").digest, "state")
    status, err = serving.end()
    assert status == 1
    assert "[state_replayed]" in err


def test_a_memory_that_cannot_be_read_stops_nothing_at_once(released: House, serving: Serving) -> None:
    """Damage on this machine is no news about the release; the last state's expiry still ends it."""
    memory = released.memory
    raw = memory.read_bytes()
    memory.write_bytes(b"damaged")
    released.denied("memory_damaged", "release", "verify", NAME, status=3)
    assert serving.ask() == released.model_file.read_bytes()
    memory.write_bytes(raw)
    assert serving.process.poll() is None


def test_a_server_that_ends_by_itself(released: House) -> None:
    server = "import sys; sys.exit(7)"
    candidate = released.request(name="short", argv=(*ARGV[:3], server))
    released.release(candidate)
    ran = released.run_release(release="short")
    assert ran.status == 7


def test_two_servers_of_one_release(released: House) -> None:
    with released.serving() as first, released.serving() as second:
        assert first.facts["address"] != second.facts["address"]
        answers: list[bytes] = []
        asking = [
            threading.Thread(target=lambda each=each: answers.append(each.ask())) for each in (first, second)
        ]
        for each in asking:
            each.start()
        for each in asking:
            each.join()
        assert answers == [released.model_file.read_bytes()] * 2
