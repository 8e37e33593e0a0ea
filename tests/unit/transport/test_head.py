"""Heads are written safely and read in one way only."""

import pytest

from weighlock.core.error import DeniedError
from weighlock.transport.credential import Secret
from weighlock.transport.head import (
    MAX_HEADERS,
    Framing,
    Head,
    MalformedError,
    read_framing,
    read_head,
    write_head,
)


def test_a_request() -> None:
    head = write_head("GET", "/a?b", [("Host", Secret("a.example")), ("X", Secret("ä b"))])
    assert bytes(head) == b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nX: \xe4 b\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target", "name", "value"),
    [
        ("GET", "/", "X", "a\r\nEvil: b"),
        ("GET", "/", "X", "a\nEvil: b"),
        ("GET", "/", "X", "a\r"),
        ("GET", "/", "X", "a\x00"),
        ("GET", "/", "X", "€"),
        ("GET", "/", "X\r\nEvil", "a"),
        ("GET", "/", "X:", "a"),
        ("GET", "/", "", "a"),
        ("GET", "/", "Ä", "a"),
        ("GET", "/ HTTP/1.1\r\nEvil: b\r\n", "X", "a"),
        ("GET", "/a b", "X", "a"),
        ("GET", "", "X", "a"),
        ("GET /", "/", "X", "a"),
        ("", "/", "X", "a"),
    ],
)
def test_nothing_can_be_injected(method: str, target: str, name: str, value: str) -> None:
    with pytest.raises(DeniedError) as refused:
        write_head(method, target, [(name, Secret(value))])
    assert refused.value.code == "header_invalid"
    assert "Evil: b" not in refused.value.message


def test_a_response() -> None:
    head = read_head(b'HTTP/1.1 206 Partial Content\r\nETag:  "x" \r\nLINK: a\r\nLink: b\r\nX-Empty:')
    assert head == Head(206, {"etag": '"x"', "link": "a, b", "x-empty": ""}, persistent=True)


@pytest.mark.parametrize(
    ("raw", "persistent"),
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 200", True),
        (b"HTTP/1.1 200 ", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
    ],
)
def test_whether_the_connection_stays(raw: bytes, *, persistent: bool) -> None:
    assert read_head(raw).persistent is persistent


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/2 200 OK",
        b"HTTP/1.2 200 OK",
        b"http/1.1 200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 600 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 200 O\x00K",
        b"ICY 200 OK",
        b" HTTP/1.1 200 OK",
        b"<html>",
        b"HTTP/1.1 200 OK\nX: a",
        b"HTTP/1.1 200 OK\rX: a",
        b"HTTP/1.1 200 OK\r\nX: a\nY: b",
        b"HTTP/1.1 200 OK\r\nX: a\rY: b",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded",
        b"HTTP/1.1 200 OK\r\n X: a",
        b"HTTP/1.1 200 OK\r\nX : a",
        b"HTTP/1.1 200 OK\r\nX",
        b"HTTP/1.1 200 OK\r\n: a",
        b"HTTP/1.1 200 OK\r\nX\x00: a",
        b"HTTP/1.1 200 OK\r\nX: a\x00",
        b"HTTP/1.1 200 OK\r\nX: a\x7f",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nLocation: /a\r\nlocation: /b",
        b"HTTP/1.1 200 OK\r\nETag: a\r\nETag: b",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK" + b"\r\nX: a" * (MAX_HEADERS + 1),
    ],
)
def test_what_is_not_http_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_head(raw)


def framing(text: bytes, method: str = "GET", status: bytes = b"200") -> Framing:
    return read_framing(read_head(b"HTTP/1.1 " + status + b" OK" + text), method)


def test_framing() -> None:
    assert framing(b"\r\nContent-Length: 7") == Framing(7, chunked=False)
    assert framing(b"\r\nContent-Length: 7\r\nContent-Length: 7") == Framing(7, chunked=False)
    assert framing(b"\r\nContent-Length: 0007") == Framing(7, chunked=False)
    assert framing(b"\r\nTransfer-Encoding: Chunked") == Framing(None, chunked=True)
    assert framing(b"") == Framing(None, chunked=False)
    assert framing(b"\r\nContent-Length: 7", "HEAD") == Framing(0, chunked=False)
    assert framing(b"\r\nTransfer-Encoding: chunked", "HEAD") == Framing(0, chunked=False)
    assert framing(b"", status=b"204") == Framing(0, chunked=False)
    assert framing(b"\r\nContent-Length: 7", status=b"304") == Framing(0, chunked=False)


@pytest.mark.parametrize(
    "text",
    [
        b"\r\nContent-Length: 7\r\nTransfer-Encoding: chunked",
        b"\r\nContent-Length: 7, 7",
        b"\r\nContent-Length: +7",
        b"\r\nContent-Length: -7",
        b"\r\nContent-Length: 7_0",
        b"\r\nContent-Length: 0x7",
        b"\r\nContent-Length: 7.0",
        b"\r\nContent-Length:",
        b"\r\nContent-Length: \xb2",
        b"\r\nContent-Length: 1000000000000000",
        b"\r\nTransfer-Encoding: gzip",
        b"\r\nTransfer-Encoding: gzip, chunked",
        b"\r\nTransfer-Encoding: chunked, identity",
        b"\r\nTransfer-Encoding: identity",
        b"\r\nTransfer-Encoding:",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_two_ends_of_a_body_are_refused(text: bytes, method: str) -> None:
    with pytest.raises(MalformedError):
        framing(text, method)
