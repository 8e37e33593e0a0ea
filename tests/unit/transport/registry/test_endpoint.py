"""Where a registry is, and who may take part when it is asked."""

from pathlib import Path

import pytest

from registry_access import Access
from registry_server import RegistryServer
from unit.transport.registry.conftest import Logins
from web_authority import Authority
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.transport.client import Client, Network, Timing
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Endpoint, Registry
from weighlock.transport.url import Origin, parse_url

DATA = b"weights"


def endpoint(registry: str, *, redirects: str = "cdn.example", plain: str = "plain.example:5000") -> Endpoint:
    return Endpoint.of(
        registry, realms=Hosts(), redirects=Hosts.of([redirects]), plain_http=Hosts.of([plain])
    )


@pytest.mark.parametrize(
    ("registry", "origin"),
    [
        ("reg.example", Origin("https", "reg.example", 443)),
        ("REG.example:8443", Origin("https", "reg.example", 8443)),
        ("plain.example:5000", Origin("http", "plain.example", 5000)),
        ("plain.example", Origin("https", "plain.example", 443)),
        ("[::1]:5000", Origin("https", "::1", 5000)),
        ("docker.io", Origin("https", "registry-1.docker.io", 443)),
    ],
)
def test_where_a_registry_is(registry: str, origin: Origin) -> None:
    found = endpoint(registry)
    assert found.origin == origin
    assert found.is_authentic == (origin.scheme == "https")
    assert found.hosts.find(origin.host, origin.port) is not None
    assert found.realms.find(origin.host, origin.port) is None


def test_docker_hub_has_its_own_realm_and_stores() -> None:
    hub, other = endpoint("docker.io"), endpoint("reg.example")
    assert hub.realms.find("auth.docker.io", 443) is not None
    assert other.realms.find("auth.docker.io", 443) is None
    store = parse_url("https://production.cloudflare.docker.com/x").origin
    assert hub.may_redirect_to(store)
    assert not other.may_redirect_to(store)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://reg.example/x", True),
        ("https://cdn.example/x", True),
        ("http://cdn.example/x", False),
        ("http://reg.example/x", False),
        ("https://reg.example:8443/x", False),
        ("https://x.cdn.example/x", False),
    ],
)
def test_where_uploads_may_go(url: str, allowed: bool) -> None:
    assert endpoint("reg.example").may_redirect_to(parse_url(url).origin) is allowed


@pytest.mark.parametrize(
    "registry", ["", "reg.example/x", "user@reg.example", "https://reg.example", "a b", "127.1"]
)
def test_texts_that_are_no_registry(registry: str) -> None:
    with pytest.raises(WeighlockError) as caught:
        endpoint(registry)
    assert caught.value.code in {"url_invalid", "host_invalid"}


def test_over_tls_with_tokens(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    access = Access(users={"robot": "p4ssw0rd"}, tokens=True)
    with RegistryServer(access=access, tls=authority.context("127.0.0.1")) as server:
        server.content.put_blob("a/b", DATA)
        reached = Endpoint.of(server.name, realms=Hosts(), redirects=Hosts(), plain_http=Hosts())
        with Client(Network(ca_file=authority.ca_file), timing=Timing(sleep=lambda _: None)) as client:
            repository = Registry(client, reached, Logins()).repository("a/b")
            assert repository.has_blob(Digest.of(DATA)) == len(DATA)
            assert repository.upload([b"more"]).size == 4
        with Client(Network(), timing=Timing(sleep=lambda _: None)) as stranger:
            logins = Logins()
            with pytest.raises(WeighlockError) as caught:
                Registry(stranger, reached, logins).repository("a/b").has_blob(Digest.of(DATA))
            assert caught.value.code == "tls_failed"
            assert logins.asked == []


def test_netrc_is_not_for_registries(tmp_path: Path) -> None:
    """Their credentials are where docker, podman and skopeo keep them."""
    authority, netrc = Authority(tmp_path), tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login robot password p4ssw0rd")
    netrc.chmod(0o600)
    with RegistryServer(tls=authority.context("127.0.0.1")) as server:
        server.content.put_blob("a/b", DATA)
        reached = Endpoint.of(server.name, realms=Hosts(), redirects=Hosts(), plain_http=Hosts())
        network = Network(ca_file=authority.ca_file, environ={"NETRC": str(netrc)})
        with Client(network, timing=Timing(sleep=lambda _: None)) as client:
            repository = Registry(client, reached).repository("a/b")
            assert repository.has_blob(Digest.of(DATA)) == len(DATA)
            repository.upload([b"more"])
        assert not any("authorization" in each.headers for each in server.requests)


def test_plain_http_is_never_fallen_back_to() -> None:
    with RegistryServer() as server:
        reached = Endpoint.of(server.name, realms=Hosts(), redirects=Hosts(), plain_http=Hosts())
        with Client(Network(), timing=Timing(sleep=lambda _: None)) as client:
            with pytest.raises(WeighlockError) as caught:
                Registry(client, reached).repository("a/b").tags()
            assert caught.value.code in {"tls_failed", "host_unreachable"}
        assert server.requests == []
