"""Safetensors files, one for each clause of the README."""

import json
import struct

from corpus.case import EIGHT, Case, accept, reject
from model_file import safetensors, tensor, zip_of

ONE = {"a": tensor("F32", [2], 0, 8)}


def safetensors_accepted() -> list[Case]:
    two = {"b": tensor("I64", [1, 1], 8, 16), "a": tensor("F32", [2], 0, 8)}
    empty = {"a": tensor("U8", [0, 5], 0, 0), "b": tensor("U8", [3], 0, 3), "c": tensor("U8", [0], 3, 3)}
    sub = {"a": tensor("F4", [2], 0, 1), "b": tensor("F6_E2M3", [4], 1, 4)}
    every = {}
    end = 0
    for dtype, bits in (
        ("BOOL", 8),
        ("U8", 8),
        ("I8", 8),
        ("F8_E5M2", 8),
        ("F8_E4M3", 8),
        ("F8_E8M0", 8),
        ("F8_E4M3FNUZ", 8),
        ("F8_E5M2FNUZ", 8),
        ("I16", 16),
        ("U16", 16),
        ("F16", 16),
        ("BF16", 16),
        ("I32", 32),
        ("U32", 32),
        ("F32", 32),
        ("C64", 64),
        ("F64", 64),
        ("I64", 64),
        ("U64", 64),
        ("F4", 4),
        ("F6_E2M3", 6),
        ("F6_E3M2", 6),
    ):
        every[dtype.lower()] = tensor(dtype, [4], end, end + bits // 2)
        end += bits // 2
    spaced = b'{ "a" : {\n "shape":[ 2 , 1 ],\t"data_offsets" :[ 0,8 ] , "dtype":"F32" } }'
    return [
        accept("safetensors/every-type.safetensors", safetensors(every, bytes(end)), "every type of the reference implementation"),
        accept("safetensors/spaced.safetensors", safetensors(spaced, EIGHT), "white space and fields in another order"),
        accept("safetensors/non-ascii.safetensors", safetensors(json.dumps({"gewicht_ü.層": tensor("U8", [1], 0, 1)}, ensure_ascii=False).encode(), b"x"), "names in other scripts"),
        accept("safetensors/escaped.safetensors", safetensors({"gewicht_ü": tensor("U8", [1], 0, 1)}, b"x"), "a name with escapes"),
        accept("safetensors/metadata-training.safetensors", safetensors({"__metadata__": {"ss_tag": json.dumps({"lr": 1e-4, "path": "C:\\data"}), "modelspec.url": "https://example.com"}}), "what trainers write"),
        accept("safetensors/one.safetensors", safetensors(ONE, EIGHT), "one tensor"),
        accept("safetensors/two.safetensors", safetensors(two, EIGHT * 2), "two tensors, listed out of order"),
        accept("safetensors/scalar.safetensors", safetensors({"a": tensor("BF16", [], 0, 2)}, b"xy"), "a tensor of rank 0"),
        accept("safetensors/empty-tensors.safetensors", safetensors(empty, b"abc"), "empty tensors hold no bytes, at any place"),
        accept("safetensors/no-tensors.safetensors", safetensors({}), "a header without tensors"),
        accept("safetensors/metadata.safetensors", safetensors({"__metadata__": {"format": "pt"}, **ONE}, EIGHT), "metadata of text"),
        accept("safetensors/sub-byte.safetensors", safetensors(sub, b"wxyz"), "types below a byte that fill whole bytes"),
        accept("safetensors/unaligned.safetensors", safetensors(json.dumps(ONE).encode() + b" ", EIGHT, pad=False), "old writers did not pad; worth knowing, not a fault", "safetensors-alignment"),
    ]  # fmt: skip


def safetensors_rejected() -> list[Case]:
    archive = zip_of({"a.txt": b"one\n"})
    wide = archive[:-22] + b"PK\6\7" + b"\0" * 16 + archive[-22:-16] + b"\xff" * 14 + b"\0\0"
    header, layout, wrong = "safetensors-header", "safetensors-layout", "safetensors-tensor"
    twice = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    said = safetensors({"a": tensor("F32", [2], 0, 8)})

    def case(name: str, head: object, data: bytes, why: str, rule: str, told: str) -> Case:
        raw = safetensors(head, data) if isinstance(head, dict | bytes) else data
        return reject(f"safetensors/{name}.safetensors", raw, why, rule, not_examined=told)

    def one(**changes: object) -> dict[str, object]:
        return {"a": {**tensor("F32", [2], 0, 8), **changes}}

    def raw(text: str) -> bytes:
        return text.encode()

    field = '"shape":[1],"data_offsets":[0,1]'
    pickled = "gASVIwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAx0b3VjaCBtYXJrZXKUhZRSlC4="

    def index(name: str, shard: str, *rules: str) -> Case:
        raw = json.dumps({"metadata": {"total_size": 8}, "weight_map": {"a": shard}}).encode()
        path = f"safetensors/{name}/model.safetensors.index.json"
        return (
            reject(path, raw, f"an index whose shard is {shard}", *rules)
            if rules
            else accept(path, raw, "an index")
        )

    return [
        index("index", "model-00001-of-00001.safetensors"),
        index("index-parent", "../model.safetensors", "config-path"),
        index("index-absolute", "/srv/model.safetensors", "config-path"),
        index("index-address", "https://example.com/model.safetensors", "config-path"),
        index("index-pickle", "pytorch_model.bin", "config-path"),
        case("duplicate-field", raw(f'{{"a":{{"dtype":"U8","dtype":"I8",{field}}}}}'), b"x", "one field twice", "safetensors-duplicate-key", "twice"),
        case("duplicate-escaped", raw(f'{{"a":{{"dtype":"U8",{field}}},"\\u0061":{{"dtype":"U8",{field}}}}}'), b"x", "one name twice, once as an escape", "safetensors-duplicate-key", "twice"),
        case("duplicate-metadata", raw('{"__metadata__":{"a":"1","a":"2"}}'), b"", "one entry of metadata twice", "safetensors-duplicate-key", "twice"),
        case("metadata-twice", raw('{"__metadata__":{},"__metadata__":{}}'), b"", "metadata twice", "safetensors-duplicate-key", "twice"),
        case("metadata-list", raw('{"__metadata__":[]}'), b"", "metadata that is a list", "safetensors-metadata", "text to text"),
        case("leading-zero", raw('{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}'), b"x", "a number that some readers take for octal", wrong, "shape"),
        case("huge-number", raw('{"a":{"dtype":"U8","shape":[%s],"data_offsets":[0,1]}}' % ("9" * 400)), b"x", "a number of 400 digits", wrong, "shape"),
        case("exponent", raw('{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}'), b"x", "a size with an exponent", wrong, "shape"),
        case("rank", raw('{"a":{"dtype":"U8","shape":[%s1],"data_offsets":[0,1]}}' % ("1," * 64)), b"x", "65 dimensions", wrong, "shape"),
        case("surrogate", raw(f'{{"\\ud800":{{"dtype":"U8",{field}}}}}'), b"x", "half a character as a name", header, "surrogate"),
        case("control", b'{"a\n":1}', b"", "a line end in a name", header, "not JSON"),
        case("null", raw('{"a":null}'), b"", "no tensor behind a name", wrong, "exactly"),
        case("comma", raw(f'{{"a":{{"dtype":"U8",{field}}},}}'), b"x", "a comma before the end", header, "not JSON"),
        case("long-name", raw('{{"{}":{{"dtype":"U8",{}}}}}'.format("a" * 5000, field)), b"x", "a name of 5,000 bytes", header, "more than 4096"),
        reject("safetensors/name-path.safetensors", safetensors({"../../a": tensor("U8", [1], 0, 1)}, b"x"), "a name that is a path", "safetensors-name"),
        reject("safetensors/name-hidden.safetensors", safetensors({"a\u202eb": tensor("U8", [1], 0, 1)}, b"x"), "a name that turns the line around", "safetensors-name"),
        reject("safetensors/metadata-template.safetensors", safetensors({"__metadata__": {"chat_template": "{{ x.__class__ }}"}}), "a template in the metadata", "template-escape"),
        reject("safetensors/metadata-code.safetensors", safetensors({"__metadata__": {"init": "__import__('os').system('touch marker')"}}), "code in the metadata", "safetensors-code"),
        reject("safetensors/metadata-pickle.safetensors", safetensors({"__metadata__": {"optimizer": pickled}}), "a pickle in the metadata", "pickle-present", "pickle-global-dangerous"),
        case("truncated", None, said, "the data is missing", layout, "tensors cover"),
        case("length-beyond", None, struct.pack("<Q", 900) + b'{"a":1}', "the header is longer than the file", header, "does not fit"),
        case("length-over-limit", None, struct.pack("<Q", 100_000_001) + b"{}", "the header is longer than the format allows", header, "format's limit"),
        case("array", b" [1,2]", b"", "the header is an array after a space", header, "does not start"),
        case("leading-space", b" {}", b"", "white space before the header, which the reference reader accepts", header, "does not start"),
        case("not-json", b"{nope", b"", "the header is not JSON", header, "not JSON"),
        case("trailing-json", b"{}{}", b"", "a second value after the header", header, "not JSON"),
        case("not-utf8", b'{"\xff":1}', b"", "the header is not UTF-8", header, "not JSON"),
        case("deep", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", b"", "the header nests deeper than any reader should follow", wrong, "exactly"),
        case("nan", b'{"__metadata__":{"a":NaN}}', b"", "NaN is not JSON", header, "not JSON"),
        case("duplicate", twice, b"x", "one name twice: readers choose differently", "safetensors-duplicate-key", "twice"),
        case("hole", {"a": tensor("U8", [1], 0, 1), "b": tensor("U8", [1], 2, 3)}, b"xyz", "a byte between tensors", layout, "gap"),
        case("hole-first", {"a": tensor("U8", [1], 1, 2)}, b"xy", "a byte before the first tensor", layout, "gap"),
        case("overlap", {"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 1, 3)}, b"xyz", "two tensors share a byte", layout, "overlaps"),
        case("same-range", {"a": tensor("U8", [1], 0, 1), "b": tensor("U8", [1], 0, 1)}, b"x", "two tensors share all bytes", layout, "overlaps"),
        case("trailing", ONE, EIGHT + b"payload", "bytes after the last tensor", layout, "tensors cover"),
        case("beyond", {"a": tensor("U8", [9], 0, 9)}, b"x", "a tensor beyond the file", layout, "tensors cover"),
        case("too-short-range", one(shape=[3]), EIGHT, "shape and range contradict", wrong, "needs 96 bits"),
        case("unknown-type", one(dtype="F31"), EIGHT, "a type that does not exist", wrong, "unknown type"),
        case("type-not-text", one(dtype=["F32"]), EIGHT, "a type that is not text", wrong, "unknown type"),
        case("offset-true", one(shape=[0], data_offsets=[False, False]), b"", "offsets that are truth values, equal to numbers in Python", wrong, "offsets"),
        case("offset-float", one(data_offsets=[0.0, 8.0]), EIGHT, "offsets with a decimal point", wrong, "offsets"),
        case("offset-negative", one(data_offsets=[-8, 0]), EIGHT, "a negative offset", wrong, "offsets"),
        case("offset-reversed", one(data_offsets=[8, 0]), EIGHT, "an end before its start", wrong, "offsets"),
        case("offset-three", one(data_offsets=[0, 8, 8]), EIGHT, "three offsets", wrong, "offsets"),
        case("shape-float", one(shape=[2.0]), EIGHT, "a size with a decimal point", wrong, "shape"),
        case("shape-negative", one(shape=[-1, -2]), EIGHT, "two negative sizes whose product is positive", wrong, "shape"),
        case("shape-overflow", one(shape=[1 << 32, 1 << 32]), EIGHT, "a product that is 0 in 64 bits", wrong, "overflows"),
        case("shape-text", one(shape="2"), EIGHT, "a shape that is text", wrong, "shape"),
        case("half-byte", {"a": tensor("F4", [1], 0, 1)}, b"x", "half a byte", wrong, "needs 4 bits"),
        case("extra-field", one(loader="eval"), EIGHT, "a field that the format does not have", wrong, "exactly"),
        case("no-shape", {"a": {"dtype": "F32", "data_offsets": [0, 8]}}, EIGHT, "a field is missing", wrong, "exactly"),
        case("tensor-null", {"a": None}, b"", "a tensor that is null", wrong, "exactly"),
        case("metadata-number", {"__metadata__": {"a": 1}, **ONE}, EIGHT, "metadata that is not text", "safetensors-metadata", "__metadata__"),
        case("metadata-nested", {"__metadata__": {"a": {"b": "c"}}, **ONE}, EIGHT, "metadata that nests", "safetensors-metadata", "__metadata__"),
        reject("safetensors/padding.safetensors", safetensors(json.dumps(ONE).encode() + b"\n\n\n\n\t\t\n ", EIGHT), "padding that is not spaces; the data is accounted for", "safetensors-padding"),
        reject("safetensors/archive.bin", safetensors({"a": tensor("U8", [len(archive)], 0, len(archive))}, archive), "an archive too, for readers that begin at the end", "zip-structure"),
        reject("safetensors/archive64.bin", safetensors({"a": tensor("U8", [len(wide)], 0, len(wide))}, wide), "the same, with a 64-bit end record", "zip-structure"),
        reject("safetensors/seven-bytes.safetensors", b"1234567", "shorter than the length field", "name-mismatch", not_examined="text"),
        reject("safetensors/empty.safetensors", b"", "an empty file under the name of a model", "name-mismatch"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*safetensors_accepted(), *safetensors_rejected()]
