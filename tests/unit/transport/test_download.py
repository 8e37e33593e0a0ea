import itertools
from dataclasses import replace

import pytest

from http_house import Asked, House, ManualTime, content
from unit.transport.downloading import (
    LARGE,
    SMALL,
    Cutting,
    Fetching,
    client,
    elsewhere,
    fetching,
    file_at,
    house,
    ranges_of,
    refused,
    time,
)
from weighlock.transport.message import Response
from weighlock.transport.window import PART_BYTES

__all__ = ["client", "elsewhere", "fetching", "house", "time"]  # fixtures


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
    start = len(LARGE) - 4 * 1024 * 1024
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
    held = [downloader._buffers.take() for _ in range(13)]
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


def test_what_is_dropped_is_dropped_in_large_pieces(
    house: House, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.put("/f", content(SMALL, ranges=False))
    sizes: list[int] = []
    real = Response.readinto

    def readinto(response: Response, buffer: memoryview) -> int:
        sizes.append(len(buffer))
        return real(response, buffer)

    monkeypatch.setattr(Response, "readinto", readinto)
    assert fetching.bytes(file_at(house, len(SMALL)), len(SMALL) - 1) == SMALL[-1:]
    assert sizes[0] == 512 << 10
    assert sizes[-1] == 1
    assert len(sizes) < 100


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
