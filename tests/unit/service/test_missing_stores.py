"""A project that has its settings but not its stores: a clone, or one that left its trial keys behind."""

import datetime as dt
import shutil
from pathlib import Path

import pytest

from weighlock.core.environment import EXPERIMENTATION, PRODUCTION
from weighlock.core.error import DeniedError, UsageError
from weighlock.ledger.entry import Action
from weighlock.service.gatekeeper import observe
from weighlock.service.initialise import initialise, make_missing_stores
from weighlock.service.log import read_entries, verify
from weighlock.service.state import sign_state
from weighlock.service.workspace import Workspace
from weighlock.settings import FILE_NAME, load_settings

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def clock() -> dt.datetime:
    return NOW


def workspace_of(project: Path, machine: Path) -> Workspace:
    variables = {"XDG_STATE_HOME": str(machine)}
    return Workspace(load_settings(project / FILE_NAME, variables=variables, flags={}, folder=project), clock)


@pytest.fixture
def cloned(tmp_path: Path) -> Path:
    """Return a project without its stores, on a machine whose gates saw nothing."""
    project = tmp_path / "project"
    project.mkdir()
    initialise(project, clock, {"XDG_STATE_HOME": str(tmp_path / "first machine")})
    shutil.rmtree(project / ".weighlock")
    return project


def test_both_stores_and_a_first_state_are_made(cloned: Path, tmp_path: Path) -> None:
    workspace = workspace_of(cloned, tmp_path / "second machine")
    stores, has_state = make_missing_stores(workspace)
    assert stores == [cloned / ".weighlock" / EXPERIMENTATION, cloned / ".weighlock" / PRODUCTION]
    assert has_state
    assert (cloned / ".weighlock" / ".gitignore").read_text() == "*\n"
    assert observe(workspace, PRODUCTION).state.number == 1


def test_without_the_key_of_production_the_state_is_left_to_renew(cloned: Path, tmp_path: Path) -> None:
    key = (cloned / "keys" / "production.pem").rename(tmp_path / "kept elsewhere.pem")
    workspace = workspace_of(cloned, tmp_path / "second machine")
    assert make_missing_stores(workspace)[1] is False
    with pytest.raises(DeniedError) as caught:
        observe(workspace, PRODUCTION)
    assert caught.value.code == "state_missing"
    key.rename(cloned / "keys" / "production.pem")
    assert sign_state(workspace, PRODUCTION).number == 1


def test_what_is_there_is_not_touched(cloned: Path, tmp_path: Path) -> None:
    workspace = workspace_of(cloned, tmp_path / "second machine")
    make_missing_stores(workspace)
    shutil.rmtree(cloned / ".weighlock" / EXPERIMENTATION)
    assert make_missing_stores(workspace) == ([cloned / ".weighlock" / EXPERIMENTATION], True)
    assert observe(workspace, PRODUCTION).state.number == 1
    with pytest.raises(UsageError) as caught:
        make_missing_stores(workspace)
    assert caught.value.code == "settings_exists"


def test_a_store_that_was_lost_is_not_begun_anew(cloned: Path, tmp_path: Path) -> None:
    workspace = workspace_of(cloned, tmp_path / "first machine")
    with pytest.raises(DeniedError) as caught:
        make_missing_stores(workspace)
    assert caught.value.code == "state_replayed"
    assert caught.value.hint.count(f"move {workspace.settings.memory} away") == 1


def test_a_log_without_its_store_is_completed(cloned: Path, tmp_path: Path) -> None:
    workspace = workspace_of(cloned, tmp_path / "second machine")
    workspace.note_decision(PRODUCTION, Action.RUN, [], message="denied, as the store was lost")
    assert make_missing_stores(workspace)[1]
    assert len(read_entries(workspace.log(PRODUCTION))) == 2


def test_nothing_is_made_before_the_trust_document_is_in_force(cloned: Path, tmp_path: Path) -> None:
    for signature in (cloned / "trust").glob("*.sigstore.json"):
        signature.unlink()
    with pytest.raises(DeniedError) as caught:
        make_missing_stores(workspace_of(cloned, tmp_path / "second machine"))
    assert caught.value.code == "trust_signatures_missing"
    assert not (cloned / ".weighlock").exists()


def test_a_trial_that_was_begun_anew_on_purpose(cloned: Path, tmp_path: Path) -> None:
    """What the hints of both denials say leads out of them."""
    workspace = workspace_of(cloned, tmp_path / "first machine")
    moved = f"move {workspace.settings.memory} away"
    with pytest.raises(DeniedError):
        make_missing_stores(workspace)
    with pytest.raises(DeniedError) as caught:
        workspace.note_decision(PRODUCTION, Action.RENEW, [])
    assert (caught.value.code, caught.value.hint.count(moved)) == ("log_truncated", 1)
    with pytest.raises(DeniedError) as caught:
        verify(workspace.log(PRODUCTION))
    assert (caught.value.code, caught.value.hint.count(moved)) == ("log_truncated", 1)
    workspace.settings.memory.rename(tmp_path / "kept as evidence")
    again = workspace_of(cloned, tmp_path / "first machine")
    assert sign_state(again, PRODUCTION).number == 1
    assert again.note_decision(PRODUCTION, Action.RENEW, [])


def test_a_log_that_contradicts_itself_is_nothing_to_forget(cloned: Path, tmp_path: Path) -> None:
    workspace = workspace_of(cloned, tmp_path / "second machine")
    make_missing_stores(workspace)
    log = workspace.log(PRODUCTION)
    (log.folder / "entries.jsonl").write_bytes(b"")
    with pytest.raises(DeniedError) as caught:
        verify(log)
    assert (caught.value.code, "away" in caught.value.hint) == ("log_truncated", False)
