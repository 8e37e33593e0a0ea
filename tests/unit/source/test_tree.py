"""A folder as a tree: no link is followed, nothing outside is reached."""

import os
from pathlib import Path

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError
from weighlock.core.tree import EntryKind
from weighlock.source.tree import FolderTree


@pytest.fixture
def tree(tmp_path: Path) -> FolderTree:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_bytes(b"content")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "folder" / "alias").symlink_to("file")
    os.mkfifo(root / "fifo")
    return FolderTree(root)


def test_links_and_special_files_are_named_as_such(tree: FolderTree) -> None:
    kinds = {entry.path: entry.kind for entry in (*tree.entries(""), *tree.entries("folder"))}
    assert kinds == {
        "fifo": EntryKind.OTHER,
        "folder": EntryKind.FOLDER,
        "link": EntryKind.LINK,
        "folder/alias": EntryKind.LINK,
        "folder/file": EntryKind.FILE,
    }


@pytest.mark.parametrize(
    "path", ["link/secret", "folder/alias", "fifo", "../outside/secret", "folder/../../outside/secret"]
)
def test_nothing_is_read_through_links_pipes_or_upwards(tree: FolderTree, path: str) -> None:
    assert tree.read(path, limit=100) is None
    assert tree.digest(path) is None


@pytest.mark.parametrize("folder", ["link", "..", "../outside", "folder/.."])
def test_no_folder_is_listed_through_links_or_upwards(tree: FolderTree, folder: str) -> None:
    assert tree.entries(folder) == []


def test_an_absolute_path_is_no_path_of_the_tree(tree: FolderTree, tmp_path: Path) -> None:
    assert tree.read(str(tmp_path / "outside" / "secret"), limit=100) is None
    assert tree.read("/etc/hostname", limit=100) is None
    assert tree.entries("/") == tree.entries("/etc") == tree.entries(str(tmp_path / "outside")) == []


def test_digests_and_size(tree: FolderTree) -> None:
    assert tree.digest("folder/file") == (Digest.of(b"content"), 7)
    sha512 = tree.digest("folder/file", algorithm="sha512")
    assert sha512 is not None
    assert sha512[0].algorithm == "sha512"


def test_what_the_system_refuses_is_undecided(tree: FolderTree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UndecidedError) as caught:
        tree.read("folder/file", limit=100)
    assert caught.value.code == "io_failed"
