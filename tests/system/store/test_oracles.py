"""The store under tools and file systems that are not ours: skopeo, a full disk, a file system with reflinks."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import missing
from unit.store.storing import NOTE, put_model
from weighlock.store import export
from weighlock.store.check import check_store
from weighlock.store.export import export_artifact
from weighlock.store.layout import LayoutStore

pytestmark = pytest.mark.system

FILES = {"weights.bin": b"weights" * 100_000, "a/config.json": b"{}"}
Needs = Callable[..., None]


def call(*command: str | Path) -> str:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_skopeo_reads_what_we_write(tmp_path: Path, needs: Needs) -> None:
    needs("skopeo")
    root, copied = tmp_path / "store", tmp_path / "copied"
    with LayoutStore.create(root) as store:
        model = put_model(store, FILES, name="org/minilm@1")
        store.attach(model, NOTE, b"note", NOTE)
        raw = store.read_blob(model.digest)
    assert call("skopeo", "inspect", "--raw", f"oci:{root}:org/minilm@1") == raw.decode()
    call(
        "skopeo",
        "--insecure-policy",
        "copy",
        "--preserve-digests",
        f"oci:{root}:org/minilm@1",
        f"dir:{copied}",
    )
    assert (copied / "manifest.json").read_bytes() == raw
    for layer in json.loads(raw)["layers"]:
        data = (copied / layer["digest"].removeprefix("sha256:")).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == layer["digest"]
        assert data == FILES[layer["annotations"]["org.opencontainers.image.title"]]


def test_we_read_what_skopeo_writes(tmp_path: Path, needs: Needs) -> None:
    needs("skopeo")
    root, copied = tmp_path / "store", tmp_path / "copied"
    with LayoutStore.create(root) as store:
        model = put_model(store, FILES, name="minilm")
    call(
        "skopeo",
        "--insecure-policy",
        "copy",
        "--preserve-digests",
        f"oci:{root}:minilm",
        f"oci:{copied}:moved",
    )
    (copied / "ingest").mkdir()  # all that makes an image layout a store
    with LayoutStore.open(copied) as store:
        assert store.resolve("moved").digest == model.digest
        export_artifact(store, model.digest, tmp_path / "out")
    assert (tmp_path / "out" / "weights.bin").read_bytes() == FILES["weights.bin"]


FULL = """
import sys
from pathlib import Path
from weighlock.core.error import UndecidedError
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.layout import LayoutStore
root = Path(sys.argv[1]) / "store"
store = LayoutStore.create(root)
kept = store.write_blob([b"x" * 500_000])
try:
    store.write_blob(b"x%d" % number * 10_000 for number in range(1000))
except UndecidedError as error:
    print(error.code, error.hint)
assert store.read_blob(kept.digest) == b"x" * 500_000
assert check_store(root).findings == ()
filler = Path(sys.argv[1]) / "filler"
try:
    filler.write_bytes(b"x" * 2_000_000)
except OSError:
    pass
try:
    for number in range(10_000):
        store.write_blob([b"%d" % number])
except UndecidedError as error:
    print(error.code)
assert check_store(root).damage == ()
filler.unlink()
store.close()
with LayoutStore.open(root) as again:
    collect_garbage(again)
assert check_store(root).findings == ()
print("clean")
"""


def test_a_full_disk_leaves_a_good_store(tmp_path: Path, needs: Needs) -> None:
    needs("unshare", "mount")
    script = tmp_path / "full.py"
    script.write_text(FULL)
    disk = tmp_path / "disk"
    disk.mkdir()
    shell = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"'
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        shell,
        "sh",
        str(disk),
        sys.executable,
        str(script),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        missing("user namespaces are not allowed here")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, last = done.stdout.splitlines()
    assert first.startswith("io_failed the disk is full")
    assert (second, last) == ("io_failed", "clean")


@pytest.fixture
def reflinking(tmp_path: Path, needs: Needs) -> Iterator[Path]:
    """A small XFS, which can share extents."""
    needs("mkfs.xfs", "mount", "umount")
    if os.geteuid() != 0:
        missing("only root may mount a file system")
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(320 << 20)
    call("mkfs.xfs", "-q", "-m", "reflink=1", image)
    mount = subprocess.run(
        ["mount", "-o", "loop", image, mounted], capture_output=True, text=True, check=False
    )
    if mount.returncode != 0:
        missing(f"no loop device: {mount.stderr.strip()}")
    yield mounted
    call("umount", mounted)


def test_an_export_shares_extents_and_not_the_inode(
    reflinking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(30 << 20)
    cloned: list[bool] = []
    real = export.clone_file

    def watched(source: int, target: int) -> bool:
        cloned.append(real(source, target))
        return cloned[-1]

    monkeypatch.setattr(export, "clone_file", watched)
    root, out = reflinking / "store", reflinking / "out"
    with LayoutStore.create(root) as store:
        model = put_model(store, {"weights.bin": data})
        before = os.statvfs(reflinking).f_bavail
        export_artifact(store, model.digest, out)
        used = (before - os.statvfs(reflinking).f_bavail) * os.statvfs(reflinking).f_frsize
        assert cloned == [True]
        assert used < len(data) // 2
        assert (out / "weights.bin").stat().st_nlink == 1
        with (out / "weights.bin").open("r+b") as file:
            file.write(b"overwritten")
    assert (out / "weights.bin").read_bytes() != data
    assert check_store(root).findings == ()
