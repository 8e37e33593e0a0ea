"""The client against a real server on loopback: answers as they should be, and as they should not."""

import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from http_house import Answer, House, ManualTime, compressed, content, house
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.credential import Secret, bearer
from weighlock.transport.head import MAX_HEAD_BYTES
from weighlock.transport.host import Hosts
from weighlock.transport.timing import Timing
from weighlock.transport.url import parse_url

__all__ = ["house"]


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def client(house: House, time: ManualTime) -> Iterator[Client]:
    with Client(Network(plain_http=Hosts.of([house.host])), timing=time.timing(silence_s=5)) as made:
        yield made


def get(house: House, path: str = "/a", method: str = "GET", **changes: Any) -> Request:
    return Request(method, house.url(path), Hosts.of([house.host]), **changes)


def code_of(client: Client, request: Request, kind: type[WeighlockError] = WeighlockError) -> str:
    with pytest.raises(kind) as raised:
        client.document(request, limit_bytes=1 << 16)
    return raised.value.code


def test_a_document_arrives(house: House, client: Client) -> None:
    house.put("/a", Answer(200, b"bytes", {"X-Name": "value"}))
    document = client.document(get(house, "/a?b=c", headers={"X-Mine": "1"}), limit_bytes=5)
    assert document.raw == b"bytes"
    assert document.status == 200
    assert document.headers["x-name"] == "value"
    assert document.url == house.url("/a?b=c")
    asked = house.requests[0]
    assert asked.target == "/a?b=c"
    assert asked.headers["host"] == house.host
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["accept"] == "*/*"
    assert asked.headers["x-mine"] == "1"
    assert asked.headers["user-agent"].startswith("weighlock/")


def test_a_caller_may_say_what_it_accepts(house: House, client: Client) -> None:
    house.put("/a", b"")
    client.document(get(house, headers={"accept": "text/plain", "user-agent": "me"}), limit_bytes=5)
    assert house.requests[0].headers["accept"] == "text/plain"
    assert house.requests[0].headers["user-agent"] == "me"


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "Proxy-Authorization", "Accept-Encoding"]
)
def test_a_caller_may_not_say_what_the_client_says(name: str) -> None:
    with pytest.raises(ValueError, match=name.lower()):
        Request("GET", "https://a.example", Hosts(), {name: "x"})


def test_the_body_in_pieces(house: House, client: Client) -> None:
    house.put("/a", b"0123456789")
    buffer = bytearray(4)
    with client.open(get(house)) as response:
        assert response.length == 10
        assert response.readinto(bytearray()) == 0
        pieces = [bytes(buffer[:count]) for count in iter(lambda: response.readinto(buffer), 0)]
        assert response.readinto(buffer) == 0
        assert repr(response) == f"Response(200, '{house.url('/a')}')"
    assert b"".join(pieces) == b"0123456789"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"bytes", chunked=2),
        Answer(200, b"bytes", length=-1, close=True),
        Answer(
            200, b"bytes", before=b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        ),
        Answer(200, b"bytes", raw=b"HTTP/1.0 200 OK\r\n\r\nbytes"),
        Answer(200, b"bytes", {"Content-Encoding": "identity"}),
    ],
    ids=["chunked", "until the end", "1xx before", "HTTP/1.0", "identity"],
)
def test_other_ways_to_say_the_same(house: House, client: Client, answer: Answer) -> None:
    house.put("/a", answer)
    for _ in range(2):
        assert client.document(get(house), limit_bytes=5).raw == b"bytes"


def test_answers_without_a_body(house: House, client: Client) -> None:
    house.put("/a", content(b"bytes"))
    house.put("/b", Answer(204))
    head = client.document(get(house, method="HEAD"), limit_bytes=0)
    assert head.raw == b""
    assert head.headers["content-length"] == "5"
    assert client.document(get(house, "/b", accept=frozenset({204})), limit_bytes=0).status == 204
    assert client.document(get(house), limit_bytes=5).raw == b"bytes"
    assert house.connections == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(200, b"123456"), "response_too_large"),
        (Answer(200, b"123456", chunked=1), "response_too_large"),
        (Answer(200, b"123456", length=-1, close=True), "response_too_large"),
        (compressed(b"1"), "encoding_refused"),
        (Answer(200, b"1", {"Content-Encoding": "br"}), "encoding_refused"),
        (Answer(200, b"1", {"X": "a" * MAX_HEAD_BYTES}), "response_too_large"),
        (Answer(200, b"1", [("X", "a")] * 200), "response_invalid"),
        (Answer(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), "response_invalid"),
        (Answer(raw=b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "response_invalid"),
        (Answer(200, b"1", before=b"HTTP/1.1 100 Continue\r\n\r\n" * 9), "response_invalid"),
        (
            Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12"),
            "response_invalid",
        ),
        (Answer(200, b"1", {"Content-Length": "1"}, chunked=1), "response_invalid"),
        (Answer(200, b"1", {"Transfer-Encoding": "gzip"}, length=-1), "response_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_lie_is_denied_at_once(house: House, client: Client, answer: Answer, code: str) -> None:
    house.put("/a", answer)
    with pytest.raises(DeniedError) as denied:
        client.document(get(house), limit_bytes=5)
    assert denied.value.code == code
    assert denied.value.details["host"] == "127.0.0.1"
    assert len(house.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, UndecidedError, "access_refused"),
        (403, UndecidedError, "access_refused"),
        (407, UndecidedError, "access_refused"),
        (404, UsageError, "remote_missing"),
        (410, UsageError, "remote_missing"),
        (429, UndecidedError, "rate_limited"),
        (400, UndecidedError, "request_refused"),
        (416, UndecidedError, "request_refused"),
        (300, UndecidedError, "request_refused"),
        (304, UndecidedError, "request_refused"),
        (206, UndecidedError, "request_refused"),
        (500, UndecidedError, "server_failed"),
        (503, UndecidedError, "server_failed"),
    ],
)
def test_a_status_that_was_not_asked_for(
    house: House, client: Client, status: int, kind: type[WeighlockError], code: str
) -> None:
    house.put("/a", Answer(status, b"a page"))
    with pytest.raises(kind) as raised:
        client.open(get(house, "/a?signature=s3cret"))
    assert raised.value.code == code
    assert raised.value.details == {"status": status, "host": "127.0.0.1"}
    assert str(status) in raised.value.message
    assert "s3cret" not in raised.value.message + raised.value.hint


def test_a_status_that_was_asked_for(house: House, client: Client) -> None:
    house.put("/a", Answer(404, b"why"))
    assert client.document(get(house, accept=frozenset({404})), limit_bytes=5).raw == b"why"


def test_a_connection_is_used_again(house: House, client: Client) -> None:
    house.put("/a", b"bytes")
    house.put("/b", Answer(404, b"a page"))
    for path in ("/a", "/b", "/a"):
        with client.open(get(house, path, accept=frozenset({200, 404}))) as response:
            response.read(100)
    assert code_of(client, get(house, "/b")) == "remote_missing"
    assert client.document(get(house), limit_bytes=5).raw == b"bytes"
    assert house.connections == 1


def test_a_connection_with_something_unread_is_not(house: House, client: Client) -> None:
    house.put("/a", b"bytes")
    with client.open(get(house)) as response:
        response.readinto(bytearray(2))
    assert response.readinto(bytearray(2)) == 0, "closed"
    assert client.document(get(house), limit_bytes=5).raw == b"bytes"
    assert house.connections == 2


def test_an_answer_to_no_question_is_not_taken_for_the_next(house: House, client: Client) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    house.put("/a", Answer(200, b"1" + evil, length=1))
    house.put("/b", b"good")
    assert client.document(get(house), limit_bytes=5).raw == b"1"
    assert client.document(get(house, "/b"), limit_bytes=5).raw == b"good"


def test_a_connection_that_was_closed_meanwhile_counts_for_nothing(
    house: House, client: Client, time: ManualTime
) -> None:
    house.put("/a", Answer(200, b"1"), Answer(raw=b""), Answer(200, b"2"))
    assert client.document(get(house), limit_bytes=5).raw == b"1"
    assert client.document(get(house), limit_bytes=5).raw == b"2"
    assert time.slept == []
    assert [asked.connection for asked in house.requests] == [1, 1, 2]


def test_a_connection_that_breaks_inside_an_answer_counts(
    house: House, client: Client, time: ManualTime
) -> None:
    house.put("/a", Answer(200, b"1"), Answer(raw=b"HTTP/1.1 200 OK\r\n"), Answer(200, b"2"))
    for expected in (b"1", b"2"):
        assert client.document(get(house), limit_bytes=5).raw == expected
    assert len(time.slept) == 1


def test_old_connections_are_not_used(house: House, client: Client, time: ManualTime) -> None:
    house.put("/a", b"1")
    client.document(get(house), limit_bytes=5)
    time.seconds += 6
    client.document(get(house, method="POST"), limit_bytes=5)
    time.seconds += 31
    client.document(get(house), limit_bytes=5)
    assert [asked.connection for asked in house.requests] == [1, 2, 3]


def test_a_server_that_closes_is_asked_over_a_new_connection(house: House, client: Client) -> None:
    house.put("/a", Answer(200, b"1", {"Connection": "close"}, close=True))
    for _ in range(2):
        client.document(get(house), limit_bytes=5)
    assert house.connections == 2


def test_after_close_nothing_is_kept(house: House) -> None:
    house.put("/a", b"1")
    client = Client(Network(plain_http=Hosts.of([house.host])))
    with client:
        client.document(get(house), limit_bytes=5)
    client.document(get(house), limit_bytes=5)
    client.document(get(house), limit_bytes=5)
    assert house.connections == 3


def test_threads_share_connections(house: House, client: Client) -> None:
    house.put("/a", b"x" * 1000)
    with ThreadPoolExecutor(8) as threads:
        raws = list(threads.map(lambda _: client.document(get(house), limit_bytes=1000).raw, range(200)))
    assert raws == [b"x" * 1000] * 200
    assert house.connections <= 8


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"12345", cut=3),
        Answer(200, b"12345", cut=0),
        Answer(200, b"12345", cut=3, reset=True),
        Answer(200, b"12345", length=6),
        Answer(200, b"12345", chunked=2, cut=4),
    ],
)
def test_a_body_that_breaks_off_is_asked_for_again(
    house: House, client: Client, time: ManualTime, answer: Answer
) -> None:
    house.put("/a", answer, answer, Answer(200, b"12345"))
    assert client.document(get(house), limit_bytes=10).raw == b"12345"
    assert len(time.slept) == 2
    house.put("/b", answer)
    assert code_of(client, get(house, "/b"), UndecidedError) == "body_truncated"
    assert len(house.asked("/b")) == 5


def test_a_server_that_does_not_answer(house: House, time: ManualTime) -> None:
    house.put("/a", Answer(silent=True))
    network = Network(plain_http=Hosts.of([house.host]))
    with Client(network, timing=time.timing(silence_s=0.05, attempts=2)) as client:
        assert code_of(client, get(house), UndecidedError) == "timed_out"
    assert len(house.requests) == 2


def test_patience_for_one_request(house: House, time: ManualTime) -> None:
    ready = threading.Event()
    house.put("/a", Answer(200, b"1", wait=ready))
    network = Network(plain_http=Hosts.of([house.host]))
    with Client(network, timing=time.timing(silence_s=0.05, attempts=1)) as client:
        assert code_of(client, get(house), UndecidedError) == "timed_out"
        waiting = threading.Timer(0.2, ready.set)
        waiting.start()
        assert client.document(get(house, answer_s=10), limit_bytes=1).raw == b"1"
        waiting.join()


@pytest.mark.parametrize("drip_head", [False, True])
def test_byte_after_byte_is_too_slow(house: House, *, drip_head: bool) -> None:
    house.put("/a", Answer(200, b"x" * 10_000, drip=0.01, drip_head=drip_head))
    network = Network(plain_http=Hosts.of([house.host]))
    with Client(network, timing=Timing(silence_s=5, window_s=0.1, attempts=1)) as client:
        assert code_of(client, get(house), UndecidedError) == "timed_out"


def test_no_secret_in_a_traceback(house: House, client: Client) -> None:
    credential = bearer(parse_url(house.url()).origin, Secret("s3cret-token"))
    house.put("/a", Answer(raw=b""))
    house.put("/b", Answer(403))
    wrong = bearer(parse_url(house.url()).origin, Secret("s3cret-token\n"))
    requests = [
        get(house, "/a", credential=credential),
        get(house, "/b", credential=credential),
        get(house, "/a", headers={"Authorization": "s3cret-token"}),
        get(house, "/a", headers={"Authorization": "s3cret-token\n"}),
        get(house, "/a", credential=wrong),
    ]
    for request in requests:
        with pytest.raises(WeighlockError) as raised:
            client.open(request)
        shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
        assert "s3cret" not in "".join(shown.format())
    assert raised.value.code == "header_invalid"
    assert house.requests[0].headers["authorization"] == "Bearer s3cret-token"
