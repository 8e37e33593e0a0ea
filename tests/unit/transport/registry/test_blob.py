"""Blobs: from the registry or from where it sends us, if that is allowed. Their bytes are the reader's to verify."""

import pytest

from registry_server import RegistryServer
from unit.transport.registry.conftest import Connect, Logins, Serve
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.transport.download import Downloader
from weighlock.transport.registry.client import Registry, Repository

NAME = "org/model"
DATA = bytes(range(256)) * 1000
DIGEST = Digest.of(DATA)


@pytest.fixture
def repository(server: RegistryServer, connect: Connect) -> Repository:
    server.content.put_blob(NAME, DATA)
    return connect(server).repository(NAME)


def download(registry: Registry) -> bytes:
    remote = registry.repository(NAME).blob(DIGEST, len(DATA), name="weights.bin")
    assert remote.name == "weights.bin"
    return b"".join(map(bytes, Downloader(registry.client).chunks(remote)))


def test_a_blob(server: RegistryServer, connect: Connect) -> None:
    server.content.put_blob(NAME, DATA)
    registry = connect(server)
    repository = registry.repository(NAME)
    assert repository.has_blob(DIGEST) == len(DATA)
    assert download(registry) == DATA
    assert repository.read_blob(DIGEST, limit_bytes=len(DATA)) == DATA


def test_a_blob_that_is_not_there(repository: Repository) -> None:
    absent = Digest.of(b"")
    assert repository.has_blob(absent) is None
    with pytest.raises(UsageError) as caught:
        repository.read_blob(absent, limit_bytes=1)
    assert caught.value.code == "remote_missing"


def test_a_blob_of_another_repository(server: RegistryServer, connect: Connect) -> None:
    server.content.put_blob(NAME, DATA)
    assert connect(server).repository("org/other").has_blob(DIGEST) is None


def test_a_small_blob_is_verified_and_limited(server: RegistryServer, repository: Repository) -> None:
    with pytest.raises(DeniedError) as caught:
        repository.read_blob(DIGEST, limit_bytes=len(DATA) - 1)
    assert caught.value.code == "response_too_large"
    server.content.blobs[str(DIGEST)] = DATA[::-1]
    with pytest.raises(DeniedError) as caught:
        repository.read_blob(DIGEST, limit_bytes=len(DATA))
    assert caught.value.code == "digest_mismatch"


def test_other_bytes_reach_the_reader_who_digests_them(server: RegistryServer, connect: Connect) -> None:
    server.content.put_blob(NAME, DATA)
    server.content.blobs[str(DIGEST)] = DATA[::-1]
    assert download(connect(server)) == DATA[::-1]


def test_a_size_under_another_digest(server: RegistryServer, repository: Repository) -> None:
    server.switches.headers["Docker-Content-Digest"] = str(Digest.of(b"x"))
    with pytest.raises(DeniedError) as caught:
        repository.has_blob(DIGEST)
    assert caught.value.code == "digest_header_wrong"


def test_a_redirect_to_where_blobs_may_lie(serve: Serve, guarded: RegistryServer, connect: Connect) -> None:
    elsewhere = serve()
    elsewhere.content.put_blob(NAME, DATA)
    guarded.content.put_blob(NAME, DATA)
    guarded.switches.blob_redirect = f"{elsewhere.url}/v2/{NAME}/blobs/"
    registry = connect(guarded, Logins(), redirects=(elsewhere,))
    assert registry.repository(NAME).has_blob(DIGEST) == len(DATA)
    assert registry.repository(NAME).read_blob(DIGEST, limit_bytes=len(DATA)) == DATA
    assert download(registry) == DATA
    assert len(elsewhere.requests) == 3
    assert not any("authorization" in each.headers for each in elsewhere.requests)


def test_a_redirect_to_anywhere_else(serve: Serve, server: RegistryServer, connect: Connect) -> None:
    elsewhere = serve()
    server.content.put_blob(NAME, DATA)
    server.switches.blob_redirect = f"{elsewhere.url}/v2/{NAME}/blobs/"
    registry = connect(server, realms=(elsewhere,))  # tokens may come from there, no more
    for ask in (lambda: registry.repository(NAME).has_blob(DIGEST), lambda: download(registry)):
        with pytest.raises(DeniedError) as caught:
            ask()
        assert caught.value.code == "redirect_refused"
    assert elsewhere.requests == []


def test_a_manifest_is_never_taken_from_elsewhere(
    serve: Serve, server: RegistryServer, connect: Connect
) -> None:
    elsewhere = serve()
    server.answer("GET", "/manifests/", 307, headers={"Location": f"{elsewhere.url}/v2/{NAME}/manifests/v1"})
    with pytest.raises(DeniedError) as caught:
        connect(server, redirects=(elsewhere,)).repository(NAME).manifest("v1")
    assert caught.value.code == "redirect_refused"
    assert elsewhere.requests == []


@pytest.mark.parametrize("target", ["http://169.254.169.254/x", "http://127.0.0.1:1/x", "file:///etc/passwd"])
def test_redirects_inwards(server: RegistryServer, connect: Connect, target: str) -> None:
    server.answer("GET", "/blobs/", 307, headers={"Location": target})
    with pytest.raises(WeighlockError) as caught:
        connect(server).repository(NAME).read_blob(DIGEST, limit_bytes=len(DATA))
    assert caught.value.code == "redirect_refused"
