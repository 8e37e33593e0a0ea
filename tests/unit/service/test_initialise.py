"""A new project: trial keys, a trial trust, two stores, a first state; nothing overwritten."""

import datetime as dt
from pathlib import Path

import pytest

from weighlock.attestation.trust_document import Role
from weighlock.core.environment import ENVIRONMENTS, PRODUCTION
from weighlock.core.error import DeniedError, UsageError
from weighlock.promotion.state import Memory
from weighlock.service.gatekeeper import observe
from weighlock.service.initialise import DAYS, initialise
from weighlock.service.workspace import Workspace
from weighlock.settings import FILE_NAME, load_settings

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def clock() -> dt.datetime:
    return NOW


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "memory")}


@pytest.fixture
def folder(tmp_path: Path, variables: dict[str, str]) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    initialise(made, clock, variables)
    return made


def open_workspace(folder: Path, variables: dict[str, str], now: dt.datetime = NOW) -> Workspace:
    return Workspace(
        load_settings(folder / FILE_NAME, variables=variables, flags={}, folder=folder), lambda: now
    )


def test_production_has_a_first_state(folder: Path, variables: dict[str, str]) -> None:
    situation = observe(open_workspace(folder, variables), PRODUCTION)
    assert (situation.state.number, situation.state.releases, situation.revoked) == (1, (), frozenset())
    assert situation.state.expires_at == NOW + dt.timedelta(days=7)


def test_the_gates_remember_where_every_command_looks(
    folder: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    assert open_workspace(folder, variables).memory(PRODUCTION).read().number == 1
    assert (tmp_path / "memory" / "weighlock").is_dir()
    elsewhere = {"XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    assert open_workspace(folder, elsewhere).memory(PRODUCTION).read() == Memory()


def test_keys_are_for_their_owner_only(folder: Path) -> None:
    private = sorted((folder / "keys").glob("*.pem"))
    assert len(private) == 7
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    assert (folder / "keys").stat().st_mode & 0o777 == 0o700
    assert (folder / "keys" / ".gitignore").read_text() == "*.pem\n"


def test_everybody_can_see_that_it_is_a_trial(folder: Path, variables: dict[str, str]) -> None:
    workspace = open_workspace(folder, variables)
    assert workspace.trust.trial
    assert all(key.trial for key in workspace.trust.document.keys.values())
    assert workspace.trust.threshold(Role.APPROVER) == 2
    settings = (folder / FILE_NAME).read_text()
    (folder / FILE_NAME).write_text(settings.replace("trial: true", "trial: false"))
    for environment in ENVIRONMENTS:
        with pytest.raises(DeniedError) as caught:
            open_workspace(folder, variables).trust_for(environment)
        assert caught.value.code == "trial_keys"


def test_a_trial_ends(folder: Path, variables: dict[str, str]) -> None:
    end = NOW + dt.timedelta(days=DAYS)
    assert open_workspace(folder, variables, end - dt.timedelta(seconds=1)).trust.expires == end
    with pytest.raises(DeniedError) as caught:
        _ = open_workspace(folder, variables, end).trust
    assert caught.value.code == "trust_expired"


@pytest.mark.parametrize(
    ("kept", "code"),
    [
        (FILE_NAME, "settings_exists"),
        ("keys/ana.pem", "key_exists"),
        ("keys/production-log.pem", "key_exists"),
    ],
)
def test_nothing_is_overwritten(tmp_path: Path, variables: dict[str, str], kept: str, code: str) -> None:
    place = tmp_path / kept
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("mine")
    with pytest.raises(UsageError) as caught:
        initialise(tmp_path, clock, variables)
    assert caught.value.code == code
    assert place.read_text() == "mine"
    assert not (tmp_path / "trust").exists()


def test_a_trust_folder_is_not_overwritten(folder: Path, variables: dict[str, str]) -> None:
    before = (folder / "trust" / "1.json").read_bytes()
    (folder / FILE_NAME).unlink()
    for file in (folder / "keys").iterdir():
        file.unlink()
    with pytest.raises(UsageError) as caught:
        initialise(folder, clock, variables)
    assert caught.value.code == "trust_exists"
    assert (folder / "trust" / "1.json").read_bytes() == before
