"""The watch over a running server, and what a command line may be; sandboxes are tests/attack's."""

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.promotion.candidate import Candidate, Sandbox
from weighlock.promotion.state import Entry, State
from weighlock.sandbox import Server
from weighlock.service import run as service
from weighlock.service.gatekeeper import Situation, VerifiedRelease
from weighlock.service.run import Ended, Order, check_command, status_of
from weighlock.service.workspace import Workspace

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
A = Digest.of(b"a")
STATE = State(1, "production", NOW, NOW + dt.timedelta(minutes=1), 1)


@dataclasses.dataclass
class FakeSituation:
    state: State = STATE


class FakeServer:
    """Ends by itself after some looks; each look takes a minute on the clock of the test."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.seen = 0

    def wait(self, timeout_s: float) -> int | None:
        assert timeout_s == service.WATCH_S
        self.seen += 1
        return 0 if self.seen > self.looks else None


class Watch:
    """Runs ``_watch`` over a fake server; ``answer`` is what each look at the environment finds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        self.server = FakeServer(3)
        self.stopping = threading.Event()
        self.observe: Callable[[], FakeSituation] = FakeSituation
        self.verified: list[str] = []
        self.rechecked: list[dt.datetime] = []
        monkeypatch.setattr(service, "observe", lambda *_: self.observe())
        monkeypatch.setattr(service, "verify_release", lambda _, wanted: self.verified.append(wanted))

    def run(self) -> str | None:
        workspace = cast("Workspace", type("Fake", (), {"clock": lambda _: self.now})())
        stopped = service._watch(
            workspace,
            cast("Situation", FakeSituation()),
            verified(),
            cast("Server", self.server),
            self.stopping,
            lambda: self.rechecked.append(self.now),
        )
        return None if stopped is None else stopped.code


def verified(argv: tuple[str, ...] = ("{installation}/bin/python", "{model}")) -> VerifiedRelease:
    candidate = Candidate(
        "m", "production", {"model": A}, cast("Any", None), argv, {}, Sandbox(), None, A, "cem", NOW
    )
    return VerifiedRelease(
        Entry("m", 1, A, A, A), cast("Any", None), candidate, cast("Any", None), frozenset()
    )


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def raising(error: WeighlockError) -> Callable[[], FakeSituation]:
    def observe() -> FakeSituation:
        raise error

    return observe


def test_nothing_happens(watch: Watch) -> None:
    assert watch.run() is None
    assert watch.verified == [str(A)] * 3  # by digest, so that an alias that moves changes nothing
    assert len(watch.rechecked) == 1  # as soon as it runs, and then not for a minute


def test_it_is_asked_to_stop(watch: Watch) -> None:
    watch.stopping.set()
    assert watch.run() is None
    assert watch.server.seen == 0


@pytest.mark.parametrize("kind", [DeniedError, UsageError])
def test_what_denies_stops_at_once(watch: Watch, kind: type[WeighlockError]) -> None:
    watch.observe = raising(kind("revoked", "it"))
    assert watch.run() == "revoked"
    assert watch.server.seen == 1


def test_what_cannot_be_read_stops_nothing_yet(watch: Watch) -> None:
    watch.observe = raising(UndecidedError("io_failed", "it"))
    assert watch.run() is None
    assert watch.server.seen == 4


def test_the_last_state_expires_while_nothing_can_be_read(watch: Watch) -> None:
    def observe() -> FakeSituation:
        watch.now += dt.timedelta(seconds=30)
        raise UndecidedError("io_failed", "it")

    watch.server.looks = 100
    watch.observe = observe
    assert watch.run() == "state_expired"
    assert watch.server.seen == 3


def test_a_renewed_state_counts(watch: Watch) -> None:
    renewed = dataclasses.replace(STATE, number=2, expires_at=NOW + dt.timedelta(days=1))
    answers = iter([FakeSituation(renewed)])

    def observe() -> FakeSituation:
        watch.now = NOW + dt.timedelta(hours=1)
        try:
            return next(answers)
        except StopIteration:
            raise UndecidedError("io_failed", "it") from None

    watch.observe = observe
    assert watch.run() is None
    assert watch.server.seen == 4


def test_a_look_that_never_ends_stops_no_clock(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody holds a lock, or the network is cut: the state expires all the same, and one thread waits."""
    monkeypatch.setattr(service, "LOOK_S", 0.01)
    blocked = threading.Event()
    looks: list[None] = []

    def observe() -> FakeSituation:
        looks.append(None)
        blocked.wait(30)
        raise UndecidedError("io_failed", "it")

    def wait(_: float) -> None:
        watch.now += dt.timedelta(seconds=25)

    watch.observe = observe
    monkeypatch.setattr(watch.server, "wait", wait)
    assert watch.run() == "state_expired"
    assert len(looks) == 1
    blocked.set()


def test_what_a_look_does_not_expect_is_not_swallowed(watch: Watch) -> None:
    def observe() -> FakeSituation:
        raise OSError

    watch.observe = observe
    with pytest.raises(OSError, match=r"^$"):
        watch.run()


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        ((), True),
        (("{installation}/bin/python", "{model}"), True),
        (("/opt/serve/bin/python", "{model}"), True),
        (("/opt/other/bin/python", "{model}"), False),
        (("{installation}/bin/python",), False),
        (("{installation}/bin/python", "{model}", ""), False),
        (("{installation}/bin/python", "/elsewhere"), False),
        (("",), False),
    ],
)
def test_commands(command: tuple[str, ...], allowed: bool) -> None:
    order = Order("m", Path("/opt/serve"), command)
    if allowed:
        check_command(verified(), order)
        return
    with pytest.raises(DeniedError) as caught:
        check_command(verified(), order)
    assert caught.value.code == "argv_differs"


@pytest.mark.parametrize(
    ("status", "stopped", "expected"),
    [
        (0, None, 0),
        (7, None, 7),
        (-9, None, 137),
        (-15, None, 143),
        (0, DeniedError("revoked", "it"), Outcome.FINDINGS),
        (-9, DeniedError("revoked", "it"), Outcome.FINDINGS),
    ],
)
def test_exit_statuses(status: int, stopped: WeighlockError | None, expected: int) -> None:
    assert status_of(Ended(status, stopped)) == expected
