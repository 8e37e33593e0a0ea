"""YAML that a Python loader constructs from, in ways that a reader of YAML overlooks: other line breaks, escapes, names."""

import pytest

from model_file import examine, rules_of
from weighlock.core.outcome import Outcome

TAG = "!!p%79thon/object/apply:os.system"  # as PyYAML reads it: !!python/object/apply:os.system


@pytest.mark.parametrize(
    "text",
    [
        "!<tag:yaml.org,2002:%70ython/object/apply:os.system> [touch marker]\n",
        f"{TAG} [touch marker]\n",
        f"--- {TAG} [touch marker]\n",
        f"--- &x\n{TAG} [touch marker]\n",
        f"a: {TAG}.str [touch marker]\n",
    ],
)
def test_a_tag_of_python_in_disguise(text: str) -> None:
    examined = examine("config.yaml", text.encode())
    assert "yaml-python-tag" in rules_of(examined)


@pytest.mark.parametrize("end", ["\r", "\x85", "\u2028", "\u2029"])
def test_a_comment_that_ends_for_some_loaders_only(end: str) -> None:
    examined = examine("config.yaml", f"# note{end}a: {TAG} [touch marker]\n".encode())
    assert "ends the line for some loaders only" in str(examined.not_examined)


@pytest.mark.parametrize(
    "text",
    [
        f"{{? {TAG} '' : v}}\n",
        f"[?{TAG} --- b]\n",
        f"[# note\n{TAG} ]\n",
        f"!x,\n- {TAG} a\n",
        f"{TAG}\n!!str a\n",
        f"{TAG} !!str a\n",
        f"a: &b,{TAG} c\n",
    ],
)
def test_what_readers_read_in_two_ways_is_not_read(text: str) -> None:
    assert examine("config.yaml", text.encode()).outcome is not Outcome.CLEAN


def test_a_directive_that_gives_tags_another_meaning() -> None:
    text = b"%TAG ! tag:yaml.org,2002:python/object/apply:shutil.\n---\n!copy [a, b]\n"
    assert rules_of(examine("config.yaml", text)) == {"yaml-tag"}


def test_a_block_of_text_ends_where_the_next_document_begins() -> None:
    examined = examine("config.yaml", f"|\n text\n---\n{TAG} [touch marker]\n".encode())
    assert "yaml-python-tag" in rules_of(examined)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/tuple [1, 2]\n",
        "--- !!str a\n",
        "--- a\n",
        "a: !!null\nb: 1\n",
        "%YAML 1.1\n---\na: |\n  x\n\n  y\n",
    ],
)
def test_ordinary_yaml_stays_clean(text: str) -> None:
    assert examine("config.yaml", text.encode()).outcome is Outcome.CLEAN
