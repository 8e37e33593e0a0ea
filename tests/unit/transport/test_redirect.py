"""Redirects: each hop judged like a first request, and nothing secret carried along."""

from collections.abc import Iterator
from typing import Any

import pytest

from http_house import Answer, Asked, House, ManualTime, authority, house, redirect, safe_house
from web_authority import Authority
from weighlock.core.error import DeniedError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.credential import basic, bearer
from weighlock.transport.host import Hosts
from weighlock.transport.url import parse_url

__all__ = ["authority", "house", "safe_house"]

SECRETS = {
    "Authorization": "s3cret",
    "Cookie": "s3cret",
    "X-Api-Key": "s3cret",
    "Range": "bytes=0-",
    "Accept": "a/b",
}


@pytest.fixture
def other() -> Iterator[House]:
    with House() as made:
        made.put("/b", b"elsewhere")
        yield made


@pytest.fixture
def client(house: House, other: House, authority: Authority) -> Iterator[Client]:
    network = Network(plain_http=Hosts.of([house.host, other.host]), ca_file=authority.ca_file)
    with Client(network, timing=ManualTime().timing(silence_s=5)) as made:
        yield made


def get(house: House, path: str = "/a", method: str = "GET", **changes: Any) -> Request:
    return Request(method, house.url(path), Hosts.of([house.host]), **changes)


def refused(client: Client, request: Request) -> DeniedError:
    with pytest.raises(DeniedError) as raised:
        client.open(request)
    assert raised.value.code == "redirect_refused"
    assert raised.value.hint
    return raised.value


def hosts(*houses: House) -> Hosts:
    return Hosts.of([each.host for each in houses])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_same_origin_is_always_fine(house: House, client: Client, status: int) -> None:
    house.put("/a", redirect("b?c#d", status))
    house.put("/b", b"here")
    secret = bearer(parse_url(house.url()).origin, "s3cret")
    document = client.document(get(house, credential=secret, headers={"X-Mine": "1"}), limit_bytes=5)
    assert document.raw == b"here"
    assert document.url == house.url("/b?c")
    assert house.requests[1].headers["authorization"] == "Bearer s3cret"
    assert house.requests[1].headers["x-mine"] == "1"
    assert house.connections == 1


def test_a_named_host_is_fine_and_learns_nothing(house: House, other: House, client: Client) -> None:
    house.put("/a", redirect(other.url("/b?signature=x")))
    request = get(house, headers=SECRETS, redirects=hosts(other), accept=frozenset({206}))
    document = client.document(request, limit_bytes=10)
    assert document.raw == b"elsewhere"
    assert document.url == other.url("/b?signature=x")
    asked = other.requests[0].headers
    assert "s3cret" not in str(asked)
    assert asked["range"] == "bytes=0-"
    assert asked["accept"] == "a/b"
    assert asked["host"] == other.host


def test_a_credential_stays_and_does_not_come_back(house: House, other: House, client: Client) -> None:
    house.put("/a", redirect(other.url("/back")))
    other.put("/back", redirect(house.url("/c")))
    house.put("/c", b"again")
    secret = basic(parse_url(house.url()).origin, "me", "s3cret")
    client.document(get(house, credential=secret, redirects=hosts(other)), limit_bytes=10)
    assert "authorization" in house.requests[0].headers
    assert "authorization" not in other.requests[0].headers
    assert "authorization" not in house.requests[1].headers


def test_a_credential_for_where_it_leads_is_not_sent_either(
    house: House, other: House, client: Client
) -> None:
    house.put("/a", redirect(other.url("/b")))
    secret = bearer(parse_url(other.url()).origin, "s3cret")
    client.document(get(house, credential=secret, redirects=hosts(other)), limit_bytes=10)
    assert "authorization" not in house.requests[0].headers
    assert "authorization" not in other.requests[0].headers


def test_another_host_is_refused(house: House, other: House, client: Client) -> None:
    house.put("/a", redirect(other.url("/b?signature=s3cret")))
    problem = refused(client, get(house))
    assert f"    network:\n      hosts:\n        - '{other.host}'\n      plain_http:" in problem.hint
    assert "find out why" in problem.hint
    assert other.host in problem.message
    assert "s3cret" not in problem.message
    assert other.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://127.0.0.1:22/",
        "http://localhost/",
        "http://127.1/",
        "http://[::1]/",
        "http://0/",
        "file:///etc/passwd",
        "ftp://a.example/",
        "data:text/plain,x",
        "gopher://a.example/",
        "https://me:s3cret@a.example/",
        "https://127.0.0.1:1@a.example/",
        "//a.example/",
        "https://a.example\\@b.example/",
        "https://bücher.example/",
        "/a b",
        "",
    ],
)
def test_where_no_redirect_may_lead(house: House, client: Client, location: str) -> None:
    house.put("/a", redirect(location.encode().decode("latin-1")))
    problem = refused(client, get(house))
    assert problem.details == {"host": "127.0.0.1"}
    assert "s3cret" not in problem.message
    assert len(house.requests) == 1


def test_a_redirect_to_nowhere(house: House, client: Client) -> None:
    house.put("/a", Answer(302))
    assert "without saying where" in refused(client, get(house)).message


def test_circles_end(house: House, other: House, client: Client) -> None:
    house.put("/a", redirect(other.url("/b")))
    other.put("/b", redirect(house.url("/a")))
    assert "circle" in refused(client, get(house, redirects=hosts(other))).message
    assert (len(house.requests), len(other.requests)) == (1, 1)


def test_five_are_enough(house: House, client: Client) -> None:
    for number in range(6):
        house.put(f"/{number}", redirect(f"/{number + 1}"))
    house.put("/6", b"end")
    assert client.document(get(house, "/1"), limit_bytes=3).raw == b"end"
    assert "more than 5" in refused(client, get(house, "/0")).message


def test_a_query_that_grows_is_no_way_round(house: House, client: Client) -> None:
    def onward(asked: Asked) -> Answer:
        return redirect(f"{asked.target}x")

    house.put("/a", onward)
    assert "more than 5" in refused(client, get(house, "/a?")).message
    assert len(house.requests) == 6


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "0.0.0.1"])
def test_nobody_is_told_to_allow_what_is_never_allowed(house: House, client: Client, host: str) -> None:
    house.put("/a", redirect(f"http://{host}/"))
    problem = refused(client, get(house))
    assert "hostile or broken" in problem.hint
    assert "weighlock.yaml" not in problem.hint


def test_tls_is_not_left(safe_house: House, house: House, authority: Authority) -> None:
    safe_house.put("/a", redirect(house.url("/b")))
    house.put("/b", b"plain")
    request = get(safe_house, redirects=hosts(house))
    with Client(Network(ca_file=authority.ca_file)) as client:
        problem = refused(client, request)
    assert "without TLS" in problem.message
    assert f"    network:\n      plain_http:\n        - '{house.host}'" in problem.hint
    with Client(Network(ca_file=authority.ca_file, plain_http=hosts(house))) as client:
        assert client.document(request, limit_bytes=5).raw == b"plain"


def test_http_may_become_https(safe_house: House, house: House, client: Client) -> None:
    house.put("/a", redirect(safe_house.url("/b")))
    safe_house.put("/b", b"safe")
    secret = basic(parse_url(house.url()).origin, "me", "s3cret")
    request = get(house, credential=secret, redirects=hosts(safe_house))
    assert client.document(request, limit_bytes=5).raw == b"safe"
    assert "authorization" not in safe_house.requests[0].headers


def test_a_redirect_may_be_the_answer(house: House, client: Client) -> None:
    house.put("/a", redirect("http://169.254.169.254/"))
    document = client.document(get(house, accept=frozenset({302})), limit_bytes=0)
    assert document.headers["location"] == "http://169.254.169.254/"
    assert document.url == house.url("/a")


@pytest.mark.parametrize(("status", "method"), [(307, "PUT"), (308, "PUT"), (303, "GET")])
def test_what_becomes_of_a_body(house: House, client: Client, status: int, method: str) -> None:
    house.put("/a", redirect("/b", status))
    house.put("/b", b"ok")
    client.document(get(house, method="PUT", body=b"bytes"), limit_bytes=5)
    asked = house.requests[1]
    assert asked.method == method
    assert asked.body == (b"bytes" if method == "PUT" else b"")


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_body_stays_where_it_was_meant_for(
    house: House, other: House, client: Client, status: int, method: str
) -> None:
    house.put("/a", redirect(other.url("/b"), status))
    request = get(house, method=method, body=b"refresh_token=s3cret", redirects=hosts(other))
    assert other.host in refused(client, request).message
    assert other.requests == []
    house.put("/a", redirect(other.url("/b"), 303))
    assert client.document(request, limit_bytes=9).raw == b"elsewhere"
    assert [each.body for each in other.requests] == [b""]


@pytest.mark.parametrize("status", [301, 302])
def test_a_body_is_not_sent_on_by_guess(house: House, client: Client, status: int) -> None:
    house.put("/a", redirect("/b", status))
    assert str(status) in refused(client, get(house, method="POST", body=b"bytes")).message
    assert len(house.requests) == 1


def test_a_page_with_the_redirect_is_not_waited_for(house: House, client: Client) -> None:
    house.put("/a", redirect("/b", body=b"x" * (1 << 20)), redirect("/b", body=b"x", length=5))
    house.put("/b", b"here")
    for _ in range(2):
        assert client.document(get(house), limit_bytes=5).raw == b"here"
