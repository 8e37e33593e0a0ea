"""Repositories over the network: what is asked for, and what is held against its digest."""

import pytest

from http_house import ManualTime
from oci_artifact import Shelf
from registry_access import Access
from registry_server import RegistryServer
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.source.oci_remote import OpenRepository, RegistryRemote, remotes_of
from weighlock.transport.client import Client, Network
from weighlock.transport.credential import Secret
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Registries
from weighlock.transport.registry.docker_config import Login, NoCredentials


class OneLogin:
    def find(self, registry: str, repository: str) -> Login | None:
        del registry, repository
        return Login("user", Secret("password"))


def remotes(server: RegistryServer, credentials: OneLogin | NoCredentials) -> tuple[Client, OpenRepository]:
    plain = Hosts.of([server.name])
    client = Client(Network(plain_http=plain), timing=ManualTime().timing())
    registries = Registries(client, credentials, hosts=Hosts(), plain_http=plain)
    return client, remotes_of(registries, Downloader(client))


def test_repositories_of_a_registry_share_its_tokens() -> None:
    with RegistryServer(access=Access(users={"user": "password"}, tokens=True)) as server:
        first, second = Shelf(server, "a/first"), Shelf(server, "a/second")
        pushed = [shelf.modelpack() for shelf in (first, second)]
        client, opened = remotes(server, OneLogin())
        with client:
            for shelf, each in zip((first, second), pushed, strict=True):
                remote = opened(server.name, shelf.name)
                assert Digest.of(remote.manifest("v1")) == Digest.parse(each.digest)
                blob = Descriptor.from_json(each.layers[1])
                assert b"".join(map(bytes, remote.chunks(blob, "layer", 5))) == (b"weights" * 3000)[5:]
                assert not remote.is_authentic
        first_remote, other = opened(server.name, "a/first"), opened(server.name, "b")
        assert isinstance(first_remote, RegistryRemote)
        assert isinstance(other, RegistryRemote)
        assert first_remote._repository._session is other._repository._session


def test_a_config_of_other_bytes() -> None:
    with RegistryServer() as server:
        shelf = Shelf(server, "a/model")
        blob = Descriptor.from_json(shelf.blob(b"{}"))
        client, opened = remotes(server, NoCredentials())
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
        plain = Hosts.of(["other:5000"])
        registries = Registries(client, NoCredentials(), hosts=Hosts(), plain_http=plain)
        opened = remotes_of(registries, Downloader(client))
        assert opened("registry.example", "a/b").is_authentic
        assert not opened("other:5000", "a/b").is_authentic
