"""Archives of torch and NumPy, and ZIP files made by Python's zipfile with one thing changed."""

import struct
import zipfile

from corpus.case import EIGHT, Case, accept, reject
from model_file import npy, torch_pickle, zip_of


def archives() -> list[Case]:
    torch = {"m/data.pkl": torch_pickle(), "m/byteorder": b"little", "m/data/0": EIGHT, "m/version": b"3\n"}
    plain = zip_of({"a.txt": b"one\n", "b.txt": b"two\n"})

    def case(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"zip/{name}.zip", raw, why, *(rules or ("zip-structure",)), not_examined=told)

    return [
        accept("zip/plain.zip", plain, "two texts"),
        accept("zip/deflated.zip", zip_of({"a.txt": b"one\n" * 99}, zipfile.ZIP_DEFLATED), "a compressed text"),
        accept("npz/two.npz", zip_of({"a.npy": npy("'<f4'", "(2,)", EIGHT), "b.npy": npy("'|b1'", "()", b"\1")}), "two arrays"),
        accept("npz/deflated.npz", zip_of({"a.npy": npy("'<f4'", "(2,)", EIGHT)}, zipfile.ZIP_DEFLATED), "a compressed array"),
        reject("torch/array.npz", zip_of({**torch, "m/data/0": npy("'|O'", "(1,)", b"cos\nsystem\n(S'touch marker'\ntR.")}), "raw data for torch, an array of objects for NumPy", "pickle-present", "npy-object-array", "pickle-global-dangerous", "torch-storage-size"),
        reject("zip/keras-lambda.keras", zip_of({"config.json": b'{"class_name":"Lambda"}', "metadata.json": b"{}"}), "a Keras file with a Lambda layer", "keras-lambda"),
        case("end64-extended", end64(plain, extended=True), "extensible data, in which some readers find another end record"),
        case("end64-other", end64(plain, count=1), "two end records that disagree"),
        case("end64-lost", end64(plain).replace(b"PK\6\6", b"PK\6\0"), "a locator that points at nothing"),
        accept("zip/end64.zip", end64(plain), "a 64-bit end record that agrees"),
    ]  # fmt: skip


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


def cases() -> list[Case]:
    return archives()
