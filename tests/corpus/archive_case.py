"""Archives of torch, NumPy and Keras, and ZIP files that readers disagree about."""

import struct
import zipfile
import zlib

from corpus.case import EIGHT, Case, accept, reject
from model_file import npy, torch_pickle, zip_of


def archives() -> list[Case]:
    system = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch marker\x85R."
    torch = {"m/data.pkl": torch_pickle(), "m/byteorder": b"little", "m/data/0": EIGHT, "m/version": b"3\n"}
    plain = zip_of({"a.txt": b"one\n", "b.txt": b"two\n"})
    magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    system_info = b"\x80\x02}q\x00X\x0d\x00\x00\x00little_endianq\x01\x88s."
    legacy = (
        magic
        + b"\x80\x02M\xe9\x03."
        + system_info
        + torch_pickle()
        + b"\x80\x02]q\x00X\x01\x00\x00\x000q\x01a."
    )
    local, central = plain.index(b"b.txt"), plain.rindex(b"b.txt")
    comment = plain[:-2] + b"\x04\0" + b"oops"
    encrypted = bytearray(plain)
    encrypted[6] |= 1
    encrypted[plain.index(b"PK\1\2") + 8] |= 1
    huge = bytearray(zip_of({"a.txt": b"one\n" * 100}, zipfile.ZIP_DEFLATED))
    at = huge.index(b"PK\1\2")
    huge[at + 24 : at + 28] = huge[22:26] = struct.pack("<I", 5)
    strange = bytearray(zip_of({"a.txt": b"one\n"}))
    strange[8], strange[strange.index(b"PK\1\2") + 10] = 99, 99

    def renamed(old: bytes, new: bytes) -> bytes:
        return plain.replace(old, new)

    def case(name: str, raw: bytes, why: str, told: str) -> Case:
        return reject(f"zip/{name}.zip", raw, why, "zip-structure", not_examined=told)

    return [
        accept("zip/plain.zip", plain, "two texts"),
        accept("zip/deflated.zip", zip_of({"a.txt": b"one\n" * 99}, zipfile.ZIP_DEFLATED), "a compressed text"),
        accept("npz/two.npz", zip_of({"a.npy": npy("'<f4'", "(2,)", EIGHT), "b.npy": npy("'|b1'", "()", b"\1")}), "two arrays"),
        accept("npz/deflated.npz", zip_of({"a.npy": npy("'<f4'", "(2,)", EIGHT)}, zipfile.ZIP_DEFLATED), "a compressed array"),
        reject("torch/plain.pt", zip_of(torch), "an ordinary torch file: its pickle imports allowed names only", "pickle-present"),
        reject("torch/system.pt", zip_of({**torch, "m/data.pkl": system}), "a torch file with a payload", "pickle-present", "pickle-global-dangerous"),
        reject("torch/system-deflated.pt", zip_of({**torch, "m/data.pkl": system}, zipfile.ZIP_DEFLATED), "the same, compressed", "pickle-present", "pickle-global-dangerous", not_examined="m/byteorder"),
        reject("torch/second-pickle.pt", zip_of({**torch, "m/extra.bin": system}), "a payload in a member that torch does not read", "pickle-present", "pickle-global-dangerous"),
        reject("torch/script.pt", zip_of({**torch, "m/code/__torch__.py": b"x = 1\n"}), "TorchScript code", "pickle-present", "torchscript-code", not_examined="TorchScript"),
        reject("torch/legacy.pth", legacy + struct.pack("<q", 2) + EIGHT, "five pickles, then raw data", "pickle-present"),
        reject("torch/legacy-system.pth", magic + b"\x80\x02M\xe9\x03." + system_info + system + b"\x80\x02]q\x00.", "the payload is in the fourth", "pickle-present", "pickle-global-dangerous"),
        reject("torch/legacy-long.pth", legacy + struct.pack("<q", 2) + EIGHT + b"payload", "bytes behind the raw data", "pickle-present", not_examined="whose storages have 16"),
        reject("npz/object.npz", zip_of({"a.npy": npy("'|O'", "(1,)", b"cos\nsystem\n(S'touch marker'\ntR.")}), "an array of objects is a pickle", "npy-object-array", "pickle-present", "pickle-global-dangerous"),
        reject("zip/keras-lambda.keras", zip_of({"config.json": b'{"class_name":"Lambda"}', "metadata.json": b"{}"}), "a Keras file with a Lambda layer", "keras-lambda"),
        reject("zip/python.zip", zip_of({"loader.py": b"import os\n"}), "Python source in an archive", "python-source", not_examined="Python source"),
        case("trailing", plain + b"payload", "bytes after the end", "follow"),
        case("prefix", b"PK\3\4" + b"\0" * 26 + plain, "bytes before the first member", "not where the archive says"),
        accept("zip/comment.zip", comment, "a comment of the right length"),
        case("two-names", plain[:local] + b"c" + plain[local + 1 :], "the local header has another name", "two ways"),
        case("traversal", renamed(b"b.txt", b"../.t"), "a member outside the folder", "leaves"),
        case("absolute", renamed(b"b.txt", b"/etc/"), "a member with an absolute name", "leaves"),
        case("same-name", renamed(b"b.txt", b"a.txt"), "two members of one name", "twice"),
        case("directory-moved", plain[: central - 46] + b"hide" + plain[central - 46 :], "bytes before the directory", "not where the archive says"),
        case("no-end", plain[:-30], "the end record is cut off", "no end record"),
        case("size-lie", bytes(huge), "a member that is larger than both headers say", "larger than it says"),
        case("folder-content", zip_of({"a.txt": b"one\n", "b/": b"two\n"}), "a folder that has content: NumPy reads it", "has content"),
        case("second-name", second_name(plain), "a second name, which some readers take", "second name"),
        case("end64-extended", end64(plain, extended=True), "extensible data, in which some readers find another end record", "64-bit end record is malformed"),
        case("end64-other", end64(plain, count=1), "two end records that disagree", "32-bit and the 64-bit"),
        accept("zip/end64.zip", end64(plain), "a 64-bit end record that agrees"),
        reject("torch/array.npz", zip_of({**torch, "m/data/0": npy("'|O'", "(1,)", b"cos\nsystem\n(S'touch marker'\ntR.")}), "raw data for torch, an array of objects for NumPy", "pickle-present", "npy-object-array", "pickle-global-dangerous"),
        reject("zip/encrypted.zip", bytes(encrypted), "an encrypted member", not_examined="encrypted"),
        reject("zip/method-99.zip", bytes(strange), "a method that is not read", not_examined="method 99"),
    ]  # fmt: skip


def second_name(plain: bytes) -> bytes:
    """Return the archive with the extra field of another name in the directory's first entry."""
    at, end = plain.index(b"PK\1\2"), plain.rindex(b"PK\5\6")
    name = b"config.json"
    extra = struct.pack("<HHBL", 0x7075, 5 + len(name), 1, zlib.crc32(b"a.txt")) + name
    entry = bytearray(plain[at:end])
    entry[30:32] = struct.pack("<H", len(extra))
    entry[51:51] = extra
    tail = bytearray(plain[end:])
    tail[12:16] = struct.pack("<L", len(entry))
    return plain[:at] + bytes(entry) + bytes(tail)


def end64(plain: bytes, *, count: int = 2, extended: bool = False) -> bytes:
    """Return the archive of two members with a 64-bit end record; ``count`` is what the 32-bit one says."""
    start, end = plain.index(b"PK\1\2"), plain.rindex(b"PK\5\6")
    more = b"PK\6\6" + b"\0" * 52 if extended else b""
    record = (
        struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44 + len(more), 45, 45, 0, 0, 2, 2, end - start, start) + more
    )
    tail = bytearray(plain[end:])
    tail[8:12] = struct.pack("<2H", count, count)
    return plain[:end] + record + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1) + bytes(tail)


def arrays() -> list[Case]:
    payload = b"cos\nsystem\n(S'touch marker'\ntR."

    def case(name: str, raw: bytes, why: str, told: str) -> Case:
        return reject(f"npy/{name}.npy", raw, why, "npy-header", not_examined=told)

    return [
        accept("npy/float.npy", npy("'<f4'", "(2,)", EIGHT), "two floats"),
        accept("npy/version-2.npy", npy("'<i8'", "(1, 1)", EIGHT, 2), "version 2 of the header"),
        accept("npy/scalar.npy", npy("'<f8'", "()", EIGHT), "rank 0"),
        accept("npy/text.npy", npy("'<U2'", "(1,)", EIGHT), "text has four bytes a character"),
        reject("npy/object.npy", npy("'|O'", "(1,)", payload), "an array of objects", "npy-object-array", "pickle-present", "pickle-global-dangerous"),
        reject("npy/object-field.npy", npy("[('a', '|O')]", "(1,)", payload), "objects in a field", "npy-object-array", "pickle-present", "pickle-global-dangerous"),
        reject("npy/fields.npy", npy("[('a', '<f4')]", "(2,)", EIGHT), "fields are not computed", not_examined="not computed"),
        case("short", npy("'<f4'", "(3,)", EIGHT), "data is missing", "should follow"),
        case("long", npy("'<f4'", "(2,)", EIGHT + b"payload"), "data is left", "should follow"),
        case("overflow", npy("'<f4'", "(4294967296, 4294967296)", b""), "a shape that overflows", "overflows"),
        case("code", npy("__import__('os').system('touch marker')", "(1,)", b""), "a header that is an expression", "what NumPy writes"),
        case("header-beyond", b"\x93NUMPY\1\0\xff\xff{}", "a header beyond the file", "truncated"),
        case("version-7", b"\x93NUMPY\7\0" + b"\0" * 20, "a version that does not exist", "version"),
        case("no-size", npy("'<f'", "(2,)", EIGHT), "a type without a size", "no size"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*archives(), *arrays()]
