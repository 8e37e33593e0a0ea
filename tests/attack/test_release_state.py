"""Attacks on what a gate believes of an environment's state: replay, freeze, fork, the clock, its own memory."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    ARGV,
    NAME,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)
from weighlock.core.clock import MAX_CLOCK_SKEW, read_time, system_clock, write_time
from weighlock.core.digest import Digest
from weighlock.core.evidence import MADE_AT, Kind
from weighlock.promotion.state import MEDIA_TYPE
from weighlock.service.record import put_record

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return how to set the clock of the commands."""

    def to(moment: dt.datetime) -> None:
        monkeypatch.setattr("weighlock.cli.context.clock", lambda: lambda: moment)

    return to


def put_state(house: House, by: str = "production", **changes: Any) -> None:
    """Put a state like the newest one, but for ``changes``, in its place, signed by somebody."""
    record = {**house.state, **changes}
    with house.store("production") as store:
        made = put_record(store, MEDIA_TYPE, json.dumps(record).encode())
    house.attach("production", made, Kind.STATE, {MADE_AT: record["madeAt"]}, house.signer(by))
    with house.store("production") as store:
        store.tag(made.digest, "state")


def test_untouched_it_is_believed(released: House) -> None:
    released.gates_allow()
    put_state(released, number=3)  # by the releaser itself
    released.gates_allow()


def test_old_state_put_back(released: House) -> None:
    folder = released.root / ".weighlock" / "production"
    for name in ("index.json", "blobs"):
        subprocess.run(["cp", "-a", folder / name, released.root / name], check=True)
    released.ok("renew")
    released.gates_allow()
    shutil.rmtree(folder / "blobs")
    for name in ("index.json", "blobs"):
        (released.root / name).rename(folder / name)
    released.gates_deny("state_replayed")
    released.denied("state_replayed", "renew")
    released.denied("state_replayed", "release", "show")


def test_everything_of_production_put_back(released: House) -> None:
    folder = released.root / ".weighlock" / "production"
    shutil.copytree(folder, released.root / "copy", symlinks=True)
    released.ok("renew")
    shutil.rmtree(folder)
    (released.root / "copy").rename(folder)
    released.denied("state_replayed", "release", "verify", NAME)
    released.denied("log_truncated", "log", "verify", "-e", "production")
    ran = released.run_release()
    assert (ran.status, ran.code) == (125, "state_replayed")
    assert (
        "log_truncated" in ran.facts["error"]["details"]["log"]
    )  # a denial that cannot be recorded is still one


def test_old_state_named_again(released: House) -> None:
    with released.store("production") as store:
        store.tag(store.resolve("state/1").digest, "state")
    released.gates_deny("state_replayed")


def test_state_deleted(released: House) -> None:
    with released.store("production") as store:
        store.untag("state")
    released.gates_deny("state_replayed")
    released.denied("state_replayed", "renew")


def test_a_new_gate_without_any_state(released: House) -> None:
    with released.store("production") as store:
        store.untag("state")
    released.memory.unlink()
    released.gates_deny("state_missing")


def test_a_state_that_never_expires(released: House, travel: Any) -> None:
    """Who had the releaser's key once signs one for ever; each gate knows how long a state may last."""
    put_state(released, number=3, expiresAt="9999-12-31T23:59:59Z")
    released.gates_allow()
    travel(system_clock() + dt.timedelta(days=7) + SECOND)
    released.gates_deny("state_expired")


def test_a_number_after_which_there_is_none(released: House) -> None:
    """Nothing is signed that no gate could read, so the gates go on with what they have."""
    put_state(released, number=2**63 - 1)
    released.gates_allow()
    released.denied("json_invalid", "renew")
    released.gates_allow()


def test_more_revocations_than_a_state_holds(released: House) -> None:
    memory = json.loads(released.memory.read_bytes())
    memory["revoked"] = [f"sha256:{number:064x}" for number in range(15_000)]
    released.memory.write_text(json.dumps(memory))
    released.denied("json_invalid", "renew")
    released.gates_allow()


def test_a_state_of_another_environment(released: House) -> None:
    put_state(released, number=3, environment="staging")
    released.gates_deny("state_invalid")


@pytest.mark.parametrize("who", ["ana", "experimentation"])
def test_a_state_that_no_releaser_signed(released: House, who: str) -> None:
    put_state(released, who, number=3)
    released.gates_deny("state_invalid")


def test_two_states_of_one_number(released: House) -> None:
    released.gates_allow()
    put_state(released, releases=[])
    released.denied("state_forked", "release", "verify", NAME)
    released.denied("state_forked", "release", "show")
    released.run_denied("state_forked")


def test_a_state_from_the_future(released: House) -> None:
    soon = system_clock() + MAX_CLOCK_SKEW + dt.timedelta(minutes=1)
    put_state(released, number=3, madeAt=write_time(soon))
    released.gates_deny("state_from_future")


def test_a_state_of_a_newer_trust_document(released: House) -> None:
    put_state(released, number=3, trust=2)
    released.gates_deny("trust_rolled_back")


def test_a_state_that_expired(released: House, travel: Any) -> None:
    expires = read_time(released.state["expiresAt"], what="it")
    travel(expires - SECOND)
    released.ok("release", "verify", NAME)
    travel(expires)
    released.gates_deny("state_expired")
    released.ok("renew")
    released.gates_allow()


def test_the_clock_set_back(released: House, travel: Any) -> None:
    later = system_clock() + dt.timedelta(days=1)
    travel(later)
    released.gates_allow()
    travel(later - MAX_CLOCK_SKEW)
    released.gates_allow()
    travel(later - MAX_CLOCK_SKEW - SECOND)
    released.gates_deny("clock_set_back")
    released.denied("clock_set_back", "renew")
    travel(later - dt.timedelta(days=365))  # before anything here was made
    released.gates_deny("clock_set_back")


def test_the_clock_set_back_to_believe_an_expired_state(released: House, travel: Any) -> None:
    expires = read_time(released.state["expiresAt"], what="it")
    travel(expires)
    released.gates_deny("state_expired")
    travel(expires - dt.timedelta(hours=1))
    released.gates_deny("clock_set_back")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff",
        b"[]",
        b'{"version": 2, "number": 0, "digest": null, "trust": 0, "newest": null, "revoked": []}',
        b'{"version": 1, "number": -1, "digest": null, "trust": 0, "newest": null, "revoked": []}',
        b'{"version": 1, "number": 0, "digest": "x", "trust": 0, "newest": null, "revoked": []}',
        b'{"version": 1, "number": 0, "digest": null, "trust": 0, "newest": "soon", "revoked": []}',
        b'{"version": 1, "number": 0, "digest": null, "trust": 0, "newest": null, "revoked": [1]}',
    ],
)
def test_a_memory_that_cannot_be_read(released: House, content: bytes) -> None:
    released.memory.write_bytes(content)
    released.denied("memory_damaged", "release", "verify", NAME, status=3)
    released.run_denied("memory_damaged")
    released.denied("memory_damaged", "renew", status=3)
    assert released.memory.read_bytes() == content


def extend_trust(house: House, *changes: str) -> None:
    house.ok("trust", "extend", *changes)
    house.ok("trust", "sign", "--key", house.key("ana"))


def test_a_longer_trust_chain_stops_nothing(released: House) -> None:
    extend_trust(released, "--add-person", "dan=Dan")
    for _ in range(3):
        released.gates_allow()
    released.ok("renew")
    released.gates_allow()


def test_an_old_trust_document_put_back(released: House) -> None:
    extend_trust(released, "--add-person", "dan=Dan")
    released.gates_allow()
    for file in (released.root / "trust").glob("2.*"):
        file.unlink()
    released.gates_deny("trust_rolled_back")


def test_an_approver_who_left(released: House) -> None:
    extend_trust(released, "--add-person", "dan=Dan", "--role", "approver=ana,cem")
    released.gates_deny("approvals_missing")


def test_another_pin(released: House) -> None:
    settings = released.root / "weighlock.yaml"
    pin = Digest.of((released.root / "trust" / "1.json").read_bytes())
    settings.write_text(settings.read_text().replace(str(pin), str(Digest.of(b"another"))))
    released.gates_deny("trust_pin_mismatch")


def second_candidate(house: House) -> str:
    second = house.request(argv=(*ARGV, "--second"))
    house.review(second)
    house.approve(second)
    return second


def start(house: House, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "weighlock", *arguments],
        cwd=house.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )


def test_two_promotions_at_once(released: House) -> None:
    """Two candidates and one of them twice: three processes, two more releases, no number twice."""
    second = second_candidate(released)
    third = released.request(name="other", argv=(*ARGV, "--third"))
    released.review(third)
    released.approve(third)
    running = [start(released, "promote", each) for each in (second, third, second)]
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda process: process.communicate(timeout=60), running))
    assert [process.returncode for process in running] == [0, 0, 0], ended
    listed = released.ok("release", "show")["releases"]
    assert sorted(each["alias"] for each in listed) == ["other@1", "tiny@1", "tiny@2"]
    assert all(each["may_run"] for each in listed)
    assert released.state["number"] == 5


# Promotes in one child after another; each dies a step later than the one before, until one lives.
CRASHING = """
import contextlib, io, json, os, sys
from weighlock.cli.main import run
from weighlock.store.layout import LayoutStore

def call(*arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run([*arguments, "--json"])
    return int(status), json.loads(out.getvalue())

def in_child(work):
    child = os.fork()
    if child == 0:
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def promote(step):
    real, left = getattr(LayoutStore, sys.argv[1]), step
    def dying(self, *arguments, **options):
        nonlocal left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(self, *arguments, **options)
    setattr(LayoutStore, sys.argv[1], dying)
    return call("promote", sys.argv[2])[0]

def gate():
    status, facts = call("release", "show")
    verified = call("release", "verify", "tiny")[0]
    fine = status == verified == 0 and all(each["may_run"] for each in facts["releases"])
    return 10 * fine + len(facts["releases"])

run(["--help"])
os.fsync = lambda _: None
seen = []
for step in range(0, 400, int(sys.argv[3])):
    status = in_child(lambda: promote(step))
    seen.append((status, in_child(gate)))
    if status != 9:
        break
print("\\n" + json.dumps(seen))
"""


@pytest.mark.parametrize(("place", "stride"), [("_change_index", "3"), ("write_blob", "10")])
def test_killed_at_any_step_of_a_promotion(released: House, place: str, stride: str) -> None:
    """Gates see the old state or the new one, whenever the process dies, and promotion can be repeated."""
    second = second_candidate(released)
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, place, second, stride],
        cwd=released.root,
        capture_output=True,
        check=True,
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert {status for status, _ in seen[:-1]} == {9}
    assert seen[-1] == [0, 12]
    assert len(seen) > 3
    assert {gate for _, gate in seen} <= {11, 12}  # one release that may run, or two
    assert released.ok("release", "verify", NAME)["candidate"] == second


def test_killed_at_any_moment(released: House) -> None:
    second = second_candidate(released)
    for pause in (0.5, 0.7, 0.9):
        process = start(released, "promote", second)
        try:
            process.wait(pause)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate(timeout=30)
        released.gates_allow()
    assert released.ok("promote", second)["release"]["alias"] == "tiny@2"
