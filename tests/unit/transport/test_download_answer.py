"""Answers that are not what was asked for, or of another version."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from http_house import Answer, Asked, House, content
from unit.transport.downloading import (
    LARGE,
    SMALL,
    Fetching,
    client,
    elsewhere,
    fetching,
    file_at,
    house,
    part,
    refused,
    time,
)

__all__ = ["client", "elsewhere", "fetching", "house", "time"]  # fixtures


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


def test_an_answer_that_ends_with_its_connection_may_have_broken_off(
    house: House, fetching: Fetching
) -> None:
    house.put("/f", Answer(200, SMALL[:-1], length=-1))
    with refused("body_truncated"):
        fetching.bytes(file_at(house, len(SMALL)))
    assert len(house.requests) > 1
