"""Bodies that are sent."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from http_house import Answer, Asked, House, ManualTime, authority, house, redirect, safe_house
from web_authority import Authority
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.exchange import _send_pieces
from weighlock.transport.failure import host_unreachable
from weighlock.transport.host import Hosts
from weighlock.transport.timing import Timing
from weighlock.transport.wire import Wire

__all__ = ["authority", "house", "safe_house"]

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


def test_a_body_arrives_over_tls(safe_house: House, authority: Authority) -> None:
    """What TLS itself sends, such as session tickets, is no early answer."""
    safe_house.put("/a", lambda asked: Answer(201, b"%d" % len(asked.body)))
    with Client(Network(ca_file=authority.ca_file), timing=ManualTime().timing(silence_s=5)) as client:
        for _ in range(3):
            body = Pieces(1 << 20, [bytes(1 << 12)] * 256)
            assert client.document(put(safe_house, body), limit_bytes=9).raw == b"1048576"
    assert safe_house.connections == 1


@pytest.mark.parametrize("size", [1, 1 << 16, (1 << 16) + 1, 1 << 20])
def test_bytes_of_every_size(house: House, client: Client, size: int) -> None:
    house.put("/a", lambda asked: Answer(201, b"%d" % len(asked.body)))
    assert client.document(put(house, bytes(size)), limit_bytes=9).raw == b"%d" % size


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


@pytest.mark.parametrize("kind", ["pieces", "bytes"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_answers_early_is_heard(authority: Authority, kind: str, *, tls: bool) -> None:
    pieces = Pieces(1 << 26, [bytes(1 << 16)] * (1 << 10))
    with House(tls=authority if tls else None) as house:
        house.put("/a", Answer(413, b"too much", early=True, close=True))
        network = Network(Hosts.of([house.host]), authority.ca_file)
        with Client(network) as client, pytest.raises(UndecidedError) as refused:
            client.open(put(house, pieces if kind == "pieces" else bytes(1 << 26)))
    assert refused.value.code == "request_refused"
    assert refused.value.details["status"] == 413
    assert pieces.closed == ([1] if kind == "pieces" else [])


def test_a_server_that_hangs_up_while_it_is_sent_to(house: House, client: Client) -> None:
    house.put("/a", Answer(raw=b"", early=True))
    body = Pieces(1 << 30, [bytes(1 << 16)] * (1 << 14))
    with pytest.raises(UndecidedError) as lost:
        client.open(put(house, body, retry=False))
    assert lost.value.code == "host_unreachable"


def test_an_answer_that_comes_while_sending_fails_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = socket.socketpair()
    with near, far:
        wire = Wire(near, "a.example", Timing())

        def fail(_: memoryview) -> None:
            far.sendall(b"HTTP/1.1 413 Too much\r\n\r\n")
            raise host_unreachable("a.example", "the connection broke")

        monkeypatch.setattr(wire, "send", fail)  # no real connection does both just then
        assert not _send_pieces(wire, iter([b"bytes"]), 5)
        assert wire.read_head() == b"HTTP/1.1 413 Too much"


def test_sending_that_fails_without_an_answer() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.shutdown(socket.SHUT_RD)
        with pytest.raises(UndecidedError) as lost:
            _send_pieces(Wire(near, "a.example", Timing()), iter([b"bytes"]), 5)
    assert lost.value.code == "host_unreachable"


def test_pieces_that_are_no_generator(house: House, client: Client) -> None:
    class Listed(Pieces):
        def open(self) -> Iterator[bytes | memoryview]:
            return iter(self.pieces)

    house.put("/a", echo)
    assert client.document(put(house, Listed(5, [b"by", b"tes"])), limit_bytes=9).raw == b"bytes"
