"""Our reading of pickles against the C unpickler: what it loads we call sound, what it imports we see, in order.

Only streams made here are loaded, by an unpickler whose imports are all one inert class. ``pickletools``
is no reference: it refuses what C accepts.
"""

import datetime as dt
import pickle
import struct
from collections import OrderedDict, defaultdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from c_unpickler import Recorder
from engine_variant import INTERPRETED
from weighlock.inspection.pickle import stream as pickle_stream
from weighlock.inspection.pickle.effect import Stream
from weighlock.inspection.pickle.stream import Pickles, read_pickles
from weighlock.inspection.span import Span, drive, fetch_from

PROTOCOLS = st.integers(0, pickle.HIGHEST_PROTOCOL)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
    | st.binary().map(bytearray)
    | st.datetimes()
    | st.timedeltas()
    | st.builds(range, st.integers(0, 9))
    | st.builds(slice, st.integers(0, 9))
    | st.just(dt.UTC)
    | st.sampled_from([dict, list, OrderedDict, dt.date])
)
HASHABLE = st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(HASHABLE, inner)
        | st.dictionaries(HASHABLE, inner).map(OrderedDict)
        | st.dictionaries(HASHABLE, inner).map(lambda made: defaultdict(list, made))
        | st.sets(HASHABLE)
        | st.frozensets(HASHABLE)
    ),
    max_leaves=12,
)


def pickles(data: bytes) -> Pickles:
    return drive(read_pickles(len(data)), fetch_from(data))


def read(data: bytes) -> list[Stream]:
    return pickles(data).streams


def names_of(stream: Stream) -> list[tuple[str, str]]:
    return [(name.module, name.name) for name in stream.names]


def told(streams: list[Stream]) -> list[object]:
    """Return all that streams tell, as plain values."""
    return [
        (
            each.start, each.end, repr(each.events), names_of(each), each.operations, each.protocol,
            each.malformed, each.unexamined, each.stopped, [(odd.rule, odd.offset, odd.message) for odd in each.oddities],
        )
        for each in streams
    ]  # fmt: skip


@given(VALUES, PROTOCOLS)
def test_imports_are_those_of_the_c_reader(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    recorder = Recorder(data)
    recorder.load()
    (stream,) = read(data)
    assert stream.malformed is None
    assert stream.stopped
    assert stream.end == len(data)
    assert not [odd for odd in stream.oddities if odd.rule != "pickle-global-changed"]
    assert names_of(stream) == list(dict.fromkeys(recorder.names))


@given(st.lists(st.tuples(VALUES, PROTOCOLS), min_size=1, max_size=5))
def test_every_pickle_behind_another_is_read(values: list[tuple[object, int]]) -> None:
    parts = [pickle.dumps(value, protocol) for value, protocol in values]
    streams = read(b"".join(parts))
    ends = [sum(map(len, parts[: index + 1])) for index in range(len(parts))]
    assert [stream.end for stream in streams] == ends


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


_SMALL = st.integers(0, 3)
_WORD = st.sampled_from(["os", "system", "collections", "OrderedDict", "a.b", ""])
_RAW = st.binary(max_size=5)
_NUMBERS = st.one_of(
    st.integers().map(str),
    st.integers(0, 1).map(lambda number: f"0{number}"),
    st.sampled_from(
        [
            "0x1f",
            "0X1F",
            "010",
            "08",
            "+1",
            " 1",
            "-0",
            "1_0",
            "0o17",
            "0b1",
            "1 ",
            "\t\v7",
            "1\0x",
            "\0",
            "\0\0",
            "+",
            "",
            "-",
        ]
    ),
    st.text("0123456789xXabL_+- \t\0", max_size=6),
    st.just("9" * 25),
    st.just("0" * 25 + "1"),
)
_FLOATS = st.one_of(
    st.floats().map(str),
    st.sampled_from(["1e5", " 1", "1 ", "1\0z", "inf", "nan", "-", "", "1_0", "0x1p3", "1e999"]),
)
_QUOTED = st.one_of(
    _WORD.map(repr),
    st.sampled_from(
        [
            '"os"',
            "'\\x6fs'",
            "'\\157s'",
            "'\\\\'",
            "'a",
            "a'",
            "'",
            "''",
            "'\\",
            "'\\'",
            "'\\x6'",
            " 'os'",
            "'os' ",
            "'\\400'",
            "'\\z'",
        ]
    ),
)
_UNICODE = st.one_of(_WORD, st.sampled_from(["\\u006fs", "\\u00", "\\U0000006f", "\\ud800", "\\"]))
# one strategy for each opcode, with arguments as the reader expects them or nearly so
OPERATIONS: list[st.SearchStrategy[bytes]] = [
    *(st.just(bytes([code])) for code in b"(.0120NQRabdel]ost)u}\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"),
    st.builds(lambda word: b"P" + _line(word), _WORD),
    st.builds(lambda word: b"V" + _line(word), _UNICODE),
    st.builds(lambda word: b"S" + _line(word), _QUOTED),
    st.builds(lambda module, name: b"c" + _line(module) + _line(name), _WORD, _WORD),
    st.builds(lambda module, name: b"i" + _line(module) + _line(name), _WORD, _WORD),
    st.builds(lambda number: b"I" + _line(number), _NUMBERS),
    st.builds(lambda number: b"L" + _line(number), _NUMBERS),
    st.builds(lambda number: b"L" + _line(f"{number}L"), _NUMBERS),
    st.builds(lambda number: b"F" + _line(number), _FLOATS),
    *(st.builds(lambda code, number: bytes([code]) + _line(str(number)), st.just(code), _SMALL) for code in b"gp"),
    st.builds(lambda number: b"g" + _line(number), _NUMBERS),
    # C allocates sixteen times a PUT's number of bytes
    st.builds(lambda number: b"p" + _line(number), _NUMBERS.filter(lambda number: not 6 < len(number) < 25)),
    *(st.builds(lambda code, number: bytes([code, number]), st.just(code), _SMALL) for code in b"hq\x82"),
    *(st.builds(lambda code, number: bytes([code]) + struct.pack("<I", number), st.just(code), _SMALL) for code in b"jr\x84"),
    st.builds(lambda number: b"\x80" + bytes([number]), st.integers(0, 6)),
    st.builds(lambda number: b"K" + bytes([number]), _SMALL),
    st.builds(lambda number: b"M" + struct.pack("<H", number), _SMALL),
    st.builds(lambda number: b"J" + struct.pack("<i", number), _SMALL),
    st.builds(lambda number: b"G" + struct.pack(">d", number), st.floats()),
    *(st.builds(lambda code, raw: bytes([code, len(raw)]) + raw, st.just(code), _RAW) for code in b"UC\x8a"),
    *(st.builds(lambda code, raw: bytes([code]) + struct.pack("<I", len(raw)) + raw, st.just(code), _RAW) for code in b"TB\x8bX"),
    *(st.builds(lambda code, raw: bytes([code]) + struct.pack("<Q", len(raw)) + raw, st.just(code), _RAW) for code in b"\x8e\x96\x8d"),
    st.builds(lambda code: bytes([code]) + b"\xff" * 8, st.sampled_from(b"TB\x8b\x8e\x8d\x96X")),
    st.builds(lambda word: b"\x8c" + bytes([len(word)]) + word.encode(), _WORD),
    st.builds(lambda word: b"X" + struct.pack("<I", len(word)) + word.encode(), _WORD),
    st.builds(lambda word: b"\x8d" + struct.pack("<Q", len(word)) + word.encode(), _WORD),
    st.builds(lambda length: b"\x95" + struct.pack("<Q", length), _SMALL),
]  # fmt: skip
STREAMS = st.lists(st.one_of(OPERATIONS), max_size=25).map(lambda parts: b"".join(parts) + b".")


@given(STREAMS)
@example(b"\x8c\x02os\x8c\x06system\x93)R.")
@example(b"(cos\nsystem\no.")
@example(b"(ios\nsystem\n.")
@example(b"I010\n.")
@example(b"I\0\n.")
@example(b"S'\\157s'\nS'system'\n\x93.")
@example(b"Np 0_0\ng+0\n.")
def test_what_the_c_reader_loads_is_read_as_it_reads_it(data: bytes) -> None:
    """Random streams: if C loads one, we call it sound; and we see the imports that C makes, in its order."""
    recorder = Recorder(data)
    loaded = recorder.try_load()
    first = read(data)[0]
    odd = {each.rule for each in first.oddities}
    if odd & {"pickle-global-unresolved", "pickle-extension-code", "pickle-frame"}:
        return  # reported as such: what C imports there is not known, or read in the wrong place
    asked = list(dict.fromkeys(recorder.names))
    assert names_of(first)[: len(asked)] == asked
    if loaded:
        assert first.malformed is None
        assert first.stopped


@given(STREAMS | st.binary(max_size=200) | st.builds(pickle.dumps, VALUES, PROTOCOLS))
def test_compiled_and_interpreted_tell_the_same(data: bytes) -> None:
    other = drive(INTERPRETED["stream"].read_pickles(len(data)), fetch_from(data))
    assert told(read(data)) == told(other.streams)


@given(STREAMS | st.builds(pickle.dumps, VALUES, PROTOCOLS), st.integers(1, 40))
def test_the_cut_into_windows_does_not_matter(data: bytes, step: int) -> None:
    whole = told(read(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickle_stream, "FIRST_WINDOW_BYTES", step)
        patch.setattr(pickle_stream, "WINDOW_BYTES", step)
        assert told(read(data)) == whole


@given(STREAMS | st.builds(pickle.dumps, VALUES, PROTOCOLS), st.data())
def test_a_changed_byte_ends_the_reading_inside_the_file(data: bytes, choose: st.DataObject) -> None:
    at = choose.draw(st.integers(0, len(data) - 1))
    data = data[:at] + bytes([choose.draw(st.integers(0, 255))]) + data[at + 1 :]
    requests = 0

    def fetch(span: Span) -> bytes:
        nonlocal requests
        requests += 1
        assert 0 <= span.offset < span.offset + span.length <= len(data)
        return data[span.offset : span.offset + span.length]

    streams = drive(read_pickles(len(data)), fetch).streams
    assert requests <= 2 * len(data) + 2
    assert all(stream.operations <= len(data) for stream in streams)
    assert all(stream.end <= len(data) for stream in streams)


@given(st.binary(max_size=200))
def test_any_bytes_end_within_their_budget(data: bytes) -> None:
    streams = read(data)
    assert sum(stream.operations for stream in streams) <= 2 * len(data)
