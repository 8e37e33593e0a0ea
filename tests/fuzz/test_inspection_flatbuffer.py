"""Whatever the bytes are, the FlatBuffer reader ends, and asks only for what is there."""

import struct
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from corpus.tensorflow_case import lite, lite_cases
from graph_file import Table as Written
from graph_file import flatbuffer
from model_file import examine
from weighlock.core.outcome import Outcome
from weighlock.inspection.flatbuffer.read import FlatBuffer
from weighlock.inspection.span import FormatError, Reading, drive, fetch_from

CASES = lite_cases()
WORDS = st.text(max_size=40)


def read_all(data: bytes) -> Reading[tuple[int, str | None, list[str], tuple[int, ...], list[str | None]]]:
    buffer = FlatBuffer(len(data), "tflite-structure")
    root = yield from buffer.root()
    value = yield from buffer.scalar(root, 0, "i", 7)
    text = yield from buffer.text(root, 1)
    texts = yield from buffer.texts(root, 2)
    numbers = yield from buffer.numbers(root, 3, "i", 1000)
    inner: list[str | None] = []
    for table in (yield from buffer.tables(root, 4)):
        word = yield from buffer.text(table, 0)
        inner.append(word)
    return value, text, texts, numbers, inner


@given(st.integers(-(2**31), 2**31 - 1), WORDS, st.lists(WORDS, max_size=5), st.lists(st.integers(-9, 9)), st.lists(WORDS, max_size=5))  # fmt: skip
def test_what_was_written_is_read(
    value: int, text: str, texts: list[str], numbers: list[int], inner: list[str]
) -> None:
    tables = [Written(f0=word) for word in inner]
    root = Written(f0=("i", value), f1=text, f2=texts, f3=[("i", each) for each in numbers], f4=tables)
    data = flatbuffer(root, b"TEST")
    assert drive(read_all(data), fetch_from(data)) == (value, text, texts, tuple(numbers), inner)


def test_what_is_left_out_has_its_default() -> None:
    data = flatbuffer(Written(), b"TEST")
    assert drive(read_all(data), fetch_from(data)) == (7, None, [], (), [])


@given(st.binary(min_size=8, max_size=200))
def test_any_bytes(data: bytes) -> None:
    with suppress(FormatError):
        drive(read_all(data), fetch_from(data))


@given(st.sampled_from(CASES), st.integers(0, 10_000), st.integers(0, 2**32 - 1))
def test_changed_models(case: object, at: int, value: int) -> None:
    assert hasattr(case, "data")
    data = bytearray(case.data)
    struct.pack_into("<I", data, at % (len(data) - 4), value)
    examined = examine("a.tflite", bytes(data))
    assert examined.outcome in {Outcome.CLEAN, Outcome.FINDINGS, Outcome.UNDECIDED}


@given(st.integers(1, 2000))
def test_a_cut_model_is_never_clean(cut: int) -> None:
    data = lite()
    examined = examine("a.tflite", data[: -(cut % (len(data) - 8)) - 1])
    assert examined.outcome is not Outcome.CLEAN
