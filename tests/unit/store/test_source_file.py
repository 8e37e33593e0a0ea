import os
from pathlib import Path

import pytest

from unit.store.storing import at_noon, refused
from weighlock.core.digest import Digest
from weighlock.store.memory import MemoryStore
from weighlock.store.source_file import add_file

DATA = bytes(range(256)) * 10_000  # more than two reads


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(at_noon)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(DATA)
    return path


class Meddling:
    """A progress that does something after the first read."""

    def __init__(self, file: Path, kind: str) -> None:
        self.file = file
        self.kind = kind
        self.advanced = 0

    def begin(self, label: str, total_bytes: int) -> None: ...

    def end(self) -> None: ...

    def advance(self, size_bytes: int) -> None:
        self.advanced += size_bytes
        if self.advanced != size_bytes:
            return
        if self.kind == "grow":
            with self.file.open("ab") as stream:
                stream.write(b"x")
        elif self.kind == "shrink":
            os.truncate(self.file, len(DATA) - 1)
        elif self.kind == "rewrite":
            self.file.write_bytes(DATA[::-1])


def test_a_file_comes_in_by_path_and_by_descriptor(store: MemoryStore, file: Path) -> None:
    progress = Meddling(file, "watch")
    assert add_file(store, file, progress=progress) == (Digest.of(DATA), len(DATA))
    assert progress.advanced == len(DATA)
    with file.open("rb") as stream:
        stream.seek(100)
        blob = add_file(store, stream.fileno(), expected=Digest.of(DATA), expected_size=len(DATA))
        assert stream.tell() == 100
    assert store.read_blob(blob.digest) == DATA


def test_an_unexpected_file_stays_out(store: MemoryStore, file: Path) -> None:
    with refused("digest_mismatch"):
        add_file(store, file, expected=Digest.of(b""))
    with refused("size_mismatch"):
        add_file(store, file, expected_size=len(DATA) - 1)
    assert store.blobs == {}


@pytest.mark.parametrize("kind", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_meanwhile_stays_out(store: MemoryStore, file: Path, kind: str) -> None:
    with refused("file_changed"):
        add_file(store, file, progress=Meddling(file, kind))
    assert store.blobs == {}


def test_only_regular_files_come_in(store: MemoryStore, file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "fifo")
    with refused("link_refused"):
        add_file(store, tmp_path / "link")
    with refused("file_special"):
        add_file(store, tmp_path / "fifo")
    with refused("file_special"):
        add_file(store, tmp_path)
    with refused("source_missing"):
        add_file(store, tmp_path / "absent")
    assert store.blobs == {}
