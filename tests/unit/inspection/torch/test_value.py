"""The values that describe tensors are read as a pickle's own reader would make them, and nothing is called."""

import collections
import pickle
from typing import Any

import pytest

from weighlock.inspection.torch import value
from weighlock.inspection.torch.value import Call, Global, Persistent, Unreadable, read_values

PLAIN: list[Any] = [
    None,
    True,
    False,
    0,
    255,
    65_535,
    -1,
    2**31 - 1,
    2**80,
    -(2**80),
    1.5,
    "ä" * 300,
    b"\x00\xff" * 300,
    (),
    (1,),
    (1, 2),
    (1, 2, 3),
    (1, 2, 3, 4),
    [1, [2, []]],
    {"a": {"b": [1]}},
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("plain", PLAIN, ids=lambda plain: repr(plain)[:20])
def test_constants_and_containers(plain: object, protocol: int) -> None:
    if isinstance(plain, bytes) and protocol < 3:
        return  # these protocols write a call
    raw = pickle.dumps(plain, protocol)
    found = read_values(raw + b"rest")
    assert found.top == plain
    assert found.end == len(raw)


@pytest.mark.parametrize("protocol", range(6))
def test_imports_and_calls_are_kept_and_not_made(protocol: int) -> None:
    raw = pickle.dumps([collections.OrderedDict(), len], protocol)
    found = read_values(raw)
    called, named = found.top
    assert isinstance(called, Call)
    assert called.target == Global("collections", "OrderedDict")
    assert named == Global("__builtin__" if protocol < 3 else "builtins", "len")
    assert named in found.names
    assert found.calls[-1].arguments == ()


def test_shared_values_are_one() -> None:
    shared = [1]
    first, second = read_values(pickle.dumps([shared, shared], 2)).top
    assert first is second


def test_identifiers_are_gathered_in_order() -> None:
    found = read_values(b"(Pone\nX\x03\x00\x00\x00twoQt.")
    assert found.persistent == ["one", "two"]
    assert found.top == (Persistent("one"), Persistent("two"))


def test_a_dictionary_keeps_its_texts_only() -> None:
    assert read_values(pickle.dumps({"a": 1, 2: 3, (4,): 5}, 2)).top == {"a": 1}


def test_sets_are_lists_here() -> None:
    assert read_values(pickle.dumps({1}, 4)).top == [1]
    assert read_values(pickle.dumps(frozenset({1}), 4)).top == [1]


@pytest.mark.parametrize(
    ("raw", "short"),
    [
        (b"", True),
        (b"\x80\x02K", True),
        (b"X\x09\x00\x00\x00abc", True),
        (b"ctorch\n", True),
        (b"\x80\x02}", True),
        (b".", False),
        (b"t.", False),
        (b"\x85.", False),
        (b"h\x00.", False),
        (b"I1x\n.", False),
        (b"I" + b"1" * 100 + b"\n.", False),
        (b"p-1\n.", False),
        (b"Np99999999999\n.", False),
        (b"\x82\x01.", False),
        (b"i__main__\nx\n.", False),
        (b"c\xff\nx\n.", False),
    ],
)
def test_what_is_broken_is_refused_and_tells_whether_more_bytes_could_help(raw: bytes, short: bool) -> None:
    with pytest.raises(Unreadable) as refused:
        read_values(raw)
    assert refused.value.short is short


def test_operations_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value, "MAX_OPERATIONS", 3)
    assert read_values(b"NN.").top is None
    with pytest.raises(Unreadable, match="more than 3 operations"):
        read_values(b"NNN.")
