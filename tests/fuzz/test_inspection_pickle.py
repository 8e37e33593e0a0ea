"""Our reading of pickles against CPython's two: ``pickletools`` for tokens, ``_pickle`` for what is imported.

Only streams made here are loaded, by an unpickler whose imports are all one inert class.
"""

import datetime as dt
import io
import pickle
import pickletools
import struct
from collections import OrderedDict, defaultdict
from typing import Any, Self

from hypothesis import assume, example, given
from hypothesis import strategies as st

from weighlock.inspection.pickle.lexer import lex
from weighlock.inspection.pickle.machine import Machine, Stream
from weighlock.inspection.pickle.stream import read_pickles
from weighlock.inspection.span import drive, fetch_from

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


class Inert:
    """Stands for everything that a stream imports: takes anything, does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> "Inert":
        return self

    def __setstate__(self, _: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass

    def add(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass


class Recorder(pickle.Unpickler):
    """The C unpickler, noting the names it is asked to import."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), buffers=[b""] * 20)
        self.names: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.names.add((module, name))
        return Inert

    def persistent_load(self, _: Any) -> Any:
        return Inert()


def read(data: bytes) -> list[Stream]:
    return drive(read_pickles(len(data)), fetch_from(data)).streams


def names_of(stream: Stream) -> set[tuple[str, str]]:
    return {(name.module, name.name) for name in stream.names}


@given(VALUES, PROTOCOLS)
def test_tokens_are_those_of_pickletools(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    batch = lex(data, 0, 0, len(data))
    assert [(code, at) for code, at, _ in batch.tokens] == [
        (ord(opcode.code), at) for opcode, _, at in pickletools.genops(data)
    ]
    assert batch.stopped


@given(VALUES, PROTOCOLS)
def test_imports_are_those_of_the_c_reader(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    recorder = Recorder(data)
    recorder.load()
    (stream,) = read(data)
    assert stream.malformed is None
    assert stream.stopped
    assert not [odd for odd in stream.oddities if odd.rule != "pickle-global-changed"]
    assert names_of(stream) == recorder.names


@given(st.lists(st.tuples(VALUES, PROTOCOLS), min_size=1, max_size=5))
def test_every_pickle_behind_another_is_read(values: list[tuple[object, int]]) -> None:
    parts = [pickle.dumps(value, protocol) for value, protocol in values]
    streams = read(b"".join(parts))
    ends = [sum(map(len, parts[: index + 1])) for index in range(len(parts))]
    assert [stream.end for stream in streams] == ends


@given(VALUES, PROTOCOLS, st.integers(1, 40))
def test_the_cut_into_windows_does_not_matter(value: object, protocol: int, step: int) -> None:
    data = pickle.dumps(value, protocol)
    whole = lex(data, 0, 0, len(data)).tokens
    tokens = []
    at, held = 0, step
    while True:
        batch = lex(data[at : at + held], at, at, len(data))
        assert batch.error is None
        tokens += batch.tokens
        if batch.stopped:
            break
        at, held = batch.at, max(step, batch.need)
    assert tokens == whole


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


_SMALL = st.integers(0, 3)
_WORD = st.sampled_from(["os", "system", "collections", "OrderedDict", "a.b", ""])
_RAW = st.binary(max_size=5)
# one strategy for each opcode, with arguments as the reader expects them or nearly so
OPERATIONS: list[st.SearchStrategy[bytes]] = [
    *(st.just(bytes([code])) for code in b"(.0120NQRabdel]ost)u}\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"),
    *(st.builds(lambda code, word: bytes([code]) + _line(word), st.just(code), _WORD) for code in b"PV"),
    st.builds(lambda word: b"S'" + _line(word + "'"), _WORD),
    st.builds(lambda module, name: b"c" + _line(module) + _line(name), _WORD, _WORD),
    st.builds(lambda module, name: b"i" + _line(module) + _line(name), _WORD, _WORD),
    st.builds(lambda number: b"I" + _line(str(number)), st.integers()),
    st.builds(lambda number: b"L" + _line(f"{number}L"), st.integers()),
    st.builds(lambda number: b"F" + _line(str(number)), st.floats()),
    *(st.builds(lambda code, number: bytes([code]) + _line(str(number)), st.just(code), _SMALL) for code in b"gp"),
    *(st.builds(lambda code, number: bytes([code, number]), st.just(code), _SMALL) for code in b"hq\x82"),
    *(st.builds(lambda code, number: bytes([code]) + struct.pack("<I", number), st.just(code), _SMALL) for code in b"jr\x84"),
    st.builds(lambda number: b"\x80" + bytes([number]), st.integers(0, 6)),
    st.builds(lambda number: b"K" + bytes([number]), _SMALL),
    st.builds(lambda number: b"M" + struct.pack("<H", number), _SMALL),
    st.builds(lambda number: b"J" + struct.pack("<i", number), _SMALL),
    st.builds(lambda number: b"G" + struct.pack(">d", number), st.floats()),
    *(st.builds(lambda code, raw: bytes([code, len(raw)]) + raw, st.just(code), _RAW) for code in b"UC\x8a"),
    *(st.builds(lambda code, raw: bytes([code]) + struct.pack("<I", len(raw)) + raw, st.just(code), _RAW) for code in b"TB\x8b"),
    *(st.builds(lambda code, raw: bytes([code]) + struct.pack("<Q", len(raw)) + raw, st.just(code), _RAW) for code in b"\x8e\x96"),
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
def test_what_the_c_reader_loads_is_read_as_it_reads_it(data: bytes) -> None:
    """Random streams: if C loads one, we call it sound and see at least the imports that C made."""
    recorder = Recorder(data)
    try:
        recorder.load()
    except Exception:  # noqa: BLE001  # C raises whatever its operands raise; then it has imported something or not
        loaded = False
    else:
        loaded = True
    streams = read(data)
    first = streams[0]
    unresolved = any(odd.rule == "pickle-global-unresolved" for odd in first.oddities)
    extension = any(odd.rule == "pickle-extension-code" for odd in first.oddities)
    misread = any(odd.rule == "pickle-frame" for odd in first.oddities)  # C reads on in the wrong place
    assert recorder.names <= names_of(first) or unresolved or extension or misread
    if loaded and not misread:
        assert first.malformed is None
        assert first.stopped


@given(STREAMS)
def test_random_streams_are_cut_as_pickletools_cuts_them(data: bytes) -> None:
    try:
        expected = [(ord(opcode.code), at) for opcode, _, at in pickletools.genops(data)]
    except (ValueError, OverflowError):
        assume(False)  # pickletools refuses what C accepts, so it says nothing here
    batch = lex(data, 0, 0, len(data))
    assert [(code, at) for code, at, _ in batch.tokens] == expected


@given(st.binary(max_size=200))
def test_any_bytes_end_within_their_budget(data: bytes) -> None:
    machine = Machine(0, len(data))
    batch = lex(data, 0, 0, len(data))
    assert len(batch.tokens) <= len(data)
    assert batch.error or batch.stopped or not data or batch.need
    streams = read(data)
    assert all(stream.operations <= len(data) for stream in streams)
    assert machine.stream.operations == 0
