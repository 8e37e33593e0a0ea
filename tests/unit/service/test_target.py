from pathlib import Path

import pytest

from weighlock.service.target import FolderTarget


def test_a_model_is_named_after_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert FolderTarget(folder).name == "model"
    assert FolderTarget(Path()).name == "model"
    assert FolderTarget(Path("/")).name == "model"


def test_a_location_has_a_path_only_inside_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    for root in (folder, tmp_path / "link"):
        target = FolderTarget(root)
        assert target.path_of(folder / "m.sig") == "m.sig"
        assert target.path_of(tmp_path / "link" / "sub" / "m.sig") == "sub/m.sig"
        assert target.path_of(folder) is None
        assert target.path_of(tmp_path / "m.sig") is None
        assert target.path_of(tmp_path / "model.sig") is None


def test_links_are_seen_where_they_are_accepted(tmp_path: Path) -> None:
    repository = tmp_path / "models--a--b"
    snapshot = repository / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "x").write_text("x")
    (snapshot / "plain").write_text("x")
    assert not FolderTarget(snapshot).has_links(())
    (snapshot / "linked").symlink_to("../../blobs/x")
    assert FolderTarget(snapshot).has_links(())
    assert not FolderTarget(snapshot).has_links(("linked",))
    assert not FolderTarget(snapshot / "plain").has_links(())
