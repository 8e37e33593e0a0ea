import itertools
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from http_house import Answer, Asked, Handler, House, ManualTime, content, redirect
from weighlock.core.error import WeighlockError
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.credential import bearer
from weighlock.transport.download import Downloader, RemoteFile, StoppedError
from weighlock.transport.host import Hosts
from weighlock.transport.url import parse_url
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


def test_a_fast_link_needs_one_connection(house: House, fetching: Fetching) -> None:
    house.put("/f", LARGE)
    assert fetching.bytes(file_at(house, len(LARGE))) == LARGE
    assert house.connections == 1
    assert [("range" in asked.headers, "if-range" in asked.headers) for asked in house.requests] == [
        (False, False)
    ]


def test_what_is_there_is_not_asked_for(house: House, fetching: Fetching) -> None:
    house.put("/f", SMALL)
    assert fetching.bytes(file_at(house, len(SMALL)), 1000) == SMALL[1000:]
    assert ranges_of(house) == [(1000, len(SMALL))]


@pytest.mark.parametrize(("size", "start"), [(0, 0), (5, 5)])
def test_where_nothing_is_missing_nothing_is_asked(
    house: House, fetching: Fetching, size: int, start: int
) -> None:
    assert fetching.bytes(file_at(house, size), start) == b""
    assert house.requests == []


@pytest.mark.parametrize("start", [0, 3 * PART_BYTES + 1])
def test_a_slow_link_gets_parallel_parts_in_order_and_none_twice(
    house: House, fetching: Fetching, start: int
) -> None:
    house.put("/f", LARGE)
    assert fetching.bytes(file_at(house, len(LARGE)), start, slow=True) == LARGE[start:]
    first, *parts = ranges_of(house)
    assert first == ((start, len(LARGE)) if start else (0, 0))
    assert len(parts) > 4
    assert parts[-1][1] == len(LARGE)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(parts))
    assert all(end - begin <= PART_BYTES for begin, end in parts)
    assert 4 < house.connections <= 9
    etag = house.requests[-1].headers["if-range"]
    assert all(asked.headers["if-range"] == etag for asked in house.requests[1:])


def test_what_is_nearly_there_is_not_cut_into_parts(house: House, fetching: Fetching) -> None:
    house.put("/f", LARGE)
    start = len(LARGE) - 2 * PART_BYTES
    assert fetching.bytes(file_at(house, len(LARGE)), start, slow=True) == LARGE[start:]
    assert len(house.requests) == 1


def test_one_connection_is_one(house: House, fetching: Fetching) -> None:
    house.put("/f", LARGE)
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True, connections=1) == LARGE
    assert len(house.requests) == 1


def test_two_connections_are_two(house: House, fetching: Fetching) -> None:
    house.put("/f", LARGE)
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True, connections=2) == LARGE
    assert house.connections <= 3  # the first one is closed when it meets the parts


@pytest.mark.parametrize("slow", [False, True])
def test_files_at_once_share_the_memory(house: House, fetching: Fetching, slow: bool) -> None:
    house.put("/f", LARGE)
    downloader = fetching.downloader(slow=slow)
    iterators = [downloader.chunks(file_at(house, len(LARGE))) for _ in range(4)]
    found = [bytearray() for _ in iterators]
    # one reader of several files in turn: none of them may wait for another's buffers
    for turn in itertools.zip_longest(*iterators):
        for chunk, place in zip(turn, found, strict=True):
            place.extend(chunk or b"")
    assert all(each == LARGE for each in found)
    held = [downloader._pool.take() for _ in range(13)]
    assert sum(len(buffer) for buffer in held if buffer) == 48 << 20


def test_a_broken_answer_goes_on_where_it_broke(house: House, fetching: Fetching, time: ManualTime) -> None:
    house.put("/f", Cutting(SMALL, lambda number: 400_000 if number < 2 else None))
    assert fetching.bytes(file_at(house, len(SMALL))) == SMALL
    assert ranges_of(house) == [(0, 0), (400_000, len(SMALL)), (800_000, len(SMALL))]
    assert time.slept == []


def test_a_broken_part_is_asked_for_from_where_it_broke_and_nothing_else(
    house: House, fetching: Fetching
) -> None:
    house.put("/f", Cutting(LARGE, lambda number: 300_000 if number in {3, 4} else None))
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True) == LARGE
    parts = ranges_of(house)[1:]
    again = [after for before, after in itertools.pairwise(parts) if before[1] == after[1]]
    assert len(again) == 2
    assert all((begin - 300_000, end) in parts for begin, end in again)


def test_many_breaks_are_borne_while_something_comes(house: House, fetching: Fetching) -> None:
    house.put("/f", Cutting(SMALL, lambda _: 70_000))
    assert fetching.bytes(file_at(house, len(SMALL))) == SMALL
    assert len(house.requests) == 15


@pytest.mark.parametrize("cut", [0, 1])
def test_connections_that_bring_nothing_are_given_up(
    house: House, fetching: Fetching, time: ManualTime, cut: int
) -> None:
    house.put("/f", Cutting(SMALL, lambda _: cut))
    with refused("body_truncated"):
        fetching.bytes(file_at(house, len(SMALL)))
    assert len(house.requests) == 5
    assert time.slept == [0.5, 1.0, 2.0]


def test_a_server_without_ranges_is_read_from_the_start(house: House, fetching: Fetching) -> None:
    house.put("/f", content(SMALL, ranges=False))
    assert fetching.bytes(file_at(house, len(SMALL)), 700_000) == SMALL[700_000:]
    assert len(house.requests) == 1


def test_a_server_without_ranges_is_not_asked_for_parts_again(house: House, fetching: Fetching) -> None:
    house.put("/f", content(LARGE, ranges=False))
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True) == LARGE
    whole, *parts = ranges_of(house)
    assert whole == (0, 0)
    assert len(parts) <= 8  # the first connection went on
    house.requests.clear()
    assert fetching.bytes(file_at(house, len(LARGE)), 5, slow=True) == LARGE[5:]
    assert len(house.requests) == 1


def test_a_server_that_stops_serving_parts_is_read_to_the_end_all_the_same(
    house: House, fetching: Fetching
) -> None:
    good, bad = content(LARGE, etag='"a"'), content(LARGE, ranges=False, etag='"a"')
    house.put("/f", *[good] * 6, bad)
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True) == LARGE


def test_a_broken_answer_without_ranges_is_dropped_up_to_where_it_broke(
    house: House, fetching: Fetching
) -> None:
    whole = content(SMALL, ranges=False)
    house.put("/f", replace(whole(Asked("GET", "/f", {}, b"", 1)), cut=300_000), whole)
    assert fetching.bytes(file_at(house, len(SMALL))) == SMALL
    assert len(house.requests) == 2


def part(body: bytes, headers: Mapping[str, str], **changes: object) -> Handler:
    """Serve all of ``body`` at first, then parts with these headers."""
    good = content(body, etag='"a"')

    def serve(asked: Asked) -> Answer:
        answer = good(asked)
        if "range" in asked.headers:
            return replace(answer, headers={**dict(answer.headers), **headers}, **changes)  # type: ignore[arg-type]  # of the test's choice
        return answer

    return serve


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (f"bytes 1000-1999/{len(SMALL)}", "range_invalid"),  # less than was asked for
        (f"bytes 999-{len(SMALL) - 1}/{len(SMALL)}", "range_invalid"),
        (f"bytes 0-{len(SMALL) - 1}/{len(SMALL)}", "range_invalid"),
        (f"bytes 1000-{len(SMALL)}/{len(SMALL)}", "range_invalid"),
        (f"bytes 1000-{len(SMALL) - 1}/*", "range_invalid"),
        (f"bytes 1000-{len(SMALL) - 1}", "range_invalid"),
        (f"items 1000-{len(SMALL) - 1}/{len(SMALL)}", "range_invalid"),
        ("", "range_invalid"),
        (f"bytes 1000-{len(SMALL) - 1}/{len(SMALL) + 1}", "size_mismatch"),
    ],
)
def test_a_part_has_to_be_what_was_asked_for(house: House, fetching: Fetching, said: str, code: str) -> None:
    house.put("/f", part(SMALL, {"Content-Range": said}))
    with refused(code):
        fetching.bytes(file_at(house, len(SMALL)), 1000)
    assert len(house.requests) == 1


def test_a_part_has_to_have_the_length_that_it_says(house: House, fetching: Fetching) -> None:
    span = f"bytes 1000-{len(SMALL) - 1}/{len(SMALL)}"
    house.put("/f", Answer(206, SMALL[1000:-1], {"Content-Range": span}))
    with refused("range_invalid"):
        fetching.bytes(file_at(house, len(SMALL)), 1000)


def test_several_parts_in_one_answer_are_refused(house: House, fetching: Fetching) -> None:
    headers = {"Content-Type": "multipart/byteranges; boundary=x"}
    house.put("/f", Answer(206, SMALL[1000:], headers))
    with refused("range_invalid"):
        fetching.bytes(file_at(house, len(SMALL)), 1000)


@pytest.mark.parametrize(
    ("total", "code"),
    [("*/1000", "size_mismatch"), (f"*/{len(SMALL)}", "range_invalid"), ("", "range_invalid")],
)
def test_a_server_that_has_no_such_bytes_is_refused(
    house: House, fetching: Fetching, total: str, code: str
) -> None:
    house.put("/f", Answer(416, headers={"Content-Range": f"bytes {total}"}))
    with refused(code):
        fetching.bytes(file_at(house, len(SMALL)), 1000)
    assert len(house.requests) == 1


@pytest.mark.parametrize("size", [len(SMALL) - 1, len(SMALL) + 1, 1])
@pytest.mark.parametrize("start", [0, 1])
def test_another_size_is_refused_before_a_byte_is_read(
    house: House, fetching: Fetching, size: int, start: int
) -> None:
    house.put("/f", SMALL)
    if start < size:
        with refused("size_mismatch"):
            next(fetching.downloader().chunks(file_at(house, size), start))


@pytest.mark.parametrize("change", [{"chunked": 1000}, {"length": -1}])
@pytest.mark.parametrize("start", [0, 1000])
def test_more_than_was_promised_is_never_handed_out(
    house: House, fetching: Fetching, change: Mapping[str, int], start: int
) -> None:
    house.put("/f", Answer(200, SMALL + b"!", **change))  # type: ignore[arg-type]  # chunked or length
    found = bytearray()
    with refused("size_mismatch"):
        for chunk in fetching.downloader().chunks(file_at(house, len(SMALL)), start):
            found += chunk
    assert SMALL[start:].startswith(found)


def test_an_answer_of_unknown_length_is_read_to_its_end(house: House, fetching: Fetching) -> None:
    house.put("/f", Answer(200, SMALL, chunked=1000))
    assert fetching.bytes(file_at(house, len(SMALL))) == SMALL


def test_an_answer_that_says_to_end_too_early_is_refused_at_once(house: House, fetching: Fetching) -> None:
    house.put("/f", Answer(200, SMALL[:-1], chunked=1000))
    with refused("size_mismatch"):
        fetching.bytes(file_at(house, len(SMALL)))
    assert len(house.requests) == 1


@pytest.mark.parametrize(
    "headers",
    [{"ETag": '"b"'}, {"Last-Modified": "Tue, 02 Jan 2024 00:00:00 GMT"}, {"Content-Range": "bytes 0-0/1"}],
)
@pytest.mark.parametrize("slow", [False, True])
def test_what_changes_in_the_middle_is_refused(
    house: House, fetching: Fetching, headers: Mapping[str, str], slow: bool
) -> None:
    first = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    good = content(LARGE, etag='"a"', headers=first)
    begin = good if slow else replace(good(Asked("GET", "/f", {}, b"", 1)), cut=300_000)
    house.put("/f", begin, part(LARGE, {**first, **headers}))
    with refused("content_changed"):
        fetching.bytes(file_at(house, len(LARGE)), slow=slow)


def test_what_was_replaced_is_answered_whole_and_refused(house: House, fetching: Fetching) -> None:
    good, other = content(SMALL, etag='"a"'), content(SMALL[::-1], etag='"b"')
    house.put("/f", replace(good(Asked("GET", "/f", {}, b"", 1)), cut=300_000), other)
    with refused("content_changed"):
        fetching.bytes(file_at(house, len(SMALL)))
    assert house.requests[1].headers["if-range"] == '"a"'


@pytest.mark.parametrize("etags", [('W/"a"', 'W/"b"'), ("a", "b")])
def test_a_weak_or_malformed_etag_says_nothing(
    house: House, fetching: Fetching, etags: tuple[str, str]
) -> None:
    first, second = (content(SMALL, etag=etag) for etag in etags)
    house.put("/f", replace(first(Asked("GET", "/f", {}, b"", 1)), cut=300_000), second)
    assert fetching.bytes(file_at(house, len(SMALL))) == SMALL
    assert "if-range" not in house.requests[1].headers


class Signing:
    """A server that sends on to signed addresses elsewhere, each good for a few requests."""

    def __init__(self, house: House, elsewhere: House, *, uses: int, status: int = 403) -> None:
        self.house, self.elsewhere, self.uses, self.status = house, elsewhere, uses, status
        self.given = 0
        self.left: dict[str, int] = {}
        self.lock = threading.Lock()
        self.serve = content(LARGE)
        house.put("/f", self.send_on)
        elsewhere.put("/blob", self.answer)

    def send_on(self, _: Asked) -> Answer:
        with self.lock:
            self.given += 1
            signature = f"signature{self.given}"
            self.left[signature] = self.uses
        return redirect(self.elsewhere.url(f"/blob?{signature}"))

    def answer(self, asked: Asked) -> Answer:
        signature = asked.target.partition("?")[2]
        with self.lock:
            self.left[signature] -= 1
            good = self.left[signature] >= 0
        return self.serve(asked) if good else Answer(self.status, b"expired")

    def file(self, **changes: object) -> RemoteFile:
        hosts = Hosts.of([self.elsewhere.host])
        return file_at(self.house, len(LARGE), "/f", redirects=hosts, **changes)


def test_where_a_redirect_led_is_asked_for_the_parts(
    house: House, elsewhere: House, fetching: Fetching
) -> None:
    signing = Signing(house, elsewhere, uses=1000)
    assert fetching.bytes(signing.file(), slow=True) == LARGE
    assert len(house.requests) == 1
    assert len(elsewhere.requests) > 5


def test_no_credential_goes_where_a_redirect_led(house: House, elsewhere: House, fetching: Fetching) -> None:
    signing = Signing(house, elsewhere, uses=3)
    credential = bearer(parse_url(house.url()).origin, "secret")
    file = signing.file(credential=credential, headers={"X-Token": "secret too"})
    assert fetching.bytes(file, slow=True) == LARGE
    assert len(house.requests) > 1
    assert all(asked.headers["authorization"] == "Bearer secret" for asked in house.requests)
    assert all(asked.headers["x-token"] == "secret too" for asked in house.requests)
    assert all("secret" not in repr(asked.headers) for asked in elsewhere.requests)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 503])
def test_an_address_that_expired_is_found_again(
    house: House, elsewhere: House, fetching: Fetching, status: int
) -> None:
    signing = Signing(house, elsewhere, uses=20, status=status)
    assert fetching.bytes(signing.file(), slow=True) == LARGE
    assert 1 < len(house.requests) < 5


def test_an_address_for_one_request_is_not_tried_twice_for_ever(
    house: House, elsewhere: House, fetching: Fetching
) -> None:
    signing = Signing(house, elsewhere, uses=1)
    assert fetching.bytes(signing.file(), slow=True, connections=2) == LARGE
    refusals = len(elsewhere.requests) - len(house.requests)
    assert 4 <= refusals <= 4 * 2 < len(house.requests)


def test_a_host_that_fails_is_looked_for_again(house: House, fetching: Fetching, elsewhere: House) -> None:
    file = file_at(house, len(SMALL), redirects=Hosts.of([elsewhere.host]))
    house.put("/f", redirect(elsewhere.url("/gone")), redirect(elsewhere.url("/there")))
    served = content(SMALL)
    elsewhere.put("/gone", replace(served(Asked("GET", "", {}, b"", 1)), cut=300_000), Answer(raw=b""))
    elsewhere.put("/there", served)
    assert fetching.bytes(file) == SMALL
    assert ranges_of(elsewhere, "/there") == [(300_000, len(SMALL))]


def test_an_address_that_never_works_is_an_error_without_its_signature(
    house: House, elsewhere: House, fetching: Fetching
) -> None:
    house.put("/f", redirect(elsewhere.url("/blob?signature=secret")))
    elsewhere.put("/blob", Answer(403))
    file = file_at(house, len(SMALL), redirects=Hosts.of([elsewhere.host]))
    with refused("access_refused") as caught:
        fetching.bytes(file)
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.details} {file}"


def test_a_later_address_may_not_lead_elsewhere(house: House, elsewhere: House, fetching: Fetching) -> None:
    served = content(SMALL)
    house.put("/f", redirect(house.url("/here")), redirect(elsewhere.url("/there")))
    house.put("/here", replace(served(Asked("GET", "", {}, b"", 1)), cut=300_000), Answer(403))
    elsewhere.put("/there", served)
    with refused("redirect_refused"):
        fetching.bytes(file_at(house, len(SMALL)))
    assert elsewhere.requests == []


@pytest.mark.parametrize(("status", "code"), [(404, "remote_missing"), (401, "access_refused")])
def test_an_error_of_the_first_address_is_the_answer(
    house: House, fetching: Fetching, status: int, code: str
) -> None:
    house.put("/f", Answer(status))
    with refused(code):
        fetching.bytes(file_at(house, len(SMALL)))
    assert len(house.requests) == 1


def test_the_first_error_ends_everything(house: House, fetching: Fetching) -> None:
    never = threading.Event()
    good = content(LARGE, etag='"a"')
    third = threading.Event()

    def serve(asked: Asked) -> Answer:
        answer = good(asked)
        number = len(house.requests)
        if number == 3:
            third.set()
            return replace(answer, headers={**dict(answer.headers), "Content-Range": "bytes 0-0/1"})
        # the others never get their bytes, so that only the error can end them
        return answer if number == 1 else replace(answer, body=answer.body, drip=5.0)

    house.put("/f", serve)
    with refused("content_changed"):
        fetching.bytes(file_at(house, len(LARGE)), slow=True)
    assert third.is_set()
    assert not never.is_set()


def test_a_reader_that_gives_up_leaves_no_thread_connection_or_buffer(
    house: House, fetching: Fetching
) -> None:
    house.put("/f", LARGE)
    downloader = fetching.downloader(slow=True)
    chunks = downloader.chunks(file_at(house, len(LARGE)))
    found = 0
    for chunk in chunks:
        found += len(chunk)
        if found > 3 * PART_BYTES:
            break
    chunks.close()  # type: ignore[attr-defined]  # it is a generator
    assert not any(thread.name == "range" for thread in threading.enumerate())
    assert sum(downloader._pool.take() is not None for _ in range(13)) == 12


def test_a_reader_in_another_thread_can_be_stopped(house: House, fetching: Fetching) -> None:
    good = content(LARGE)
    stuck = threading.Event()

    def serve(asked: Asked) -> Answer:
        answer = good(asked)
        if "range" not in asked.headers:
            return answer
        stuck.set()
        return replace(answer, drip=5.0)

    house.put("/f", serve)
    downloader = fetching.downloader(slow=True)
    ended: list[BaseException] = []

    def read() -> None:
        try:
            for _ in downloader.chunks(file_at(house, len(LARGE))):
                pass
        except Exception as error:  # noqa: BLE001  # looked at below
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert stuck.wait(10)
    downloader.stop()
    reader.join(10)
    assert not reader.is_alive()
    assert [type(error) for error in ended] == [StoppedError]
    with pytest.raises(StoppedError):
        next(downloader.chunks(file_at(house, len(LARGE))))


def test_a_server_that_limits_connections_gets_fewer(house: House, fetching: Fetching) -> None:
    good = content(LARGE)
    busy = threading.Semaphore(3)

    def serve(asked: Asked) -> Answer:
        if "range" in asked.headers and not busy.acquire(blocking=False):
            return Answer(429)
        return good(asked)

    def release(asked: Asked) -> Answer:
        answer = serve(asked)
        if answer.status == 206:
            busy.release()
        return answer

    house.put("/f", release)
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True) == LARGE
