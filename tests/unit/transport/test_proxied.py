"""Requests through a proxy."""

from collections.abc import Iterator

import pytest

from http_house import Answer, House, ManualTime, authority, house
from proxy_house import ProxyHouse
from web_authority import Authority
from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.credential import bearer
from weighlock.transport.host import Hosts
from weighlock.transport.url import parse_url

__all__ = ["authority", "house"]

NAME = "hub.models.example"
WILDCARD = Hosts.of(["*.models.example"])


@pytest.fixture
def hub(authority: Authority) -> Iterator[House]:
    with House(tls=authority.context(NAME)) as made:
        made.put("/a", b"bytes")
        yield made


@pytest.fixture
def proxy(hub: House, house: House) -> Iterator[ProxyHouse]:
    with ProxyHouse({NAME: hub.port, "plain.models.example": house.port}) as made:
        yield made


def network(authority: Authority, proxy: str, **environ: str) -> Network:
    plain = Hosts.of(["plain.models.example"])
    return Network(plain, authority.ca_file, {"all_proxy": proxy, **environ})


def ask(way: Network, url: str, hosts: Hosts = WILDCARD, *, token: str = "") -> bytes:
    credential = bearer(parse_url(url).origin, token) if token else None
    with Client(way, timing=ManualTime().timing(silence_s=5)) as client:
        request = Request("GET", url, hosts, credential=credential)
        document = client.document(request, limit_bytes=9)
        assert client.document(request, limit_bytes=9).raw == document.raw
        return document.raw


def error_of(way: Network, url: str = f"https://{NAME}/a", hosts: Hosts = WILDCARD) -> WeighlockError:
    with pytest.raises(WeighlockError) as raised:
        ask(way, url, hosts)
    return raised.value


def test_tls_goes_through_a_tunnel(authority: Authority, hub: House, proxy: ProxyHouse) -> None:
    assert (
        ask(
            network(authority, proxy.proxy_url()),
            f"https://{NAME}/a",
        )
        == b"bytes"
    )
    assert [f"{asked.method} {asked.target}" for asked in proxy.requests] == [f"CONNECT {NAME}:443"]
    assert len(hub.requests) == 2
    assert hub.requests[0].headers["host"] == NAME


def test_the_certificate_is_that_of_the_server(proxy: ProxyHouse) -> None:
    problem = error_of(Network(environ={"https_proxy": proxy.proxy_url()}))
    assert problem.code == "tls_failed"
    assert NAME in problem.message


def test_without_tls_the_whole_address_is_asked_for(
    authority: Authority, house: House, proxy: ProxyHouse
) -> None:
    house.put("/a", b"plain")
    url = "http://plain.models.example/a?b"
    assert ask(network(authority, proxy.proxy_url()), url) == b"plain"
    assert proxy.requests[0].target == url
    assert proxy.requests[0].headers["host"] == "plain.models.example"


def test_credentials_go_where_they_belong(authority: Authority, hub: House, house: House) -> None:
    house.put("/a", b"plain")
    names = {NAME: hub.port, "plain.models.example": house.port}
    with ProxyHouse(names, authorization="Basic bWU6cHJveHk=") as proxy:
        way = network(authority, proxy.proxy_url("me:proxy"))
        ask(way, f"https://{NAME}/a", token="hub")
        assert "authorization" not in proxy.requests[0].headers
        assert "proxy-authorization" not in hub.requests[0].headers
        assert hub.requests[0].headers["authorization"] == "Bearer hub"
        assert ask(way, "http://plain.models.example/a") == b"plain"


def test_a_proxy_that_wants_a_password(authority: Authority) -> None:
    with ProxyHouse({}, authorization="Basic x") as proxy:
        for url in (f"https://{NAME}/a", "http://plain.models.example/a"):
            problem = error_of(network(authority, proxy.proxy_url("me:s3cret")), url)
            assert problem.code == "access_refused"
            assert problem.details["status"] == 407
            assert "proxy" in problem.hint
            assert "s3cret" not in problem.message


@pytest.mark.parametrize(
    ("raw", "code", "count"),
    [
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "host_unreachable", 1),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "host_unreachable", 5),
        (b"HTTP/1.1 302 Found\r\nLocation: http://a.example/\r\n\r\n", "host_unreachable", 1),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "response_invalid", 1),
        (b"220 mail.example ESMTP\r\n\r\n", "response_invalid", 1),
    ],
)
def test_a_proxy_that_does_not_connect(
    authority: Authority, proxy: ProxyHouse, raw: bytes, code: str, count: int
) -> None:
    proxy.refusal = Answer(raw=raw)
    problem = error_of(network(authority, proxy.proxy_url()))
    assert problem.code == code
    assert len(proxy.requests) == count
    assert isinstance(problem, DeniedError if code == "response_invalid" else UndecidedError)


def test_the_proxy_cannot_be_reached(authority: Authority) -> None:
    with ProxyHouse({}) as proxy:
        way = network(authority, proxy.proxy_url())
    problem = error_of(way)
    assert problem.code == "host_unreachable"
    assert "127.0.0.1" in problem.message
    assert "https_proxy" in problem.hint


@pytest.mark.parametrize("literal", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
def test_an_address_that_is_never_asked_is_not_asked_by_a_proxy_either(
    authority: Authority, proxy: ProxyHouse, literal: str
) -> None:
    problem = error_of(network(authority, proxy.proxy_url()), f"https://{literal}/", Hosts.of([literal]))
    assert problem.code == "address_refused"
    assert proxy.connections == 0


def test_no_proxy(authority: Authority, proxy: ProxyHouse, hub: House) -> None:
    way = network(authority, proxy.proxy_url(), no_proxy=".models.example")
    assert error_of(way, "https://hub.models.example.invalid/", Hosts.of(["hub.models.example.invalid"])).code
    assert proxy.connections == 5
    assert error_of(way, hub.url("/a"), Hosts.of([hub.host])).code == "tls_failed", "the name of another"
    assert hub.connections == 1
    assert proxy.connections == 5
