"""The client against a real server on loopback."""

from collections.abc import Iterator

import pytest
from http_house import Answer, Authority, House, ManualTime, authority, house, redirect, safe_house

from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.host import Hosts

__all__ = ["authority", "house", "safe_house"]


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def client(house: House, time: ManualTime) -> Iterator[Client]:
    with Client(Network(plain_http=Hosts.of([house.host])), timing=time.timing(silence_s=5)) as made:
        yield made


def get(house: House, path: str = "/a", **changes: object) -> Request:
    return Request("GET", house.url(path), Hosts.of([house.host]), **changes)  # type: ignore[arg-type]  # tests vary


def test_a_document_arrives(house: House, client: Client) -> None:
    house.put("/a", Answer(200, b"bytes", {"X-Name": "value"}))
    document = client.document(get(house), limit_bytes=5)
    assert document.raw == b"bytes"
    assert document.headers["x-name"] == "value"
    assert document.url == house.url("/a")
    asked = house.requests[0]
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["host"] == house.host


def test_a_document_over_tls(safe_house: House, authority: Authority) -> None:
    safe_house.put("/a", b"bytes")
    with Client(Network(ca_file=authority.ca_file)) as client:
        assert client.document(get(safe_house), limit_bytes=5).raw == b"bytes"
