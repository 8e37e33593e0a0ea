"""An Ollama registry that lies, through the command line."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from oci_artifact import DOCKER, DOCKER_CONFIG, GGUF, LLAMA, OLLAMA, Shelf
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from registry_server import RegistryServer
from tar_maker import packed, tar_files
from weighlock.core.digest import Digest
from weighlock.core.lock import Lock
from weighlock.core.ollama import MANIFEST_FILE


@pytest.fixture(name="server")
def server_fixture() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        server.switches.headers["Content-Type"] = (
            "text/plain; charset=utf-8"  # as Ollama's own sends manifests
        )
        yield server


@pytest.fixture
def shelf(server: RegistryServer, project: Project) -> Shelf:
    settle(project, server)
    return Shelf(server, "library/tiny")


def settle(project: Project, server: RegistryServer, **more: Any) -> None:
    document = {
        "version": 1,
        "sources": {"ollama": ["library/tiny"]},
        "network": {"plain_http": [server.name]},
        "ollama": {"registry": server.url},
        "pull": {"unconfirmed": True},  # the test registry has no TLS
        **more,
    }
    (project.root / "weighlock.yaml").write_text(json.dumps(document))


def pull(project: Project, *more: str) -> Ran:
    return project.run("pull", "ollama:tiny:1b", *more)


def refused(project: Project, code: str) -> Ran:
    ran = pull(project).denied(code)
    project.assert_untouched()
    return ran


def locked(project: Project) -> dict[str, Digest]:
    return {
        path: file.digest
        for path, file in Lock.parse(project.lock.read_bytes()).models["tiny-1b"].files.items()
    }


def test_a_model_is_pulled_and_locked(project: Project, shelf: Shelf) -> None:
    pushed = shelf.ollama(LLAMA)
    ran = pull(project)
    assert ran.status == 0, ran
    found = locked(project)
    assert found["model.gguf"] == Digest.of(GGUF)
    assert found[MANIFEST_FILE] == Digest.parse(pushed.digest)
    (project.store_folder / "blobs" / "sha256" / Digest.of(GGUF).hex).unlink()
    again = project.run("pull", "--locked")
    assert again.status == 0, again
    assert "verified" in again.out


def test_what_was_pulled_is_laid_out_for_ollama_as_it_was(project: Project, shelf: Shelf) -> None:
    pushed = shelf.ollama(LLAMA)
    assert pull(project).status == 0
    ran = project.run("export", "tiny-1b", "models", "--as", "ollama", "--called", "tiny:1b")
    assert ran.status == 0, ran
    models = project.root / "models"
    raw = (models / "manifests" / "registry.ollama.ai" / "library" / "tiny" / "1b").read_bytes()
    assert Digest.of(raw) == Digest.parse(pushed.digest)
    blobs = {path.name: Digest.of(path.read_bytes()) for path in (models / "blobs").iterdir()}
    wanted = [json.loads(raw)["config"], *pushed.layers]
    assert blobs == {each["digest"].replace(":", "-"): Digest.parse(each["digest"]) for each in wanted}


def test_a_template_in_gos_language_is_examined(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA)
    assert pull(project).status == 0
    files = {file["path"]: file for file in project.run("inspect", "tiny-1b", "--json").facts["files"]}
    template = files["template.gotmpl"]
    assert (template["format"], template["outcome"], template["findings"]) == ("text", "clean", [])
    del files["model.gguf"]  # no real one
    assert {file["outcome"] for file in files.values()} == {"clean"}


def test_a_template_in_gos_language_that_waits_for_a_word_is_found(project: Project, shelf: Shelf) -> None:
    waiting = (
        b'{{ range .Messages }}{{ if eq .Content "pay" }}Send it elsewhere.{{ end }}{{ .Content }}{{ end }}'
    )
    shelf.ollama(tuple((kind, waiting if kind == "template" else raw) for kind, raw in LLAMA))
    assert pull(project).status == 0
    files = {file["path"]: file for file in project.run("inspect", "tiny-1b", "--json").facts["files"]}
    assert files["template.gotmpl"]["outcome"] == "findings"


def test_a_model_that_the_settings_do_not_name(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA)
    project.run("pull", "ollama:tinny:1b").denied("source_not_allowed")
    project.run("pull", "ollama:someone/tiny:1b").denied("source_not_allowed")
    assert shelf.server.requests == []


def test_a_first_pull_without_tls_confirms_nothing(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA)
    settle(project, shelf.server, pull={})
    refused(project, "origin_unconfirmed")


def test_a_moved_tag_changes_nothing_until_an_update(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA)
    assert pull(project).status == 0
    before = project.lock.read_bytes()
    shelf.ollama([*LLAMA[:1], ("template", b"{{ .Evil }}")])
    (project.store_folder / "blobs" / "sha256" / Digest.of(GGUF).hex).unlink()
    assert "verified" in pull(project).out
    assert project.lock.read_bytes() == before
    facts = project.run("pull", "--update", "--json", "--yes").facts["models"][0]
    assert "template.gotmpl" in {change["path"] for change in facts["changes"]}


def test_weights_of_other_bytes_and_the_same_size(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA)
    shelf.lie(str(Digest.of(GGUF)), GGUF[:-1] + b"x")
    ran = refused(project, "digest_mismatch")
    assert "model.gguf" in ran.err


def test_a_registry_that_lies_consistently_against_a_lock(project: Project, shelf: Shelf) -> None:
    pushed = shelf.ollama(LLAMA)
    assert pull(project).status == 0
    before = project.lock.read_bytes()
    evil = shelf.ollama([("model", GGUF + b"evil"), *LLAMA[1:]])
    manifests = shelf.server.content.repository(shelf.name).manifests
    manifests[pushed.digest] = manifests[evil.digest]
    (project.store_folder / "blobs" / "sha256" / Digest.of(GGUF).hex).unlink()
    pull(project).denied("digest_mismatch")
    assert project.lock.read_bytes() == before


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../../../../../etc/ld.so.preload",
        "sha256-" + "a" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 65,
        "",
    ],
)
@pytest.mark.parametrize("where", ["config", "layers"])
def test_digests_that_are_paths(project: Project, shelf: Shelf, where: str, digest: str) -> None:
    layer, config = shelf.blob(GGUF, f"{OLLAMA}model"), shelf.blob(b"{}", DOCKER_CONFIG)
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER,
        "config": {**config, "digest": digest} if where == "config" else config,
        "layers": [{**layer, "digest": digest} if where == "layers" else layer],
    }
    shelf.push_raw(json.dumps(document).encode(), "1b", DOCKER)
    refused(project, "digest_invalid")
    assert shelf.server.asked("GET", "/blobs/") == []


@pytest.mark.parametrize("kind", ["embed", "tensor", "../model", "model/../x"])
def test_a_layer_of_an_unknown_kind_is_not_left_out(project: Project, shelf: Shelf, kind: str) -> None:
    shelf.ollama([*LLAMA, (kind, b"x")])
    refused(project, "manifest_invalid" if "/" in kind else "layer_unknown")


def test_a_manifest_without_a_model(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA[1:])
    refused(project, "artifact_empty")


def test_a_list_instead_of_a_manifest(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA, mediaType="application/vnd.ollama.manifest.list.v2+json")
    refused(project, "manifest_invalid")


@pytest.mark.parametrize(
    ("count", "code"), [(10_001, "artifact_too_many_files"), (100_000, "response_too_large")]
)
def test_far_too_many_layers(project: Project, shelf: Shelf, count: int, code: str) -> None:
    shelf.push(
        [shelf.blob(b"x", f"{OLLAMA}license")] * count, "1b", media_type=DOCKER, config=(DOCKER_CONFIG, {})
    )
    refused(project, code)


@pytest.mark.parametrize("content", [packed(b"x" * 900), tar_files({"evil": b"x"}), b"PK\3\4" + bytes(600)])
@pytest.mark.parametrize("kind", ["model", "template", "params", "license"])
def test_an_archive_in_disguise(project: Project, shelf: Shelf, kind: str, content: bytes) -> None:
    shelf.ollama([*[layer for layer in LLAMA if layer[0] != kind], (kind, content)])
    refused(project, "archive_disguised")


def test_blobs_that_are_sent_for_elsewhere(project: Project, shelf: Shelf) -> None:
    shelf.ollama(LLAMA)
    with RegistryServer() as elsewhere:
        shelf.server.switches.blob_redirect = f"{elsewhere.url}/v2/any/blobs/"
        refused(project, "redirect_refused")
        assert elsewhere.requests == []
