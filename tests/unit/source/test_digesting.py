import os
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import Part
from weighlock.source.digesting import digest_files
from weighlock.source.folder import FolderFile, walk_folder
from weighlock.source.steady import FileIdentity, SteadyFile

SIZES = (0, 1, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES)


class Counted:
    """Progress that counts, and may carry out an act at the first byte."""

    def __init__(self) -> None:
        self.total = self.done = self.ended = 0
        self._lock = threading.Lock()

    def begin(self, label: str, total_bytes: int) -> None:
        assert label
        self.total = total_bytes

    def advance(self, size_bytes: int) -> None:
        with self._lock:
            self.done += size_bytes
        self.react()

    def end(self) -> None:
        self.ended += 1

    def part(self, label: str, total_bytes: int) -> Part:
        raise AssertionError((label, total_bytes))

    def react(self) -> None:
        """Do nothing; a test may put something here."""


@pytest.fixture
def files(tmp_path: Path) -> list[FolderFile]:
    for size in SIZES:
        (tmp_path / f"{size:09}").write_bytes(os.urandom(size))
    return walk_folder(tmp_path)


@pytest.mark.parametrize("threads", [None, 1, 2, 16])
def test_digests_are_those_of_the_bytes(files: list[FolderFile], threads: int | None) -> None:
    progress = Counted()
    found = digest_files(files, threads=threads, progress=progress)
    assert list(found) == [file.path for file in files]
    for file in files:
        expected = Digest.of(file.location.read_bytes())
        assert found[file.path] == ArtifactFile(file.path, expected, file.size)
    assert (progress.total, progress.done, progress.ended) == (sum(SIZES), sum(SIZES), 1)


def changed(files: list[FolderFile], progress: Counted) -> str:
    with pytest.raises(DeniedError) as caught:
        digest_files(files, threads=1, progress=progress)
    return caught.value.code


def test_a_file_that_changes_while_it_is_read_is_refused(files: list[FolderFile]) -> None:
    target = files[-1].location

    def overwrite() -> None:
        with target.open("r+b") as file:
            file.write(b"changed")

    def grow() -> None:
        with target.open("ab") as file:
            file.write(b"more")

    def shrink() -> None:
        os.truncate(target, 10)

    for act in (overwrite, grow, shrink):
        target.write_bytes(os.urandom(3 * READ_BYTES))
        progress = Counted()
        progress.react = act  # type: ignore[method-assign]  # this is what it is there for
        assert changed(files[-1:], progress) == "file_changed"


def test_a_change_that_restores_size_and_mtime_is_still_seen(files: list[FolderFile]) -> None:
    target = files[-1].location
    before = target.stat()

    def overwrite() -> None:
        with target.open("r+b") as file:
            file.write(b"changed")
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))

    progress = Counted()
    progress.react = overwrite  # type: ignore[method-assign]  # this is what it is there for
    assert changed(files[-1:], progress) == "file_changed"


def test_a_file_that_changed_since_it_was_listed_is_refused(files: list[FolderFile]) -> None:
    files[0].location.write_bytes(b"no longer empty")
    assert changed(files, Counted()) == "file_changed"


def test_a_link_or_fifo_put_in_place_of_a_file_is_never_followed(files: list[FolderFile]) -> None:
    first = files[0]
    first.location.unlink()
    os.mkfifo(first.location)
    assert changed(files[:1], Counted()) == "file_changed"
    first.location.unlink()
    first.location.symlink_to(files[1].location)
    with pytest.raises(UndecidedError) as caught:
        digest_files(files[:1])
    assert caught.value.code == "io_failed"


def test_a_failure_in_one_thread_is_the_failure_of_all(files: list[FolderFile]) -> None:
    files[0].location.unlink()
    with pytest.raises(UndecidedError) as caught:
        digest_files(files, threads=4)
    assert caught.value.code == "io_failed"


def test_an_interruption_stops_the_threads_without_a_digest(files: list[FolderFile]) -> None:
    seen: list[FileIdentity] = []

    class Memory:
        def recall(self, identity: FileIdentity) -> Digest | None:
            assert identity.size >= 0
            return None

        def remember(self, identity: FileIdentity, digest: Digest) -> None:
            assert digest.hex
            seen.append(identity)

    def interrupt() -> None:
        raise KeyboardInterrupt

    progress = Counted()
    progress.react = interrupt  # type: ignore[method-assign]  # this is what it is there for
    with pytest.raises((KeyboardInterrupt, CancelledError)):
        digest_files(files, threads=2, progress=progress, memory=Memory())
    assert all(identity.size == 0 for identity in seen)


def test_a_steady_file_can_be_closed_twice(files: list[FolderFile]) -> None:
    stream = SteadyFile(files[0])
    stream.close()
    stream.close()


def test_a_folder_exchanged_for_a_link_after_the_listing_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.pem").write_bytes(b"of somebody else")
    model = tmp_path / "model"
    (model / "sub").mkdir(parents=True)
    (model / "sub" / "key.pem").write_bytes(b"x" * len(b"of somebody else"))
    files = walk_folder(model)
    (model / "sub").rename(tmp_path / "away")
    (model / "sub").symlink_to(secret)
    with pytest.raises(DeniedError) as raised:
        digest_files(files)
    assert raised.value.code == "link_refused"
