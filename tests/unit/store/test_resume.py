import datetime as dt
import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unit.store.storing import NOW, at_noon, blob_file, names_below, overwrite, refused
from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError
from weighlock.store.check import check_store
from weighlock.store.collect import collect_garbage
from weighlock.store.layout import LayoutStore

DATA = b"0123456789" * 5000
DIGEST = Digest.of(DATA)
PARTIAL = f"ingest/{DIGEST.hex}.partial"

# fetches half of the blob, says so, and waits to be killed
FETCHER = """
import sys
from pathlib import Path
from weighlock.core.digest import Digest
from weighlock.store.layout import LayoutStore
data = b"0123456789" * 5000
def chunks_from(start):
    yield data[start:25000]
    print("ready", flush=True)
    sys.stdin.read()
    yield data[25000:]
with LayoutStore.open(Path(sys.argv[1])) as store:
    store.resume_blob(Digest.of(data), len(data), chunks_from)
"""


class Asked:
    """A source that notes from where it was asked."""

    def __init__(self, end: int = len(DATA)) -> None:
        self.end = end
        self.starts: list[int] = []

    def __call__(self, start: int) -> Iterator[bytes]:
        self.starts.append(start)
        for place in range(start, self.end, 10_000):
            yield DATA[place : min(place + 10_000, self.end)]
        if self.end < len(DATA):
            raise ConnectionResetError("the network")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Iterator[LayoutStore]:
    with LayoutStore.create(root, at_noon) as made:
        yield made


@pytest.fixture
def fetcher(root: Path, store: LayoutStore) -> Iterator[subprocess.Popen[str]]:
    assert store.entries() == []
    command = [sys.executable, "-c", FETCHER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def break_off(store: LayoutStore, at: int) -> None:
    with pytest.raises(ConnectionResetError):
        store.resume_blob(DIGEST, len(DATA), Asked(at))


def touch(file: Path, ago: dt.timedelta) -> None:
    moment = (NOW - ago).timestamp()
    os.utime(file, (moment, moment))


def path_of(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def rules(root: Path) -> list[str]:
    return [finding.rule for finding in check_store(root).findings]


def test_a_whole_fetch_leaves_the_blob_alone(store: LayoutStore, root: Path) -> None:
    assert store.resume_blob(DIGEST, len(DATA), Asked()) == (DIGEST, len(DATA))
    status = blob_file(root, DIGEST).lstat()
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o444, 1)
    store.close()
    assert {name for name in names_below(root) if name.startswith("ingest/")} == {"ingest/lock"}


def test_a_broken_fetch_leaves_what_came_and_a_refused_one_nothing(store: LayoutStore, root: Path) -> None:
    break_off(store, 30_000)
    assert (root / PARTIAL).read_bytes() == DATA[:30_000]
    with refused("size_mismatch"):
        store.resume_blob(DIGEST, len(DATA), lambda _: [DATA])
    assert {name for name in names_below(root) if name.startswith("ingest/")} == {"ingest/lock"}


def test_a_fetch_that_got_nothing_leaves_nothing(store: LayoutStore, root: Path) -> None:
    break_off(store, 0)
    assert {name for name in names_below(root) if name.startswith("ingest/")} == {"ingest/lock"}


def test_a_fetch_that_was_killed_goes_on(
    store: LayoutStore, root: Path, fetcher: subprocess.Popen[str]
) -> None:
    fetcher.send_signal(signal.SIGKILL)
    fetcher.wait()
    assert sorted(rules(root)) == ["store.leftover", "store.resumable"]  # its lease, its bytes
    assert check_store(root).damage == ()
    touch(root / PARTIAL, dt.timedelta(hours=1))
    assert [Path(path).suffix for path, _ in collect_garbage(store).files] == [".lease"]
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [25_000]
    assert check_store(root).findings == ()


def test_what_another_process_fetches_is_left_to_it(
    store: LayoutStore, root: Path, fetcher: subprocess.Popen[str]
) -> None:
    touch(root / PARTIAL, dt.timedelta(days=400))
    before = names_below(root)
    assert collect_garbage(store).files == ()
    assert check_store(root).findings == ()
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source, wait=False) is None
    assert names_below(root) == before
    fetcher.communicate("")  # let it end
    assert store.resume_blob(DIGEST, len(DATA), source) == (DIGEST, len(DATA))
    assert source.starts == []


@pytest.mark.parametrize(
    ("ago", "stays"),
    [
        (dt.timedelta(), True),
        (dt.timedelta(hours=24), True),
        (dt.timedelta(hours=24, seconds=1), False),
        (dt.timedelta(hours=-24), True),
        (dt.timedelta(hours=-25), False),  # a clock was wrong; for ever is too long
    ],
)
def test_gc_keeps_what_somebody_may_come_back_to_for_a_day(
    store: LayoutStore, root: Path, ago: dt.timedelta, *, stays: bool
) -> None:
    break_off(store, 30_000)
    touch(root / PARTIAL, ago)
    promised = collect_garbage(store, dry_run=True)
    assert promised.files == (() if stays else ((PARTIAL, 30_000),))
    assert (root / PARTIAL).exists()
    assert collect_garbage(store).files == promised.files
    assert (root / PARTIAL).exists() == stays
    assert rules(root) == (["store.resumable"] if stays else [])


def test_gc_keeps_what_was_fetched_and_is_not_listed_yet(store: LayoutStore, root: Path) -> None:
    with LayoutStore.open(root) as first:
        first.write_blob([DATA])
    assert store.resume_blob(DIGEST, len(DATA), Asked())  # garbage until now
    with LayoutStore.open(root, at_noon) as other:
        assert collect_garbage(other).files == ()
    assert store.read_blob(DIGEST) == DATA


def fail_with(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_what_came_before_the_disk_was_full_is_kept(
    store: LayoutStore, root: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, rest = os.write, 3

    def write(descriptor: int, data: memoryview) -> int:
        nonlocal rest
        if path_of(descriptor).endswith(".partial"):
            rest -= 1
            if rest < 0:
                raise OSError(number, os.strerror(number))
            return real(descriptor, data[:7000])  # a disk that is nearly full takes a part
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with refused("io_failed") as caught:
        store.resume_blob(DIGEST, len(DATA), Asked())
    monkeypatch.undo()
    assert isinstance(caught.value, UndecidedError)
    assert "the next attempt goes on there" in caught.value.hint
    kept = (root / PARTIAL).read_bytes()
    assert kept == DATA[:17_000]
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [len(kept)]
    assert check_store(root).findings == ()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_what_the_disk_did_not_take_in_the_end_is_not_believed_later(
    store: LayoutStore, root: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", fail_with(number))
    with refused("io_failed"):
        store.resume_blob(DIGEST, len(DATA), Asked())
    monkeypatch.undo()
    assert not (root / PARTIAL).exists()
    with refused("blob_missing"):
        store.blob_size(DIGEST)


def test_a_blob_that_could_not_be_named_is_kept_whole(
    store: LayoutStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "rename", fail_with(errno.EDQUOT))
    with refused("io_failed"):
        store.resume_blob(DIGEST, len(DATA), Asked())
    monkeypatch.undo()
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == []


def test_a_read_only_disk_is_said_before_anything_is_asked(
    store: LayoutStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Asked()
    monkeypatch.setattr(os, "open", fail_with(errno.EROFS))
    with refused("io_failed") as caught:
        store.resume_blob(DIGEST, len(DATA), source)
    monkeypatch.undo()
    assert "mount it writable" in caught.value.hint
    assert source.starts == []


@pytest.mark.parametrize(
    ("kind", "code"), [("link", "link_refused"), ("fifo", "file_special"), ("folder", "io_failed")]
)
def test_only_a_regular_file_is_gone_on_with(
    store: LayoutStore, root: Path, tmp_path: Path, kind: str, code: str
) -> None:
    place = root / PARTIAL
    if kind == "link":
        (tmp_path / "elsewhere").write_bytes(DATA[:10])
        place.symlink_to(tmp_path / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    source = Asked()
    with refused(code):
        store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == []
    assert rules(root) == ["store.link" if kind == "link" else "store.extra"]
    assert collect_garbage(store).files == ()


def test_a_file_that_has_another_name_is_not_written(store: LayoutStore, root: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    break_off(store, 30_000)
    (backup).hardlink_to(root / PARTIAL)
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [0]
    assert backup.read_bytes() == DATA[:30_000]
    assert blob_file(root, DIGEST).lstat().st_nlink == 1


def test_what_others_could_write_is_not_gone_on_with(store: LayoutStore, root: Path) -> None:
    break_off(store, 30_000)
    (root / PARTIAL).chmod(0o666)
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_what_belongs_to_another_user_is_not_gone_on_with(store: LayoutStore, root: Path) -> None:
    break_off(store, 30_000)
    os.chown(root / PARTIAL, 12345, 12345)
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [0]
    assert blob_file(root, DIGEST).lstat().st_uid == os.geteuid()


def test_one_that_was_read_only_already_is_gone_on_with(store: LayoutStore, root: Path) -> None:
    break_off(store, 49_999)
    (root / PARTIAL).chmod(0o444)
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [49_999]


def test_gc_between_opening_and_locking_is_noticed(
    store: LayoutStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off(store, 30_000)
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if path_of(descriptor).endswith(PARTIAL) and (root / PARTIAL).exists():
            (root / PARTIAL).unlink()
            monkeypatch.undo()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == [0]
    assert blob_file(root, DIGEST).read_bytes() == DATA


def test_a_blob_that_appears_before_the_lock_is_had_is_not_asked_for(
    store: LayoutStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if path_of(descriptor).endswith(PARTIAL):
            monkeypatch.undo()
            with LayoutStore.open(root) as other:
                other.write_blob([DATA])
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    source = Asked()
    assert store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == []
    assert not (root / PARTIAL).exists()


def test_a_damaged_blob_is_said_and_not_fetched_over(store: LayoutStore, root: Path) -> None:
    store.write_blob([DATA])
    overwrite(blob_file(root, DIGEST), lambda data: b"!" + data[1:])
    source = Asked()
    with refused("digest_mismatch"):
        store.resume_blob(DIGEST, len(DATA), source)
    assert source.starts == []
