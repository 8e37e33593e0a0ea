"""Names that are nearly another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.source.lookalike import MAX_CHARACTERS, count_slips, find_lookalike, is_close


@pytest.mark.parametrize(
    ("one", "two", "slips"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("abc", "acb", 1),
        ("abcd", "badc", 2),
        ("ca", "abc", 3),
        ("qwen", "qwem", 1),
    ],
)
def test_slips_are_letters_added_removed_replaced_or_swapped(one: str, two: str, slips: int) -> None:
    assert count_slips(one, two) == count_slips(two, one) == slips


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_slips_are_a_distance_bounded_by_length(one: str, two: str) -> None:
    slips = count_slips(one, two)
    assert (slips == 0) is (one == two)
    assert abs(len(one) - len(two)) <= slips <= max(len(one), len(two))


@pytest.mark.parametrize(
    ("one", "two", "close"),
    [
        ("qwen", "qwen", False),
        ("qwen", "Qwen", True),
        ("qwen", "qwem", True),
        ("qwen", "qmem", False),
        ("sentence-transformers", "sentencetransformer", True),
        ("ab", "ac", False),
        ("a_b", "a-b", True),
        ("a" * (MAX_CHARACTERS + 1), "a" * MAX_CHARACTERS, False),
    ],
)
def test_close_is_one_slip_in_a_short_name_and_two_in_a_long_one(one: str, two: str, close: bool) -> None:
    assert is_close(one, two) is is_close(two, one) is close


def test_only_one_component_may_differ() -> None:
    known = [("google", "gemma"), ("meta-llama",)]
    assert find_lookalike(("googel", "gemma"), known) == "google/gemma"
    assert find_lookalike(("googel", "gema"), known) is None
    assert find_lookalike(("google",), known) is None
    assert find_lookalike(("meta-1lama", "x"), known) == "meta-llama"
