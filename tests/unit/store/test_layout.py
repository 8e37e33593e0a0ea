import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.store.storing import NOTE, at_noon, blob_file, names_below, overwrite, put_model, refused
from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.layout import LAYOUT, LayoutStore

SKELETON = {"blobs", "blobs/sha256", "ingest", "ingest/lock", "index.json", "oci-layout"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "store"


@pytest.fixture
def store(root: Path) -> Iterator[LayoutStore]:
    with LayoutStore.create(root, at_noon) as made:
        yield made


def test_a_new_store_is_an_empty_image_layout(store: LayoutStore, root: Path) -> None:
    assert names_below(root) == SKELETON
    assert (root / "oci-layout").read_bytes() == LAYOUT
    assert store.entries() == []
    assert check_store(root).findings == ()


def test_a_store_is_not_made_over_anything(store: LayoutStore, root: Path, tmp_path: Path) -> None:
    with refused("store_exists"):
        LayoutStore.create(root)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with refused("store_exists"):
        LayoutStore.create(tmp_path / "other")
    assert store.entries() == []


@pytest.mark.parametrize("steps", range(10))
def test_an_interrupted_create_is_completed(root: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = steps
    real = os.fsync

    def interrupted(descriptor: int) -> None:
        nonlocal rest
        rest -= 1
        if rest < 0:
            raise KeyboardInterrupt
        real(descriptor)

    monkeypatch.setattr(os, "fsync", interrupted)
    if steps < 8:  # a create in two new folders synchronises eight times
        with pytest.raises(KeyboardInterrupt):
            LayoutStore.create(root)
        monkeypatch.undo()
        if not (root / "oci-layout").exists():
            with refused("store_missing"):
                LayoutStore.open(root)
            LayoutStore.create(root).close()
    else:
        LayoutStore.create(root).close()
    assert check_store(root).findings == ()
    assert names_below(root) == SKELETON


@pytest.mark.parametrize(
    "content", [b'{"imageLayoutVersion":"2.0.0"}', b"{}", b"", b"[]", b'{"imageLayoutVersion":1}']
)
def test_an_unknown_version_is_not_opened(store: LayoutStore, root: Path, content: bytes) -> None:
    store.close()
    (root / "oci-layout").write_bytes(content)
    with refused("store_version_unknown"):
        LayoutStore.open(root)


def test_what_is_no_store_is_not_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", Path(__file__)):
        with refused("store_missing"):
            LayoutStore.open(path)


def test_blobs_are_read_only_private_and_named_last(store: LayoutStore, root: Path) -> None:
    seen: list[set[str]] = []

    def chunks() -> Iterator[bytes]:
        yield b"abc"
        seen.append(names_below(root))
        yield b"def"

    blob = store.write_blob(chunks())
    partials = {name for name in seen[0] if name.endswith(".partial")}
    assert len(partials) == 1
    assert not any(name.startswith("blobs/sha256/") for name in seen[0])
    status = blob_file(root, blob.digest).lstat()
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o444, 1)


def test_after_a_manifest_no_lease_is_left(store: LayoutStore, root: Path) -> None:
    put_model(store, {"a.bin": b"a", "b.bin": b"b"})
    assert {name for name in names_below(root) if name.startswith("ingest/")} == {"ingest/lock"}


def test_a_blob_written_again_takes_the_place_of_what_is_there(store: LayoutStore, root: Path) -> None:
    blob = store.write_blob([b"abc"])
    overwrite(blob_file(root, blob.digest), lambda _: b"abd")
    assert store.write_blob([b"abc"]) == blob
    assert blob_file(root, blob.digest).read_bytes() == b"abc"
    assert check_store(root).findings == ()


def test_a_damaged_blob_of_another_size_is_said(store: LayoutStore, root: Path) -> None:
    blob = store.write_blob([b"abc"])
    overwrite(blob_file(root, blob.digest), lambda data: data + b"d")
    with refused("size_mismatch"):
        store.write_blob([b"abc"])


def test_a_flipped_byte_is_never_returned(store: LayoutStore, root: Path) -> None:
    blob = store.write_blob([b"abc"])
    overwrite(blob_file(root, blob.digest), lambda _: b"abd")
    with refused("digest_mismatch"):
        store.read_blob(blob.digest)
    with refused("digest_mismatch"):
        store.verify_blob(blob.digest)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_only_regular_files_are_blobs(store: LayoutStore, root: Path, tmp_path: Path, kind: str) -> None:
    data = b"abc"
    place = blob_file(root, Digest.of(data))
    if kind == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        place.symlink_to(tmp_path / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    code = "link_refused" if kind == "link" else "file_special"
    with refused(code):
        store.read_blob(Digest.of(data))
    with refused(code):
        store.open_blob(Digest.of(data))
    if kind == "link":
        with refused(code):
            store.write_blob([data])


@pytest.mark.parametrize("name", ["blobs", "ingest", "blobs/sha256"])
def test_a_folder_that_is_a_link_is_not_entered(
    store: LayoutStore, root: Path, tmp_path: Path, name: str
) -> None:
    put_model(store, {"a.bin": b"a"})
    store.close()
    (root / name).rename(tmp_path / "moved")
    (root / name).symlink_to(tmp_path / "moved")
    with pytest.raises(Exception, match="store"):
        LayoutStore.open(root)
    assert [finding.rule for finding in check_store(root).findings] == ["store.layout"]


def test_an_index_that_is_a_link_is_not_read(store: LayoutStore, root: Path, tmp_path: Path) -> None:
    (root / "index.json").rename(tmp_path / "index.json")
    (root / "index.json").symlink_to(tmp_path / "index.json")
    with refused("link_refused"):
        store.entries()


def test_a_hidden_referrer_of_another_is_not_believed(store: LayoutStore, root: Path) -> None:
    one, two = put_model(store, {"a.bin": b"1"}), put_model(store, {"a.bin": b"2"})
    store.attach(one, NOTE, b"about one", NOTE)
    raw = (root / "index.json").read_bytes()
    (root / "index.json").write_bytes(
        raw.replace(
            b'"dev.weighlock.subject":"' + str(one.digest).encode(),
            b'"dev.weighlock.subject":"' + str(two.digest).encode(),
        )
    )
    with refused("index_damaged"):
        store.referrers(two.digest)


def test_changes_of_another_process_are_seen(store: LayoutStore, root: Path) -> None:
    model = put_model(store, {"a.bin": b"a"}, name="a")
    with LayoutStore.open(root) as other:
        assert other.resolve("a") == model
        other.untag("a")
        other.tag(model.digest, "b")
    assert store.resolve("b") == model
    with refused("artifact_unknown"):
        store.resolve("a")


def test_threads_write_at_once(store: LayoutStore, root: Path) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                model = put_model(
                    store,
                    {"same.bin": b"same", "own.bin": b"%d %d" % (number, turn)},
                    name=f"m{number}-{turn}",
                )
                store.attach(model, NOTE, b"%d" % turn, NOTE)
        except BaseException as error:  # noqa: BLE001  # shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.entries()) == 40
    assert check_store(root).findings == ()


FULL = """
import resource, sys
from pathlib import Path
from weighlock.core.error import UndecidedError
from weighlock.store.layout import LayoutStore
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = LayoutStore.open(Path(sys.argv[1]))
try:
    store.write_blob([b"x" * 60_000, b"x" * 60_000])
except UndecidedError as error:
    print(error.code, "|", error.hint)
"""


def test_a_file_that_cannot_grow_leaves_nothing(root: Path) -> None:
    LayoutStore.create(root).close()
    before = names_below(root)
    done = subprocess.run([sys.executable, "-c", FULL, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("io_failed | the file is larger than")
    assert names_below(root) == before
    assert check_store(root).findings == ()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_what_the_system_refuses_is_said_and_leaves_nothing(
    store: LayoutStore, root: Path, call: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = put_model(store, {"a.bin": b"a"}, name="a")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with refused("io_failed") as caught:
        store.write_blob([b"new"])
    assert isinstance(caught.value, UndecidedError)
    assert caught.value.hint
    with refused("io_failed"):
        store.tag(model.digest, "b")
    monkeypatch.undo()
    store.close()
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_closed_store_gives_up_what_it_did_not_list(root: Path) -> None:
    with LayoutStore.create(root) as store:
        blob = store.write_blob([b"abc"])
        assert check_store(root).findings == ()
        assert collect_garbage(store).files == ()
    with LayoutStore.open(root) as store:
        assert [rule.rule for rule in check_store(root).findings] == ["store.leftover"]
        assert [name for name, _ in collect_garbage(store).files] == [f"blobs/sha256/{blob.digest.hex}"]


def test_a_forked_child_does_not_end_its_parents_lease(store: LayoutStore, root: Path) -> None:
    store.write_blob([b"abc"])
    held = {name for name in names_below(root) if name.endswith(".lease")}
    program = f"import os\nfrom pathlib import Path\nfrom weighlock.store.layout import LayoutStore\nstore = LayoutStore.open(Path({str(root)!r}))\nstore.write_blob([b'def'])\nbefore = sorted(os.listdir({str(root / 'ingest')!r}))\nif os.fork() == 0:\n    store.close()\n    os._exit(0)\nos.wait()\nassert sorted(os.listdir({str(root / 'ingest')!r})) == before, before\n"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert held <= names_below(root)
