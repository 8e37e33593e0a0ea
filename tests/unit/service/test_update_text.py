"""Differences of texts: by key, by line, bounded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.service.update_text import MAX_LINE_CHARACTERS, MAX_LINES, compare_texts, is_telling


def lines(before: object, after: object) -> list[str]:
    return list(compare_texts("x.json", json.dumps(before).encode(), json.dumps(after).encode()).lines)


@pytest.mark.parametrize(
    ("path", "telling"),
    [
        ("tokenizer_config.json", True),
        ("sub/config.json", True),
        ("generation_config.json", True),
        ("chat_template.jinja", True),
        ("modeling_custom.py", True),
        ("template.gotmpl", True),
        ("system.txt", True),
        ("params.json", True),
        ("Modelfile", True),
        ("tokenizer.json", False),
        ("model.safetensors", False),
        ("README.md", False),
    ],
)
def test_which_files_are_told(path: str, telling: bool) -> None:
    assert is_telling(path) is telling


def test_keys_that_come_go_and_change() -> None:
    found = lines({"a": 1, "b": {"c": [1]}, "same": None}, {"b": {"c": [1, 2]}, "d": "x", "same": None})
    assert found == ["- a: 1", "- b.c: [1]", "+ b.c: [1, 2]", '+ d: "x"']


def test_numbers_of_another_kind_differ() -> None:
    assert lines({"a": 1}, {"a": True}) == ["- a: 1", "+ a: true"]
    assert lines({"a": 1}, {"a": 1.0}) == ["- a: 1", "+ a: 1.0"]


def test_a_key_that_is_empty_or_has_dots_hides_nothing() -> None:
    assert lines({"a": {"b": 1}}, {"a.b": 1}) != []
    assert lines({"a": {}}, {}) == ["- a: {}"]


def test_what_is_no_json_is_compared_by_line() -> None:
    found = compare_texts("config.json", b"{broken\nsame\n", b"{other\nsame\n")
    assert list(found.lines) == ["-{broken", "+{other", " same"]


def test_a_file_that_comes_or_goes() -> None:
    assert list(compare_texts("a.jinja", None, b"one\ntwo\n").lines) == ["+one", "+two"]
    assert list(compare_texts("a.jinja", b"one\n", None).lines) == ["-one"]


def test_lines_are_bounded_in_number_and_length() -> None:
    found = compare_texts("a.jinja", b"", b"x" * 1000 + b"\n" + b"y\n" * 500)
    assert len(found.lines) == MAX_LINES
    assert found.omitted == 501 - MAX_LINES
    assert max(map(len, found.lines)) == MAX_LINE_CHARACTERS


def test_endless_lines_are_not_compared() -> None:
    assert list(compare_texts("a.py", b"", b"x\n" * 30_000).lines) == ["(too many lines to compare)"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab.\n", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text("ab.", max_size=3), JSON, max_size=3),
    st.dictionaries(st.text("ab.", max_size=3), JSON, max_size=3),
)
def test_objects_that_differ_show_a_difference(before: dict[str, object], after: dict[str, object]) -> None:
    assert bool(lines(before, after)) == (
        json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    )
