"""What the corpus cannot say of trees, fastText and Flax: limits, and files within files."""

import json
import struct
from typing import Any

import pytest

from corpus.tree_case import array, fasttext, flax, learner, lightgbm, ubj, written
from model_file import examine, rules_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.msgpack import read as msgpack
from weighlock.inspection.tree import catboost
from weighlock.inspection.tree import fasttext as fasttext_module
from weighlock.inspection.tree import lightgbm as lightgbm_module
from weighlock.inspection.tree.shape import follow


def facts(name: str, data: bytes) -> dict[str, str]:
    return dict(examine(name, data).facts)


def test_the_facts_of_a_model_are_told() -> None:
    assert facts("m.json", written("xgboost.json"))["trees"] == "1"
    assert facts("m.ubj", written("xgboost.ubj"))["objective"] == "reg:squarederror"
    assert facts("m.txt", written("lightgbm.txt"))["objective"] == "regression"
    assert facts("m.cbm", written("catboost.cbm"))["trees"] == "2"
    assert facts("m.bin", fasttext())["dimensions"] == "2"
    assert facts("m.msgpack", flax({"params": {"w": array([2], "float32", bytes(8))}}))["array bytes"] == "8"


def test_json_and_ubjson_of_one_model_say_the_same() -> None:
    first, second = (
        dict(examine(f"m.{suffix}", written(f"xgboost.{suffix}")).facts) for suffix in ("json", "ubj")
    )
    assert first == second


def test_a_booster_with_its_settings_is_examined() -> None:
    two = b"[$d#l" + struct.pack(">i", 2) + bytes(8)
    assert examine("m.ubj", ubj({"Config": {}, "Model": learner(two)})).outcome is Outcome.CLEAN
    wrong = learner(b"[$d#l" + struct.pack(">i", 1) + bytes(4))
    assert rules_of(examine("m.ubj", ubj({"Config": {}, "Model": wrong}))) == {"tree-index"}


def test_the_content_decides_and_not_the_name() -> None:
    assert examine("pytorch_model.bin", written("xgboost.ubj")).format == "xgboost-ubj"
    assert examine("model.bst", written("xgboost.json")).format == "xgboost-json"
    assert examine("model", written("lightgbm.txt")).format == "lightgbm"
    assert examine("model.bin", written("catboost.cbm")).format == "catboost"
    assert rules_of(examine("model.ubj", written("catboost.cbm"))) == {"name-mismatch"}


def test_text_that_begins_with_the_word_tree_stays_text() -> None:
    assert examine("notes.txt", b"tree\nand more trees\n").format == "text"


@pytest.mark.parametrize(
    ("module", "limit", "name", "data"),
    [
        (lightgbm_module, "MAX_TREE_BYTES", "m.txt", lightgbm()),
        (lightgbm_module, "MAX_TAIL_BYTES", "m.txt", lightgbm()),
        (fasttext_module, "MAX_ENTRIES", "m.bin", fasttext()),
        (msgpack, "MAX_ITEMS", "m.msgpack", flax({"params": {"a": 1, "b": 2}})),
        (msgpack, "MAX_KEY_BYTES", "m.msgpack", flax({"params": {"abc": 1}})),
        (msgpack, "MAX_HELD_BYTES", "m.msgpack", flax({"params": {"abc": 1}})),
        (catboost, "MAX_NODES", "m.cbm", written("catboost.cbm")),
    ],
)
def test_a_limit_is_never_clean(
    monkeypatch: pytest.MonkeyPatch, module: Any, limit: str, name: str, data: bytes
) -> None:
    assert examine(name, data).outcome is Outcome.CLEAN
    monkeypatch.setattr(module, limit, 1)
    assert examine(name, data).outcome is not Outcome.CLEAN


@pytest.mark.parametrize(
    ("left", "right", "leaves", "wrong"),
    [
        ([1, -1, -1], [2, -1, -1], None, None),
        ([1, -1, -1], [1, -1, -1], None, "two paths"),
        ([1, 0], [-1, -1], None, "one child"),
        ([1, 0], [2, -1], None, "child 2"),
        ([1, -1], [5, -1], None, "child 5"),
        ([-2], [-1], None, "child -2"),
        ([1, -1], [-1, -1], None, "one child"),
        ([-1], [-2], 2, None),
        ([-1], [-3], 2, "leaf 2 of 2"),
        ([0], [-1], 1, "two paths"),
    ],
)
def test_paths_are_followed(left: list[int], right: list[int], leaves: int | None, wrong: str | None) -> None:
    told = follow(left, right, leaves_below=leaves)
    assert (told is None) is (wrong is None)
    assert (wrong or "") in (told or "")


def test_numbers_of_xgboost_beyond_a_machine_word_are_refused() -> None:
    document = json.loads(written("xgboost.json"))
    document["learner"]["learner_model_param"]["num_feature"] = "9" * 30
    assert rules_of(examine("m.json", json.dumps(document).encode())) == {"tree-structure"}


@pytest.mark.parametrize("mark", ["\xd9", "\xda", "\xdb"])
def test_long_texts_and_maps_of_flax_are_read(mark: str) -> None:
    width = {"\xd9": 1, "\xda": 2, "\xdb": 4}[mark]
    text = mark.encode("latin-1") + (3).to_bytes(width, "big") + b"abc"
    assert examine("m.msgpack", flax({"params": {"a": text}})).outcome is Outcome.CLEAN
    big = (
        b"\xdf\0\0\0\1" + flax("params") + b"\xdd\0\0\0\2\xcb" + bytes(8) + b"\xd6\x02\x92\x01\x01" + b"\xc0"
    )
    assert rules_of(examine("m.msgpack", big)) == {"flax-array"}  # four bytes are no complex number of three
