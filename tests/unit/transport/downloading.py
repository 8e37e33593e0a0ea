"""What the tests of downloads share: houses, a client that may ask them, and files."""

import itertools
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from http_house import Answer, Asked, Handler, House, ManualTime, content
from weighlock.core.error import WeighlockError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.download import Downloader, RemoteFile
from weighlock.transport.host import Hosts
from weighlock.transport.window import PART_BYTES

SMALL = bytes(range(256)) * 4000
LARGE = random.Random(1).randbytes(9 * PART_BYTES + 12345)


def refused(code: str) -> "pytest.RaisesExc[WeighlockError]":
    return pytest.raises(WeighlockError, check=lambda error: error.code == code)


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def house() -> Iterator[House]:
    with House() as made:
        yield made
    assert [thread.name for thread in threading.enumerate() if thread.name == "range"] == []


@pytest.fixture
def elsewhere() -> Iterator[House]:
    with House() as made:
        yield made


@pytest.fixture
def client(house: House, elsewhere: House, time: ManualTime) -> Iterator[Client]:
    with Client(Network(plain_http=Hosts.of([house.host, elsewhere.host])), timing=time.timing()) as made:
        yield made


class Fetching:
    """A downloader on a link of a chosen speed."""

    def __init__(self, client: Client, time: ManualTime) -> None:
        self.client = client
        self.time = time
        self.ticks = itertools.count()

    def downloader(self, *, slow: bool = False, connections: int = 8) -> Downloader:
        """Return one that believes that every read took a second, or no time."""
        clock = (lambda: float(next(self.ticks))) if slow else (lambda: 0.0)
        return Downloader(self.client, connections=connections, clock=clock, wait=self.time.sleep)

    def bytes(self, file: RemoteFile, start: int = 0, *, slow: bool = False, connections: int = 8) -> bytes:
        chunks = self.downloader(slow=slow, connections=connections).chunks(file, start)
        return b"".join(map(bytes, chunks))


@pytest.fixture
def fetching(client: Client, time: ManualTime) -> Fetching:
    return Fetching(client, time)


def file_at(house: House, size: int, path: str = "/f", **changes: object) -> RemoteFile:
    request = Request("GET", house.url(path), Hosts.of([house.host]))
    return RemoteFile(replace(request, **changes), size, "model.bin")  # type: ignore[arg-type]  # of the test's choice


def ranges_of(house: House, path: str = "/f") -> list[tuple[int, int]]:
    """Return which bytes were asked for, in order of their beginnings; (0, 0) is all."""
    texts = [asked.headers.get("range", "bytes=0--1") for asked in house.asked(path)]
    found = [re.fullmatch(r"bytes=(\d+)-(-?\d+)", text) for text in texts]
    return sorted((int(each[1]), int(each[2]) + 1) for each in found if each)


class Cutting:
    """A good server whose connections end after some bytes of a body."""

    def __init__(self, body: bytes, cut: Callable[[int], int | None]) -> None:
        self._serve = content(body)
        self._cut = cut
        self._numbers = itertools.count()

    def __call__(self, asked: Asked) -> Answer:
        answer = self._serve(asked)
        cut = self._cut(next(self._numbers))
        return answer if cut is None or cut >= len(answer.body) else replace(answer, cut=cut)


def part(body: bytes, headers: Mapping[str, str], **changes: object) -> Handler:
    """Serve all of ``body`` at first, then parts with these headers."""
    good = content(body, etag='"a"')

    def serve(asked: Asked) -> Answer:
        answer = good(asked)
        if "range" in asked.headers:
            return replace(answer, headers={**dict(answer.headers), **headers}, **changes)  # type: ignore[arg-type]  # of the test's choice
        return answer

    return serve
