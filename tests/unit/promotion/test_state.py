"""What a gate remembers, and which states it believes: every boundary."""

import datetime as dt
from dataclasses import replace

import pytest

from weighlock.core.clock import MAX_CLOCK_SKEW
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.promotion.state import Entry, Memory, State, check_fresh

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
A, B, C = (Digest.of(text) for text in (b"a", b"b", b"c"))
STATE = State(3, "production", NOW, NOW + dt.timedelta(days=7), 2)
MEMORY = Memory(number=3, digest=A, trust_version=2, newest=NOW, revoked=frozenset({"x"}))


def denied(memory: Memory, state: State, digest: Digest, now: dt.datetime) -> str:
    with pytest.raises(DeniedError) as caught:
        memory.admit(state, digest, now)
    return caught.value.code


def test_the_first_state_ever() -> None:
    assert Memory().admit(replace(STATE, revoked=("y",)), A, NOW) == Memory(3, A, 2, NOW, frozenset({"y"}))


def test_the_same_state_again_and_a_newer_one() -> None:
    assert MEMORY.admit(STATE, A, NOW) == MEMORY
    later = NOW + dt.timedelta(hours=1)
    newer = replace(STATE, number=5, made_at=later, trust_version=4)
    assert MEMORY.admit(newer, B, later) == Memory(5, B, 4, later, frozenset({"x"}))


def test_revocations_are_never_forgotten() -> None:
    admitted = MEMORY.admit(replace(STATE, number=4, revoked=("y", "z")), B, NOW)
    assert admitted.revoked == {"x", "y", "z"}
    assert admitted.admit(replace(STATE, number=5), C, NOW).revoked == {"x", "y", "z"}


def test_a_trust_version_is_never_forgotten() -> None:
    assert MEMORY.admit(replace(STATE, number=4, trust_version=1), B, NOW).trust_version == 2


def test_an_older_state() -> None:
    assert denied(MEMORY, replace(STATE, number=2), A, NOW) == "state_replayed"
    assert denied(MEMORY, replace(STATE, number=2), B, NOW) == "state_replayed"


def test_another_state_of_one_number() -> None:
    assert denied(MEMORY, STATE, B, NOW) == "state_forked"
    assert replace(MEMORY, digest=None).admit(STATE, B, NOW).digest == B


def test_a_state_from_the_future() -> None:
    assert MEMORY.admit(replace(STATE, number=4, made_at=NOW + MAX_CLOCK_SKEW), B, NOW).number == 4
    assert (
        denied(MEMORY, replace(STATE, number=4, made_at=NOW + MAX_CLOCK_SKEW + SECOND), B, NOW)
        == "state_from_future"
    )


def test_a_clock_set_back() -> None:
    MEMORY.check_clock(NOW - MAX_CLOCK_SKEW)
    Memory().check_clock(NOW - dt.timedelta(days=10_000))
    with pytest.raises(DeniedError) as caught:
        MEMORY.check_clock(NOW - MAX_CLOCK_SKEW - SECOND)
    assert caught.value.code == "clock_set_back"
    assert denied(MEMORY, STATE, A, NOW - MAX_CLOCK_SKEW - SECOND) == "clock_set_back"


def test_the_newest_time_is_the_latest_of_all() -> None:
    later, latest = NOW + MAX_CLOCK_SKEW - SECOND, NOW + MAX_CLOCK_SKEW
    assert MEMORY.admit(STATE, A, later).newest == later
    assert MEMORY.admit(replace(STATE, number=4, made_at=latest), B, NOW).newest == latest
    assert replace(MEMORY, newest=latest).admit(STATE, A, NOW).newest == latest


def test_freshness() -> None:
    check_fresh(STATE, STATE.expires_at - SECOND)
    for now in (STATE.expires_at, STATE.expires_at + SECOND):
        with pytest.raises(DeniedError) as caught:
            check_fresh(STATE, now)
        assert caught.value.code == "state_expired"


def test_finding_a_release() -> None:
    old, new = Entry("m", 1, A, A, A), Entry("m", 2, B, B, B)
    other = Entry("n", 7, C, C, C)
    state = replace(STATE, releases=(new, old, other))
    assert state.find("m") == new
    assert state.find("m@1") == old
    assert state.find(str(A)) == old
    assert state.find("n") == other
    for wanted in ("", "m@3", "M", "o", A.hex, A.short, "m@"):
        with pytest.raises(DeniedError) as caught:
            state.find(wanted)
        assert caught.value.code == "release_unknown"


@pytest.mark.parametrize(
    "value", ["", "x", "key:abc", "sha256:00", "sha1:" + "0" * 40, str(A).upper(), f"{A} "]
)
def test_what_cannot_be_revoked_is_not_remembered(value: str) -> None:
    good = replace(STATE, revoked=(str(A), "key:" + "0" * 64))
    assert State.parse(good.to_bytes()) == good
    with pytest.raises(DeniedError) as caught:
        State.parse(replace(STATE, revoked=(str(A), value)).to_bytes())
    assert caught.value.code == "record_invalid"
