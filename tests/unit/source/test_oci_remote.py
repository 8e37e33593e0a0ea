"""Repositories over the network: what is asked for, and what is held against its digest."""

import pytest

from http_house import ManualTime
from oci_artifact import Shelf
from registry_access import Access
from registry_server import RegistryServer
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.source.oci_remote import Registries
from weighlock.transport.client import Client, Network
from weighlock.transport.credential import Secret
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts
from weighlock.transport.registry.docker_config import Login, NoCredentials


class OneLogin:
    def find(self, registry: str, repository: str) -> Login | None:
        del registry, repository
        return Login("user", Secret("password"))


def registries(server: RegistryServer, credentials: OneLogin | NoCredentials) -> tuple[Client, Registries]:
    plain = Hosts.of([server.name])
    client = Client(Network(plain_http=plain), timing=ManualTime().timing())
    downloader = Downloader(client)
    return client, Registries(client, downloader, credentials=credentials, hosts=Hosts(), plain_http=plain)


def test_repositories_of_a_registry_share_its_tokens() -> None:
    with RegistryServer(access=Access(users={"user": "password"}, tokens=True)) as server:
        first, second = Shelf(server, "a/first"), Shelf(server, "a/second")
        pushed = [shelf.modelpack() for shelf in (first, second)]
        client, opened = registries(server, OneLogin())
        with client:
            for shelf, each in zip((first, second), pushed, strict=True):
                remote = opened(server.name, shelf.name)
                assert Digest.of(remote.manifest("v1")) == Digest.parse(each.digest)
                blob = Descriptor.from_json(each.layers[1])
                assert b"".join(map(bytes, remote.chunks(blob, "layer", 5))) == (b"weights" * 3000)[5:]
                assert not remote.is_authentic
        assert (
            opened(server.name, "a/first")._repository._session
            is opened(server.name, "b")._repository._session
        )


def test_a_config_of_other_bytes() -> None:
    with RegistryServer() as server:
        shelf = Shelf(server, "a/model")
        blob = Descriptor.from_json(shelf.blob(b"{}"))
        client, opened = registries(server, NoCredentials())
        with client:
            remote = opened(server.name, shelf.name)
            assert remote.blob(blob) == b"{}"
            shelf.lie(str(blob.digest), b"[]")
            with pytest.raises(WeighlockError) as caught:
                remote.blob(blob)
            assert caught.value.code == "digest_mismatch"
            shelf.lie(str(blob.digest), b"[ ]")
            with pytest.raises(WeighlockError) as caught:
                remote.blob(blob)
            assert caught.value.code == "size_mismatch"


def test_tls_makes_a_registry_authentic() -> None:
    client = Client(Network())
    with client:
        opened = Registries(
            client,
            Downloader(client),
            credentials=NoCredentials(),
            hosts=Hosts(),
            plain_http=Hosts.of(["other:5000"]),
        )
        assert opened("registry.example", "a/b").is_authentic
        assert not opened("other:5000", "a/b").is_authentic
