"""Networks that break, sources that lie, and pulls that meet: through the command line, with a source in memory."""

import errno
import hashlib
import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_source import CHUNK, SPEC, FakeSource
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.cli.main import run
from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError
from weighlock.core.lock import Lock
from weighlock.service import crew, transfer_file
from weighlock.service.workspace import Workspace

LARGE = os.urandom(10 * CHUNK)
FILES = {"README.md": b"# model\n", "config.json": b'{"a": 1}', "model.safetensors": LARGE}


@pytest.fixture
def source(project: Project, monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    project.settings(hf=["acme"])
    return FakeSource(FILES).install(monkeypatch)


def transfer(ran: Ran) -> dict[str, Any]:
    assert ran.status == 0, ran
    (facts,) = ran.facts["models"]
    transferred: dict[str, Any] = facts["transfer"]
    del transferred["seconds"]
    return transferred


def starts(source: FakeSource, path: str) -> list[int]:
    return [start for asked, start in source.asked if asked == path]


def partials(project: Project) -> list[Path]:
    return sorted((project.store_folder / "ingest").glob("*.partial"))


def test_a_broken_pull_goes_on_where_it_stopped(project: Project, source: FakeSource) -> None:
    source.break_at["model.safetensors"] = 6 * CHUNK
    ran = project.run("pull", SPEC)
    assert (ran.status, "[host_unreachable]" in ran.err) == (3, True)
    assert project.names() == {}
    assert not project.lock.exists()
    source.break_at.clear()
    source.asked.clear()
    counted = transfer(project.run("pull", SPEC, "--json"))
    assert counted["resumed"] == 6 * CHUNK
    assert sum(counted.values()) == sum(map(len, FILES.values()))
    assert starts(source, "model.safetensors") == [6 * CHUNK]


def test_a_log_that_cannot_be_written_hides_no_failure(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Workspace, "note_decision", full)
    source.served["model.safetensors"] = bytes(len(LARGE))
    project.run("pull", SPEC).denied("digest_mismatch")
    source.served.clear()
    ran = project.run("pull", SPEC)  # what is not logged did not succeed either
    assert (ran.status, "[io_failed]" in ran.err) == (3, True), ran


def test_ctrl_c_says_that_it_goes_on(project: Project, source: FakeSource) -> None:
    def interrupt(path: str, position: int) -> None:
        if (path, position) == ("model.safetensors", 3 * CHUNK):
            raise KeyboardInterrupt

    source.before_chunk = interrupt
    ran = project.run("pull", SPEC)
    assert ran.status == 130
    assert "run the same command again: it goes on where it stopped" in ran.err
    assert project.names() == {}
    source.before_chunk = lambda *_: None
    assert transfer(project.run("pull", SPEC, "--json"))["resumed"] == 3 * CHUNK


def test_a_prefix_that_somebody_changed_is_fetched_again(project: Project, source: FakeSource) -> None:
    source.break_at["model.safetensors"] = 6 * CHUNK
    assert project.run("pull", SPEC).status == 3
    (partial,) = partials(project)
    raw = bytearray(partial.read_bytes())
    raw[0] ^= 1
    partial.write_bytes(raw)
    source.break_at.clear()
    source.asked.clear()
    assert transfer(project.run("pull", SPEC, "--json"))["fetched"] >= len(LARGE)
    assert starts(source, "model.safetensors") == [6 * CHUNK, 0]


def test_other_bytes_than_promised_are_not_kept(project: Project, source: FakeSource) -> None:
    source.served["model.safetensors"] = bytes(len(LARGE))
    ran = project.run("pull", SPEC).denied("digest_mismatch")
    assert "'model.safetensors'" in ran.err
    assert str(Digest.of(LARGE)) in ran.err
    project.assert_untouched()


@pytest.mark.parametrize("served", [LARGE[:-1], LARGE + b"x"], ids=["short", "long"])
def test_another_size_than_promised(project: Project, source: FakeSource, served: bytes) -> None:
    source.served["model.safetensors"] = served
    assert "'model.safetensors'" in project.run("pull", SPEC).denied("size_mismatch").err
    project.assert_untouched()


def test_bytes_that_git_names_otherwise(project: Project, source: FakeSource) -> None:
    source.unsaid = {"config.json"}
    source.served["config.json"] = b'{"a": 2}'
    assert "'config.json'" in project.run("pull", SPEC).denied("git_mismatch").err
    assert project.names() == {}
    assert not (project.store_folder / "blobs" / "sha256" / Digest.of(b'{"a": 2}').hex).exists()


def test_gits_names_are_locked_and_held_against_what_is_there(project: Project, source: FakeSource) -> None:
    source.unsaid = {"config.json"}
    assert project.run("pull", SPEC).status == 0
    name = hashlib.sha1(b'blob 8\0{"a": 1}', usedforsecurity=False).hexdigest()
    assert Lock.parse(project.lock.read_bytes()).models["tiny"].git_sha1 == {"config.json": name}
    blob = project.store_folder / "blobs" / "sha256" / Digest.of(LARGE).hex
    blob.unlink()
    project.lock.write_text(project.lock.read_text().replace(name, "0" * 40))
    project.run("pull").denied("lock_conflict")


def test_files_that_only_git_names_are_not_fetched_twice(project: Project, source: FakeSource) -> None:
    for number in range(30):
        source.files[f"part/{number:02}.txt"] = f"part {number}".encode()
    source.unsaid = {path for path in source.files if path != "model.safetensors"}
    source.break_at["part/29.txt"] = 0
    # the large file first, the small ones in turn: those before the broken one have arrived
    assert project.run("pull", SPEC).status == 3
    fetched = {path for path, _ in source.asked}
    source.break_at.clear()
    source.asked.clear()
    assert project.run("pull", SPEC).status == 0
    again = {path for path, _ in source.asked}
    assert "part/29.txt" in again
    assert len(fetched & again) <= 9  # of 8 threads: what was under way, and the one that broke
    notes = Path(os.environ["XDG_CACHE_HOME"]) / "weighlock" / "pulls"
    assert list(notes.iterdir()) == []


def test_a_note_of_an_earlier_pull_is_not_believed(project: Project, source: FakeSource) -> None:
    notes = Path(os.environ["XDG_CACHE_HOME"]) / "weighlock" / "pulls"
    first, second = Digest.of(FILES["README.md"]).hex, Digest.of(FILES["config.json"]).hex
    assert len(FILES["README.md"]) == len(FILES["config.json"])  # so that sizes do not tell

    def break_off(path: str, position: int) -> None:
        if (path, position) == ("model.safetensors", CHUNK):
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                text = "".join(file.read_text() for file in notes.glob("*"))
                if first in text and second in text:
                    break
                time.sleep(0.01)
            raise UndecidedError("host_unreachable", "lost")

    source.unsaid = {"config.json", "README.md"}
    source.before_chunk = break_off
    assert project.run("pull", SPEC).status == 3
    (file,) = notes.iterdir()
    # somebody exchanges the digests of two files, both of which are in the store
    file.write_text(file.read_text().replace(first, "?").replace(second, first).replace("?", second))
    source.before_chunk = lambda *_: None
    source.asked.clear()
    assert project.run("pull", SPEC).status == 0
    assert sorted(path for path, _ in source.asked) == sorted(FILES)
    lock = Lock.parse(project.lock.read_bytes()).models["tiny"]
    assert lock.files["README.md"].digest.hex == first


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (["../x"], "path_invalid"),
        (["/etc/passwd"], "path_invalid"),
        (["a", "A"], "path_collision"),
        (["a", "a/b"], "path_collision"),
        ([f"{number:06}" for number in range(100_000)], "artifact_too_many_files"),
        ([], "artifact_empty"),
    ],
    ids=["up", "absolute", "case", "folder", "many", "none"],
)
def test_a_hostile_list_of_files_costs_no_download(
    project: Project, source: FakeSource, paths: list[str], code: str
) -> None:
    source.files = dict.fromkeys(paths, b"x")
    project.run("pull", SPEC).denied(code)
    assert source.asked == []
    project.assert_untouched()


def test_a_list_with_a_file_twice(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = source.items
    monkeypatch.setattr(FakeSource, "items", [*items, items[0]])
    project.run("pull", SPEC).denied("path_collision")
    assert source.asked == []


def test_an_archive_in_disguise(project: Project, source: FakeSource) -> None:
    source.files["model.safetensors"] = b"PK\x03\x04" + LARGE
    project.run("pull", SPEC).denied("archive_disguised")
    assert source.asked.count(("model.safetensors", 0)) == 1
    project.assert_untouched()


def test_an_archive_in_disguise_whose_head_came_earlier(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.files["model.safetensors"] = b"PK\x03\x04" + LARGE
    with monkeypatch.context() as patch:
        patch.setattr(transfer_file, "check_disguise", lambda *_: None)
        source.break_at["model.safetensors"] = CHUNK
        assert project.run("pull", SPEC).status == 3
    source.break_at.clear()
    for _ in range(2):  # the second time all of it is in the store
        project.run("pull", SPEC).denied("archive_disguised")
    assert ("model.safetensors", CHUNK) in source.asked
    assert project.names() == {}


def test_the_first_error_stops_the_others(project: Project, source: FakeSource) -> None:
    source.files = {f"{number:03}.bin": bytes([number % 256]) * CHUNK * 4 for number in range(100)}
    source.served["000.bin"] = bytes(CHUNK * 4 - 1)
    project.run("pull", SPEC).denied("size_mismatch")
    assert len(source.asked) < 50


def test_a_thread_that_hangs_is_left_behind(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "GRACE_S", 0.1)
    going, hanging = threading.Event(), threading.Event()

    def behave(path: str, position: int) -> None:
        if path == "model.safetensors" and position == CHUNK:
            hanging.set()
            assert going.wait(30)
        elif path == "config.json":
            assert hanging.wait(30)

    source.before_chunk = behave
    source.served["config.json"] = b"?" * 8
    project.run("pull", SPEC).denied("digest_mismatch")
    going.set()


def together(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    results: list[Any] = [None, None]

    def run(number: int, act: Callable[[], Any]) -> None:
        results[number] = act()

    threads = [
        threading.Thread(target=run, args=(number, act), daemon=True)
        for number, act in enumerate((first, second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_two_pulls_at_once_share_the_work(project: Project, source: FakeSource) -> None:
    source.files = {f"{number:02}.bin": os.urandom(2 * CHUNK) for number in range(20)}
    both = threading.Barrier(2, timeout=30)

    def pull(name: str) -> int:
        both.wait()
        return run(["pull", SPEC, "--name", name, "-q"])

    assert together(lambda: pull("one"), lambda: pull("two")) == [0, 0]
    assert sorted(project.names()) == ["one", "two"]
    assert sorted(path for path, _ in source.asked) == sorted(source.files)  # each was fetched once


def test_the_other_pull_dies_while_it_is_waited_for(project: Project, source: FakeSource) -> None:
    waiting, dead = threading.Event(), threading.Event()

    def behave(path: str, position: int) -> None:
        if path == "model.safetensors" and position == CHUNK and not dead.is_set():
            waiting.set()
            dead.wait(0.5)  # the second pull finds the file taken meanwhile
            dead.set()
            raise OSError(104, "Connection reset by peer")

    source.before_chunk = behave

    def second() -> int:
        assert waiting.wait(30)
        return run(["pull", SPEC, "--name", "two", "-q"])

    assert together(lambda: run(["pull", SPEC, "--name", "one", "-q"]), second) == [3, 0]
    assert ("model.safetensors", CHUNK) in source.asked
    assert list(project.names()) == ["two"]


def test_one_content_under_two_names_is_fetched_once(project: Project, source: FakeSource) -> None:
    source.files = {"a.bin": LARGE, "b.bin": LARGE, "c.bin": LARGE}
    assert transfer(project.run("pull", SPEC, "--json")) == {
        "fetched": len(LARGE),
        "resumed": 0,
        "present": 2 * len(LARGE),
    }


def test_what_is_locked_and_there_asks_nobody(project: Project, source: FakeSource) -> None:
    assert project.run("pull", SPEC).status == 0
    source.asked.clear()
    source.resolved = 0
    ran = project.run("pull", "--json")
    assert ran.facts["models"][0]["status"] == "present"
    assert transfer(ran) == {"fetched": 0, "resumed": 0, "present": sum(map(len, FILES.values()))}
    assert (source.asked, source.resolved) == ([], 0)


def test_only_what_is_missing_is_fetched(project: Project, source: FakeSource) -> None:
    assert project.run("pull", SPEC).status == 0
    (project.store_folder / "blobs" / "sha256" / Digest.of(FILES["config.json"]).hex).unlink()
    source.asked.clear()
    assert project.run("pull").status == 0
    assert source.asked == [("config.json", 0)]


def test_a_mirror_that_lies_consistently_against_the_lock(project: Project, source: FakeSource) -> None:
    assert project.run("pull", SPEC).status == 0
    (project.store_folder / "blobs" / "sha256" / Digest.of(LARGE).hex).unlink()
    source.files["model.safetensors"] = bytes(len(LARGE))  # and the digest of it promised
    ran = project.run("pull").denied("digest_mismatch")
    assert "the lock demands" in ran.err
    source.files["model.safetensors"] = LARGE + b"x"
    source.nameless = {"model.safetensors"}
    project.run("pull").denied("size_mismatch")


def test_a_dry_run_lists_and_fetches_nothing(project: Project, source: FakeSource) -> None:
    source.unsaid = {"config.json"}
    ran = project.run("pull", SPEC, "--dry-run", "--json")
    assert ran.status == 0
    (facts,) = ran.facts["models"]
    assert source.asked == []
    assert facts["digest"] is None
    assert {file["path"]: file["digest"] for file in facts["files"]} == {
        "README.md": str(Digest.of(FILES["README.md"])),
        "config.json": None,
        "model.safetensors": str(Digest.of(LARGE)),
    }
    assert "digest not known yet" in project.run("pull", SPEC, "--dry-run").out
    source.unsaid = set()
    digest = project.run("pull", SPEC, "--dry-run", "--json").facts["models"][0]["digest"]
    project.assert_untouched()
    assert project.run("pull", SPEC, "--json").facts["models"][0]["digest"] == digest


def test_a_full_disk_keeps_what_came(project: Project, source: FakeSource) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * CHUNK, hard))
    try:
        ran = project.run("pull", SPEC)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (ran.status, "[io_failed]" in ran.err) == (3, True)
    assert project.names() == {}
    assert transfer(project.run("pull", SPEC, "--json"))["resumed"] == 5 * CHUNK
    assert starts(source, "model.safetensors") == [0, 5 * CHUNK]
