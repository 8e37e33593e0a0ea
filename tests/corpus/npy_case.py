"""NumPy array files: types, shapes, and headers that are not what NumPy writes."""

import struct

from archive_file import Item, zip_file
from corpus.case import EIGHT, Case, accept, reject
from model_file import npy, zip_of

PAYLOAD = b"cos\nsystem\n(S'touch marker'\ntR."
PAYLOAD_RULES = ("pickle-present", "pickle-global-dangerous")
TEXT_PICKLE = b"\x80\x02]q\x00(X\x01\x00\x00\x00aq\x01X\x01\x00\x00\x00bq\x02e."


def cases() -> list[Case]:
    return [*sound(), *objects(), *broken()]


def header(text: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """Return a file with exactly this header."""
    raw = text.encode("utf-8" if version[0] == 3 else "latin-1")
    raw += b" " * (-(len(raw) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<L", len(raw)) + raw + data


def sound() -> list[Case]:
    def case(name: str, descr: str, shape: str, data: bytes, why: str) -> Case:
        return accept(f"npy/{name}.npy", npy(descr, shape, data), why)

    return [
        case("float", "'<f4'", "(2,)", EIGHT, "two floats"),
        case("scalar", "'<f8'", "()", EIGHT, "rank 0"),
        case("text", "'<U2'", "(1,)", EIGHT, "text has four bytes a character"),
        case("date", "'<M8[ns]'", "(1,)", EIGHT, "a date"),
        case("nothing", "'<f4'", "(0, 5)", b"", "no element"),
        case("fields", "[('a', '<f4'), ('b', '|u1', (2, 2))]", "(1,)", EIGHT, "fields, one of them an array"),
        case("nested", "[('a', [('x', '<i2'), ('y', '|S2')]), ('', '|V4')]", "(1,)", EIGHT, "fields in a field, and padding"),
        case("title", "[(('title', 'a'), '<f8')]", "(1,)", EIGHT, "a field with a title"),
        case("long", "'<f4'", "(2L,)", EIGHT, "a number as Python 2 wrote it"),
        accept("npy/fortran.npy", header("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", EIGHT), "by columns"),
        accept("npy/order.npy", header("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}", EIGHT), "keys in another order"),
        accept("npy/version-2.npy", npy("'<i8'", "(1, 1)", EIGHT, 2), "version 2 of the header"),
        accept("npy/version-3.npy", header("{'descr': [('日', '<f8')], 'fortran_order': False, 'shape': (1,), }", EIGHT, b"\3\0"), "version 3: a name in UTF-8"),
        accept("npy/two.npy", npy("'<f4'", "(2,)", EIGHT) + npy("'<f8'", "(1,)", EIGHT), "two arrays that were saved into one file"),
    ]  # fmt: skip


def objects() -> list[Case]:
    rules = ("npy-object-array", *PAYLOAD_RULES)
    return [
        reject("npy/object.npy", npy("'|O'", "(1,)", PAYLOAD), "an array of objects", *rules),
        reject("npy/object-field.npy", npy("[('a', '|O')]", "(1,)", PAYLOAD), "objects in a field", *rules),
        reject("npy/object-deep.npy", npy("[('a', '<f4'), ('b', [('c', ('|O', (2,)))])]", "(1,)", PAYLOAD), "objects in a field of a field", *rules),
        reject("npy/object-strange.npy", npy("'O' ''", "(1,)", PAYLOAD), "a spelling that only Python joins", "npy-header", *rules, not_examined="malformed"),
        accept("npy/object-texts.npy", npy("'|O'", "(2,)", TEXT_PICKLE), "an array of texts", "npy-object-array", "pickle-present"),
        reject("npy/second-object.npy", npy("'<f4'", "(2,)", EIGHT) + npy("'|O'", "(1,)", PAYLOAD), "objects in the second array of a file", *rules),
        reject("npz/object.npz", zip_of({"a.npy": npy("'|O'", "(1,)", PAYLOAD)}), "an array of objects in an archive", *rules),
    ]  # fmt: skip


def broken() -> list[Case]:
    float2 = npy("'<f4'", "(2,)", EIGHT)

    def case(name: str, raw: bytes, why: str, told: str) -> Case:
        return reject(f"npy/{name}.npy", raw, why, "npy-header", not_examined=told)

    return [
        case("short", npy("'<f4'", "(3,)", EIGHT), "data is missing", "should follow"),
        case("behind", float2 + b"\xff\xfe\x00", "data is left", "what follows"),
        reject("npy/pickle-behind.npy", float2 + PAYLOAD, "a pickle behind an array", "npy-header", *PAYLOAD_RULES),
        reject("npy/archive-behind.npy", float2 + zip_file([Item(b"a.txt", b"one\n")]), "an archive behind an array", "npy-header"),
        reject("npy/archive-inside.npy", npy("'|u1'", "(112,)", zip_file([Item(b"a.txt", b"one\n")])), "an archive in the numbers", "zip-structure"),
        case("overflow", npy("'<f4'", "(4294967296, 4294967296)", b""), "a shape that overflows", "overflows"),
        case("overflow-empty", npy("'<f4'", "(0, 4294967296, 4294967296)", b""), "the same without an element", "overflows"),
        case("negative", npy("'<f4'", "(-2,)", EIGHT), "a negative extent", "shape"),
        case("truth", npy("'<f4'", "(True, 2)", EIGHT), "an extent that is no number", "shape"),
        case("code", npy("__import__('os').system('touch marker')", "(1,)", b""), "a header that is an expression", "not of a literal"),
        reject("npy/key-twice.npy", header("{'descr': '|O', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", EIGHT), "a key twice", "npy-header", "npy-object-array", "pickle-present", not_examined="broken at byte 0"),
        case("key-more", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", EIGHT), "a key too many", "not what NumPy writes"),
        case("key-less", header("{'descr': '<f4', 'shape': (2,)}", EIGHT), "a key too few", "not what NumPy writes"),
        case("deep", header("(" * 100 + ")" * 100), "brackets in brackets", "too deep"),
        case("header-beyond", b"\x93NUMPY\1\0\xff\xff{}", "a header beyond the file", "truncated"),
        case("cut", b"\x93NUMPY\1\0", "cut in the header", "in the middle"),
        case("version-7", b"\x93NUMPY\7\0" + b"\0" * 20, "a version that does not exist", "version"),
        case("version-1-1", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", EIGHT, b"\1\1"), "a minor version that does not exist", "version"),
        case("no-size", npy("'<f'", "(2,)", EIGHT), "a type without a size", "no size"),
        case("type", npy("'float32'", "(2,)", EIGHT), "a type as people write it", "not what NumPy writes"),
        case("not-utf-8", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", EIGHT, b"\3\0").replace(b"'<f4'", b"'\xff\xff\xff'"), "a header that is not UTF-8", "not UTF-8"),
    ]  # fmt: skip
