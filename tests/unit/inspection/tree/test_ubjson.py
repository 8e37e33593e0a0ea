"""UBJSON as its specification writes it, beyond what XGBoost writes."""

import struct
from array import array
from typing import Any

import pytest

from corpus.tree_case import length, ubj
from weighlock.inspection.span import FormatError, Unexamined, drive, fetch_from
from weighlock.inspection.tree import ubjson
from weighlock.inspection.tree.arrays import Counted
from weighlock.inspection.tree.ubjson import Ubjson


def read(raw: bytes) -> Any:
    reader = Ubjson(len(raw), lambda made: made)
    value = drive(reader.read(), fetch_from(raw))
    assert reader.window.at == len(raw)
    return value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"Z", None),
        (b"NNT", True),
        (b"F", False),
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\xff\xfe", -2),
        (b"l" + struct.pack(">i", 70_000), 70_000),
        (b"L" + struct.pack(">q", -(2**40)), -(2**40)),
        (b"D" + struct.pack(">d", 0.5), 0.5),
        (b"Ca", "a"),
        (b"SU\x02ab", "ab"),
        (b"[]", []),
        (b"[ZNT]", [None, True]),
        (b"[#i\x02ZT", [None, True]),
        (b"[$S#i\x01i\x01a", ["a"]),
        (b"{}", {}),
        (b"{Ni\x01aZ}", {"a": None}),
        (b"{#i\x01i\x01aT", {"a": True}),
        (b"{$i#i\x02i\x01a\x01i\x01b\x02", {"a": 1, "b": 2}),
        (b"[[[]]{}]", [[[]], {}]),
        (b"[$U#i\x02\x01\xff", array("B", [1, 255])),
        (b"[$I#i\x01\xff\xfe", array("h", [-2])),
        (b"[$Z#i\x00", []),
    ],
)
def test_a_value_is_what_the_specification_says(raw: bytes, value: object) -> None:
    assert read(raw) == value


def test_fractions_are_counted_and_passed() -> None:
    value = read(ubj({"a": b"[$D#i\x03" + bytes(24)}))
    assert isinstance(value["a"], Counted)
    assert len(value["a"]) == 3


def test_a_finished_object_is_replaced_and_what_it_held_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ubjson, "MAX_KEPT_BYTES", 4000)
    tree = ubj({"a": b"[$U#I" + struct.pack(">h", 3000) + bytes(3000)})
    raw = b"[" + tree * 5 + b"]"
    reader = Ubjson(len(raw), lambda made: len(made["a"]))
    assert drive(reader.read(), fetch_from(raw)) == [3000] * 5
    with pytest.raises(Unexamined, match="over the limit"):
        read(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "beyond the file"),
        (b"[", "beyond the file"),
        (b"SD" + bytes(8), "not a whole number"),
        (b"Si\xff", "negative"),
        (b"[$i", "beyond the file"),
        (b"{" + length("a") + b"]", "begins no value"),
        (b"]", "begins no value"),
    ],
)
def test_what_breaks_the_specification_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        read(raw)


def test_more_values_than_the_limit_are_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ubjson, "MAX_ITEMS", 3)
    with pytest.raises(Unexamined, match="values"):
        read(b"[ZZZZ]")
