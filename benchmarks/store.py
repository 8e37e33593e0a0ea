"""The embedded store: bytes in and out against cp and plain digests, and listing when there is a lot.

Run as a program. Everything is measured in one run, warm from the page cache, the best of a few
turns; ratios are to a plain tool doing the nearest thing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.service.listing import list_artifacts
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.export import export_artifact
from weighlock.store.interface import Store
from weighlock.store.layout import LayoutStore
from weighlock.store.memory import MemoryStore
from weighlock.store.source_file import add_file

GIGABYTE = 1_000_000_000
TURNS = 3
ARTIFACTS = 1_000
REFERRERS = 10
NOTE = "application/vnd.example.note"


def seconds(action: Callable[[], object], clean: Callable[[], object] = lambda: None) -> float:
    """Return the best time of a few turns; ``clean`` runs before each, untimed."""
    best = float("inf")
    for _ in range(TURNS):
        clean()
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def tool(*command: str | Path) -> Callable[[], object]:
    return lambda: subprocess.run([str(each) for each in command], check=True, capture_output=True)


def ingest(root: Path, files: list[Path]) -> Digest:
    with LayoutStore.open(root) as store, ThreadPoolExecutor(2) as pool:
        blobs = list(pool.map(lambda file: add_file(store, file), files))
        listed = [ArtifactFile(file.name, *blob) for file, blob in zip(files, blobs, strict=True)]
        artifact, config = Artifact.build(listed)
        store.write_blob([config])
        return store.put_manifest(artifact.manifest, name="model").digest


def digest_memory() -> None:
    """Digest a gigabyte that is in memory: no single thread can do better with the bytes of one file."""
    chunk = bytes(1_000_000)
    digest = hashlib.sha256()
    for _ in range(GIGABYTE // len(chunk)):
        digest.update(chunk)


def measure_bytes(folder: Path, parts: int) -> None:
    files = [folder / f"part{number}.bin" for number in range(parts)]
    for file in files:
        with file.open("wb") as stream:
            for _ in range(GIGABYTE // parts // 1_000_000):
                stream.write(os.urandom(1_000_000))
    root, out = folder / "store", folder / "out"

    def empty() -> None:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        os.sync()
        LayoutStore.create(root).close()

    def away() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        os.sync()

    def gone() -> None:
        shutil.rmtree(out, ignore_errors=True)
        os.sync()

    plain = {
        "SHA-256 in memory": seconds(digest_memory),
        "openssl dgst": seconds(tool("openssl", "dgst", "-sha256", *files)),
        "cp": seconds(tool("cp", *files, out), away),
        "cp && sync": seconds(tool("sh", "-c", 'cp "$@" && sync -f "$0"', out, *files, out), away),
    }
    made = seconds(lambda: ingest(root, files), empty)
    digest = ingest(root, files)
    with LayoutStore.open(root) as store:
        ours = {
            "ingest (digest, copy, fsync)": made,
            "export, durable": seconds(lambda: export_artifact(store, digest, out), gone),
            "export, not durable": seconds(lambda: export_artifact(store, digest, out, durable=False), gone),
            "fsck": seconds(lambda: check_store(root)),
        }
    print(
        f"\n1 GB in {parts} file{'s' * (parts > 1)}: "
        + ", ".join(f"{name} {took:.2f} s" for name, took in plain.items())
    )
    for name, took in ours.items():
        ratios = "  ".join(f"{took / other:5.2f} x {tool_name}" for tool_name, other in plain.items())
        print(f"  {name:30} {took:5.2f} s  {ratios}")


def fill(store: Store, artifacts: int, referrers: int) -> list[Digest]:
    made = []
    for number in range(artifacts):
        blob = store.write_blob([b"%d" % number])
        artifact, config = Artifact.build([ArtifactFile("weights.bin", *blob)])
        store.write_blob([config])
        model = store.put_manifest(artifact.manifest, name=f"org/model-{number}@1")
        for turn in range(referrers):
            store.attach(model, NOTE, b"%d %d" % (number, turn), NOTE)
        made.append(model.digest)
    return made


def measure_listing(folder: Path) -> None:
    root = folder / "many"
    store = LayoutStore.create(root)
    filling = MemoryStore()
    start = time.perf_counter()
    models = fill(filling, ARTIFACTS, REFERRERS)
    print(
        f"\n{ARTIFACTS} artifacts x {REFERRERS} referrers: made in memory in {time.perf_counter() - start:.1f} s"
    )
    for digest, data in filling.blobs.items():  # the blobs, then the whole list at once
        (root / "blobs" / "sha256" / digest.hex).write_bytes(data)
        (root / "blobs" / "sha256" / digest.hex).chmod(0o444)
    (root / "index.json").write_bytes(filling._index().to_bytes())  # noqa: SLF001  # one by one takes minutes
    size = (root / "index.json").stat().st_size
    print(f"  index.json {size / 1e6:.1f} MB")
    opened = lambda: LayoutStore.open(root)  # noqa: E731
    rows = {
        "open and resolve one name": lambda: opened().resolve("org/model-500@1"),
        "open and list one's referrers": lambda: opened().referrers(models[500]),
        "ls: open, read 1,000 manifests": lambda: list_artifacts(opened()),
        "open and attach": lambda: opened().attach(
            filling.resolve("org/model-500@1"), NOTE, os.urandom(20), NOTE
        ),
        "attach to an open store": lambda: store.attach(
            filling.resolve("org/model-500@1"), NOTE, os.urandom(20), NOTE
        ),
        "gc, nothing to do": lambda: collect_garbage(store),
        "fsck": lambda: check_store(root),
    }
    for name, action in rows.items():
        print(f"  {name:32} {seconds(action) * 1000:8.1f} ms")
    assert check_store(root).findings == ()


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        for parts in (1, 8):
            measure_bytes(Path(name), parts)
        measure_listing(Path(name))


if __name__ == "__main__":
    main()
