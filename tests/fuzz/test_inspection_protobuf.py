"""Whatever the bytes are, the protobuf reader ends, and it sees what another reading of the same rules sees."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.coreml_case import cases as coreml_cases
from corpus.onnx_case import cases as onnx_cases
from corpus.tensorflow_case import cases as tensorflow_cases
from graph_file import fixed, number, sized, tag, varint
from model_file import examine
from weighlock.core.outcome import Outcome
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.protobuf.read import read_message
from weighlock.inspection.protobuf.schema import (
    FIXED32,
    VARINTS,
    Field,
    Schema,
    integers,
    many,
    stream,
    texts,
)
from weighlock.inspection.protobuf.sniff import protobuf_format
from weighlock.inspection.span import FormatError, Span, Unexamined, drive

CASES = [
    case
    for case in (*onnx_cases(), *tensorflow_cases(), *coreml_cases())
    if not case.path.endswith((".tflite", ".index", ".bin"))
]
TREE = Schema("Tree")
TREE.known(
    {1: integers, 2: texts, 3: many(TREE), 4: stream(TREE), 5: Field(FIXED32, repeated=True), 6: Field(VARINTS, repeated=True)}
)  # fmt: skip


class Listener:
    """Counts what a walk says."""

    rule = "onnx-structure"

    def __init__(self) -> None:
        self.visited = 0
        self.flaws = 0
        self.strangers = 0

    def visit(self, message: Message) -> None:
        assert message.offset >= 0
        self.visited += 1

    def flaw(self, what: str, offset: int) -> None:
        assert what
        assert offset >= 0
        self.flaws += 1

    def unknown(self, schema: str, number: int, offset: int) -> None:
        assert schema
        assert number > 0
        assert offset >= 0
        self.strangers += 1


def walk(data: bytes, listener: Listener) -> Message:
    def fetch(span: Span) -> bytes:
        assert 0 <= span.offset < span.offset + span.length <= len(data)
        return data[span.offset : span.offset + span.length]

    return drive(read_message(0, len(data), TREE, listener), fetch)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> tuple[bytes, int, list[int], list[str]]:
    """Return a message, how many messages it has, its integers and its texts."""
    out, count, numbers, words = b"", 1, [], []
    for kind in draw(st.lists(st.integers(1, 6), max_size=6)):
        if kind == 1:
            value = draw(st.integers(-(2**63), 2**63 - 1))
            numbers.append(value)
            out += number(1, value) if draw(st.booleans()) else sized(1, varint(value))
        elif kind == 2:
            words.append(draw(st.text(max_size=300)))
            out += sized(2, words[-1])
        elif kind in {3, 4} and depth:
            inner, inside, _, _ = draw(trees(depth - 1))
            out += sized(kind, inner)
            count += inside
        elif kind == 5:
            out += fixed(5, draw(st.binary(min_size=4, max_size=4)))
        else:
            out += number(6, draw(st.integers(0, 2**64 - 1)))
    return out, count, numbers, words


@given(trees())
def test_what_was_written_is_read(tree: tuple[bytes, int, list[int], list[str]]) -> None:
    data, count, numbers, words = tree
    listener = Listener()
    message = walk(data, listener)
    assert message.integers(1) == numbers
    assert message.texts(2) == words
    assert listener.visited == count
    assert listener.flaws == listener.strangers == 0


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with suppress(FormatError, Unexamined):
        walk(data, Listener())


@given(trees(), st.integers(0, 10_000), st.binary(max_size=3))
def test_changed_bytes(tree: tuple[bytes, int, list[int], list[str]], at: int, change: bytes) -> None:
    data = tree[0]
    place = at % (len(data) + 1)
    with suppress(FormatError, Unexamined):
        walk(data[:place] + change + data[place + len(change) :], Listener())


@given(st.sampled_from(CASES), st.integers(0, 10_000), st.binary(max_size=4), st.booleans())
def test_changed_models(case: object, at: int, change: bytes, insert: bool) -> None:
    assert hasattr(case, "data")
    assert hasattr(case, "path")
    place = at % (len(case.data) + 1)
    rest = place if insert else place + len(change)
    examined = examine(case.path.rsplit("/", 1)[-1], case.data[:place] + change + case.data[rest:])
    assert examined.outcome in {Outcome.CLEAN, Outcome.FINDINGS, Outcome.UNDECIDED}


@given(st.binary(max_size=200), st.integers(0, 1 << 40))
def test_any_bytes_have_a_format_or_none(head: bytes, more: int) -> None:
    assert protobuf_format(head, len(head) + more) in {
        None, "coreml", "tf-saved-model", "onnx", "sentencepiece", "tf-meta-graph", "tf-graph", "keras-metadata", "tf-fingerprint",
    }  # fmt: skip


@given(st.integers(1, 30))
def test_groups_nest_and_end(depth: int) -> None:
    listener = Listener()
    data = tag(9, 3) * depth + tag(9, 4) * depth
    walk(data, listener)
    assert listener.strangers == 1  # what is in a group is part of it
    with pytest.raises(FormatError, match="does not end"):
        walk(data[:-1], Listener())
