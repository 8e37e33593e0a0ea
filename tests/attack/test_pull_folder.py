"""What a folder of a model may not be, tried through the command line."""

import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.core.digest import Digest
from weighlock.core.limit import READ_BYTES


@pytest.fixture
def model(project: Project) -> Path:
    folder = project.root / "models" / "m"
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(os.urandom(3_000_000))
    return folder


def test_a_folder_is_pulled_and_locked(project: Project, model: Path) -> None:
    ran = project.run("pull", "path:models/m", "--json")
    assert ran.status == 0, ran
    (facts,) = ran.facts["models"]
    assert facts["status"] == "pulled"
    assert project.names() == {"m": facts["digest"]}
    digest = Digest.of((model / "model.safetensors").read_bytes()).hex
    assert f'"model.safetensors": {{"size": 3000000, "sha256": "{digest}"}}' in project.lock.read_text()
    assert str(project.root) not in project.lock.read_text()


@pytest.mark.parametrize(
    "name", [b"a\\b", b"\xff\xfe", b"con.json", b"a:b", b"line\nbreak", b"dot.", "a\u202eb".encode()]
)
def test_a_name_that_is_not_portable(project: Project, model: Path, name: bytes) -> None:
    (model / os.fsdecode(name)).write_bytes(b"x")
    project.run("pull", "path:models/m").denied("path_invalid")
    project.assert_untouched()


def test_names_that_collide(project: Project, model: Path) -> None:
    (model / "Config.JSON").write_bytes(b"x")
    project.run("pull", "path:models/m").denied("path_collision")


def test_a_link_out_of_the_folder(project: Project, model: Path) -> None:
    (model / "stolen").symlink_to("/etc/passwd")
    project.run("pull", "path:models/m").denied("link_refused")
    project.assert_untouched()


def test_a_link_as_the_folder_itself_leads_to_a_folder_that_is_not_trusted(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"x")
    (project.root / "models" / "s").symlink_to(tmp_path / "secret")
    for source in ("path:models/s", "path:models/../../secret", f"path:{tmp_path}/secret"):
        project.run("pull", source).denied("source_not_allowed")
    project.assert_untouched()


def test_a_fifo_and_a_device(project: Project, model: Path) -> None:
    os.mkfifo(model / "fifo")
    project.run("pull", "path:models/m").denied("file_special")
    project.settings(path=["/dev"])
    project.run("pull", "path:/dev/zero").denied("file_special")
    project.assert_untouched()


def test_an_empty_model(project: Project) -> None:
    project.run("pull", "path:models/m").denied("artifact_empty")
    project.assert_untouched()


def after_first_read(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    real = os.readv
    pending = [act]

    def readv(*arguments: Any) -> int:
        count = real(*arguments)
        if count == READ_BYTES and pending:  # in the large file
            pending.pop()()
        return count

    monkeypatch.setattr(os, "readv", readv)


def test_a_file_that_changes_while_it_is_read(
    project: Project, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        with (model / "model.safetensors").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"!")

    after_first_read(monkeypatch, change)
    project.run("pull", "path:models/m").denied("file_changed")
    project.assert_untouched()


def test_a_locked_file_that_changes_while_it_is_read(
    project: Project, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.run("pull", "path:models/m").status == 0
    after_first_read(monkeypatch, lambda: os.utime(model / "model.safetensors"))
    project.run("pull", "path:models/m").denied("file_changed")


def test_an_interruption_leaves_nothing(
    project: Project, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.is_dir()

    def interrupt() -> None:
        raise KeyboardInterrupt

    after_first_read(monkeypatch, interrupt)
    assert project.run("pull", "path:models/m").status == 130
    project.assert_untouched()


def test_a_full_disk(project: Project, model: Path) -> None:
    assert model.is_dir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        ran = project.run("pull", "path:models/m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ran.status == 3
    assert "[io_failed]" in ran.err
    project.assert_untouched()


def test_a_missing_source_or_lock_folder_is_a_mistake(project: Project, model: Path) -> None:
    for arguments, code in (
        (["path:models/absent"], "source_missing"),
        (["path:models/m", "--lock", "absent/weighlock.lock"], "lock_missing"),
        (["models/m"], "source_invalid"),
        (["pth:models/m"], "source_invalid"),
        (["pypi:tiny-model"], "source_invalid"),
        (["pypi:tiny-model==" + "1" * 5000], "source_invalid"),
        (["path:models/m", "--locked"], "lock_missing"),
        (["path:models/m", "--name", "sp ace"], "name_invalid"),
        ([], "lock_missing"),
    ):
        ran = project.run("pull", *arguments)
        assert f"[{code}]" in ran.err, ran
        assert ran.status == 2, ran
    assert model.is_dir()
    project.assert_untouched()


def test_a_snapshot_of_the_hugging_face_cache(project: Project) -> None:
    repository = project.root / "models" / "models--o--n"
    snapshot = repository / "snapshots" / ("c0ffee" * 7)[:40]
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "abc").write_bytes(b"{}")
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    source = f"path:{snapshot.relative_to(project.root)}"
    ran = project.run("pull", source)
    assert (ran.status, "[name_invalid]" in ran.err, "--name" in ran.err) == (2, True, True)
    assert project.run("pull", source, "--name", "owner/n").status == 0
    assert list(project.names()) == ["owner/n"]
    (snapshot / "passwd").symlink_to("/etc/passwd")
    project.run("pull", source, "--name", "other").denied("link_refused")


def test_what_git_keeps_beside_a_model_is_not_the_model(project: Project, model: Path) -> None:
    (model / ".git").mkdir()
    (model / ".git" / "link").symlink_to("/etc/passwd")
    ran = project.run("pull", "path:models/m", "--json")
    assert [file["path"] for file in ran.facts["models"][0]["files"]] == ["config.json", "model.safetensors"]


def test_nothing_is_trusted_until_the_settings_say_so(project: Project, model: Path) -> None:
    assert model.is_dir()
    (project.root / "weighlock.yaml").write_text("version: 1\n")
    ran = project.run("pull", "path:models/m").denied("source_not_allowed")
    assert f"sources:\n      path:\n        - {model}" in ran.err
    project.assert_untouched()
    (project.root / "weighlock.yaml").write_text(f"version: 1\nsources:\n  path:\n    - {model}\n")
    assert project.run("pull", "path:models/m").status == 0


def test_a_dry_run_keeps_nothing(project: Project, model: Path) -> None:
    ran = project.run("pull", "path:models/m", "--dry-run")
    assert (ran.status, "would be pulled" in ran.out) == (0, True)
    shutil.rmtree(model)
    project.assert_untouched()
