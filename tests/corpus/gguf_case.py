"""GGUF files, one for each clause of the specification that a reader can break on."""

import struct

from corpus.case import Case, accept, reject
from model_file import BOOL, TEXT, U32, GgufFile, zip_of


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
    whole = vocabulary()
    whole.entry("tokenizer.ggml.bos_token_id", U32, whole.pack("I", 0))
    whole.entry("tokenizer.ggml.padding_token_id", U32, whole.pack("I", 0xFFFFFFFF))
    whole.tensor("token_embd.weight", [8, 4], 0, 0)
    listed = GgufFile()
    listed.array("tokenizer.chat_templates", TEXT, [listed.text("tool_use"), listed.text("rag")])
    listed.string("tokenizer.chat_template.rag", "{{ messages[0].content }}")
    facts = GgufFile().string("general.type", "adapter").string("adapter.type", "lora")
    facts.string("general.source.url", "https://example.com/model")
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
        accept("gguf/vocabulary.gguf", whole.bytes(b"\1" * 128), "a vocabulary, its special tokens and more rows than tokens"),
        accept("gguf/templates.gguf", listed.bytes(), "names of templates, and templates by name"),
        accept("gguf/part-00001-of-00002.gguf", split(0, 2).bytes(), "a part of a split file"),
        accept("gguf/facts.gguf", facts.bytes(), "an adapter with addresses of its origin"),
        accept("gguf/template.gguf", template.bytes(data), "an ordinary chat template"),
    ]  # fmt: skip


def also_pickle() -> bytes:
    """Return a GGUF file of version 1 whose counts are, for a pickle reader, bytes up to the middle of a text."""
    model = GgufFile(1)
    for number in range(0x4200):  # the second byte is the opcode B, and the four that follow its length
        model.tensor(f"{number:x}", [0], 0, 0)
    before = len(GgufFile(1).string("k", "").header())
    payload = "cposix\nsystem\n(X\x0c\x00\x00\x00touch markertR."
    return model.string("k", "a" * (14 + 0x1_0000 - before) + payload).bytes()


def vocabulary(types: tuple[int, ...] = (3, 1, 1), words: tuple[str, ...] = ("<s>", "a", "b")) -> GgufFile:
    model = GgufFile()
    model.array("tokenizer.ggml.tokens", TEXT, [model.text(word) for word in words])
    model.array("tokenizer.ggml.scores", 6, [model.pack("f", 0.5)] * len(words))
    return model.array("tokenizer.ggml.token_type", 5, [model.pack("i", kind) for kind in types])


def split(number: int, count: int) -> GgufFile:
    model = GgufFile()
    model.entry("split.no", 2, model.pack("H", number)).entry("split.count", 2, model.pack("H", count))
    return model


def vocabularies() -> list[Case]:
    wrong = "gguf-vocabulary"
    bos = vocabulary()
    bos.entry("tokenizer.ggml.bos_token_id", U32, bos.pack("I", 3))
    rows = vocabulary().tensor("token_embd.weight", [8, 2], 0, 0)
    return [
        reject("gguf/few-types.gguf", vocabulary((1, 1)).bytes(), "fewer types than tokens", wrong),
        reject("gguf/many-types.gguf", vocabulary((1, 1, 1, 1)).bytes(), "more types than tokens", wrong),
        reject("gguf/few-rows.gguf", rows.bytes(b"\1" * 64), "fewer rows of the embedding than tokens", wrong),
        reject("gguf/special-beyond.gguf", bos.bytes(), "a special token outside of the vocabulary", "gguf-special-token"),
        reject("gguf/control-word.gguf", vocabulary(words=("transfer", "a", "b")).bytes(), "a control token that is a word", "gguf-token"),
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
        reject("gguf/pickle.bin", also_pickle(), "a pickle too, for a loader that goes by the name: G is BINFLOAT, B is BINBYTES", "pickle-present", "pickle-global-dangerous", "pickle-trailing-bytes"),
        reject("gguf/archive.gguf", GgufFile().entry("k", TEXT, GgufFile().text(zip_of({"a.txt": b"1"}))).bytes(), "an archive too, for readers that begin at the end", "zip-structure"),
        reject("gguf/template-list.gguf", GgufFile().array("tokenizer.chat_templates", TEXT, [GgufFile().text("{{ x.__class__ }}")]).bytes(), "a list of templates", "template-escape"),
        case("zero-dimension", GgufFile().tensor("w", [0, 4], 0, 0).bytes(data), "a dimension of 0, by which readers divide", wrong, "dimension of 0"),
        reject("gguf/many-templates.gguf", GgufFile().array("x.template", TEXT, [GgufFile().text("a")] * 65).bytes(), "more templates than anyone has", not_examined="65 templates"),
        *vocabularies(),
        reject("gguf/split-name-00001-of-00003.gguf", split(2, 3).bytes(), "a part that calls itself another", "gguf-split"),
        reject("gguf/split-beyond.gguf", split(3, 3).bytes(), "a part behind the last", "gguf-split"),
        reject("gguf/name-path.gguf", GgufFile().tensor("../w", [32], 0, 0).bytes(data), "a tensor's name that is a path", "gguf-name"),
        reject("gguf/name-hidden.gguf", GgufFile().string("general.na\u200bme", "a").bytes(), "a key with a character that nobody sees", "gguf-name"),
        reject("gguf/version-9.gguf", b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "a version that nobody knows yet", not_examined="version 9"),
        reject("gguf/type-200.gguf", GgufFile().tensor("w", [32], 200, 0).bytes(data), "a tensor type that nobody knows: its size cannot be checked", not_examined="type 200"),
        reject("gguf/template-escape.gguf", one_tensor().string("tokenizer.chat_template", template).bytes(data), "CVE-2024-34359: a template that walks to Python", "template-escape"),
        reject("gguf/template-named.gguf", one_tensor().string("tokenizer.chat_template.tool_use", "{{ cycler.__init__.__globals__.os }}").bytes(data), "the same in a named template", "template-escape", "template-global"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*gguf_accepted(), *gguf_rejected()]
