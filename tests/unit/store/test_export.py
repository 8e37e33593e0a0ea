import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.store.storing import at_noon, blob_file, names_below, overwrite, put_model, refused
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.progress import Part
from weighlock.store import export
from weighlock.store.export import export_artifact
from weighlock.store.layout import LayoutStore
from weighlock.store.memory import MemoryStore

FILES = {"weights.bin": b"weights" * 100_000, "a/b/c.json": b"{}", "a/d.txt": b"", "z.bin": b"{}"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Iterator[LayoutStore]:
    with LayoutStore.create(root, at_noon) as made:
        yield made


@pytest.fixture
def model(store: LayoutStore) -> Descriptor:
    return put_model(store, FILES, name="minilm")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("durable", [True, False])
def test_an_export_has_every_file_and_nothing_else(
    store: LayoutStore, model: Descriptor, tmp_path: Path, durable: bool
) -> None:
    artifact = export_artifact(store, model.digest, tmp_path / "out", durable=durable)
    assert artifact.digest == model.digest
    assert contents(tmp_path / "out") == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]


def test_a_store_without_files_exports_too(tmp_path: Path) -> None:
    store = MemoryStore(at_noon)
    export_artifact(store, put_model(store, FILES).digest, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_no_exported_file_is_the_stores_file(
    store: LayoutStore, root: Path, model: Descriptor, tmp_path: Path
) -> None:
    export_artifact(store, model.digest, tmp_path / "out", mode=0o600)
    inside = {path.stat().st_ino for path in (root / "blobs" / "sha256").iterdir()}
    for path in FILES:
        status = (tmp_path / "out" / path).lstat()
        assert status.st_ino not in inside
        assert status.st_nlink == 1
        assert stat.S_ISREG(status.st_mode)
        assert stat.S_IMODE(status.st_mode) == 0o600
    (tmp_path / "out" / "weights.bin").write_bytes(b"overwritten")
    assert store.read_blob(Digest.of(FILES["weights.bin"])) == FILES["weights.bin"]


@pytest.mark.parametrize("path", ["weights.bin", "a/b/c.json", "a/d.txt", "z.bin"])
@pytest.mark.parametrize("kind", ["flip", "short", "long", "missing", "link"])
def test_damage_in_the_store_never_comes_out(
    store: LayoutStore, root: Path, tmp_path: Path, path: str, kind: str
) -> None:
    files = {**FILES, "a/d.txt": b"d"}
    model = put_model(store, files)
    data = files[path]
    file = blob_file(root, Digest.of(data))
    if kind == "missing":
        file.unlink()
    elif kind == "link":
        file.rename(tmp_path / "same bytes")
        file.symlink_to(tmp_path / "same bytes")
    else:
        changes = {
            "flip": lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
            "short": lambda raw: raw[:-1],
            "long": lambda raw: raw + b"x",
        }
        overwrite(file, changes[kind])
    before = names_below(tmp_path)
    code = {"flip": "digest_mismatch", "missing": "blob_missing", "link": "link_refused"}.get(
        kind, "size_mismatch"
    )
    with refused(code):
        export_artifact(store, model.digest, tmp_path / "out")
    assert names_below(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "folder", "full", "link", "dangling"])
def test_what_exists_is_never_written_to(
    store: LayoutStore, model: Descriptor, tmp_path: Path, kind: str
) -> None:
    out, aside = tmp_path / "out", tmp_path / "aside"
    aside.mkdir()
    if kind == "file":
        out.touch()
    elif kind in {"folder", "full"}:
        out.mkdir()
        if kind == "full":
            (out / "thesis.tex").touch()
    else:
        out.symlink_to(aside if kind == "link" else tmp_path / "absent")
    before = names_below(tmp_path)
    with refused("destination_exists"):
        export_artifact(store, model.digest, out)
    assert names_below(tmp_path) == before


def test_the_current_folder_exists(
    store: LayoutStore, model: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".", "..", "/"):
        with refused("destination_exists"):
            export_artifact(store, model.digest, Path(name))
    export_artifact(store, model.digest, Path("out"))
    assert contents(tmp_path / "out") == FILES


def test_a_destination_that_appears_meanwhile_is_kept(
    store: LayoutStore, model: Descriptor, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    class Planting:
        def begin(self, label: str, total_bytes: int) -> None: ...

        def advance(self, size_bytes: int) -> None:
            assert size_bytes
            out.mkdir(exist_ok=True)
            (out / "thesis.tex").touch()

        def end(self) -> None: ...

        def part(self, label: str, total_bytes: int) -> Part:
            raise AssertionError((label, total_bytes))

    with refused("io_failed"):
        export_artifact(store, model.digest, out, progress=Planting())
    assert contents(out) == {"thesis.tex": b""}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]


def test_a_link_planted_in_the_partial_folder_is_not_followed(
    store: LayoutStore, model: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    real = export._make_folders

    def plant(root: int, files: dict[str, Descriptor]) -> list[str]:
        made = real(root, files)
        os.symlink(victim, "weights.bin", dir_fd=root)
        return made

    monkeypatch.setattr(export, "_make_folders", plant)
    with refused("io_failed"):  # O_EXCL: the name exists
        export_artifact(store, model.digest, tmp_path / "out")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "out").exists()


def test_a_folder_swapped_for_a_link_is_not_entered(
    store: LayoutStore, model: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    real = export._make_folders

    def swap(root: int, files: dict[str, Descriptor]) -> list[str]:
        made = real(root, files)
        os.rename("a", "moved", src_dir_fd=root, dst_dir_fd=root)
        os.symlink(outside, "a", dir_fd=root)
        return made

    monkeypatch.setattr(export, "_make_folders", swap)
    with pytest.raises(Exception, match="export into"):
        export_artifact(store, model.digest, tmp_path / "out")
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_a_clone_is_digested_itself(
    store: LayoutStore, model: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's clone is replaced by a copy, once faithful and once not."""
    lying = threading.Event()

    def ioctl(target: int, request: int, source: int) -> int:
        assert request == export.FICLONE
        data = os.pread(source, 1 << 24, 0)
        os.pwrite(target, data[::-1] if lying.is_set() else data, 0)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    export_artifact(store, model.digest, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    lying.set()
    with refused("digest_mismatch"):
        export_artifact(store, model.digest, tmp_path / "out2")
    assert not (tmp_path / "out2").exists()


def test_an_error_of_the_disk_while_cloning_is_said(
    store: LayoutStore, model: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ioctl(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    with refused("io_failed"):
        export_artifact(store, model.digest, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_only_models_are_exported(store: LayoutStore, model: Descriptor, tmp_path: Path) -> None:
    note = store.attach(model, "application/vnd.example.note", b"x", "application/vnd.example.note")
    with refused("manifest_invalid"):
        export_artifact(store, note.digest, tmp_path / "out")
