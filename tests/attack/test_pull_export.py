"""Models laid out for other programs: never over what is there, always the verified bytes."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from fake_source import FakeSource, git_name
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.cli.export import LAYOUTS
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.core.media_type import DOCKER_MANIFEST_MEDIA_TYPE
from weighlock.core.ollama import CONFIG_MEDIA_TYPE
from weighlock.core.progress import NO_PROGRESS
from weighlock.service.export import Layout
from weighlock.store import export_cache
from weighlock.store.export_hub import HubSnapshot, export_hub
from weighlock.store.folder import write_all
from weighlock.store.memory import MemoryStore

COMMIT = "c" * 40
OTHER = "d" * 40
WEIGHTS = bytes(range(256)) * 200
FILES = {"config.json": b"{}", "deep/er/weights.safetensors": WEIGHTS, "same.json": b"{}"}


def gguf(architecture: str = "llama") -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    head += text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    return head + bytes(-len(head) % 32)


@pytest.fixture
def source(project: Project, monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    project.settings(hf=["acme"], path=["models"], ollama=["library"])
    made = FakeSource(FILES).install(monkeypatch)
    made.unsaid = {"config.json", "same.json"}
    made.revision = COMMIT
    made.facts = {"ref": "main"}
    return made


@pytest.fixture
def cache(project: Project, source: FakeSource) -> Path:
    assert source.remote
    assert project.run("pull", "hf:acme/tiny@main").status == 0
    made = project.root / "hub"
    ran = export(project, "tiny", made, "hf-cache")
    assert ran["found_as"] == "acme/tiny@main"
    return made / "models--acme--tiny"


def export(project: Project, name: str, destination: Path, layout: str, *flags: str) -> Any:
    ran = project.run("export", name, str(destination), "--as", layout, *flags, "--json")
    assert ran.status == 0, ran
    return ran.facts


def tree(folder: Path) -> dict[str, str | bytes]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_the_command_offers_the_layouts_that_exist() -> None:
    assert list(LAYOUTS) == [each.value for each in Layout]


def test_a_hubs_cache(cache: Path) -> None:
    config, weights = git_name(b"{}"), Digest.of(WEIGHTS).hex
    assert tree(cache) == {
        f"blobs/{config}": b"{}",
        f"blobs/{weights}": WEIGHTS,
        "refs/main": COMMIT.encode(),
        f"snapshots/{COMMIT}/config.json": f"../../blobs/{config}",
        f"snapshots/{COMMIT}/deep/er/weights.safetensors": f"../../../../blobs/{weights}",
        f"snapshots/{COMMIT}/same.json": f"../../blobs/{config}",
    }
    assert (cache / "snapshots" / COMMIT / "deep/er/weights.safetensors").read_bytes() == WEIGHTS


def test_an_export_again_changes_nothing(project: Project, cache: Path) -> None:
    before = {path: path.lstat().st_ino for path in cache.rglob("*")}
    export(project, "tiny", cache.parent, "hf-cache")
    assert {path: path.lstat().st_ino for path in cache.rglob("*")} == before


def test_a_ref_that_leads_elsewhere_moves_only_if_told(
    project: Project, source: FakeSource, cache: Path
) -> None:
    source.revision = OTHER
    source.files["config.json"] = b'{"a": 1}'
    assert project.run("pull", "hf:acme/tiny@main", "--update").status == 0
    facts = export(project, "tiny", cache.parent, "hf-cache")
    assert (facts["pointer"], facts["pointer_kept"]) == ("main", COMMIT)
    assert (cache / "refs/main").read_text() == COMMIT
    assert (cache / "snapshots" / OTHER / "config.json").read_bytes() == b'{"a": 1}'
    assert "--move" in project.run("export", "tiny", str(cache.parent), "--as", "hf-cache").out
    assert export(project, "tiny", cache.parent, "hf-cache", "--move")["pointer_kept"] is None
    assert (cache / "refs/main").read_text() == OTHER


@pytest.mark.parametrize("place", [f"blobs/{Digest.of(WEIGHTS).hex}", f"snapshots/{COMMIT}/config.json"])
def test_something_else_in_a_cache_is_kept(project: Project, cache: Path, place: str) -> None:
    (cache / place).unlink()
    (cache / place).write_bytes(b"precious")
    ran = project.run("export", "tiny", str(cache.parent), "--as", "hf-cache")
    assert (ran.status, "[destination_exists]" in ran.err) == (2, True)
    assert (cache / place).read_bytes() == b"precious"
    assert not list(cache.rglob(".*"))


def test_a_snapshot_that_another_program_began_is_completed(project: Project, cache: Path) -> None:
    before = tree(cache)
    (cache / "snapshots" / COMMIT / "same.json").unlink()
    (cache / "blobs" / Digest.of(WEIGHTS).hex).unlink()
    export(project, "tiny", cache.parent, "hf-cache")
    assert tree(cache) == before


def test_what_else_is_in_a_snapshot_is_not_passed_off_as_verified(
    project: Project, cache: Path, tmp_path: Path
) -> None:
    assert export(project, "tiny", cache.parent, "hf-cache")["others"] == []
    folder = cache / "snapshots" / COMMIT
    (folder / "modeling_tiny.py").write_bytes(b"evil")
    (folder / "deep" / "config.json").symlink_to("nowhere")
    (folder / "deep" / "linked").symlink_to(tmp_path)
    others = ["deep/config.json", "deep/linked", "modeling_tiny.py"]
    assert export(project, "tiny", cache.parent, "hf-cache")["others"] == others
    said = project.run("export", "tiny", str(cache.parent), "--as", "hf-cache").out
    assert f"not verified, but in its folder: {', '.join(others)}" in said


def test_a_ref_that_another_program_makes_meanwhile_is_not_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(descriptor: int, raw: bytes) -> None:
        write_all(descriptor, raw)
        (tmp_path / "refs" / "main").write_bytes(OTHER.encode())

    monkeypatch.setattr(export_cache, "write_all", late)
    with export_cache.Cache(tmp_path) as made:
        assert made.point("refs/main", COMMIT.encode(), move=False) == OTHER.encode()
        assert (tmp_path / "refs" / "main").read_text() == OTHER
        assert made.point("refs/main", COMMIT.encode(), move=True) == COMMIT.encode()
    assert [path.read_text() for path in (tmp_path / "refs").iterdir()] == [COMMIT]


@pytest.mark.parametrize("place", ["", "blobs", "snapshots", f"snapshots/{COMMIT}", "refs"])
def test_a_link_in_a_cache_is_not_followed(project: Project, cache: Path, tmp_path: Path, place: str) -> None:
    shutil.rmtree(cache / place)
    (tmp_path / "elsewhere").mkdir()
    (cache / place).symlink_to(tmp_path / "elsewhere")
    project.run("export", "tiny", str(cache.parent), "--as", "hf-cache").denied("link_refused")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_damaged_store_puts_nothing_into_a_cache(project: Project, source: FakeSource) -> None:
    assert source.remote
    assert project.run("pull", "hf:acme/tiny@main").status == 0
    blob = project.store_folder / "blobs" / "sha256" / Digest.of(WEIGHTS).hex
    blob.chmod(0o644)
    blob.write_bytes(bytes(len(WEIGHTS)))
    project.run("export", "tiny", "hub", "--as", "hf-cache").denied("digest_mismatch")
    home = project.root / "hub" / "models--acme--tiny"
    assert not (home / "blobs" / Digest.of(WEIGHTS).hex).exists()
    assert not (home / "snapshots").exists()
    assert not (home / "refs").exists()


def test_a_model_from_elsewhere_has_no_place_in_a_hubs_cache(project: Project, source: FakeSource) -> None:
    assert source.remote
    (project.root / "models" / "m" / "config.json").write_bytes(b"{}")
    assert project.run("pull", "path:models/m").status == 0
    ran = project.run("export", "m", "hub", "--as", "hf-cache")
    assert (ran.status, "[layout_unsuitable]" in ran.err) == (2, True)
    assert not (project.root / "hub").exists()


def test_a_pinned_commit_has_no_ref(project: Project, source: FakeSource) -> None:
    source.facts = {}
    assert project.run("pull", f"hf:acme/tiny@{COMMIT}").status == 0
    export(project, "tiny", project.root / "hub", "hf-cache")
    assert not (project.root / "hub" / "models--acme--tiny" / "refs").exists()


def pull_gguf(project: Project, **more: bytes) -> None:
    folder = project.root / "models" / "m"
    (folder / "model-q4.gguf").write_bytes(gguf())
    for name, content in more.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    assert project.run("pull", "path:models/m", "--update").status == 0


def test_a_gguf_file_becomes_a_model_of_ollama(project: Project, source: FakeSource) -> None:
    assert source.remote
    pull_gguf(
        project,
        template__gotmpl=b"{{ .Prompt }}",
        params__json=b"{}",
        README__md=b"#",
        mmproj__gguf=gguf("clip"),
    )
    root = project.root / "ollama"
    facts = export(project, "m", root, "ollama", "--called", "tiny:q4")
    assert facts["found_as"] == "tiny:q4"
    raw = (root / "manifests/registry.ollama.ai/library/tiny/q4").read_bytes()
    manifest = json.loads(raw)
    assert manifest["mediaType"] == DOCKER_MANIFEST_MEDIA_TYPE
    assert manifest["config"]["mediaType"] == CONFIG_MEDIA_TYPE
    assert [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]] == [
        "model",
        "projector",
        "template",
        "params",
    ]
    for blob in (manifest["config"], *manifest["layers"]):
        stored = (root / "blobs" / blob["digest"].replace(":", "-")).read_bytes()
        assert (str(Digest.of(stored)), len(stored)) == (blob["digest"], blob["size"])
    config = json.loads((root / "blobs" / manifest["config"]["digest"].replace(":", "-")).read_bytes())
    assert (config["model_format"], config["model_family"]) == ("gguf", "llama")
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert len(list((root / "blobs").iterdir())) == 5


def test_a_name_that_ollama_has_already_moves_only_if_told(project: Project, source: FakeSource) -> None:
    assert source.remote
    pull_gguf(project)
    root = project.root / "ollama"
    export(project, "m", root, "ollama")
    pointer = root / "manifests/registry.ollama.ai/library/m/latest"
    before = pointer.read_bytes()
    pull_gguf(project, system__txt=b"You are a test.")
    assert export(project, "m", root, "ollama")["pointer_kept"] == str(Digest.of(before))
    assert pointer.read_bytes() == before
    assert export(project, "m", root, "ollama", "--move")["pointer_kept"] is None
    assert pointer.read_bytes() != before


@pytest.mark.parametrize("name", ["../../x", "a/b/c/d", "a:b:c", "", "-x", "x:../y", "host:1/a/b"])
def test_a_name_that_leads_out_of_ollamas_folder(project: Project, source: FakeSource, name: str) -> None:
    assert source.remote
    pull_gguf(project)
    ran = project.run("export", "m", "ollama", "--as", "ollama", f"--called={name}")
    assert (ran.status, "[name_invalid]" in ran.err) == (2, True)
    assert not (project.root / "ollama").exists()


def test_what_is_no_single_gguf_is_refused(project: Project, source: FakeSource) -> None:
    assert source.remote
    pull_gguf(project, other__gguf=gguf())
    assert "[layout_unsuitable]" in project.run("export", "m", "ollama", "--as", "ollama").err


def ollama_model(layers: dict[str, bytes], config: bytes) -> bytes:
    def descriptor(kind: str, content: bytes) -> dict[str, Any]:
        return {"mediaType": kind, "digest": str(Digest.of(content)), "size": len(content)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST_MEDIA_TYPE,
            "config": descriptor(CONFIG_MEDIA_TYPE, config),
            "layers": [
                descriptor(f"application/vnd.ollama.image.{kind}", raw) for kind, raw in layers.items()
            ],
        }
    ).encode()


def test_a_model_from_ollama_goes_back_as_it_was(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.remote
    layers = {"model": gguf(), "template": b"{{ .Prompt }}"}
    manifest = ollama_model(layers, b"{}")
    made = FakeSource(
        {
            "model.gguf": layers["model"],
            "ollama/config.json": b"{}",
            "ollama/manifest.json": manifest,
            "template.gotmpl": layers["template"],
        }
    ).install(monkeypatch, "ollama")
    assert project.run("pull", "ollama:tiny:q4", "--name", "t").status == 0
    root = project.root / "ollama"
    assert export(project, "t", root, "ollama")["found_as"] == "tiny:q4"
    assert tree(root) == {
        "manifests/registry.ollama.ai/library/tiny/q4": manifest,
        **{f"blobs/sha256-{Digest.of(raw).hex}": raw for raw in (b"{}", *layers.values())},
    }
    # a manifest that speaks of other bytes than those beside it
    made.files["ollama/manifest.json"] = ollama_model({**layers, "template": b"{{ .Other }}"}, b"{}")
    assert project.run("pull", "ollama:tiny:q4", "--name", "t", "--update").status == 0
    project.run("export", "t", "again", "--as", "ollama").denied("manifest_invalid")


def test_options_that_belong_to_another_layout(project: Project, source: FakeSource) -> None:
    assert source.remote
    pull_gguf(project)
    assert project.run("export", "m", "out", "--called", "x").status == 2
    assert project.run("export", "m", "out", "--move").status == 2
    assert export(project, "m", project.root / "out", "folder")["files"] == 1


def test_without_the_lock_a_signed_provenance_says_where_it_came_from(
    project: Project, source: FakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.remote
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    monkeypatch.chdir(fresh)
    assert project.run("init").status == 0
    monkeypatch.setenv("WEIGHLOCK_SOURCES_HF", "acme")
    assert project.run("pull", "hf:acme/tiny@main").status == 0
    (fresh / "weighlock.lock").unlink()
    export(project, "tiny", fresh / "hub", "hf-cache")
    home = fresh / "hub" / "models--acme--tiny"
    assert (home / "refs/main").read_text() == COMMIT
    assert (home / "snapshots" / COMMIT / "config.json").read_bytes() == b"{}"
    # of whoever signed it no key is trusted any more
    monkeypatch.setenv("WEIGHLOCK_TRUST_ROOT", "")
    assert "[layout_unsuitable]" in project.run("export", "tiny", "again", "--as", "hf-cache").err


def test_a_repository_that_is_no_name_makes_no_folder(tmp_path: Path) -> None:
    store = MemoryStore()
    artifact, config = Artifact.build([ArtifactFile("x", store.write_blob([b"x"]).digest, 1)])
    store.write_blob([config])
    for snapshot in (
        HubSnapshot("../../x", COMMIT),
        HubSnapshot("a/b/c", COMMIT),
        HubSnapshot("acme/tiny", "main"),
        HubSnapshot("acme/tiny", COMMIT, ref="../../x"),
    ):
        with pytest.raises(WeighlockError) as caught:
            export_hub(store, artifact, tmp_path / "hub", snapshot, move=False, progress=NO_PROGRESS)
        assert caught.value.code in {"layout_unsuitable", "path_invalid"}
    assert not (tmp_path / "x").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"hub"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'"revision": "{COMMIT}"', f'"revision": "{OTHER}"'),
        (f'"commit": "{COMMIT}"', f'"commit": "{OTHER}"'),
        ("hf:acme/tiny@main", "hf:acme/tiny@stable"),
        ("hf:acme/tiny@main", f"hf:acme/tiny@{OTHER}"),
        ('"ref": "main"', '"ref": "stable"'),
        (', "ref": "main"', ""),
    ],
)
def test_a_commit_or_ref_edited_in_the_lock_gets_no_bytes(
    project: Project, source: FakeSource, before: str, after: str
) -> None:
    assert source.remote
    assert project.run("pull", "hf:acme/tiny@main").status == 0
    text = project.lock.read_text()
    assert before in text
    project.lock.write_text(text.replace(before, after))
    project.run("export", "tiny", "hub", "--as", "hf-cache").denied("lock_conflict")
    assert not (project.root / "hub").exists()


@pytest.mark.parametrize("file", ["config.json", "deep/er/weights.safetensors"])
def test_a_git_name_edited_in_the_lock_names_no_bytes(
    project: Project, source: FakeSource, file: str
) -> None:
    assert source.remote
    assert project.run("pull", "hf:acme/tiny@main").status == 0
    lock = json.loads(project.lock.read_text())
    # the client takes what has this name for the next version of a file that it never fetched
    lock["models"]["tiny"]["files"][file]["git_sha1"] = git_name(b"the next version")
    project.lock.write_text(json.dumps(lock))
    project.run("export", "tiny", "hub", "--as", "hf-cache").denied("git_mismatch")
    assert not list((project.root).glob("hub/**/blobs/*"))


def test_two_files_under_one_git_name_are_not_mixed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weighlock.store.export_hub._check_git_name", lambda *_: None)  # as after a collision
    store = MemoryStore()
    files = [ArtifactFile(name, store.write_blob([name.encode()]).digest, 1) for name in "ab"]
    artifact, _ = Artifact.build(files)
    snapshot = HubSnapshot("acme/tiny", COMMIT, git_sha1={"a": OTHER, "b": OTHER})
    with pytest.raises(WeighlockError) as caught:
        export_hub(store, artifact, tmp_path / "hub", snapshot, move=False, progress=NO_PROGRESS)
    assert caught.value.code == "layout_unsuitable"
