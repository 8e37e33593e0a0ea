"""What is tried again, when, and how often."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

import pki
from http_house import Answer, House, ManualTime, house
from weighlock.core.error import UndecidedError
from weighlock.transport.client import Client, Network, Request, read_retry_after
from weighlock.transport.host import Hosts
from weighlock.transport.timing import Timing

__all__ = ["house"]

GOOD = Answer(200, b"good")


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def client(house: House, time: ManualTime) -> Iterator[Client]:
    with Client(Network(plain_http=Hosts.of([house.host])), timing=time.timing(silence_s=5)) as made:
        yield made


def ask(client: Client, house: House, method: str = "GET", **changes: Any) -> bytes:
    request = Request(method, house.url("/a"), Hosts.of([house.host]), **changes)
    return client.document(request, limit_bytes=5).raw


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(house: House, client: Client, time: ManualTime, status: int) -> None:
    house.put("/a", *[Answer(status)] * 4, GOOD)
    assert ask(client, house) == b"good"
    assert time.slept == [0.25, 0.5, 1.0, 2.0]


def test_but_not_for_ever(house: House, client: Client) -> None:
    house.put("/a", Answer(503))
    with pytest.raises(UndecidedError) as raised:
        ask(client, house)
    assert raised.value.code == "server_failed"
    assert len(house.requests) == 5


@pytest.mark.parametrize("status", [500, 501, 400, 403, 404])
def test_a_server_that_knows_what_it_says_is_not(house: House, client: Client, status: int) -> None:
    house.put("/a", Answer(status), GOOD)
    with pytest.raises(Exception, match=str(status)):
        ask(client, house)
    assert len(house.requests) == 1


@pytest.mark.parametrize("answer", [Answer(503), Answer(429), Answer(raw=b""), Answer(200, b"12", cut=1)])
def test_what_changes_something_is_not_sent_twice(house: House, client: Client, answer: Answer) -> None:
    house.put("/a", answer, GOOD)
    with pytest.raises(UndecidedError):
        ask(client, house, method="POST", body=b"x")
    assert len(house.requests) == 1


def test_unless_the_caller_says_that_it_may(house: House, client: Client) -> None:
    house.put("/a", Answer(503), Answer(raw=b""), GOOD)
    assert ask(client, house, method="POST", body=b"x", retry=True) == b"good"
    assert [asked.body for asked in house.requests] == [b"x"] * 3


def test_or_that_it_may_not(house: House, client: Client) -> None:
    house.put("/a", Answer(503), GOOD)
    with pytest.raises(UndecidedError):
        ask(client, house, retry=False)


def test_the_server_says_how_long(house: House, client: Client, time: ManualTime) -> None:
    date = (pki.NOW + dt.timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    house.put(
        "/a",
        *(Answer(429, headers={"Retry-After": text}) for text in ("7", "60", date, "0")),
        Answer(200, b"good"),
    )
    house.put("/b", Answer(429))
    assert ask(client, house) == b"good"
    assert time.slept[:2] == [7.0, 60.0]
    assert time.slept[2:] == [1.0, 2.0], "the date lies in the past by now"


def test_a_server_that_wants_too_much_is_reported(house: House, client: Client, time: ManualTime) -> None:
    house.put("/a", Answer(429, headers={"Retry-After": "61"}), GOOD)
    with pytest.raises(UndecidedError) as raised:
        ask(client, house)
    assert raised.value.code == "rate_limited"
    assert "61" in raised.value.hint
    assert time.slept == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("9" * 400, 999_999_999.0),
        ("-7", None),
        ("7.5", None),
        ("soon", None),
        ("Sat, 01 Jun 2030 00:01:00 GMT", 60.0),
        ("Sat, 01 Jun 2030 00:01:00 -0000", 60.0),
        ("Fri, 31 May 2030 00:00:00 GMT", 0.0),
        ("Fri, 99 May 2030 00:00:00 GMT", None),
        ("Fri, 31 May 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    headers = {} if text is None else {"retry-after": text}
    assert read_retry_after(headers, pki.NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"api";r=0;t=55', 55.0),
        ('"api"; t=55 ; r=0', 55.0),
        ('"api";r=5;t=55', None),
        ('"api";r=0;t=5, "pages";r=0;t=9, "files";r=3;t=100', 9.0),
        ('"api";r=0', None),
        ('"api";r=0;t=-5', None),
        ('"api";r=0;t=1.5', None),
        ('"api";r=0;t=' + "9" * 400, 999_999_999.0),
        (";r=0;t=" * 8000, None),
        ("", None),
    ],
)
def test_a_quota_that_is_used_up(text: str, seconds: float | None) -> None:
    assert read_retry_after({"ratelimit": text}, pki.NOW) == seconds
    assert read_retry_after({"ratelimit": text, "retry-after": "2"}, pki.NOW) == 2.0


def test_a_quota_that_nobody_waits_for_is_told(house: House, client: Client, time: ManualTime) -> None:
    house.put("/a", *(Answer(429, headers={"RateLimit": f'"api";r=0;t={text}'}) for text in (7, 61)), GOOD)
    with pytest.raises(UndecidedError) as raised:
        ask(client, house)
    assert raised.value.code == "rate_limited"
    assert "t=61" in raised.value.hint
    assert time.slept == [7.0]


def test_waiting_by_default_is_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    Timing().sleep(3.0)
    assert slept == [3.0]


def test_delays_grow_and_differ() -> None:
    longest = Timing(random=lambda: 1.0)
    shortest = Timing(random=lambda: 0.0)
    assert [longest.delay(failures) for failures in (1, 2, 3, 10, 1000)] == [0.25, 0.5, 1.0, 20.0, 20.0]
    assert [shortest.delay(failures) for failures in (1, 2, 3, 10)] == [0.125, 0.25, 0.5, 10.0]
    assert len({Timing().delay(5) for _ in range(10)}) > 1


def test_whoever_waits_is_told_for_whom_and_why(house: House, time: ManualTime) -> None:
    told: list[tuple[str, float, str]] = []
    house.put(
        "/a",
        Answer(429, headers={"Retry-After": "8"}),
        Answer(503, headers={"Retry-After": "no number"}),
        Answer(200, b"12", cut=1),
        GOOD,
    )

    def notify(host: str, seconds: float, reason: str) -> None:
        assert len(time.slept) == len(told), "before the wait, not after it"
        told.append((host, seconds, reason))

    network = Network(plain_http=Hosts.of([house.host]))
    with Client(network, timing=time.timing(silence_s=5), notify=notify) as client:
        assert ask(client, house, headers={"X-Token": "hunter2"}) == b"good"
    host = house.host.partition(":")[0]
    assert told == [
        (host, 8.0, "asks for it (429)"),
        (host, 0.5, "answered 503"),
        (host, 1.0, "gave no whole answer (body_truncated)"),
    ]
    assert [seconds for _, seconds, _ in told] == time.slept


def test_a_failure_that_is_final_is_not_told_as_a_wait(house: House, time: ManualTime) -> None:
    told: list[str] = []
    house.put("/a", Answer(429, headers={"Retry-After": "61"}))
    network = Network(plain_http=Hosts.of([house.host]))
    with (
        Client(network, timing=time.timing(), notify=lambda *_: told.append("told")) as client,
        pytest.raises(UndecidedError),
    ):
        ask(client, house)
    assert told == []
