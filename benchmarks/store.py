"""The embedded store: bytes in and out against plain tools, and listing when there is a lot.

    python benchmarks/store.py [--bytes N] [--rounds N] [--folder DIR]

Prints Markdown. Every row is the least disturbed of interleaved rounds in one run, with the files in
the page cache. CPU seconds are those of all cores; they suffer less from a busy machine than the wall.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.service.listing import list_artifacts
from weighlock.source.folder import FolderFile
from weighlock.source.steady import steady_chunks
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.export import export_artifact
from weighlock.store.index import Index
from weighlock.store.interface import Store
from weighlock.store.layout import LayoutStore
from weighlock.store.memory import MemoryStore

ARTIFACTS = 1_000
REFERRERS = 10
NOTE = "application/vnd.example.note"


class Took(NamedTuple):
    """Seconds on the wall, and of all cores, of this process and its children."""

    wall: float
    cpu: float


class Row(NamedTuple):
    """Something to measure, and what makes it possible to do it again; that is not measured."""

    act: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def measure(rows: dict[str, Row], rounds: int) -> dict[str, Took]:
    """Return the best times of interleaved rounds."""
    taken: dict[str, list[Took]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, row in rows.items():
            row.prepare()
            start, before = time.perf_counter(), os.times()
            row.act()
            after = os.times()
            taken[name].append(Took(time.perf_counter() - start, sum(after[:4]) - sum(before[:4])))
    return {
        name: Took(min(each.wall for each in all_), min(each.cpu for each in all_))
        for name, all_ in taken.items()
    }


def tool(*command: str | Path) -> Callable[[], object]:
    return lambda: subprocess.run([str(each) for each in command], check=True, capture_output=True)


def ingest(root: Path, files: list[Path]) -> Digest:
    with LayoutStore.open(root) as store, ThreadPoolExecutor(2) as pool:
        blobs = list(pool.map(lambda file: store.write_blob(_chunks(file)), files))
        listed = [ArtifactFile(file.name, *blob) for file, blob in zip(files, blobs, strict=True)]
        artifact, config = Artifact.build(listed)
        store.write_blob([config])
        return store.put_manifest(artifact.manifest, name="model").digest


def _chunks(file: Path) -> Iterator[memoryview]:
    return steady_chunks(FolderFile(file.name, file.stat().st_size, file))


def digest_memory(size: int) -> None:
    """Digest as many bytes in memory: one core can do no better."""
    chunk = bytes(1_000_000)
    digest = hashlib.sha256()
    for _ in range(size // len(chunk)):
        digest.update(chunk)


def make_files(folder: Path, parts: int, size: int) -> list[Path]:
    files = [folder / f"part{number}.bin" for number in range(parts)]
    for file in files:
        with file.open("wb") as stream:
            for _ in range(size // parts // 1_000_000):
                stream.write(os.urandom(1_000_000))
    return files


def measure_bytes(folder: Path, parts: int, size: int, rounds: int) -> None:
    folder.mkdir()
    files = make_files(folder, parts, size)
    root, new, out = folder / "store", folder / "new", folder / "out"
    LayoutStore.create(root).close()
    digest = ingest(root, files)
    store = LayoutStore.open(root)

    def without(path: Path, then: Callable[[], object]) -> Callable[[], object]:
        def prepare() -> None:
            shutil.rmtree(path, ignore_errors=True)
            then()
            os.sync()  # nobody pays for another's dirty pages

        return prepare

    gone, empty = without(out, lambda: None), without(out, out.mkdir)
    fresh = without(new, lambda: LayoutStore.create(new).close())
    rows = {
        "SHA-256 of as much memory, one core": Row(lambda: digest_memory(size)),
        "openssl dgst -sha256": Row(tool("openssl", "dgst", "-sha256", *files)),
        "sha256sum": Row(tool("sha256sum", *files)),
        "cp": Row(tool("cp", *files, out), empty),
        "cp, then sync": Row(tool("sh", "-c", 'cp "$@" && sync -f "$0"', out, *files, out), empty),
        "**ingest**: digest, copy, fsync": Row(lambda: ingest(new, files), fresh),
        "**export**: digest, copy, fsync": Row(lambda: export_artifact(store, digest, out), gone),
        "**export**, not durable": Row(lambda: export_artifact(store, digest, out, durable=False), gone),
        "**fsck**": Row(lambda: check_store(root)),
    }
    took = measure(rows, rounds)
    limit, copy = took["SHA-256 of as much memory, one core"], took["cp"]
    print(f"\n{size / 1e9:g} GB in {parts} file{'s' * (parts > 1)}, {len(os.sched_getaffinity(0))} cores:\n")
    print("| | wall s | to memory | to cp | CPU s | to memory + cp |\n|---|---|---|---|---|---|")
    for name, each in took.items():
        cpu = each.cpu / (limit.cpu + copy.cpu)
        print(
            f"| {name} | {each.wall:.2f} | {each.wall / limit.wall:.2f} | {each.wall / copy.wall:.2f} "
            f"| {each.cpu:.2f} | {cpu:.2f} |"
        )
    store.close()
    shutil.rmtree(folder)


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


def make_many(folder: Path) -> tuple[Path, list[Digest]]:
    """Make a large store: in memory, then written at once, as attaching one by one takes minutes."""
    root = folder / "many"
    LayoutStore.create(root).close()
    filling = MemoryStore()
    models = fill(filling, ARTIFACTS, REFERRERS)
    for digest, data in filling.blobs.items():
        file = root / "blobs" / "sha256" / digest.hex
        file.write_bytes(data)
        file.chmod(0o444)
    index = Index({entry.descriptor.digest: entry for entry in filling.entries()})
    (root / "index.json").write_bytes(index.to_bytes())
    return root, models


def measure_listing(folder: Path, rounds: int) -> None:
    root, models = make_many(folder)
    store = LayoutStore.open(root)
    name = f"org/model-{ARTIFACTS // 2}@1"
    model = store.resolve(name)

    def opened() -> LayoutStore:
        return LayoutStore.open(root)

    rows = {
        "open, resolve one name": Row(lambda: opened().resolve(name)),
        "open, read one artifact's referrers": Row(lambda: opened().referrers(models[-1])),
        "open, list: read every artifact's manifest": Row(lambda: list_artifacts(opened())),
        "attach, store open": Row(lambda: store.attach(model, NOTE, os.urandom(20), NOTE)),
        "gc, nothing to do": Row(lambda: collect_garbage(store)),
        "fsck": Row(lambda: check_store(root)),
    }
    took = measure(rows, rounds)
    size = (root / "index.json").stat().st_size / 1e6
    print(f"\n{ARTIFACTS} artifacts with {REFERRERS} referrers each, index.json {size:.1f} MB:\n")
    print("| | wall ms | CPU ms |\n|---|---|---|")
    for title, each in took.items():
        print(f"| {title} | {each.wall * 1000:.0f} | {each.cpu * 1000:.0f} |")
    assert check_store(root).findings == ()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for parts in (1, 8):
            measure_bytes(Path(name) / f"in{parts}", parts, options.bytes, options.rounds)
        measure_listing(Path(name), options.rounds)


if __name__ == "__main__":
    main()
