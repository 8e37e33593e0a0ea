"""The source ``ollama:`` over the test registry, with the turns that Ollama's own registry has."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from http_house import ManualTime
from oci_artifact import GGUF, LLAMA, Shelf
from registry_server import RegistryServer
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.lock import LockedModel
from weighlock.core.ollama import CONFIG_FILE, MANIFEST_FILE
from weighlock.core.progress import NO_PROGRESS
from weighlock.source.interface import SourceSpec, Staging
from weighlock.source.ollama import DEFAULT_REGISTRY, OllamaSource, parse_ollama
from weighlock.transport.client import Client, Network
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

SPEC = SourceSpec("ollama", "tiny:1b")
NOWHERE: Staging = None  # type: ignore[assignment]  # this source stages nothing
UNLOCKED: LockedModel = None  # type: ignore[assignment]  # and looks at no entry to see whether it continues


@pytest.fixture(name="server")
def server_fixture() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        server.switches.headers["Content-Type"] = (
            "text/plain; charset=utf-8"  # as Ollama's own sends manifests
        )
        yield server


@pytest.fixture
def shelf(server: RegistryServer) -> Shelf:
    return Shelf(server, "library/tiny")


@pytest.fixture(name="make")
def make_fixture(server: RegistryServer) -> Iterator[Callable[..., OllamaSource]]:
    client = Client(Network(plain_http=Hosts.of([server.name])), timing=ManualTime().timing())

    def make(redirects: Hosts = Hosts(), allowed: tuple[str, ...] = ("library",)) -> OllamaSource:  # noqa: B008  # immutable
        return OllamaSource(
            client, Downloader(client), registry=server.url, allowed=allowed, redirects=redirects
        )

    with client:
        yield make


def pull(
    source: OllamaSource, spec: SourceSpec = SPEC, locked: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    resolved = source.resolve(spec, locked or {})
    with source.fetch(spec, resolved, None, NOWHERE, NO_PROGRESS) as fetched:
        assert [item.path for item in fetched.items] == sorted(item.path for item in fetched.items)
        found = {item.path: b"".join(map(bytes, fetched.chunks(item.path))) for item in fetched.items}
        for item in fetched.items:
            assert item.promised == Digest.of(found[item.path])
            assert b"".join(map(bytes, fetched.chunks(item.path, 2))) == found[item.path][2:]
    return found


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(WeighlockError) as caught:
        act()
    return caught.value.code


def test_a_model_is_its_layers_its_config_and_its_manifest(
    shelf: Shelf, make: Callable[..., OllamaSource]
) -> None:
    pushed = shelf.ollama(LLAMA)
    found = pull(make())
    assert {path: found[path] for path in found if not path.startswith("ollama/")} == {
        "model.gguf": GGUF,
        "template.gotmpl": b"{{ .Prompt }}",
        "params.json": b'{"stop":["x"]}',
        "license-1.txt": b"MIT",
        "license-2.txt": b"and more",
    }
    assert Digest.of(found[MANIFEST_FILE]) == Digest.parse(pushed.digest)
    assert found[CONFIG_FILE] == b'{"model_format": "gguf"}'


def test_what_is_known_of_it(shelf: Shelf, make: Callable[..., OllamaSource]) -> None:
    pushed = shelf.ollama(LLAMA)
    resolved = make().resolve(SPEC, {})
    assert resolved.revision == pushed.digest
    assert resolved.owner == ("ollama", "unavailable", "library")
    assert resolved.facts == {"manifest": pushed.digest}
    assert (resolved.pinned, resolved.origin_confirmed) == (False, False)  # no TLS, so nobody confirmed it
    pinned = make().resolve(SourceSpec("ollama", f"tiny:1b@{pushed.digest}"), {})
    assert (pinned.pinned, pinned.origin_confirmed) == (True, True)
    make().check_continues(SPEC, UNLOCKED, resolved)


def test_the_manifest_is_asked_for_once(shelf: Shelf, make: Callable[..., OllamaSource]) -> None:
    shelf.ollama(LLAMA)
    pull(make())
    assert len(shelf.server.asked("GET", "/manifests/")) == 1


@pytest.mark.parametrize("knows", ["manifests", "blobs", "tags"])
def test_a_locked_manifest_is_had_by_its_digest(
    shelf: Shelf, make: Callable[..., OllamaSource], knows: str
) -> None:
    pushed = shelf.ollama(LLAMA)
    if knows != "manifests":
        shelf.server.answer("GET", "/manifests/sha256:", 400 if knows == "blobs" else 404)
    if knows == "blobs":
        raw = shelf.server.content.manifest(shelf.name, pushed.digest)[2]
        shelf.server.content.put_blob(shelf.name, raw)
    assert make().resolve(SPEC, {"manifest": pushed.digest}).revision == pushed.digest
    asked = shelf.server.asked("GET", "/manifests/1b")
    assert len(asked) == (1 if knows == "tags" else 0)


def test_a_moved_tag_changes_nothing_against_a_lock(shelf: Shelf, make: Callable[..., OllamaSource]) -> None:
    first = shelf.ollama(LLAMA)
    second = shelf.ollama(LLAMA[:2])
    assert make().resolve(SPEC, {"manifest": first.digest}).revision == first.digest
    assert make().resolve(SPEC, {}).revision == second.digest
    del shelf.server.content.repository(shelf.name).manifests[first.digest]
    assert refused(lambda: make().resolve(SPEC, {"manifest": first.digest})) == "revision_vanished"


def test_a_registry_that_fails_is_not_taken_for_one_without_the_manifest(
    shelf: Shelf, make: Callable[..., OllamaSource]
) -> None:
    pushed = shelf.ollama(LLAMA)
    shelf.server.answer("GET", "/manifests/sha256:", 403, times=9)
    assert refused(lambda: make().resolve(SPEC, {"manifest": pushed.digest})) == "access_refused"
    assert shelf.server.asked("GET", "/(?:blobs|manifests/1b)") == []


def test_another_manifest_than_was_asked_for(shelf: Shelf, make: Callable[..., OllamaSource]) -> None:
    pushed = shelf.ollama(LLAMA)
    shelf.server.answer("GET", f"/manifests/{pushed.digest}", 200, body=b'{"schemaVersion": 2}')
    assert refused(lambda: make().resolve(SPEC, {"manifest": pushed.digest})) == "digest_mismatch"


@pytest.mark.parametrize(
    "facts", [{"kind": "x"}, {"manifest": "sha256:../../x"}, {"manifest": "sha256:" + "a" * 64, "more": "x"}]
)
def test_facts_of_a_lock_that_was_edited(
    shelf: Shelf, make: Callable[..., OllamaSource], facts: dict[str, str]
) -> None:
    shelf.ollama(LLAMA)
    assert refused(lambda: make().resolve(SPEC, facts)) in {"lock_invalid", "digest_invalid"}
    assert shelf.server.asked("GET") == []


def test_blobs_that_lie_elsewhere(shelf: Shelf, make: Callable[..., OllamaSource]) -> None:
    shelf.ollama(LLAMA)
    with RegistryServer() as elsewhere:
        for content in [content for _, content in LLAMA] + [b'{"model_format": "gguf"}']:
            elsewhere.content.put_blob("any", content)
        shelf.server.switches.blob_redirect = f"{elsewhere.url}/v2/any/blobs/"
        assert refused(lambda: pull(make())) == "redirect_refused"
        assert elsewhere.requests == []


def test_what_does_not_exist(make: Callable[..., OllamaSource]) -> None:
    assert refused(lambda: make().resolve(SPEC, {})) == "remote_missing"


@pytest.mark.parametrize(
    ("written", "canonical", "name"),
    [
        ("llama3.2", "llama3.2:latest", "llama3.2"),
        ("library/llama3.2:1b", "llama3.2:1b", "llama3.2-1b"),
        ("someone/Model_x:Q4_K_M", "someone/Model_x:Q4_K_M", "Model_x-Q4_K_M"),
        ("m:1@sha256:" + "a" * 64, "m:1@sha256:" + "a" * 64, "m-1"),
    ],
)
def test_how_a_source_is_written(
    make: Callable[..., OllamaSource], written: str, canonical: str, name: str
) -> None:
    found = make().canonical(SourceSpec("ollama", written), Path())
    assert found == SourceSpec("ollama", canonical)
    assert make().canonical(found, Path()) == found
    assert make().name_of(found) == name


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("", "source_invalid"),
        ("../x", "source_invalid"),
        ("a..b", "source_invalid"),
        ("a/b/c", "source_invalid"),
        ("hf.co/owner/model", "source_invalid"),
        ("a/../b:1", "source_invalid"),
        ("a:../../x", "source_invalid"),
        ("a:1:2", "source_invalid"),
        (".hidden", "source_invalid"),
        ("a/.b", "source_invalid"),
        ("a b", "source_invalid"),
        ("a\n", "source_invalid"),
        ("ä", "source_invalid"),
        ("a@sha256:" + "A" * 64, "digest_invalid"),
        ("a@sha256:" + "a" * 63, "digest_invalid"),
        ("a@sha256:" + "a" * 64 + "\n", "digest_invalid"),
        ("a@sha512:" + "a" * 128, "digest_invalid"),
        ("a@latest", "digest_invalid"),
        ("a@sha256:../../../../etc/passwd", "source_invalid"),
    ],
)
def test_what_is_not_a_model(location: str, code: str) -> None:
    assert refused(lambda: parse_ollama(SourceSpec("ollama", location))) == code


def test_only_what_the_settings_name(make: Callable[..., OllamaSource]) -> None:
    make(allowed=("library/tiny",)).check_allowed(SPEC)
    with pytest.raises(DeniedError) as caught:
        make(allowed=("library/tin", "other")).check_allowed(SPEC)
    assert caught.value.code == "source_not_allowed"


@pytest.mark.parametrize("registry", ["ftp://x", "https://x/path", "https://u:p@x", "x", "https://x?q"])
def test_an_address_that_is_none(registry: str) -> None:
    client = Client(Network())
    with client, pytest.raises(UsageError) as caught:
        OllamaSource(client, Downloader(client), registry=registry, allowed=(), redirects=Hosts())
    assert caught.value.code == "settings_invalid"
    assert "p@x" not in caught.value.message


def test_the_default_registry_may_only_be_in_the_open() -> None:
    client = Client(Network())
    with client:
        source = OllamaSource(
            client, Downloader(client), registry=DEFAULT_REGISTRY, allowed=(), redirects=Hosts()
        )
    rules = [*source._hosts.rules, *source._redirects.rules]
    assert [rule.explicit for rule in rules] == [False, False]
