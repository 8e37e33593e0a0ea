"""Arrays that joblib writes between a pickle's operations."""

import io
import pickle
import struct
from types import ModuleType
from typing import Any

import pytest

from engine_variant import VARIANTS
from weighlock.inspection.span import drive, fetch_from

WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81"
SYSTEM = b"cos\nsystem\n"


@pytest.fixture(params=VARIANTS, ids=["in use", "interpreted"])
def engine(request: pytest.FixtureRequest) -> dict[str, ModuleType]:
    modules: dict[str, ModuleType] = request.param
    return modules


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def dtype(name: str, state: bytes = b"") -> bytes:
    return b"cnumpy\ndtype\n" + text(name) + b"\x89\x88\x87R" + state


def wrapper(shape: bytes, kind: bytes, *, aligned: bool = True) -> bytes:
    state = [text("shape"), shape, text("dtype"), kind]
    if aligned:
        state += [text("numpy_array_alignment_bytes"), b"K\x10"]
    return WRAPPER + b"}(" + b"".join(state) + b"ub"


def read(engine: dict[str, ModuleType], data: bytes) -> Any:
    return drive(engine["stream"].read_pickles(len(data)), fetch_from(data))


def names(pickles: Any) -> list[str]:
    return [each.name for stream in pickles.streams for each in stream.names]


@pytest.mark.parametrize(
    ("shape", "kind", "length"),
    [
        (b"K\x03\x85", dtype("f8"), 24),
        (b"K\x02K\x03\x86", dtype("i4"), 24),
        (b")", dtype("f4"), 4),
        (b"K\x00\x85", dtype("f8"), 0),
        (b"K\x03\x85", dtype("U5"), 60),
        (b"K\x03\x85", dtype("S5"), 15),
        (b"K\x03\x85", dtype("b1"), 3),
        (b"K\x03\x85", dtype("c16"), 48),
        (b"K\x03\x85", dtype("M8"), 24),
        (b"K\x03\x85", dtype("V12", b"(K\x03" + text("|") + b"NNNK\x0cK\x01K\x10tb"), 36),
    ],
)
def test_the_length_of_an_array_is_its_shape_times_its_type(
    engine: dict[str, ModuleType], shape: bytes, kind: bytes, length: int
) -> None:
    padding = b"\x03\xff\xff\xff"
    pickles = read(engine, wrapper(shape, kind) + padding + b"c" * length + SYSTEM + b"0.")
    (stream,) = pickles.streams
    assert stream.stopped
    assert stream.usable
    assert pickles.unexamined is None
    assert stream.array_bytes == len(padding) + length
    assert names(pickles)[-1] == "system"


def test_older_arrays_have_no_padding(engine: dict[str, ModuleType]) -> None:
    pickles = read(engine, wrapper(b"K\x03\x85", dtype("f8"), aligned=False) + b"c" * 24 + SYSTEM + b"0.")
    assert pickles.streams[0].array_bytes == 24
    assert names(pickles)[-1] == "system"


@pytest.mark.parametrize("kind", [dtype("O8"), dtype("V8", b"(K\x03" + text("|") + b"NNNK\x08K\x01K\x3ftb")])
def test_an_array_of_objects_is_a_pickle_in_place(engine: dict[str, ModuleType], kind: bytes) -> None:
    inner = b"\x80\x02" + SYSTEM + b"."
    pickles = read(engine, wrapper(b"K\x03\x85", kind) + inner + b"cposix\npopen\n0.")
    (stream,) = pickles.streams
    assert pickles.unexamined is None
    assert names(pickles)[-2:] == ["system", "popen"]
    assert stream.stopped


def test_the_pickle_of_an_array_of_objects_has_no_arrays_between_its_operations(
    engine: dict[str, ModuleType],
) -> None:
    """joblib hands it to ``pickle.load``, for which the bytes of an array are operations."""
    array = wrapper(b"K\x40\x85", dtype("u1"), aligned=False)
    inner = b"\x80\x02" + array + (SYSTEM + b")R.").ljust(64, b"0")
    pickles = read(engine, wrapper(b"K\x01\x85", dtype("O8")) + inner + b"cposix\npopen\n0.")
    assert "system" in names(pickles)


def test_what_joblib_reads_takes_the_place_of_the_wrapper(engine: dict[str, ModuleType]) -> None:
    """A state is that of the object which the inner pickle made, and no array follows it."""
    inner = b"\x80\x02cargparse\nNamespace\n)\x81."
    state = b"}(" + text("shape") + b"K\x40\x85" + text("dtype") + dtype("u1") + b"ub"
    pickles = read(engine, wrapper(b"K\x01\x85", dtype("O8")) + inner + state + SYSTEM + b"0.")
    assert names(pickles)[-1] == "system"
    (built,) = [each for each in pickles.streams[0].events if each.kind == "BUILD" and each.offset > 150]
    assert built.target.target.name == "Namespace"


@pytest.mark.parametrize("aligned", [True, False])
def test_readers_that_know_no_arrays_run_their_bytes(engine: dict[str, ModuleType], *, aligned: bool) -> None:
    """joblib leaves them behind; ``pickle.load`` of the same file does not, however far behind the payload lies."""
    padding = b"N" + b"N" * 0x4E if aligned else b""
    hidden = b"B" + struct.pack("<I", 10_000) + b"x" * 10_000 + SYSTEM + b")R."
    length = struct.pack("<I", len(hidden))
    data = wrapper(b"J" + length + b"\x85", dtype("u1"), aligned=aligned) + padding + hidden + b"."
    pickles = read(engine, data)
    assert names(pickles)[-1] == "dtype"
    assert [each.name for plain in pickles.plain for each in plain.names][-1] == "system"
    assert [each.kind for each in pickles.plain[0].events] == ["IMPORT", "REDUCE"]


def test_an_array_of_objects_is_read_with_the_memo_of_both_readers(engine: dict[str, ModuleType]) -> None:
    """``pickle.load`` goes on with its memo, joblib begins a new one for the inner pickle."""
    memo = text("os") + b"q\x000" + text("system") + b"q\x010"
    inner = b"\x80\x04" + text("numpy") + b"\x940" + text("ndarray") + b"\x940h\x00h\x01\x93."
    pickles = read(engine, memo + wrapper(b"K\x01\x85", dtype("O8")) + inner + b".")
    assert names(pickles)[-1] == "ndarray"
    assert "system" in [each.name for plain in pickles.plain for each in plain.names]


def test_padding_is_no_operation(engine: dict[str, ModuleType]) -> None:
    data = wrapper(b"K\x03\x85", dtype("f8")) + b"\x03\xff\xff\xff" + bytes(24) + b"."
    (plain,) = read(engine, data).plain
    assert not plain.events
    assert plain.unexamined is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (wrapper(b"K\x03\x85", dtype("f8")) + b"\x00" + b"c" * 22, "reaches beyond the end"),
        (wrapper(b"K\x03\x85", b"N") + b"\x00" + b"c" * 24, "type"),
        (wrapper(b"K\x03\x85", dtype("weird")) + b"\x00" + b"c" * 24, "type"),
        (wrapper(b"N", dtype("f8")), "shape"),
        (wrapper(b"J\xff\xff\xff\xff\x85", dtype("f8")), "shape"),
        (WRAPPER + b"Nb", "shape"),
        (wrapper(b")", dtype("O8")) + b"\xff", "breaks off"),
        (b"cjoblib.numpy_pickle\nZNDArrayWrapper\n)\x81}b", "file"),
    ],
)
def test_an_array_whose_length_is_not_plain_ends_the_reading(
    engine: dict[str, ModuleType], data: bytes, said: str
) -> None:
    pickles = read(engine, data + b".")
    assert said in pickles.unexamined


def test_the_oldest_arrays_are_files_beside(engine: dict[str, ModuleType]) -> None:
    state = b"}(" + text("filename") + text("model.pkl_01.npy") + b"ub"
    for name in (b"NDArrayWrapper", b"ZNDArrayWrapper"):
        pickles = read(engine, b"csklearn.externals.joblib.numpy_pickle\n" + name + b"\n)\x81" + state + b".")
        assert pickles.streams[0].links == ["model.pkl_01.npy"]
        assert pickles.rest == sum(
            map(len, (b"csklearn.externals.joblib.numpy_pickle\n", name, b"\n)\x81", state, b"."))
        )


def test_a_wrapper_of_protocol_0_is_one(engine: dict[str, ModuleType]) -> None:
    made = b"ccopy_reg\n_reconstructor\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\nc__builtin__\nobject\nNtR"
    state = wrapper(b"K\x03\x85", dtype("f8"), aligned=False).removeprefix(WRAPPER)
    assert read(engine, made + state + b"c" * 24 + b".").streams[0].array_bytes == 24


def test_an_array_inside_a_frame_is_said(engine: dict[str, ModuleType]) -> None:
    body = wrapper(b"K\x03\x85", dtype("f8"), aligned=False)
    whole = b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body + b"c" * 24 + b"."
    assert read(engine, whole).streams[0].usable
    inside = b"\x80\x04\x95" + struct.pack("<Q", len(body) + 30) + body + b"c" * 24 + SYSTEM * 3 + b"."
    (stream,) = read(engine, inside).streams
    assert not stream.usable


@pytest.mark.parametrize("module", ["pickle", "_pickle", "dill", "cloudpickle", "cPickle"])
def test_bytes_that_are_loaded_are_a_file_of_their_own(engine: dict[str, ModuleType], module: str) -> None:
    inner = SYSTEM + b")R."
    head = b"c" + module.encode() + b"\nloads\n"
    (part,) = read(engine, head + b"C" + bytes([len(inner)]) + inner + b"\x85R.").parts
    assert part.data == inner
    long = b"\x80\x04N0" * 2000 + inner
    (part,) = read(engine, head + b"B" + struct.pack("<I", len(long)) + long + b"\x85R.").parts
    assert (part.offset, part.length, part.data) == (len(head) + 5, len(long), None)


def test_bytes_of_python_2_that_are_loaded_are_found(engine: dict[str, ModuleType]) -> None:
    inner = pickle.dumps([1, "\xff"], 2)
    buffer = io.BytesIO()
    pickle.Pickler(buffer, 2).dump(inner)  # as _codecs.encode(text, "latin1")
    data = buffer.getvalue()[2:-1]
    (part,) = read(engine, b"\x80\x02cpickle\nloads\n" + data + b"\x85R.").parts
    assert part.data == inner


def test_bytes_that_the_pickle_computes_and_loads_are_not_examined(engine: dict[str, ModuleType]) -> None:
    pickles = read(engine, b"cpickle\nloads\ncos\ngetcwd\n)R\x85R.")
    assert "computes" in pickles.unexamined


@pytest.mark.parametrize(
    "constant",
    [
        lambda inner: b"C" + bytes([len(inner)]) + inner,
        lambda inner: b"\x96" + struct.pack("<Q", len(inner)) + inner,
        lambda inner: b"B" + struct.pack("<I", len(inner) + 10_000) + inner + b"\0" * 10_000,
        lambda inner: text((inner + b"0" * 300).decode("latin-1")),
        lambda inner: b"S'" + inner.replace(b"\x80", b"\\x80").replace(b"\n", b"\\n") + b"'\n",
    ],
    ids=["bytes", "bytearray", "long", "text", "string"],
)
def test_a_constant_that_imports_as_a_pickle_is_a_file_of_its_own(
    engine: dict[str, ModuleType], constant: Any
) -> None:
    inner = b"\x80\x02" + SYSTEM + b")R."
    data = b"N0" + constant(inner) + b"."
    (part,) = read(engine, data).parts
    assert not part.loaded
    assert inner in (part.data if part.data is not None else data[part.offset : part.offset + part.length])


def test_a_constant_that_only_begins_like_a_pickle_is_none(engine: dict[str, ModuleType]) -> None:
    for raw in (b"\x80\x04abc", b"c" * 50, b"c1\n2\n3\n4\n", b"\x80\x04N.", b"gA" * 30, b"(\n\n\n"):
        assert not read(engine, b"C" + bytes([len(raw)]) + raw + b".").parts


def test_an_array_that_plain_readers_would_run_is_a_file_of_its_own(engine: dict[str, ModuleType]) -> None:
    """joblib reads past it; ``pickle.load`` takes its bytes for operations."""
    hidden = SYSTEM + b")R" + b"." * 8
    for aligned, start in ((False, b""), (True, b"0" + b"0" * 0x30)):
        data = wrapper(b"K\x15\x85", dtype("u1"), aligned=aligned) + start + hidden.ljust(21, b".") + b"."
        (part,) = read(engine, data).parts
        assert data[part.offset :].startswith(start + hidden)
