"""What every tree of untrusted files promises to the catalogers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from weighlock.core.error import DeniedError
from weighlock.core.tree import EntryKind, MemoryTree, Tree, walk
from weighlock.source.tree import FolderTree

Maker = Callable[[Mapping[str, bytes]], Tree]


@pytest.fixture(params=["memory", "folder"])
def make_tree(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    def in_folder(files: Mapping[str, bytes]) -> Tree:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        return FolderTree(tmp_path)

    return MemoryTree if request.param == "memory" else in_folder


def test_entries_have_full_paths_kinds_and_sizes(make_tree: Maker) -> None:
    tree = make_tree({"a/b/c.txt": b"xyz", "a/d": b"", "e": b"1"})
    assert tree.entries("") == [("a", EntryKind.FOLDER, 0), ("e", EntryKind.FILE, 1)]
    assert tree.entries("a") == [("a/b", EntryKind.FOLDER, 0), ("a/d", EntryKind.FILE, 0)]


@pytest.mark.parametrize("folder", ["missing", "e", "e/f", "a/missing"])
def test_what_is_no_folder_has_no_entries(make_tree: Maker, folder: str) -> None:
    assert make_tree({"a/b": b"", "e": b""}).entries(folder) == []


def test_reads_whole_files_up_to_the_limit(make_tree: Maker) -> None:
    tree = make_tree({"a/b": b"12345"})
    assert tree.read("a/b", limit=5) == b"12345"
    with pytest.raises(DeniedError) as caught:
        tree.read("a/b", limit=4)
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize("path", ["missing", "a", "a/b/c"])
def test_what_is_no_file_reads_as_none(make_tree: Maker, path: str) -> None:
    assert make_tree({"a/b": b""}).read(path, limit=5) is None


def test_walks_everything_but_folders(make_tree: Maker) -> None:
    tree = make_tree({"a/b/c": b"", "a/d": b"", "e": b""})
    assert {entry.path for entry in walk(tree, "")} == {"a/b/c", "a/d", "e"}
    assert {entry.path for entry in walk(tree, "a")} == {"a/b/c", "a/d"}
