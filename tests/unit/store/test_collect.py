import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.store.storing import NOTE, at_noon, blob_file, names_below, overwrite, put_model, refused
from weighlock.core.digest import Digest
from weighlock.core.jsontext import write_json
from weighlock.core.media_type import INDEX_MEDIA_TYPE
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.layout import LayoutStore

# writes one blob and half of another, says so, and waits to be killed
WRITER = """
import sys
from pathlib import Path
from weighlock.store.layout import LayoutStore
store = LayoutStore.open(Path(sys.argv[1]))
store.write_blob([b"whole"])
def chunks():
    yield b"half"
    print("ready", flush=True)
    sys.stdin.read()
store.write_blob(chunks())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Iterator[LayoutStore]:
    with LayoutStore.create(root, at_noon) as made:
        yield made


@pytest.fixture
def writer(root: Path, store: LayoutStore) -> Iterator[subprocess.Popen[str]]:
    assert store.entries() == []
    command = [sys.executable, "-c", WRITER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_what_is_listed_stays(store: LayoutStore, root: Path) -> None:
    model = put_model(store, {"a.bin": b"a", "b/c.bin": b"c"}, name="a")
    store.attach(model, NOTE, b"note", NOTE)
    before = names_below(root)
    assert collect_garbage(store).files == ()
    assert names_below(root) == before


def test_an_index_keeps_the_children_that_somebody_unlisted(store: LayoutStore) -> None:
    child = put_model(store, {"a.bin": b"a"})
    listed = [{"mediaType": child.media_type, "digest": str(child.digest), "size": child.size}]
    index = {"schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": listed}
    store.put_manifest(write_json(index))
    store.delete(child.digest)
    assert collect_garbage(store).files == ()
    assert store.read_blob(Digest.of(b"a")) == b"a"


def test_what_was_unlisted_goes_with_its_evidence_and_what_is_shared_stays(
    store: LayoutStore, root: Path
) -> None:
    one = put_model(store, {"same.bin": b"same", "one.bin": b"one"})
    two = put_model(store, {"same.bin": b"same", "two.bin": b"two"})
    store.attach(one, NOTE, b"about one", NOTE)
    store.delete(one.digest)
    garbage = collect_garbage(store)
    gone = {Path(path).name for path, _ in garbage.files}
    assert {one.digest.hex, Digest.of(b"one").hex, Digest.of(b"about one").hex} <= gone
    assert not gone & {two.digest.hex, Digest.of(b"same").hex}
    assert garbage.size == sum(size for _, size in garbage.files)
    assert store.read_blob(Digest.of(b"same")) == b"same"
    assert check_store(root).findings == ()


def test_a_dry_run_removes_nothing_and_names_the_same(store: LayoutStore, root: Path) -> None:
    model = put_model(store, {"a.bin": b"a"})
    store.delete(model.digest)
    before = names_below(root)
    promised = collect_garbage(store, dry_run=True)
    assert promised.dry_run
    assert names_below(root) == before
    assert collect_garbage(store).files == promised.files
    assert promised.files


def test_a_running_ingest_is_left_alone(
    store: LayoutStore, root: Path, writer: subprocess.Popen[str]
) -> None:
    before = names_below(root)
    assert collect_garbage(store).files == ()
    assert check_store(root).findings == ()
    assert names_below(root) == before
    assert writer.poll() is None


def test_what_a_killed_ingest_left_goes(
    store: LayoutStore, root: Path, writer: subprocess.Popen[str]
) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    report = check_store(root)
    assert {finding.rule for finding in report.findings} == {"store.leftover"}
    assert report.damage == ()
    garbage = collect_garbage(store)
    assert sorted(Path(path).suffix for path, _ in garbage.files) == ["", ".lease", ".partial"]
    assert {path for path, _ in garbage.files} == {finding.location for finding in report.findings}
    assert check_store(root).findings == ()


def test_a_blob_that_was_there_already_is_protected_too(store: LayoutStore, root: Path) -> None:
    with LayoutStore.open(root) as first:
        blob = first.write_blob([b"abc"])
    assert store.write_blob([b"abc"]) == blob  # garbage until now
    assert collect_garbage(store).files == ()
    assert store.read_blob(blob.digest) == b"abc"


@pytest.mark.parametrize("damage", ["index", "manifest", "missing"])
def test_nothing_is_removed_where_it_is_unknown_what_is_needed(
    store: LayoutStore, root: Path, damage: str
) -> None:
    model = put_model(store, {"a.bin": b"a"})
    place = blob_file(root, model.digest)
    if damage == "index":
        (root / "index.json").write_bytes(b"{}")
    elif damage == "manifest":
        overwrite(place, lambda raw: raw.replace(b"a.bin", b"b.bin"))
    else:
        place.unlink()
    before = names_below(root)
    with refused(
        {"index": "index_damaged", "manifest": "digest_mismatch", "missing": "blob_missing"}[damage]
    ):
        collect_garbage(store)
    assert names_below(root) == before


def test_foreign_files_are_not_for_gc_to_remove(store: LayoutStore, root: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"x")
    (root / "blobs" / "sha256" / ("a" * 64)).symlink_to(precious)
    (root / "ingest" / f"{'b' * 16}.lease").symlink_to(precious)
    (root / "blobs" / "sha256" / "notes.txt").touch()
    before = names_below(root)
    assert collect_garbage(store).files == ()
    assert names_below(root) == before
    assert precious.read_bytes() == b"x"
