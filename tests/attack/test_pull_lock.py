"""A locked model is byte-exact or it is not pulled."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.core.artifact import Artifact
from weighlock.core.digest import Digest
from weighlock.core.lock import Lock
from weighlock.store.layout import LayoutStore


@pytest.fixture
def model(project: Project) -> Path:
    folder = project.root / "models" / "m"
    (folder / "config.json").write_bytes(b"{}")
    (folder / "weights.bin").write_bytes(os.urandom(100_000))
    assert project.run("pull", "path:models/m").status == 0
    return folder


def test_one_changed_byte(project: Project, model: Path) -> None:
    locked = project.lock.read_bytes()
    names = project.names()
    before = (model / "weights.bin").read_bytes()
    after = bytes([before[0] ^ 1]) + before[1:]
    (model / "weights.bin").write_bytes(after)
    for arguments in (["path:models/m"], [], ["--locked"], ["--name", "m"]):
        ran = project.run("pull", *arguments).denied("digest_mismatch")
        for named in ("weights.bin", str(Digest.of(before)), str(Digest.of(after))):
            assert named in ran.err
    assert project.lock.read_bytes() == locked
    assert project.names() == names


def test_other_bytes_of_the_same_size_in_the_store(project: Project, model: Path) -> None:
    raw = (model / "weights.bin").read_bytes()
    blob = project.store_folder / "blobs" / "sha256" / Digest.of(raw).hex
    blob.chmod(0o644)
    blob.write_bytes(bytes(len(raw)))
    blob.chmod(0o444)
    assert project.run("pull").status == 0
    assert blob.read_bytes() == raw


def test_an_added_or_missing_file(project: Project, model: Path) -> None:
    (model / "extra.bin").write_bytes(b"x")
    assert "'extra.bin' is there and not locked" in project.run("pull").denied("files_differ").err
    (model / "extra.bin").unlink()
    (model / "config.json").unlink()
    assert "'config.json' is locked and no longer there" in project.run("pull").denied("files_differ").err


def test_a_digest_edited_in_the_lock(project: Project, model: Path) -> None:
    assert model.is_dir()
    text = project.lock.read_text()
    digest = Digest.of(b"{}").hex
    project.lock.write_text(text.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1")))
    project.run("pull").denied("lock_invalid")


def test_a_lock_rewritten_consistently_demands_other_bytes(project: Project, model: Path) -> None:
    assert model.is_dir()
    lock = Lock.parse(project.lock.read_bytes())
    entry = lock.models["m"]
    files = {path: file._replace(digest=Digest.of(b"other")) for path, file in entry.files.items()}
    manifest = Artifact.build(list(files.values()))[0].digest
    forged = type(entry)(
        **{name: getattr(entry, name) for name in entry.__slots__} | {"files": files, "manifest": manifest}
    )
    project.lock.write_bytes(lock.with_model(forged).to_bytes())
    assert str(Digest.of(b"other")) in project.run("pull").denied("digest_mismatch").err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"unversioned"', '"v1.0, audited"'),
        ('"origin_confirmed": true', '"origin_confirmed": false'),
        ('"facts": {}', '"facts": {"wheel": "trusted.whl"}'),
    ],
)
def test_what_the_lock_says_of_a_model_is_what_its_source_says(
    project: Project, model: Path, before: str, after: str
) -> None:
    assert model.is_dir()
    text = project.lock.read_text()
    assert before in text
    project.lock.write_text(text.replace(before, after))
    project.run("pull").denied("lock_conflict")
    assert project.run("pull", "--update").status == 0
    assert project.lock.read_text() == text


def test_a_size_and_its_manifest_edited_in_the_lock(project: Project, model: Path) -> None:
    assert model.is_dir()
    lock = Lock.parse(project.lock.read_bytes())
    entry = lock.models["m"]
    files = {path: file._replace(size=file.size + 1) for path, file in entry.files.items()}
    manifest = Artifact.build(list(files.values()))[0].digest
    project.lock.write_bytes(
        lock.with_model(dataclasses.replace(entry, files=files, manifest=manifest)).to_bytes()
    )
    assert "manifest" in project.run("pull").denied("lock_conflict").err


def test_an_unknown_field_in_the_lock(project: Project, model: Path) -> None:
    assert model.is_dir()
    project.lock.write_text(project.lock.read_text().replace('"facts"', '"mirror": "x", "facts"'))
    assert "mirror" in project.run("pull").denied("lock_invalid").err


def test_a_locked_name_does_not_move_to_another_source(project: Project, model: Path) -> None:
    shutil.copytree(model, project.root / "models" / "n")
    project.run("pull", "path:models/n", "--name", "m").denied("lock_conflict")
    assert project.run("pull", "path:models/n", "--name", "m", "--update").status == 0
    assert Lock.parse(project.lock.read_bytes()).models["m"].source == "path:models/n"


def test_a_locked_owner_does_not_change(project: Project, model: Path) -> None:
    assert model.is_dir()
    project.lock.write_text(project.lock.read_text().replace('"local files"', '"someone else"'))
    project.run("pull").denied("owner_changed")
    project.run("pull", "--update").denied("owner_changed")


def test_an_update_shows_what_changes_and_changes_the_lock_only_then(project: Project, model: Path) -> None:
    locked = project.lock.read_bytes()
    (model / "config.json").unlink()
    (model / "weights.bin").write_bytes(b"new")
    (model / "added.bin").write_bytes(b"added")
    kinds = {"added.bin": "added", "config.json": "removed", "weights.bin": "changed"}
    for flags in (["--update", "--dry-run"], ["--update"]):
        assert project.lock.read_bytes() == locked
        facts = project.run("pull", *flags, "--json").facts["models"][0]
        assert {change["path"]: change["kind"] for change in facts["changes"]} == kinds
    assert project.lock.read_bytes() != locked
    assert project.run("pull", "--locked").status == 0
    assert project.run("pull", "--update", "--json").facts["models"][0]["status"] == "unchanged"
    assert "would be updated" not in project.run("pull", "--update").out


def test_an_update_is_text_for_people_too(project: Project, model: Path) -> None:
    (model / "weights.bin").write_bytes(b"new")
    ran = project.run("pull", "--update", "--dry-run")
    assert ran.status == 0
    assert "would be updated" in ran.out
    assert "weights.bin" in ran.out


def test_everything_locked_comes_back_into_an_empty_store(project: Project, model: Path) -> None:
    (project.root / "models" / "other.gguf").write_bytes(b"GGUF")
    assert project.run("pull", "path:models/other.gguf").status == 0
    names = project.names()
    assert model.is_dir()
    shutil.rmtree(project.store_folder)
    LayoutStore.create(project.store_folder)
    assert project.run("pull", "--locked").status == 0
    assert project.names() == names
    assert sorted(names) == ["m", "other.gguf"]


def test_locked_and_update_exclude_each_other(project: Project) -> None:
    assert project.run("pull", "--locked", "--update").status == 2


def test_pulls_at_the_same_time_lose_no_entry(project: Project, model: Path) -> None:
    assert model.is_dir()
    for number in range(4):
        (project.root / "models" / f"n{number}.bin").write_bytes(bytes([number]) * 1000)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "weighlock", "pull", f"path:models/n{number}.bin"],
            stdout=subprocess.DEVNULL,
        )
        for number in range(4)
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    expected = ["m", "n0.bin", "n1.bin", "n2.bin", "n3.bin"]
    assert sorted(Lock.parse(project.lock.read_bytes()).models) == expected
    assert sorted(project.names()) == expected
