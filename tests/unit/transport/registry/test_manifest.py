"""Manifests: the bytes that were asked for, read in one way, or an error."""

import hashlib
import json
from typing import Any

import pytest

from registry_material import EMPTY_JSON, manifest_of, put, referrer_of
from registry_server import RegistryServer
from unit.transport.registry.conftest import Connect
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.limit import MAX_MANIFEST_BYTES
from weighlock.core.media_type import (
    DOCKER_LIST_MEDIA_TYPE,
    DOCKER_MANIFEST_MEDIA_TYPE,
    INDEX_MEDIA_TYPE,
    MANIFEST_MEDIA_TYPE,
)
from weighlock.transport.registry.client import Repository
from weighlock.transport.registry.repository import TAG_ATTEMPTS
from weighlock.transport.registry.session import MAX_BROKEN

NAME = "org/model"
RAW = manifest_of()
DIGEST = Digest.of(RAW)
OTHER = manifest_of(artifactType="application/vnd.other")


@pytest.fixture
def repository(server: RegistryServer, connect: Connect) -> Repository:
    put(server.content, NAME, RAW, "v1")
    return connect(server).repository(NAME)


def serve(server: RegistryServer, body: bytes, **headers: str) -> None:
    sent = {"Content-Type": MANIFEST_MEDIA_TYPE, **{k.replace("_", "-"): v for k, v in headers.items()}}
    server.answer("GET", "/manifests/", 200, body=body, headers=sent)


def refusal(repository: Repository, reference: str | Digest = DIGEST) -> str:
    with pytest.raises(WeighlockError) as caught:
        repository.manifest(reference)
    return caught.value.code


@pytest.mark.parametrize("reference", ["v1", DIGEST])
def test_a_manifest_by_tag_and_digest(repository: Repository, reference: str | Digest) -> None:
    found = repository.manifest(reference)
    assert found == (RAW, MANIFEST_MEDIA_TYPE, DIGEST)
    assert found.descriptor == Descriptor(MANIFEST_MEDIA_TYPE, DIGEST, len(RAW))
    assert repository.has_manifest(reference) == len(RAW)


def test_an_answer_that_breaks_off_is_asked_for_again(server: RegistryServer, repository: Repository) -> None:
    server.break_off("GET", "/manifests/", RAW, MANIFEST_MEDIA_TYPE, times=MAX_BROKEN - 1)
    assert repository.manifest(DIGEST).raw == RAW
    server.break_off("GET", "/manifests/", RAW, MANIFEST_MEDIA_TYPE, times=MAX_BROKEN)
    assert refusal(repository) == "body_truncated"


def test_what_is_accepted_is_said(server: RegistryServer, repository: Repository) -> None:
    repository.manifest("v1")
    accepted = server.requests[0].headers["accept"].split(", ")
    assert accepted == [
        MANIFEST_MEDIA_TYPE,
        INDEX_MEDIA_TYPE,
        DOCKER_MANIFEST_MEDIA_TYPE,
        DOCKER_LIST_MEDIA_TYPE,
    ]


@pytest.mark.parametrize("reference", ["v2", Digest.of(b"")])
def test_a_manifest_that_is_not_there(repository: Repository, reference: str | Digest) -> None:
    with pytest.raises(UsageError) as caught:
        repository.manifest(reference)
    assert caught.value.code == "remote_missing"
    assert repository.has_manifest(reference) is None


@pytest.mark.parametrize("tag", ["", "../x", "a/b", "a b", "v1?x", "-a", "a" * 129, "sha256:" + "0" * 64])
def test_texts_that_are_no_tag_never_reach_the_registry(
    server: RegistryServer, repository: Repository, tag: str
) -> None:
    with pytest.raises(DeniedError) as caught:
        repository.manifest(tag)
    assert caught.value.code == "reference_invalid"
    assert server.requests == []


@pytest.mark.parametrize("name", ["", "../x", "A", "a//b", "a/../b", "a?b", "x" * 256])
def test_texts_that_are_no_repository(server: RegistryServer, connect: Connect, name: str) -> None:
    with pytest.raises(DeniedError) as caught:
        connect(server).repository(name)
    assert caught.value.code == "reference_invalid"


def test_another_manifest_than_the_one_asked_for(server: RegistryServer, repository: Repository) -> None:
    serve(server, OTHER, Docker_Content_Digest=str(DIGEST))
    assert refusal(repository) == "digest_mismatch"


def test_a_digest_header_that_lies(server: RegistryServer, repository: Repository) -> None:
    serve(server, OTHER, Docker_Content_Digest=str(DIGEST))
    assert refusal(repository, "v1") == "digest_header_wrong"
    serve(server, RAW, Docker_Content_Digest=str(Digest.of(OTHER)))
    assert refusal(repository, DIGEST) == "digest_header_wrong"


def test_a_digest_header_that_is_none(server: RegistryServer, repository: Repository) -> None:
    serve(server, RAW, Docker_Content_Digest="sha256:" + "A" * 64)
    assert refusal(repository) == "registry_answer_invalid"


def test_a_digest_header_by_another_algorithm_is_computed(
    server: RegistryServer, repository: Repository
) -> None:
    serve(server, RAW, Docker_Content_Digest=f"sha512:{hashlib.sha512(RAW).hexdigest()}")
    assert repository.manifest(DIGEST).digest == DIGEST
    serve(server, RAW, Docker_Content_Digest=f"sha512:{hashlib.sha512(OTHER).hexdigest()}")
    assert refusal(repository) == "digest_header_wrong"


def test_a_manifest_by_another_algorithm(server: RegistryServer, repository: Repository) -> None:
    long = Digest("sha512", hashlib.sha512(RAW).hexdigest())
    serve(server, RAW)
    assert repository.manifest(long).digest == long
    serve(server, OTHER)
    assert refusal(repository, long) == "digest_mismatch"


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        (INDEX_MEDIA_TYPE, RAW, "media_type_mismatch"),
        ("application/json", RAW, "media_type_mismatch"),
        (MANIFEST_MEDIA_TYPE, manifest_of(mediaType=7), "media_type_mismatch"),
        (MANIFEST_MEDIA_TYPE, manifest_of(manifests=[]), "manifest_invalid"),
        (MANIFEST_MEDIA_TYPE, manifest_of(layers=None), "manifest_invalid"),
        (INDEX_MEDIA_TYPE, manifest_of(mediaType=None), "manifest_invalid"),
        (INDEX_MEDIA_TYPE, manifest_of(mediaType=None, manifests=[]), "manifest_invalid"),
        ("", manifest_of(mediaType=None), "manifest_invalid"),
        ("text/html", manifest_of(mediaType=None), "manifest_unsupported"),
        (MANIFEST_MEDIA_TYPE, manifest_of(schemaVersion=1), "manifest_unsupported"),
        (MANIFEST_MEDIA_TYPE, manifest_of(schemaVersion=None), "manifest_unsupported"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", manifest_of(schemaVersion=1, mediaType=None), "manifest_unsupported"),
        ("application/vnd.docker.distribution.manifest.v1+json", manifest_of(mediaType=None), "manifest_unsupported"),
        (MANIFEST_MEDIA_TYPE, b"<html>", "json_invalid"),
        (MANIFEST_MEDIA_TYPE, b"[]", "json_invalid"),
        (MANIFEST_MEDIA_TYPE, b'{"schemaVersion":2,"schemaVersion":2}', "json_invalid"),
        (MANIFEST_MEDIA_TYPE, b" " * (MAX_MANIFEST_BYTES + 1), "response_too_large"),
    ],
)  # fmt: skip
def test_manifests_that_are_refused(
    server: RegistryServer, repository: Repository, media_type: str, body: bytes, code: str
) -> None:
    serve(server, body, Content_Type=media_type)
    assert refusal(repository, "v1") == code


@pytest.mark.parametrize("media_type", [INDEX_MEDIA_TYPE, DOCKER_LIST_MEDIA_TYPE])
def test_lists_of_manifests(server: RegistryServer, repository: Repository, media_type: str) -> None:
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": []}).encode()
    serve(server, raw, Content_Type=f"{media_type}; charset=utf-8")
    assert repository.manifest("v1").media_type == media_type
    serve(server, raw, Content_Type=media_type)
    with pytest.raises(DeniedError) as caught:
        repository.manifest("v1", accept=(MANIFEST_MEDIA_TYPE,))
    assert caught.value.code == "manifest_unsupported"


def test_a_manifest_names_its_type_where_the_header_does_not(
    server: RegistryServer, repository: Repository
) -> None:
    server.switches.headers["Content-Type"] = ""
    assert repository.manifest("v1").media_type == MANIFEST_MEDIA_TYPE


@pytest.mark.parametrize("length", ["", "x", "9" * 16, str(1 << 43)])
def test_sizes_that_are_none(server: RegistryServer, repository: Repository, length: str) -> None:
    headers = {"Content-Length": length} if length else {"Transfer-Encoding": "chunked"}
    server.switches.headers = headers
    server.answer("HEAD", "/manifests/", 200)
    with pytest.raises(WeighlockError) as caught:
        repository.has_manifest(DIGEST)
    assert caught.value.code in {"registry_answer_invalid", "response_invalid"}


def test_a_size_with_another_digest(server: RegistryServer, repository: Repository) -> None:
    server.switches.headers["Docker-Content-Digest"] = str(Digest.of(OTHER))
    with pytest.raises(DeniedError) as caught:
        repository.has_manifest(DIGEST)
    assert caught.value.code == "digest_header_wrong"


def test_putting_a_manifest(server: RegistryServer, repository: Repository) -> None:
    stored = repository.put_manifest(OTHER, MANIFEST_MEDIA_TYPE, "v2")
    assert stored.descriptor == Descriptor(MANIFEST_MEDIA_TYPE, Digest.of(OTHER), len(OTHER))
    assert not stored.subject_listed
    assert repository.manifest("v2").raw == OTHER
    referrer = referrer_of(RAW)
    assert repository.put_manifest(referrer, MANIFEST_MEDIA_TYPE).subject_listed
    assert repository.manifest(Digest.of(referrer)).raw == referrer
    server.switches.referrers_api = False
    assert not repository.put_manifest(referrer, MANIFEST_MEDIA_TYPE).subject_listed


def test_putting_under_a_digest_of_other_bytes(server: RegistryServer, repository: Repository) -> None:
    with pytest.raises(DeniedError) as caught:
        repository.put_manifest(OTHER, MANIFEST_MEDIA_TYPE, DIGEST)
    assert caught.value.code == "digest_mismatch"
    assert server.requests == []


def test_a_registry_that_stores_something_else(server: RegistryServer, repository: Repository) -> None:
    server.answer("PUT", "/manifests/", 201, headers={"Docker-Content-Digest": str(DIGEST)})
    with pytest.raises(DeniedError) as caught:
        repository.put_manifest(OTHER, MANIFEST_MEDIA_TYPE)
    assert caught.value.code == "digest_header_wrong"


def test_a_refused_manifest_says_why(repository: Repository) -> None:
    layers: list[dict[str, Any]] = [{**EMPTY_JSON, "size": 7}]
    with pytest.raises(UndecidedError, match="SIZE_INVALID") as caught:
        repository.put_manifest(manifest_of(layers=layers), MANIFEST_MEDIA_TYPE)
    assert caught.value.code == "request_refused"
    assert caught.value.details["status"] == 400


def test_deleting(server: RegistryServer, repository: Repository) -> None:
    assert repository.delete_tag("v1")
    assert repository.has_manifest("v1") is None
    assert repository.has_manifest(DIGEST) == len(RAW)
    repository.delete_manifest(DIGEST)
    assert repository.has_manifest(DIGEST) is None
    for call in (lambda: repository.delete_manifest(DIGEST), lambda: repository.delete_tag("v1")):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.code == "remote_missing"
    assert len(server.asked("DELETE")) == 4


def test_deleting_where_that_is_not_done(server: RegistryServer, repository: Repository) -> None:
    server.switches.tag_deletion = False
    assert not repository.delete_tag("v1")
    server.switches.deletion = False
    with pytest.raises(UndecidedError, match="UNSUPPORTED") as caught:
        repository.delete_manifest(DIGEST)
    assert caught.value.code == "request_refused"
    assert repository.has_manifest("v1") == len(RAW)


def test_a_tag_that_is_moved_while_it_is_read(server: RegistryServer, connect: Connect) -> None:
    put(server.content, NAME, RAW, "v1")
    waits: list[float] = []
    repository = connect(server, waits=waits).repository(NAME)
    server.answer("GET", "/manifests/v1", 500, times=2)
    assert repository.manifest("v1").digest == DIGEST
    assert len(waits) == 2
    server.answer("GET", "/manifests/", 500, times=TAG_ATTEMPTS)
    assert refusal(repository, "v1") == "server_failed"
    server.answer("GET", "/manifests/", 500)
    assert refusal(repository) == "server_failed"  # what a digest names is not moved
    assert len(server.asked("GET")) == 3 + TAG_ATTEMPTS + 1
