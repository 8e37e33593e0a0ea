"""The corpus of inspection: every file, why it is there, and exactly what must be said of it.

Run as a program it writes ``accept/`` and ``reject/`` with a sidecar beside each file; a test
holds the folders equal to this table. Files are assembled byte by byte from the formats'
specifications and from the mechanisms that public advisories describe. The payloads would at
most create a file named ``marker``; nothing here or in the product ever loads one.
"""

import json
import shutil
import struct
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from model_file import (
    BOOL,
    TEXT,
    U32,
    GgufFile,
    framed,
    npy,
    safetensors,
    short_text,
    tensor,
    torch_pickle,
    zip_of,
)

HERE = Path(__file__).parent
SIDECAR = ".expected.json"
MARK = "touch marker"


@dataclass(frozen=True)
class Case:
    """A file of the corpus, and what inspection must say of it: exactly these rules."""

    path: str
    data: bytes
    why: str
    rules: tuple[str, ...] = ()
    not_examined: str | None = None

    @property
    def outcome(self) -> str:
        if any(rule != "safetensors-alignment" for rule in self.rules):
            return "findings"
        return "clean" if self.not_examined is None else "undecided"

    def sidecar(self) -> str:
        told = {
            "why": self.why,
            "outcome": self.outcome,
            "rules": sorted(self.rules),
            "notExamined": self.not_examined,
        }
        return json.dumps(told, indent=2) + "\n"


def accept(path: str, data: bytes, why: str, *rules: str) -> Case:
    return Case(f"accept/{path}", data, why, rules)


def reject(path: str, data: bytes, why: str, *rules: str, not_examined: str | None = None) -> Case:
    return Case(f"reject/{path}", data, why, rules, not_examined)


ONE = {"a": tensor("F32", [2], 0, 8)}
EIGHT = bytes(range(8))


def safetensors_accepted() -> list[Case]:
    two = {"b": tensor("I64", [1, 1], 8, 16), "a": tensor("F32", [2], 0, 8)}
    empty = {"a": tensor("U8", [0, 5], 0, 0), "b": tensor("U8", [3], 0, 3), "c": tensor("U8", [0], 3, 3)}
    sub = {"a": tensor("F4", [2], 0, 1), "b": tensor("F6_E2M3", [4], 1, 4)}
    return [
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
    header, layout, wrong = "safetensors-header", "safetensors-layout", "safetensors-tensor"
    twice = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    said = safetensors({"a": tensor("F32", [2], 0, 8)})

    def case(name: str, head: object, data: bytes, why: str, rule: str, told: str) -> Case:
        raw = safetensors(head, data) if isinstance(head, dict | bytes) else data
        return reject(f"safetensors/{name}.safetensors", raw, why, rule, not_examined=told)

    def one(**changes: object) -> dict[str, object]:
        return {"a": {**tensor("F32", [2], 0, 8), **changes}}

    return [
        case("truncated", None, said, "the data is missing", layout, "tensors cover"),
        case("length-beyond", None, struct.pack("<Q", 900) + b'{"a":1}', "the header is longer than the file", header, "does not fit"),
        case("length-over-limit", None, struct.pack("<Q", 100_000_001) + b"{}", "the header is longer than the format allows", header, "format's limit"),
        case("array", b" [1,2]", b"", "the header is an array after a space", header, "does not start"),
        case("leading-space", b" {}", b"", "white space before the header, which the reference reader accepts", header, "does not start"),
        case("not-json", b"{nope", b"", "the header is not JSON", header, "not JSON"),
        case("trailing-json", b"{}{}", b"", "a second value after the header", header, "not JSON"),
        case("not-utf8", b'{"\xff":1}', b"", "the header is not UTF-8", header, "not JSON"),
        case("deep", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", b"", "the header nests deeper than any reader should follow", header, "not JSON"),
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
        reject("safetensors/seven-bytes.safetensors", b"1234567", "shorter than the length field", "name-mismatch", not_examined="text"),
        reject("safetensors/empty.safetensors", b"", "an empty file under the name of a model", "name-mismatch"),
    ]  # fmt: skip


def one_tensor(version: int = 3, order: str = "<") -> GgufFile:
    return GgufFile(version, order).string("general.architecture", "llama").tensor("w", [32], 0, 0)


def gguf_accepted() -> list[Case]:
    data = b"\1" * 128
    entries = GgufFile()
    for kind, code in (
        (0, "B"),
        (1, "b"),
        (2, "H"),
        (3, "h"),
        (4, "I"),
        (5, "i"),
        (6, "f"),
        (10, "Q"),
        (11, "q"),
        (12, "d"),
    ):
        entries.entry(f"k{kind}", kind, entries.pack(code, 1))
    entries.entry("yes", BOOL, b"\1")
    entries.array("tokens", TEXT, [entries.text(word) for word in ("a", "", "long word")])
    entries.array("scores", 6, [entries.pack("f", 0.5)] * 3)
    nested = GgufFile()
    nested.array("nested", 9, [nested.pack("I", U32) + nested.size(1) + nested.pack("I", 7)] * 2)
    padded = GgufFile().tensor("a", [3], 24, 0).tensor("b", [32], 8, 32)
    aligned = GgufFile()
    aligned.entry("general.alignment", U32, aligned.pack("I", 64)).tensor("w", [16], 0, 0)
    template = one_tensor().string(
        "tokenizer.chat_template",
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] | trim }}\n{% endfor %}",
    )
    return [
        accept("gguf/v3.gguf", one_tensor().bytes(data), "version 3"),
        accept("gguf/v2.gguf", one_tensor(2).bytes(data), "version 2"),
        accept("gguf/v1.gguf", one_tensor(1).bytes(data), "version 1 has 32-bit lengths"),
        accept("gguf/v3-big.gguf", one_tensor(3, ">").bytes(data), "version 3 in big-endian order"),
        accept("gguf/all-types.gguf", entries.bytes(), "every type of value, no tensors: a vocabulary file"),
        accept("gguf/nested.gguf", nested.bytes(), "an array of arrays"),
        accept("gguf/padding.gguf", padded.bytes(b"abc" + b"\0" * 29 + b"\1" * 34), "zero padding between tensors"),
        accept("gguf/alignment.gguf", aligned.bytes(b"\1" * 64, alignment=64), "an alignment of its own"),
        accept("gguf/template.gguf", template.bytes(data), "an ordinary chat template"),
    ]  # fmt: skip


def gguf_rejected() -> list[Case]:
    header, wrong, layout, bounds = "gguf-header", "gguf-tensor", "gguf-layout", "gguf-bounds"
    data = b"\1" * 128

    def case(name: str, raw: bytes, why: str, rule: str, told: str) -> Case:
        return reject(f"gguf/{name}.gguf", raw, why, rule, not_examined=told)

    def entry(key: str, kind: int, value: bytes) -> bytes:
        return GgufFile().entry(key, kind, value).bytes()

    def count(tensors: int, entries: int) -> bytes:
        return b"GGUF" + struct.pack("<IQQ", 3, tensors, entries)

    deep = struct.pack("<IQ", 9, 1) * 5 + struct.pack("<IQ", 4, 0)
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    return [
        case("offset-beyond", GgufFile().tensor("w", [32], 0, 1 << 40).bytes(data), "CVE-2026-7482: a tensor offset beyond the file", bounds, "ends at byte"),
        case("tensor-beyond", GgufFile().tensor("w", [64], 0, 0).bytes(data), "a tensor that ends beyond the file", bounds, "ends at byte"),
        case("no-data", one_tensor().bytes(), "the tensor data is missing", bounds, "ends at byte"),
        case("overlap", GgufFile().tensor("a", [32], 0, 0).tensor("b", [32], 0, 96).bytes(b"\1" * 224), "two tensors share bytes", layout, "overlaps"),
        case("hole", GgufFile().tensor("a", [8], 0, 0).tensor("b", [8], 0, 96).bytes(b"\1" * 128), "bytes between tensors", layout, "belong to no tensor"),
        case("trailing", one_tensor().bytes(data + b"payload" * 9), "bytes after the last tensor", layout, "belong to no tensor"),
        case("padding", GgufFile().tensor("a", [3], 24, 0).tensor("b", [32], 8, 32).bytes(b"abc" + b"payload" + b"\0" * 22 + b"\1" * 34), "padding that is not zero", layout, "not zero"),
        case("unaligned", GgufFile().tensor("w", [8], 0, 4).bytes(b"\1" * 64), "an offset that is not aligned", wrong, "unaligned"),
        case("five-dimensions", GgufFile().tensor("w", [1] * 5, 0, 0).bytes(data), "more dimensions than ggml has", wrong, "5 dimensions"),
        case("overflow", GgufFile().tensor("w", [1 << 32, 1 << 32], 0, 0).bytes(data), "a product that is 0 in 64 bits", wrong, "overflows"),
        case("half-block", GgufFile().tensor("w", [33], 8, 0).bytes(data), "a row that is not whole blocks", wrong, "whole Q8_0"),
        case("same-name", GgufFile().tensor("w", [8], 0, 0).tensor("w", [8], 0, 32).bytes(b"\1" * 64), "two tensors of one name", wrong, "two tensors"),
        case("long-name", GgufFile().tensor("w" * 64, [32], 0, 0).bytes(data), "a name that does not fit ggml's field", header, "over the limit"),
        case("many-tensors", count(1 << 62, 0), "a count that no memory holds", header, "more than the limit"),
        case("many-entries", count(0, 1 << 62), "as above, of metadata", header, "more than the limit"),
        case("string-beyond", count(0, 1) + struct.pack("<Q", 1 << 20) + b"k", "a key longer than the file", header, "over the limit"),
        case("value-beyond", entry("k", TEXT, struct.pack("<Q", 1000)), "a text longer than the file", header, "do not fit"),
        case("array-beyond", entry("k", 9, struct.pack("<IQ", 4, 1 << 60)), "an array longer than the file", header, "do not fit"),
        case("strings-beyond", entry("k", 9, struct.pack("<IQQ", 8, 2, 1 << 30)), "a text in an array longer than the file", header, "over the limit"),
        case("deep", entry("k", 9, deep), "arrays nested too deep", header, "nest deeper"),
        case("unknown-value", entry("k", 13, b"\0" * 8), "a type of value that does not exist", header, "unknown type"),
        case("bool-two", entry("k", BOOL, b"\2"), "a truth value of 2", header, "neither 0 nor 1"),
        case("same-key", GgufFile().string("k", "a").string("k", "b").bytes(), "one key twice", header, "twice"),
        case("key-not-utf8", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"\xff" + struct.pack("<I", 8), "a key that is not UTF-8", header, "not UTF-8"),
        case("alignment-zero", entry("general.alignment", U32, struct.pack("<I", 0)), "an alignment of 0, by which readers divide", header, "power of two"),
        case("alignment-odd", entry("general.alignment", U32, struct.pack("<I", 24)), "an alignment that is no power of two", header, "power of two"),
        case("alignment-huge", entry("general.alignment", U32, struct.pack("<I", 1 << 31)), "an alignment that hides gigabytes as padding", header, "power of two"),
        case("alignment-text", GgufFile().string("general.alignment", "32").tensor("w", [8], 0, 0).bytes(b"\1" * 32)[:60], "cut in the middle", header, "ends in the middle"),
        case("truncated", one_tensor().header()[:-3], "the header is cut", header, "ends in the middle"),
        case("version-zero", b"GGUF" + struct.pack("<IQQ", 0, 0, 0), "version 0", header, "does not start"),
        reject("gguf/version-9.gguf", b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "a version that nobody knows yet", not_examined="version 9"),
        reject("gguf/type-200.gguf", GgufFile().tensor("w", [32], 200, 0).bytes(data), "a tensor type that nobody knows: its size cannot be checked", not_examined="type 200"),
        reject("gguf/template-escape.gguf", one_tensor().string("tokenizer.chat_template", template).bytes(data), "CVE-2024-34359: a template that walks to Python", "template-escape"),
        reject("gguf/template-named.gguf", one_tensor().string("tokenizer.chat_template.tool_use", "{{ cycler.__init__.__globals__.os }}").bytes(data), "the same in a named template", "template-escape"),
    ]  # fmt: skip


def pickles() -> list[Case]:
    grave, present, unknown = "pickle-global-dangerous", "pickle-present", "pickle-global-unknown"
    call = f"(S'{MARK}'\ntR".encode()
    system = framed(short_text("os") + short_text("system") + b"\x93" + short_text(MARK) + b"\x85R.")
    memo = framed(
        short_text("os")
        + b"\x940"
        + short_text("system")
        + b"\x940h\x00h\x01\x93"
        + short_text(MARK)
        + b"\x85R."
    )
    overwritten = framed(
        short_text("collections")
        + b"q\x00"
        + b"0"
        + short_text("os")
        + b"q\x000h\x00"
        + short_text("system")
        + b"\x93"
        + short_text(MARK)
        + b"\x85R."
    )
    chained = b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR" + call + b"."
    joined = framed(
        short_text("os")
        + b"cbuiltins\nstr\n"
        + short_text("system")
        + b"\x85R\x93"
        + short_text(MARK)
        + b"\x85R."
    )
    loader = framed(
        short_text("torch.storage") + short_text("_load_from_bytes") + b"\x93C\x05\x80\x04N.\x00\x85R."
    )
    forged = b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00OK\x00K\x01\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb."

    def case(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"pickle/{name}.pkl", raw, why, present, *rules, not_examined=told)

    return [
        case("data-0", b"(dp0\nS'a'\np1\nI1\ns.", "plain data in protocol 0: still a program"),
        case("data-4", framed(b"}\x94" + short_text("a") + b"\x94K\x01s."), "plain data in protocol 4"),
        case("ordered-dict", b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01.", "an allowed name, called"),
        case("global-0", b"cos\nsystem\n" + call + b".", "GLOBAL in protocol 0, which has no magic number", grave),
        case("global-posix", b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch marker\x85R.", "the name that os.system pickles as", grave),
        case("global-python2", b"c__builtin__\neval\n(S'1'\ntR.", "Python 2's name of builtins", grave),
        case("inst", f"(S'{MARK}'\nios\nsystem\n.".encode(), "INST calls without REDUCE", grave),
        case("obj", b"(cos\nsystem\nX\x0c\x00\x00\x00touch markero.", "OBJ calls without REDUCE", grave),
        case("newobj", b"\x80\x02csubprocess\nPopen\nX\x0c\x00\x00\x00touch marker\x85\x81.", "NEWOBJ", grave),
        case("newobj-ex", framed(short_text("subprocess") + short_text("Popen") + b"\x93" + short_text(MARK) + b"\x85}\x92."), "NEWOBJ_EX", grave),
        case("stack-global", system, "STACK_GLOBAL", grave),
        case("stack-global-memo", memo, "module and name come from the memo", grave),
        case("stack-global-memo-overwritten", overwritten, "a memo entry that changes its meaning", grave),
        case("stack-global-string", b"\x80\x04S'os'\nS'sys\\x74em'\n\x93(S'touch marker'\ntR.", "names as quoted text with an escape", grave),
        case("stack-global-unicode", b"\x80\x04Vos\nVsys\\u0074em\n\x93(S'touch marker'\ntR.", "names as raw Unicode text with an escape", grave),
        case("stack-global-binunicode8", b"\x80\x04\x8d" + struct.pack("<Q", 2) + b"os" + short_text("system") + b"\x93)R.", "a name with a 64-bit length", grave),
        case("stack-global-computed", joined, "a name that is computed", "pickle-global-unresolved", "pickle-global-trap", "pickle-computed-call"),
        case("stack-global-number", framed(b"K\x01K\x02\x93)R."), "numbers instead of names", "pickle-global-unresolved", "pickle-computed-call"),
        case("dotted", framed(short_text("collections") + short_text("abc.sys.modules") + b"\x93."), "a dotted name walks attributes", grave),
        case("dotted-unknown", framed(short_text("collections") + short_text("OrderedDict.fromkeys") + b"\x93)R."), "a dotted name of an allowed class", unknown),
        case("dotted-dunder", framed(short_text("collections") + short_text("OrderedDict.__init__.__globals__") + b"\x93."), "a dotted name to the interpreter", grave),
        case("getattr-chain", chained, "getattr over __import__", grave, "pickle-computed-call"),
        case("persistent-id", b"Panything\n.", "a persistent identifier in protocol 0", "pickle-persistent-id"),
        case("persistent-object", b"\x80\x02X\x05\x00\x00\x00otherK\x01\x86Q.", "a persistent identifier that is no torch storage", "pickle-persistent-id"),
        case("extension", b"\x80\x02\x82\x01)R.", "a call by number of the reader's registry", "pickle-extension-code", "pickle-computed-call"),
        case("extension-4", b"\x80\x02\x84\x01\x02\x03\x04)R.", "the same with 32 bits", "pickle-extension-code", "pickle-computed-call"),
        case("build-global", b"\x80\x02ccollections\nOrderedDict\nN}X\x01\x00\x00\x00aNs\x86b.", "BUILD on a class changes it for everybody", "pickle-global-changed"),
        case("setitem-global", b"\x80\x02ccollections\nOrderedDict\nNNs.", "SETITEM on a class", "pickle-global-changed"),
        case("append-global", b"\x80\x02ccollections\nOrderedDict\nNa.", "APPEND on a class calls its own method", "pickle-global-changed"),
        case("unknown", b"cinnocent_package\nthing\n.", "a name that nobody knows", unknown),
        case("numpy-dtype", forged, "a forged type: bytes would become pointers", "pickle-global-trap"),
        case("codec", b"c_codecs\nencode\n(S'a'\nS'rot13'\ntR.", "any registered codec", "pickle-global-trap"),
        case("torch-load", loader, "a pickle inside a byte string", grave),
        case("second", framed(b"N.") + b"cos\nsystem\n" + call + b".", "the payload is in the second pickle", grave),
        case("after-junk-pickles", framed(b"N.") * 20 + system, "and in the twenty-first", grave),
        case("truncated", system[:-1], "nullifAI: cut after the payload, which has run by then", grave, told="a frame reaches"),
        case("broken", system[:-1] + b"\xff.", "nullifAI: broken after the payload", grave, told="no opcode"),
        case("pop-result", framed(short_text("os") + short_text("system") + b"\x93" + short_text(MARK) + b"\x85R0}."), "the payload's result is thrown away", grave),
        case("underflow-then-payload", b"\x80\x0400cos\nsystem\n.", "an error first: readers stop, we go on", grave, told="the stack is empty"),
        case("length-beyond", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"os", "a text longer than the file", told="beyond the end"),
        case("length-huge", b"\x80\x04\x8d" + b"\xff" * 8 + b"os", "a length of 2^64 - 1", told="beyond the end"),
        case("length-negative", b"\x80\x02T\xff\xff\xff\xffos.", "a negative length", told="negative"),
        case("memo-huge", b"\x80\x02Nr\xff\xff\xff\x7f.", "a memo index that would take gigabytes", told="memo index"),
        case("memo-missing", b"\x80\x02h\x07.", "a memo entry that does not exist", told="memo entry"),
        case("frame-beyond", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"N.", "a frame longer than the file", told="frame"),
        case("protocol-9", b"\x80\x02\x80\x09N.", "a protocol that does not exist", told="protocol 9"),
        case("trailing", b"\x80\x02N.\0\0\0\0", "bytes after the end", "pickle-trailing-bytes"),
        case("last-line-cut", b"\x80\x02cos\nsystemX", "Python's reader takes a last line without newline, less one byte", grave, told="without STOP"),
        case("nul-index", b"Np0\0junk\n0g0\0junk\n0cos\nsystem\n.", "C stops reading a number at a NUL", grave),
        reject("name/pickle.safetensors", system, "a pickle under a safe name", present, grave, "name-mismatch"),
        reject("name/pickle.bin", b"cos\nsystem\n" + call, "no magic, no STOP, and a name that promises nothing", present, grave, not_examined="without STOP"),
        reject("name/pickle.txt", b"cos\nsystem\n" + call + b".", "a pickle under the name of a text", present, grave, "name-mismatch"),
        reject("name/zip.safetensors", zip_of({"a.txt": b"text\n"}), "an archive under a safe name", "name-mismatch"),
        reject("name/7z.pt", b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 32, "nullifAI: 7z, which the usual tools do not open", "name-mismatch", not_examined="no parser for 7z"),
    ]  # fmt: skip


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
        reject("torch/script.pt", zip_of({**torch, "m/code/__torch__.py": b"x = 1\n"}), "TorchScript code", "pickle-present", "torchscript-code", "python-source", not_examined="Python source"),
        reject("torch/legacy.pth", legacy + struct.pack("<q", 2) + EIGHT, "five pickles, then raw data", "pickle-present"),
        reject("torch/legacy-system.pth", magic + b"\x80\x02M\xe9\x03." + system_info + system + b"\x80\x02]q\x00.", "the payload is in the fourth", "pickle-present", "pickle-global-dangerous"),
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
        reject("zip/encrypted.zip", bytes(encrypted), "an encrypted member", not_examined="encrypted"),
        reject("zip/method-99.zip", bytes(strange), "a method that is not read", not_examined="method 99"),
    ]  # fmt: skip


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


def configurations() -> list[Case]:
    def template(text: str) -> bytes:
        return json.dumps({"chat_template": text}).encode()

    def case(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"json/{name}.json", raw, why, *rules, not_examined=told)

    modules = [
        {"type": "sentence_transformers.models.Transformer"},
        {"type": "sentence_transformers.models.Pooling"},
    ]
    ordinary = (
        "{%- if messages[0]['role'] == 'system' -%}{{ messages[0]['content'] | replace('_', ' ') }}{%- endif -%}"
        "{% for m in messages | selectattr('role', 'equalto', 'user') %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    )
    return [
        accept("json/config.json", b'{"model_type": "bert", "hidden_size": 384}', "an ordinary configuration"),
        accept("json/numbers.json", b'{"model_max_length": 1000000000000000019884624838656, "time_step_limit": [0.0, Infinity]}', "numbers that real tokenizers and models have"),
        accept("json/template.json", template(ordinary), "an ordinary chat template"),
        accept("json/modules.json", json.dumps(modules).encode(), "the modules of sentence-transformers"),
        accept("json/auto-map-empty.json", b'{"auto_map": {}, "trust_remote_code": false}', "nothing is asked for"),
        case("auto-map", b'{"auto_map": {"AutoModel": "modeling_x.Model"}}', "code of this repository", "config-remote-code"),
        case("auto-map-nested", b'{"a": [{"auto_map": {"AutoModel": "other/repo--m.Model"}}]}', "code of another repository, nested", "config-remote-code"),
        case("trust-remote-code", b'{"trust_remote_code": true}', "asks to run code", "config-trust-remote-code"),
        case("hydra", b'{"model": {"_target_": "os.getcwd"}}', "CVE-2025-23304: hydra calls what is named", "config-target"),
        case("duplicate", b'{"a": 1, "a": 2}', "two values for one key", "json-invalid", told="twice"),
        case("broken", b'{"a": ', "cut", "json-invalid", told="cannot be read"),
        case("deep", b"[" * 100_000, "nests too deep", "json-invalid", told="cannot be read"),
        reject("json/modules.json", b'[{"type": "os.system"}]', "sentence-transformers imports what is named", "config-module-type"),
        case("template-globals", template("{{ lipsum.__globals__['os'].popen('touch marker') }}"), "CVE-2024-34359", "template-escape"),
        case("template-escaped", template("{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}"), "underscores as escapes", "template-obfuscated"),
        case("template-joined", template("{{ x['__' ~ 'class' ~ '__'] }}"), "a name in pieces", "template-obfuscated"),
        case("template-attr", template("{{ x | attr(y) }}"), "an attribute by a name of the user", "template-obfuscated"),
        case("template-include", template("{% include 'other' %}"), "another template", "template-include"),
        case("template-unclosed", template("{{ x.__class__"), "an expression that is not closed", "template-escape"),
        case("template-list", json.dumps({"chat_template": [{"name": "t", "template": "{{ x.__class__ }}"}]}).encode(), "in a list of templates", "template-escape"),
        reject("template/escape.jinja", b"{{ self.__init__.__globals__ }}", "a template in a file of its own", "template-escape"),
        accept("template/plain.jinja", b"{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}", "an ordinary template"),
    ]  # fmt: skip


def others() -> list[Case]:
    return [
        accept("text/README.md", b"# A model\n\nimport torch\ncos\nsystem\n", "prose that looks a little like code"),
        accept("text/vocab.txt", "[PAD]\n[UNK]\ncat\nüber\n日本\n".encode(), "a vocabulary"),
        accept("text/merges.txt", b"#version: 0.2\ni n\nt h\n", "merges"),
        accept("text/words.txt", b"cat\ndog\niris\nmouse\n", "a vocabulary that starts as GLOBAL does"),
        accept("text/LICENSE", b"You may.\n", "a licence"),
        reject("text/control.txt", b"a\0b", "a text with a NUL", "name-mismatch", not_examined="no parser for unknown"),
        reject("text/model.yaml", b"a: !!python/name:os.system\n", "YAML is interpreted; there is no parser yet", not_examined="not known"),
        reject("code/modeling_x.py", b'"""Layers of our own."""\n', "Python source", "python-source", not_examined="Python source"),
        reject("code/run", b"#!/usr/bin/env python3\nprint(1)\n", "Python source without the name", "python-source", not_examined="Python source"),
        reject("code/run.sh", b"#!/bin/sh\ntouch marker\n", "a shell script", "script", not_examined="a script"),
        reject("code/x.pyc", b"\xa7\x0d\r\n" + b"\0" * 12 + b"\xe3" + b"\0" * 8, "compiled Python", "python-bytecode", not_examined="compiled"),
        reject("code/libx.so", b"\x7fELF\2\1\1" + b"\0" * 57, "a library", "native-code", not_examined="machine code"),
        reject("code/x.exe", b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\0" * 20, "a Windows program", "native-code", not_examined="machine code"),
        reject("code/elf.json", b"\x7fELF\2\1\1" + b"\0" * 57, "a library under the name of a configuration", "native-code", "name-mismatch", not_examined="machine code"),
        reject("unread/model.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "HDF5", not_examined="no parser for hdf5"),
        reject("unread/model.onnx", b"\x08\x07\x12\x07pytorch", "ONNX", not_examined="no parser for onnx"),
        reject("unread/model.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 64, "TFLite", not_examined="no parser for tflite"),
        reject("unread/model.tar", b"\0" * 257 + b"ustar\0" + b"\0" * 300, "tar", not_examined="no parser for tar"),
        reject("unread/model.joblib", b"\x78\x9c" + b"\0" * 30, "joblib, compressed with zlib", not_examined="no parser for zlib"),
        reject("unread/model.bin", b"\0\1\2\3" * 64, "bytes without a format", not_examined="no parser for unknown"),
    ]  # fmt: skip


def cases() -> list[Case]:
    groups = (
        safetensors_accepted, safetensors_rejected, gguf_accepted, gguf_rejected, pickles, archives, arrays,
        configurations, others,
    )  # fmt: skip
    return [case for group in groups for case in group()]


def write() -> None:
    """Write the corpus anew."""
    for name in ("accept", "reject"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for case in cases():
        file = HERE / case.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(case.data)
        file.with_name(file.name + SIDECAR).write_text(case.sidecar(), encoding="utf-8")


if __name__ == "__main__":
    write()
