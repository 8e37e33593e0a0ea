import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.transport.range import ContentRange, Version, read_content_range, read_total, write_range


def test_a_range_is_written_with_its_last_byte() -> None:
    assert write_range(5, 10) == "bytes=5-9"


@pytest.mark.parametrize("text", ["bytes 5-9/10", "Bytes 5-9/10", " bytes 5-9/10 "])
def test_what_a_part_says_is_read(text: str) -> None:
    assert read_content_range({"content-range": text}) == ContentRange(5, 9, 10)


@pytest.mark.parametrize(
    "text",
    [
        "", "bytes 5-9", "bytes 5-9/*", "bytes */10", "bytes=5-9/10", "items 5-9/10", "bytes 5-9/10, 11-12/13",
        "bytes -5-9/10", "bytes 5-9/1e1", "bytes 5-9/" + "1" * 19, "bytes \uff15-9/10", "5-9/10", "bytes 5 - 9/10",
    ],
)  # fmt: skip
def test_what_says_less_or_something_else_is_not_read(text: str) -> None:
    assert read_content_range({"content-range": text}) is None


@given(st.from_regex(r"(bytes|items)[ =](\d{1,20}-\d{1,20}|\*)/(\d{1,20}|\*)"))
def test_what_is_read_is_what_stands_there(text: str) -> None:
    numbers = [int(digits) for digits in re.findall(r"[0-9]+", text)]
    found, total = read_content_range({"content-range": text}), read_total({"content-range": text})
    assert found is None or list(found) == numbers
    assert total is None or [total] == numbers


@pytest.mark.parametrize(
    ("text", "total"), [("bytes */10", 10), ("bytes 5-9/10", None), ("*/10", None), ("", None)]
)
def test_how_much_there_is_is_read(text: str, total: int | None) -> None:
    assert read_total({"content-range": text}) == total


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, Version()),
        ({"etag": '"a"'}, Version('"a"')),
        ({"etag": 'W/"a"'}, Version()),
        ({"etag": "a"}, Version()),
        ({"etag": '"a", "b"'}, Version()),
        ({"last-modified": "x"}, Version(None, "x")),
        ({"last-modified": ""}, Version()),
    ],
)
def test_only_a_strong_etag_tells_versions_apart(headers: dict[str, str], version: Version) -> None:
    assert Version.of(headers) == version


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (Version('"a"'), Version('"a"'), True),
        (Version('"a"'), Version('"b"'), False),
        (Version('"a"', "x"), Version('"a"', "y"), False),
        (Version('"a"'), Version(None, "y"), True),
        (Version(), Version('"b"', "y"), True),
        (Version(None, "x"), Version('"b"', "y"), False),
    ],
)
def test_versions_agree_unless_something_that_both_say_differs(
    one: Version, other: Version, agree: bool
) -> None:
    assert one.agrees_with(other) == other.agrees_with(one) == agree


def test_what_was_said_once_is_kept() -> None:
    assert Version('"a"').joined(Version('"b"', "x")) == Version('"a"', "x")
