"""Files that once took a parser minutes, or all its memory: now a limit of ours ends them at once."""

import json

import pytest

from hdf5_maker import hard_link, hdf5, header
from model_file import ARRAY, U32, GgufFile, examine, rules_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.gguf.read import ARRAY_COST, MAX_STRINGS
from weighlock.inspection.report import MAX_TEMPLATE_CHARACTERS, MAX_TEMPLATES

OPENVINO = b'<?xml version="1.0"?>\n<net name="m" version="11"><layers>'


def told(name: str, data: bytes) -> str:
    examined = examine(name, data)
    assert examined.outcome is not Outcome.CLEAN
    return str(examined.not_examined)


@pytest.mark.parametrize("tag", [b'<layer name="', b"<!-- ", b"<a "])
def test_openvino_with_a_tag_that_is_parsed_again_with_every_window(tag: bytes) -> None:
    assert "a tag of more than" in told("m.xml", OPENVINO + tag + b" " * (9 << 20))


def test_openvino_behind_a_long_comment_is_no_ordinary_markup() -> None:
    data = b"<!--" + b" " * 5000 + b'--><net name="m" version="11"></net>'
    assert "no rule says" in told("m.xml", data)


def test_more_templates_than_are_examined_in_one_file() -> None:
    few = [{"name": str(number), "template": "{{ x }}"} for number in range(MAX_TEMPLATES)]
    assert examine("tokenizer_config.json", json.dumps({"chat_template": few}).encode()).not_examined is None
    many = json.dumps({"chat_template": [*few, {"name": "more", "template": "{{ x }}"}]}).encode()
    assert "more than are examined" in told("tokenizer_config.json", many)
    text = "a" * (MAX_TEMPLATE_CHARACTERS // 4) + "{{ x }}"
    large = [{"name": str(number), "template": text} for number in range(4)]
    assert "more than are examined" in told(
        "tokenizer_config.json", json.dumps({"chat_template": large}).encode()
    )


def test_toml_with_keys_of_many_parts() -> None:
    assert "parts" in told("a.toml", b"a" + b".a" * 100_000 + b" = 1\n")
    assert examine("a.toml", b"a" + b".a" * 90 + b' = "' + b".a;" * 1000 + b'"\n').outcome is Outcome.CLEAN


def test_ini_of_empty_lines() -> None:
    assert examine("a.ini", b"[a]\n" + b"\n" * 500_000).outcome is Outcome.CLEAN


def test_gguf_with_very_many_arrays_in_an_array() -> None:
    file = GgufFile()
    empty = file.pack("I", U32) + file.size(0)
    count = MAX_STRINGS // ARRAY_COST + 1
    data = file.array("x", ARRAY, [empty] * count).bytes()
    examined = examine("m.gguf", data)
    assert rules_of(examined) == {"gguf-header"}
    assert "more than" in str(examined.not_examined)


def test_hdf5_with_groups_so_deep_that_their_paths_would_be_long() -> None:
    name = "a" * 200
    length = len(header([hard_link(name, 0)]))
    groups = [header([hard_link(name, 48 + (number + 1) * length)]) for number in range(20_000)]
    assert "nest too deep" in told("m.h5", hdf5([*groups, header([])]))
    assert examine("m.h5", hdf5([*groups[:10], header([])])).outcome is Outcome.CLEAN
