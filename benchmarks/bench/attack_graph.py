"""Graphs with operators that reach files or code, and tensors that lie about where they are.

Sources: onnx.proto and ONNX's ExternalData document (CVE-2022-25882, CVE-2024-5187, CVE-2024-27318), ONNX Runtime's
custom operators; TensorFlow's operators and saved_model.proto; schema.fbs of TensorFlow Lite; the safetensors README.
"""

import json
import struct
from collections.abc import Iterator

from bench.attack_case import CODE, EVIL, Attack, zipped

Made = Iterator[tuple[str, bytes, str]]
# operators of TensorFlow that reach beyond the graph → what they do
OPERATORS = {
    "ReadFile": "reads any file",
    "WriteFile": "writes any file",
    "MergeV2Checkpoints": "moves and deletes files",
    "SaveV2": "writes a checkpoint anywhere",
    "Save": "writes a checkpoint anywhere",
    "PyFunc": "calls a function of the process",
    "EagerPyFunc": "calls a function of the process",
    "PyFuncStateless": "calls a function of the process",
    "MatchingFiles": "lists files",
    "ImmutableConst": "maps any file",
    "InitializeTableFromTextFile": "reads any file",
    "InitializeTableFromTextFileV2": "reads any file",
    "TextLineDataset": "reads any file",
    "TFRecordDataset": "reads any file",
    "FixedLengthRecordDataset": "reads any file",
    "SaveDatasetV2": "writes any file",
    "LoadDataset": "reads any file",
    "PrintV2": "writes to any file",
    "DebugIdentityV3": "sends tensors to an address",
    "RpcCall": "calls another machine",
    "DataServiceDataset": "connects to another machine",
    "DistributedSave": "connects and writes files",
    "CreateSummaryFileWriter": "writes any file",
    "CreateSummaryDbWriter": "writes any file",
    "GenerateVocabRemapping": "reads any file",
    "LoadAndRemapMatrix": "reads any file",
    "MarkerRunsCode": "an operator of a library of its own",
}


def attacks() -> Iterator[Attack]:
    for family, made in (
        ("ONNX", _onnx()),
        ("TensorFlow", [*_saved_models(), *_tflite()]),
        ("safetensors", _safetensors()),
    ):
        for number, (name, data, why) in enumerate(made):
            yield Attack(family, f"{number:03}-{name}", data, why)


def number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(tag: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return number(tag << 3) + number(value & (1 << 64) - 1)
    raw = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(raw)) + raw


def _pair(key: str, value: str) -> bytes:
    return field(1, key) + field(2, value)


def _tensor(**external: str) -> bytes:
    """Return a float tensor of eight, whose data lie elsewhere."""
    pairs = b"".join(field(13, _pair(key, value)) for key, value in external.items())
    return (
        field(1, 8)
        + field(2, 1)
        + field(8, "w")
        + pairs
        + (field(14, 1) if external else field(9, bytes(32)))
    )


def _node(kind: str, *, domain: str = "", more: bytes = b"") -> bytes:
    return (
        field(1, "w")
        + field(2, "y")
        + field(3, "n")
        + field(4, kind)
        + (field(7, domain) if domain else b"")
        + more
    )


def _model(
    *, nodes: tuple[bytes, ...] = (), tensors: tuple[bytes, ...] = (), more: bytes = b"", domain: str = ""
) -> bytes:
    graph = b"".join(field(1, node) for node in nodes or (_node("Relu"),)) + field(2, "g")
    graph += b"".join(field(5, tensor) for tensor in tensors or (_tensor(),))
    graph += field(12, field(1, "y"))
    opset = field(8, field(2, 17)) + (field(8, field(1, domain) + field(2, 1)) if domain else b"")
    return field(1, 8) + field(2, "marker") + field(7, graph) + opset + more


def _onnx() -> Made:
    for place in (
        "/etc/passwd",
        "../../../etc/passwd",
        "a/../../marker",
        "..\\..\\marker",
        "C:\\marker",
        "\\\\host\\marker",
        "file:///etc/passwd",
        "http://127.0.0.1:9/marker",
        "~/marker",
        "/proc/self/environ",
        "./../marker",
        "a//../../marker",
        "weights\x00/../../etc/passwd",
    ):
        yield (
            "external.onnx",
            _model(tensors=(_tensor(location=place),)),
            f"data at {place!r} (CVE-2022-25882, CVE-2024-27318)",
        )
    yield (
        "external-offset.onnx",
        _model(tensors=(_tensor(location="w.bin", offset="-1"),)),
        "a negative offset",
    )
    yield (
        "external-length.onnx",
        _model(tensors=(_tensor(location="w.bin", length="99999999999999"),)),
        "an impossible length",
    )
    yield (
        "external-twice.onnx",
        _model(tensors=(_tensor(location="w.bin") + field(13, _pair("location", "/etc/passwd")),)),
        "a place given twice",
    )
    constant = field(5, field(1, "value") + field(5, _tensor(location="/etc/passwd")) + field(20, 4))
    yield (
        "attribute.onnx",
        _model(nodes=(_node("Constant", more=constant),)),
        "data of a constant in another file",
    )
    inner = field(1, _node("Relu")) + field(2, "g") + field(5, _tensor(location="/etc/passwd"))
    branch = field(5, field(1, "then_branch") + field(6, inner) + field(20, 5))
    yield "subgraph.onnx", _model(nodes=(_node("If", more=branch),)), "data within a branch in another file"
    yield (
        "custom.onnx",
        _model(nodes=(_node("Run", domain="marker.ops"),), domain="marker.ops"),
        "an operator of a library of its own",
    )
    yield (
        "python.onnx",
        _model(nodes=(_node("PythonOp", domain="com.microsoft"),), domain="com.microsoft"),
        "an operator that calls Python",
    )
    yield (
        "pyop.onnx",
        _model(nodes=(_node("PyCustomOp", domain="ai.onnx.contrib"),), domain="ai.onnx.contrib"),
        "an operator that calls Python",
    )
    body = field(1, "Relu") + field(7, _node("Run", domain="marker.ops")) + field(10, "")
    yield "function.onnx", _model(more=field(25, body)), "a function that replaces a standard operator"
    context = field(5, field(1, "ep_cache_context") + field(4, "../../marker.so") + field(20, 3))
    yield (
        "context.onnx",
        _model(nodes=(_node("EPContext", domain="com.microsoft", more=context),), domain="com.microsoft"),
        "a compiled engine at a path upward",
    )
    yield "behind.onnx", _model() + EVIL, "a pickle behind the model"
    yield (
        "short.onnx",
        _model(tensors=(field(1, 8) + field(2, 1) + field(8, "w") + field(9, bytes(4)),)),
        "a tensor with fewer bytes than its size",
    )
    yield (
        "huge.onnx",
        _model(
            tensors=(field(1, 2**40) + field(1, 2**40) + field(2, 1) + field(8, "w") + field(9, bytes(4)),)
        ),
        "a product of sizes that wraps",
    )
    deep = b""
    for _ in range(3000):
        deep = field(
            5, field(1, "b") + field(6, field(1, _node("If", more=deep)) + field(2, "g")) + field(20, 5)
        )
    yield "deep.onnx", _model(nodes=(_node("If", more=deep),)), "branches three thousand deep"


def _told(kind: str) -> bytes:
    """Return the attribute that makes an operator do harm, where the bare operator would not."""
    if kind == "PrintV2":
        return field(5, field(1, "output_stream") + field(2, field(2, "file:///marker")))
    if kind == "DebugIdentityV3":
        return field(5, field(1, "debug_urls") + field(2, field(1, field(2, "grpc://127.0.0.1:9"))))
    return b""


def _graph(*kinds: str, more: bytes = b"") -> bytes:
    return (
        b"".join(field(1, field(1, f"n{at}") + field(2, kind) + _told(kind)) for at, kind in enumerate(kinds))
        + more
    )


def _saved(graph: bytes) -> bytes:
    return field(1, 1) + field(2, field(1, field(4, "serve")) + field(2, graph))


def _saved_models() -> Made:
    for kind, why in OPERATORS.items():
        if not why:
            continue
        yield f"{kind}/saved_model.pb", _saved(_graph("Placeholder", kind)), f"{kind} {why}"
    for kind in ("ReadFile", "WriteFile", "EagerPyFunc", "MarkerRunsCode"):
        body = field(1, field(1, "f")) + field(3, field(1, "n") + field(2, kind))
        library = field(2, field(1, body))
        yield (
            f"library-{kind}/saved_model.pb",
            _saved(_graph("Placeholder", more=library)),
            f"{kind} in a function",
        )
        yield f"frozen-{kind}.pb", _graph("Placeholder", kind), f"{kind} in a frozen graph"
    yield (
        "zip/saved_model.zip",
        zipped({"m/saved_model.pb": _saved(_graph("WriteFile"))}),
        "WriteFile in a packed model",
    )
    meta = {
        "class_name": "Sequential",
        "config": {
            "layers": [
                {
                    "class_name": "Lambda",
                    "config": {"function": ["4wAA", None, None], "function_type": "lambda"},
                }
            ]
        },
    }
    yield (
        "keras_metadata/keras_metadata.pb",
        field(
            1, field(2, 1) + field(3, "root") + field(4, "_tf_keras_sequential") + field(5, json.dumps(meta))
        ),
        "a Lambda in Keras's metadata",
    )


def _flat(custom: str) -> bytes:
    """Return a TFLite model with one custom operator code; layout by hand, offsets from the file's start."""
    name = custom.encode() + b"\0"
    name += bytes(-len(name) % 4)
    out = bytearray(struct.pack("<I4s", 0, b"TFL3"))
    vtable = len(out)
    out += struct.pack("<4H", 8, 12, 4, 8)  # model: version, operator_codes
    root = len(out)
    out += struct.pack("<iII", root - vtable, 3, 0)
    codes = len(out)
    out += struct.pack("<II", 1, 0)
    kind_table = len(out)
    out += struct.pack(
        "<6H", 12, 16, 4, 8, 0, 12
    )  # operator code: deprecated code, custom code, version, code
    kind = len(out)
    out += struct.pack("<iB3xII", kind - kind_table, 32, 0, 32)
    place = len(out)
    out += struct.pack("<I", len(custom)) + name
    struct.pack_into("<I", out, 0, root)
    struct.pack_into("<I", out, root + 8, codes - (root + 8))
    struct.pack_into("<I", out, codes + 4, kind - (codes + 4))
    struct.pack_into("<I", out, kind + 8, place - (kind + 8))
    return bytes(out)


def _tflite() -> Made:
    for custom in ("MarkerRunsCode", "FlexWriteFile", "FlexReadFile", "FlexPyFunc", "FlexEagerPyFunc"):
        yield f"{custom}.tflite", _flat(custom), f"the operator {custom}"
    good = _flat("x")
    yield "offset.tflite", struct.pack("<I", 2**31) + good[4:], "a root past the end"
    yield "behind.tflite", _flat("MarkerRunsCode") + EVIL, "a pickle behind the model"


def tensors(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def _one(*, kind: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


def _safetensors() -> Made:
    good, data = _one(), bytes(8)
    cases: list[tuple[str, bytes, str]] = [
        ("past-end", tensors({"a": _one(offsets=(0, 80))}, data), "a tensor past the end"),
        ("overlap", tensors({"a": good, "b": good}, data), "two tensors in one place"),
        ("hole", tensors({"a": _one(offsets=(64, 72))}, EVIL.ljust(64) + data), "a pickle in a hole"),
        ("behind", tensors({"a": good}, data + EVIL), "a pickle behind the tensors"),
        ("behind-text", tensors({"a": good}, data + CODE.encode()), "code behind the tensors"),
        ("product", tensors({"a": _one(shape=(2**32, 2**32, 2))}, data), "a product of sizes that wraps"),
        ("mismatch", tensors({"a": _one(shape=(3,))}, data), "a shape that needs more bytes"),
        ("negative", tensors({"a": _one(shape=(-2,))}, data), "a negative size"),
        ("negative-offset", tensors({"a": _one(offsets=(-8, 0))}, data), "a negative offset"),
        ("reversed", tensors({"a": _one(offsets=(8, 0))}, data), "an end before its start"),
        ("float", tensors({"a": _one(offsets=(0.0, 8.0))}, data), "offsets that are not whole"),
        (
            "boolean",
            tensors({"a": _one(kind="U8", shape=(True,), offsets=(False, True))}, b"x"),
            "truth values as numbers",
        ),
        ("kind", tensors({"a": _one(kind="O8")}, data), "a type that does not exist"),
        (
            "twice",
            tensors(
                b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
                data,
            ),
            "a tensor given twice",
        ),
        (
            "key-twice",
            tensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,8]}}', data),
            "a key given twice",
        ),
        ("length", tensors({"a": good}, data, length=2**63), "a header longer than the file"),
        ("zero", struct.pack("<Q", 0) + EVIL, "no header and a pickle behind it"),
        ("pickle-header", tensors(EVIL), "a pickle in place of the header"),
        ("deep", tensors(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", data), "JSON fifty thousand deep"),
        (
            "padding",
            tensors(json.dumps({"a": good}).encode() + b" \0" + EVIL, data),
            "a pickle behind the header's JSON",
        ),
        ("unknown-key", tensors({"a": {**good, "code": CODE}}, data), "a key that readers do not know"),
    ]
    for name, raw, why in cases:
        yield f"{name}.safetensors", raw, why
    for place in (
        "../../marker.safetensors",
        "/etc/passwd",
        "http://127.0.0.1:9/marker",
        "..\\marker",
        "model.bin",
    ):
        index = {"metadata": {"total_size": 8}, "weight_map": {"a": place}}
        yield (
            f"i{len(place)}/model.safetensors.index.json",
            json.dumps(index).encode(),
            f"an index that names {place}",
        )
    adapter = {"weight_map": {"a": "../../../home/marker.bin"}}
    yield "index/pytorch_model.bin.index.json", json.dumps(adapter).encode(), "an index that leads upward"
