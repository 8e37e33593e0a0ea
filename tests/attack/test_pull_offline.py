"""A machine without a network gets what is locked from its store and a mirror, and nothing else."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_source import SPEC, FakeSource
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from registry_server import RegistryServer
from weighlock.attestation.signer import make_key
from weighlock.core.digest import Digest
from weighlock.core.lock import Lock
from weighlock.store.layout import LayoutStore

FILES = {
    "config.json": b'{"a": 1}',
    "weights/a.safetensors": os.urandom(200_000),
    "weights/b.safetensors": b"b" * 9,
}


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    made = FakeSource(FILES)
    made.unsaid = {"config.json"}
    return made.install(monkeypatch)


@pytest.fixture
def mirrored(project: Project, source: FakeSource) -> Iterator[Path]:
    """A mirror of two models, a project whose store is empty again, and a source that is out of reach."""
    signer = make_key(trial=True)
    (project.root / "service.pem").write_bytes(signer.to_pem())
    (project.root / "weighlock.yaml").write_text(
        "version: 1\nsources: {path: [models], hf: [acme]}\nenvironments: {experimentation: {key: service.pem}}\n"
    )
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x" * 1000)
    assert project.run("pull", SPEC).status == 0
    assert project.run("pull", "path:models/m").status == 0
    assert project.run("mirror", "mirror").status == 0
    empty(project)
    shutil.rmtree(project.root / "models" / "m")
    source.asked.clear()
    source.resolved = 0
    yield project.root / "mirror"
    assert (source.asked, source.resolved) == ([], 0)


def empty(project: Project) -> None:
    shutil.rmtree(project.store_folder)
    LayoutStore.create(project.store_folder)


def blob_of(mirror: Path, content: bytes) -> Path:
    return mirror / "blobs" / "sha256" / Digest.of(content).hex


def test_everything_locked_comes_from_the_mirror_with_its_provenance(
    project: Project, mirrored: Path
) -> None:
    ran = project.run("pull", "--offline", "--mirror", str(mirrored), "--json")
    assert ran.status == 0, ran
    facts = {model["name"]: model for model in ran.facts["models"]}
    assert {name: each["status"] for name, each in facts.items()} == {"m": "verified", "tiny": "verified"}
    assert facts["tiny"]["transfer"]["fetched"] == sum(map(len, FILES.values()))
    lock = Lock.parse(project.lock.read_bytes())
    assert project.names() == {name: str(model.manifest) for name, model in lock.models.items()}
    with LayoutStore.open(project.store_folder) as store:
        assert len(store.referrers(lock.models["tiny"].manifest)) == 1
    again = project.run("pull", "--offline", "--json").facts["models"]
    assert [model["status"] for model in again] == ["present", "present"]


def test_the_mirror_of_the_settings_is_used_and_only_offline(project: Project, mirrored: Path) -> None:
    with (project.root / "weighlock.yaml").open("a") as file:
        file.write(f"pull: {{mirror: {mirrored}}}\n")
    assert project.run("pull", "--offline", "--name", "tiny").status == 0
    assert project.run("pull", "--mirror", str(mirrored)).status == 2
    assert project.run("pull", "--offline", "--update").status == 2


def test_all_that_is_missing_is_said_before_anything_is_copied(project: Project, mirrored: Path) -> None:
    blob_of(mirrored, FILES["weights/a.safetensors"]).unlink()
    blob_of(mirrored, FILES["weights/b.safetensors"]).unlink()
    blob_of(mirrored, b"x" * 1000).unlink()
    ran = project.run("pull", "--offline", "--mirror", str(mirrored), "--json")
    assert ran.status == 3
    assert ran.facts["error"]["code"] == "offline_missing"
    assert ran.facts["error"]["details"]["missing"] == {
        "m": ["x.bin"],
        "tiny": ["weights/a.safetensors", "weights/b.safetensors"],
    }
    assert "m lacks all of its 1 files; tiny lacks weights/a.safetensors, weights/b.safetensors" in ran.err
    assert project.names() == {}


def test_without_any_mirror_everything_is_missing(project: Project, mirrored: Path) -> None:
    assert mirrored.is_dir()
    assert "[offline_missing]" in project.run("pull", "--offline").err
    assert "[mirror_missing]" in project.run("pull", "--offline", "--mirror", "nowhere").err
    assert not (project.root / "nowhere").exists()


def test_a_mirror_with_other_bytes_of_the_same_size(project: Project, mirrored: Path) -> None:
    blob = blob_of(mirrored, FILES["weights/a.safetensors"])
    raw = bytearray(blob.read_bytes())
    raw[-1] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(raw)
    ran = project.run("pull", "--offline", "--mirror", str(mirrored), "--name", "tiny").denied(
        "digest_mismatch"
    )
    assert "weights/a.safetensors" in ran.err
    assert "`weighlock mirror FOLDER`" in ran.err
    assert "--update" not in ran.err
    assert project.names() == {}


def test_a_model_that_is_not_locked_or_no_longer_trusted_does_not_come_offline(
    project: Project, mirrored: Path
) -> None:
    for arguments in (["hf:acme/other"], ["--name", "other"]):
        ran = project.run("pull", "--offline", "--mirror", str(mirrored), *arguments)
        assert (ran.status, "[lock_missing]" in ran.err) == (2, True)
    project.lock.write_text(project.lock.read_text().replace("path:models/m", "path:/etc"))
    project.run("pull", "--offline", "--mirror", str(mirrored), "--name", "m").denied("source_not_allowed")


def test_a_mirror_is_filled_once(project: Project, source: FakeSource) -> None:
    assert project.run("pull", SPEC).status == 0
    planned = project.run("mirror", "mirror", "--dry-run", "--json").facts["models"]
    assert not (project.root / "mirror").exists()
    assert planned[0]["status"] == "copied"
    for expected in ("copied", "present"):
        (facts,) = project.run("mirror", "mirror", "--json").facts["models"]
        assert facts["status"] == expected
    assert project.run("mirror", "mirror", "--dry-run", "--json").facts["models"][0]["status"] == "present"
    assert len(source.asked) == len(FILES)


def test_what_the_store_lacks_is_pulled_first_against_the_lock(project: Project, source: FakeSource) -> None:
    assert project.run("pull", SPEC).status == 0
    empty(project)
    assert project.run("mirror", "mirror", "--dry-run", "--json").facts["models"][0]["pulled"] is True
    source.served["weights/b.safetensors"] = b"x" * 9
    project.run("mirror", "mirror").denied("digest_mismatch")
    source.served.clear()
    (facts,) = project.run("mirror", "mirror", "--json").facts["models"]
    assert (facts["status"], facts["pulled"]) == ("copied", True)


def test_a_folder_with_something_else_is_no_mirror(project: Project, source: FakeSource) -> None:
    assert source.remote
    assert project.run("pull", SPEC).status == 0
    (project.root / "thesis").mkdir()
    (project.root / "thesis" / "thesis.tex").write_text("x")
    assert "[store_exists]" in project.run("mirror", "thesis").err
    project.lock.unlink()
    assert "[lock_missing]" in project.run("mirror", "mirror").err


@pytest.mark.parametrize("place", ["s3://bucket/mirror", "https://h.example/x", "docker:x"])
def test_another_kind_of_place_becomes_no_folder(project: Project, source: FakeSource, place: str) -> None:
    assert source.remote
    assert project.run("pull", SPEC).status == 0
    before = sorted(project.root.iterdir())
    for dry_run in ((), ("--dry-run",)):
        ran = project.run("mirror", place, *dry_run)
        assert (ran.status, "[reference_invalid]" in ran.err) == (2, True), ran
    assert sorted(project.root.iterdir()) == before


@pytest.mark.parametrize(
    "place", ["registry.example/x", "registry.example:5000/x", "registry:5000/x", "localhost/x", "10.0.0.1/x"]
)
def test_what_looks_like_a_registry_becomes_no_folder(
    project: Project, source: FakeSource, place: str
) -> None:
    assert source.remote
    assert project.run("pull", SPEC).status == 0
    before = sorted(project.root.iterdir())
    for dry_run in ((), ("--dry-run",)):
        ran = project.run("mirror", place, *dry_run)
        assert (ran.status, "[reference_invalid]" in ran.err) == (2, True), ran
        assert f"did you mean oci:{place}? For a new folder write ./{place}" in ran.err
    assert sorted(project.root.iterdir()) == before


@pytest.mark.parametrize("place", ["./registry.example/x", "{root}/registry.example/x", "folder.d"])
def test_a_folder_that_is_written_as_one(project: Project, source: FakeSource, place: str) -> None:
    assert source.remote
    assert project.run("pull", SPEC).status == 0
    place = place.format(root=project.root)
    assert project.run("mirror", place).status == 0
    assert (project.root / place / "oci-layout").is_file()
    assert project.run("mirror", place.removeprefix("./")).status == 0, "it exists by now"


@pytest.mark.parametrize("place", ["oci:nope", "oci:team/nope"])
def test_a_short_name_does_not_become_dockers(project: Project, source: FakeSource, place: str) -> None:
    assert source.remote
    assert project.run("pull", SPEC).status == 0
    for arguments in (("mirror", place), ("push", "tiny", place), ("copy", "tiny", place), ("fetch", place)):
        ran = project.run(*arguments)
        assert (ran.status, "[reference_invalid]" in ran.err) == (2, True), ran
        assert "does not name its registry" in ran.err


def test_a_password_is_not_shown(project: Project, source: FakeSource) -> None:
    assert source.remote
    for place in ("oci:ana:secret@registry.example/x", "oci:ana:secret@registry.example"):
        ran = project.run("mirror", place) if project.run("pull", SPEC).status == 0 else None
        assert ran is not None
        assert (ran.status, "[reference_invalid]" in ran.err) == (2, True), ran
        assert "secret" not in ran.err


def test_a_registry_is_a_mirror_too(project: Project, source: FakeSource) -> None:
    with RegistryServer() as server:
        settings = {
            "version": 1,
            "sources": {"hf": ["acme"]},
            "network": {"plain_http": [server.name]},
            "push": {"oci": [server.name]},
        }
        (project.root / "weighlock.yaml").write_text(json.dumps(settings))
        assert project.run("pull", SPEC).status == 0
        place = f"oci:{server.name}/mirrors/models"
        for expected in ("copied", "present"):
            ran = project.run("mirror", place, "--json")
            assert ran.status == 0, ran
            assert ran.facts["models"][0]["status"] == expected
        empty(project)
        source.asked.clear()
        ran = project.run("pull", "--offline", "--mirror", place, "--json")
        assert ran.status == 0, ran
        assert source.asked == []
        blob = Digest.of(FILES["weights/a.safetensors"])
        server.content.delete_blob("mirrors/models", str(blob))
        empty(project)
        assert "weights/a.safetensors" in project.run("pull", "--offline", "--mirror", place).err
        assert project.run("mirror", f"{place}:tag").status == 2


def test_a_mirror_is_pushed_only_where_the_settings_say(project: Project, source: FakeSource) -> None:
    assert source.remote
    with RegistryServer() as server:
        settings = {"version": 1, "sources": {"hf": ["acme"]}, "network": {"plain_http": [server.name]}}
        (project.root / "weighlock.yaml").write_text(json.dumps(settings))
        assert project.run("pull", SPEC).status == 0
        project.run("mirror", f"oci:{server.name}/mirrors/models").denied("push_not_allowed")
        assert server.requests == []
