"""Bodies that are sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from http_house import Answer, Asked, House, ManualTime, house, redirect
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.host import Hosts

__all__ = ["house"]

CREATED = frozenset({201})


@dataclass
class Pieces:
    """A body, which counts how often it was begun and ended."""

    size: int
    pieces: list[bytes]
    opened: int = 0
    closed: list[int] = field(default_factory=list)

    def open(self) -> Iterator[bytes | memoryview]:
        self.opened += 1
        try:
            yield from (memoryview(piece) for piece in self.pieces)
        finally:
            self.closed.append(self.opened)


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client(Network(plain_http=Hosts.of([house.host])), timing=ManualTime().timing(silence_s=5)) as made:
        yield made


def put(house: House, body: Any, method: str = "PUT", **changes: Any) -> Request:
    return Request(method, house.url("/a"), Hosts.of([house.host]), body=body, accept=CREATED, **changes)


def echo(asked: Asked) -> Answer:
    return Answer(201, asked.body)


@pytest.mark.parametrize("body", [b"bytes", b"", Pieces(5, [b"by", b"", b"tes"]), Pieces(0, [])], ids=repr)
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
def test_a_body_arrives(house: House, client: Client, body: Any, method: str) -> None:
    house.put("/a", echo)
    for _ in range(2):
        answer = client.document(put(house, body, method), limit_bytes=9)
        assert answer.raw == house.requests[0].body
        assert house.requests[-1].headers["content-length"] == str(len(answer.raw))
    assert house.connections == 1


def test_no_body_is_said_to_be_none(house: House, client: Client) -> None:
    house.put("/a", echo)
    client.document(put(house, None, "POST"), limit_bytes=9)
    assert house.requests[0].headers["content-length"] == "0"
    client.document(put(house, None, "DELETE"), limit_bytes=9)
    assert "content-length" not in house.requests[1].headers


def test_a_large_body(house: House, client: Client) -> None:
    house.put("/a", lambda asked: Answer(201, b"%d" % len(asked.body)))
    body = Pieces(8 << 20, [bytes(1 << 20)] * 8)
    assert client.document(put(house, body), limit_bytes=9).raw == b"8388608"


def test_a_body_is_opened_again_for_another_attempt(house: House, client: Client) -> None:
    house.put("/a", Answer(503), redirect("/b", 307))
    house.put("/b", echo)
    body = Pieces(5, [b"by", b"tes"])
    assert client.document(put(house, body), limit_bytes=9).raw == b"bytes"
    assert [asked.body for asked in house.requests] == [b"bytes"] * 3
    assert body.opened == 3
    assert body.closed == [1, 2, 3]


@pytest.mark.parametrize(("size", "word"), [(4, "more"), (6, "fewer")])
def test_a_body_that_is_not_as_large_as_it_says(house: House, client: Client, size: int, word: str) -> None:
    house.put("/a", echo)
    body = Pieces(size, [b"by", b"tes"])
    with pytest.raises(DeniedError, match=word) as denied:
        client.open(put(house, body))
    assert denied.value.code == "size_mismatch"
    assert body.closed == [1]
    assert client.document(put(house, b"bytes"), limit_bytes=9).raw == b"bytes", "over another connection"


def test_a_server_that_answers_early_is_heard(house: House, client: Client) -> None:
    house.put("/a", Answer(413, b"too much", early=True, close=True))
    body = Pieces(1 << 30, [bytes(1 << 16)] * (1 << 14))
    with pytest.raises(UndecidedError) as refused:
        client.open(put(house, body))
    assert refused.value.code == "request_refused"
    assert refused.value.details["status"] == 413
    assert body.closed == [1]


def test_a_server_that_hangs_up_while_it_is_sent_to(house: House, client: Client) -> None:
    house.put("/a", Answer(raw=b"", early=True))
    body = Pieces(1 << 30, [bytes(1 << 16)] * (1 << 14))
    with pytest.raises(UndecidedError) as lost:
        client.open(put(house, body, retry=False))
    assert lost.value.code == "host_unreachable"
