import datetime as dt
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.core.digest import Digest
from weighlock.source import verified_state
from weighlock.source.digesting import digest_files
from weighlock.source.folder import walk_folder
from weighlock.source.steady import FileIdentity
from weighlock.source.verified_state import VerifiedState

NOW = dt.datetime(2026, 5, 1, 12, 0, 0, tzinfo=dt.UTC)
OLD_NS = int(NOW.timestamp() - 60) * 1_000_000_000
DIGEST = Digest.of(b"model")
FILE = FileIdentity(1, 2, 3, OLD_NS, OLD_NS)


def state_at(location: Path, moment: dt.datetime = NOW) -> VerifiedState:
    return VerifiedState(location, lambda: moment)


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Return where a state is kept that knows FILE."""
    location = tmp_path / "cache" / "verified-state"
    state = state_at(location)
    state.remember(FILE, DIGEST)
    assert state.save()
    return location


def test_remembers_across_processes_in_a_private_file(location: Path) -> None:
    assert state_at(location).recall(FILE) == DIGEST
    assert location.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in location.parent.iterdir()] == ["verified-state"]


@pytest.mark.parametrize("field", FileIdentity._fields)
def test_any_change_of_identity_forgets(location: Path, field: str) -> None:
    other = FILE._replace(**{field: getattr(FILE, field) - 1})
    assert state_at(location).recall(other) is None


@pytest.mark.parametrize("field", ["mtime_ns", "ctime_ns"])
@pytest.mark.parametrize("age_ns", [-10_000_000_000, 0, 1_999_999_999])
def test_files_younger_than_two_seconds_are_not_remembered(tmp_path: Path, field: str, age_ns: int) -> None:
    now_ns = int(NOW.timestamp()) * 1_000_000_000
    young = FILE._replace(**{field: now_ns - age_ns})
    state = state_at(tmp_path / "state")
    state.remember(young, DIGEST)
    assert state.save()
    assert state_at(tmp_path / "state").recall(young) is None
    settled = FILE._replace(**{field: now_ns - 2_000_000_000})
    state.remember(settled, DIGEST)
    assert state.save()
    assert state_at(tmp_path / "state").recall(settled) == DIGEST


def test_an_entry_written_too_early_is_ignored_when_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = FILE._replace(mtime_ns=int(NOW.timestamp()) * 1_000_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(verified_state, "SETTLED_NS", -1)
        state = state_at(tmp_path / "state")
        state.remember(young, DIGEST)
        assert state.save()
        assert state_at(tmp_path / "state").recall(young) == DIGEST
    assert state_at(tmp_path / "state").recall(young) is None


@given(st.data())
def test_a_damaged_file_is_no_cache(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    location = tmp_path_factory.mktemp("state") / "state"
    state = state_at(location)
    state.remember(FILE, DIGEST)
    assert state.save()
    raw = bytearray(location.read_bytes())
    if data.draw(st.booleans()):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    location.write_bytes(raw)
    assert state_at(location).recall(FILE) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_no_cache(location: Path, mode: int) -> None:
    location.chmod(mode)
    assert state_at(location).recall(FILE) is None


def test_a_file_of_another_user_is_no_cache(location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: location.stat().st_uid + 1)
    assert state_at(location).recall(FILE) is None


def test_a_link_or_fifo_is_no_cache(location: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(location)
    assert state_at(tmp_path / "link").recall(FILE) is None
    os.mkfifo(tmp_path / "fifo")
    assert state_at(tmp_path / "fifo").recall(FILE) is None


def test_it_stays_bounded_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_state, "MAX_ENTRIES", 3)
    for inode in range(5):
        state = state_at(tmp_path / "state", NOW + dt.timedelta(minutes=inode))
        state.remember(FILE._replace(inode=inode), DIGEST)
        assert state.save()
    state = state_at(tmp_path / "state")
    known = [inode for inode in range(5) if state.recall(FILE._replace(inode=inode))]
    assert known == [2, 3, 4]


def test_two_processes_keep_what_both_learned(location: Path) -> None:
    first, second = state_at(location), state_at(location)
    first.remember(FILE._replace(inode=10), DIGEST)
    second.remember(FILE._replace(inode=11), DIGEST)
    assert first.save()
    assert second.save()
    assert all(state_at(location).recall(FILE._replace(inode=inode)) for inode in (2, 10, 11))


def test_a_place_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    state = state_at(tmp_path / "file" / "state")
    state.remember(FILE, DIGEST)
    assert not state.save()


def test_the_users_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for environ in ({"XDG_CACHE_HOME": str(tmp_path / "xdg")}, {"XDG_CACHE_HOME": "relative"}, {}):
        state = VerifiedState.of_user(environ, lambda: NOW)
        state.remember(FILE, DIGEST)
        assert state.save()
    assert (tmp_path / "xdg" / "weighlock" / "verified-state").is_file()
    assert (tmp_path / "home" / ".cache" / "weighlock" / "verified-state").is_file()


def test_unchanged_files_are_not_read_again_and_changed_ones_are(tmp_path: Path) -> None:
    model = tmp_path / "model" / "weights"
    model.parent.mkdir()
    model.write_bytes(b"weights")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10)
    state = state_at(tmp_path / "state", later)
    first = digest_files(walk_folder(model.parent), memory=state)
    assert state.save()

    class Recalling(VerifiedState):
        hits = 0

        def recall(self, identity: FileIdentity) -> Digest | None:
            found = super().recall(identity)
            self.hits += found is not None
            return found

    again = Recalling(tmp_path / "state", lambda: later)
    assert digest_files(walk_folder(model.parent), memory=again) == first
    assert again.hits == 1
    model.write_bytes(b"weightz")
    assert digest_files(walk_folder(model.parent), memory=again)["weights"].digest == Digest.of(b"weightz")
    assert again.hits == 1
