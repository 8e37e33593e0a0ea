import os
import socket
from pathlib import Path

import pytest

from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.source import folder
from weighlock.source.folder import FolderFile, walk_folder


def write(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def refused(root: Path) -> str:
    with pytest.raises(DeniedError) as caught:
        walk_folder(root)
    return caught.value.code


def test_lists_files_in_code_point_order_with_sizes(tmp_path: Path) -> None:
    write(tmp_path, "b/z", "b.txt", "a", "ä", "C")
    assert walk_folder(tmp_path) == [
        FolderFile(path, len(path.encode()), tmp_path / path) for path in ("C", "a", "b.txt", "b/z", "ä")
    ]


def test_a_file_is_an_artifact_of_one_file_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "model.gguf")
    (tmp_path / "link.gguf").symlink_to("model.gguf")
    assert [file.path for file in walk_folder(tmp_path / "model.gguf")] == ["model.gguf"]
    assert walk_folder(tmp_path / "link.gguf") == [FolderFile("link.gguf", 10, tmp_path / "model.gguf")]


def test_ignored_paths_are_left_out_whole_and_unexamined(tmp_path: Path) -> None:
    write(tmp_path, "model.bin", "model.sig", "deep/model.sig")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "link").symlink_to("/etc/passwd")
    assert [file.path for file in walk_folder(tmp_path, ignore=(".git", "model.sig"))] == [
        "deep/model.sig",
        "model.bin",
    ]


def test_a_missing_root_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        walk_folder(tmp_path / "absent")
    assert caught.value.code == "source_missing"


def test_an_empty_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert refused(tmp_path) == "artifact_empty"


def test_special_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path) == "file_special"
    assert refused(tmp_path / "fifo") == "file_special"
    (tmp_path / "fifo").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert refused(tmp_path) == "file_special"
    assert refused(Path("/dev/null")) == "file_special"


@pytest.mark.parametrize("target", ["model.bin", "../outside", "/etc/hostname", "absent", ".", "loop"])
def test_links_are_refused_wherever_they_lead(tmp_path: Path, target: str) -> None:
    write(tmp_path, "root/model.bin", "outside")
    (tmp_path / "root" / "loop").symlink_to(target)
    assert refused(tmp_path / "root") == "link_refused"


@pytest.mark.parametrize("name", [b"\xff.bin", b"a\\b", b"nul", b"a\nb", b"x:y", b"end."])
def test_names_that_are_not_portable_are_refused(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    assert refused(tmp_path) == "path_invalid"


def test_names_that_collide_elsewhere_are_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "Model.bin", "model.bin")) == "path_collision"


def test_too_many_files_or_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_FILES", 3)
    write(tmp_path, "a", "b", "c")
    assert len(walk_folder(tmp_path)) == 3
    write(tmp_path, "d")
    assert refused(tmp_path) == "artifact_too_many_files"
    monkeypatch.setattr(folder, "MAX_FILES", 10)
    monkeypatch.setattr(folder, "MAX_ENTRIES", 10)
    (tmp_path / "e/e/e/e/e/e/e").mkdir(parents=True)
    assert refused(tmp_path) == "artifact_too_many_files"


def test_an_unreadable_folder_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a")

    def failing(_self: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", failing)
    with pytest.raises(UndecidedError) as caught:
        walk_folder(tmp_path)
    assert caught.value.code == "io_failed"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Return a snapshot as the Hugging Face cache lays it out: one file as a link, one in a folder."""
    repository = tmp_path / "hub" / "models--owner--name"
    write(repository, "blobs/aaa", "blobs/bbb", "refs/main")
    made = repository / "snapshots" / "c0ffee"
    (made / "onnx").mkdir(parents=True)
    (made / "config.json").symlink_to("../../blobs/aaa")
    (made / "onnx" / "model.onnx").symlink_to("../../../blobs/bbb")
    return made


def test_a_snapshot_of_the_hugging_face_cache_works(snapshot: Path) -> None:
    blobs = snapshot.parent.parent / "blobs"
    assert walk_folder(snapshot) == [
        FolderFile("config.json", 9, blobs / "aaa"),
        FolderFile("onnx/model.onnx", 9, blobs / "bbb"),
    ]


def test_a_snapshot_may_not_lead_out_of_its_own_blobs(snapshot: Path, tmp_path: Path) -> None:
    write(tmp_path, "hub/models--other/blobs/ccc", "secret")
    link = snapshot / "stolen"
    for target in (
        tmp_path / "secret",
        tmp_path / "hub/models--other/blobs/ccc",
        snapshot.parent.parent / "refs/main",
    ):
        link.symlink_to(target)
        assert refused(snapshot) == "link_refused"
        link.unlink()
    (snapshot.parent.parent / "blobs" / "ddd").symlink_to(tmp_path / "secret")
    link.symlink_to("../../blobs/ddd")
    assert refused(snapshot) == "link_refused"


def test_a_snapshot_whose_blobs_are_a_link_is_refused(snapshot: Path, tmp_path: Path) -> None:
    blobs = snapshot.parent.parent / "blobs"
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    assert refused(snapshot) == "link_refused"


def test_a_blob_that_is_a_folder_is_refused(snapshot: Path) -> None:
    (snapshot.parent.parent / "blobs" / "folder").mkdir()
    (snapshot / "folder").symlink_to("../../blobs/folder")
    assert refused(snapshot) == "file_special"
