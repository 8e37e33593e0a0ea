"""Whatever breaks, the bytes are the right ones, in order, or there is an error."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from http_house import Answer, Asked, House, ManualTime, content, redirect
from weighlock.core.error import WeighlockError
from weighlock.transport import download, stream, window
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.download import Downloader, RemoteFile
from weighlock.transport.host import Hosts

BODY = random.Random(2).randbytes(600_000)

Fault = Callable[[Answer, int], Answer]
PASSING: dict[str, Fault] = {
    "none": lambda answer, _: answer,
    "cut": lambda answer, place: replace(answer, cut=place % (len(answer.body) + 1)),
    "reset": lambda answer, place: replace(answer, cut=place % (len(answer.body) + 1), reset=True),
    "busy": lambda *_: Answer(503),
    "slow down": lambda *_: Answer(429, headers={"Retry-After": "1"}),
    "gone": lambda *_: Answer(raw=b""),
    "whole": lambda answer, _: Answer(200, BODY, {"ETag": dict(answer.headers)["ETag"]}),
}
LYING: dict[str, Fault] = {
    "other": lambda answer, _: replace(answer, headers={**dict(answer.headers), "ETag": '"other"'}),
    "shifted": lambda answer, _: replace(
        answer, headers={**dict(answer.headers), "Content-Range": f"bytes 1-5/{len(BODY)}"}
    ),
    "short": lambda answer, place: replace(answer, body=answer.body[: place % max(1, len(answer.body))]),
    "forbidden": lambda *_: Answer(403),
}


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "PART_BYTES", 64 << 10)
    monkeypatch.setattr(window, "LEAST_PART_BYTES", 8 << 10)
    monkeypatch.setattr(download, "LEAST_BYTES", 32 << 10)
    monkeypatch.setattr(download, "READ_BYTES", 16 << 10)
    monkeypatch.setattr(stream, "PROGRESS_BYTES", 1 << 10)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House() as made:
        yield made


def serving(faults: list[tuple[str, int]], table: dict[str, Fault]) -> Callable[[Asked], Answer]:
    """Serve ``BODY`` with these faults, one a request, and then none."""
    good, rest = content(BODY), iter(faults)

    def serve(asked: Asked) -> Answer:
        name, place = next(rest, ("none", 0))
        return table[name](good(asked), place)

    return serve


def fetch(house: House, start: int, *, slow: bool) -> Iterator[memoryview]:
    time, ticks = ManualTime(), itertools.count()
    hosts = Hosts.of([house.host])
    with Client(Network(plain_http=hosts), timing=time.timing()) as client:
        clock = (lambda: float(next(ticks))) if slow else (lambda: 0.0)
        downloader = Downloader(client, connections=4, clock=clock, wait=time.sleep)
        yield from downloader.chunks(
            RemoteFile(Request("GET", house.url("/f"), hosts), len(BODY), "f"), start
        )


def faults_of(table: dict[str, Fault]) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(sorted(table)), st.integers(0, len(BODY))), max_size=4)


ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY
@given(faults_of(PASSING), st.integers(0, len(BODY)), st.booleans(), st.booleans())
def test_what_passes_is_borne(
    house: House, faults: list[tuple[str, int]], start: int, slow: bool, sent_on: bool
) -> None:
    house.put("/g", serving(faults, PASSING))
    house.put("/f", redirect(house.url("/g")) if sent_on else serving(faults, PASSING))
    assert b"".join(map(bytes, fetch(house, start, slow=slow))) == BODY[start:]


@ANY
@given(faults_of(PASSING | LYING), st.integers(0, len(BODY)), st.booleans())
def test_no_wrong_byte_is_handed_out_for_a_lie(
    house: House, faults: list[tuple[str, int]], start: int, slow: bool
) -> None:
    house.put("/f", serving(faults, PASSING | LYING))
    found, code = bytearray(), ""
    try:
        for chunk in fetch(house, start, slow=slow):
            found += chunk
    except WeighlockError as error:
        code = error.code
    assert code in {
        "",
        "content_changed",
        "range_invalid",
        "size_mismatch",
        "access_refused",
        "body_truncated",
    }
    assert BODY[start:].startswith(found)
    assert code or len(found) == len(BODY) - start
