"""ONNX models, one for each way in which their parts can mislead a reader (onnx.proto, ExternalData.md)."""

import struct

from corpus.case import Case, accept, reject
from graph_file import fixed, number, sized, tag, varint
from model_file import zip_of

FLOATS = struct.pack("<2f", 1, 2)


def tensor(
    name: str, *parts: bytes, dims: tuple[int, ...] = (2,), kind: int = 1, raw: bytes | None = FLOATS
) -> bytes:
    extents = b"".join(number(1, extent) for extent in dims)
    return (
        extents
        + number(2, kind)
        + sized(8, name)
        + b"".join(parts)
        + (sized(9, raw) if raw is not None else b"")
    )


def external(name: str, *, dims: tuple[int, ...] = (2,), marked: bool = True, **entries: str) -> bytes:
    told = b"".join(sized(13, sized(1, key), sized(2, value)) for key, value in entries.items())
    return tensor(name, told, number(14, 1) if marked else b"", dims=dims, raw=None)


def node(operator: str, domain: str = "", *attributes: bytes) -> bytes:
    inner = b"".join(sized(5, attribute) for attribute in attributes)
    return sized(1, "x") + sized(2, "y") + sized(4, operator) + inner + (sized(7, domain) if domain else b"")


def graph(*nodes: bytes, tensors: tuple[bytes, ...] = (), extra: bytes = b"") -> bytes:
    inner = b"".join(sized(1, each) for each in nodes) + sized(2, "g")
    return inner + b"".join(sized(5, each) for each in tensors) + extra


def function(domain: str, name: str, *nodes: bytes) -> bytes:
    return sized(1, name) + b"".join(sized(7, each) for each in nodes) + sized(10, domain)


def model(inner: bytes, *parts: bytes) -> bytes:
    return number(1, 8) + sized(2, "maker") + sized(7, inner) + sized(8, number(2, 17)) + b"".join(parts)


def with_tensor(*tensors: bytes) -> bytes:
    return model(graph(node("Identity"), tensors=tensors))


def prop(key: str, value: str) -> bytes:
    return sized(14, sized(1, key), sized(2, value))


def packed(field: int, *values: int) -> bytes:
    return sized(field, b"".join(map(varint, values)))


def accepted() -> list[Case]:
    inner = graph(node("Add"), tensors=(tensor("w"),))
    branch = sized(1, "then_branch") + sized(6, inner)
    own = sized(25, function("own", "Twice", node("Add"))) + sized(
        25, function("own", "Four", node("Twice", "own"))
    )
    kinds = (
        tensor("half", packed(5, 1, 65535), kind=10, raw=None),
        tensor("nibbles", dims=(3,), kind=22, raw=b"\x12\x03"),
        tensor("texts", sized(6, "a") + sized(6, "b"), kind=8, raw=None),
        tensor("int64", packed(7, 1, -1), kind=7, raw=None),
        tensor("unpacked", number(7, 1) + number(7, -1), kind=7, raw=None),
        tensor("float", sized(4, FLOATS), raw=None),
        tensor("complex", sized(4, FLOATS), dims=(1,), kind=14, raw=None),
        tensor("double", fixed(10, b"\0" * 8), dims=(), kind=11, raw=None),
        tensor("empty", dims=(0, 5), raw=None),
    )
    sparse = sized(15, sized(1, tensor("v")), sized(2, tensor("i", kind=7, raw=b"\0" * 16)), number(3, 9))
    links = prop("docs", "https://docs.example/") + prop("names", "{0: 'person', 1: 'open door'}")
    return [
        accept("onnx/tensor.onnx", with_tensor(tensor("w")), "one tensor in raw data"),
        accept("onnx/no-suffix", with_tensor(tensor("w")), "told by its content"),
        accept("onnx/types.onnx", with_tensor(*kinds), "data in each typed field, packed and not"),
        accept("onnx/sparse.onnx", model(graph(extra=sparse)), "a sparse initializer"),
        accept("onnx/branch.onnx", model(graph(node("If", "", branch, branch))), "graphs in a node"),
        accept("onnx/function.onnx", model(graph(node("Four", "own")), own), "functions of its own need no library"),
        accept("onnx/runtime.onnx", model(graph(node("FusedMatMul", "com.microsoft"), node("SVMClassifier", "ai.onnx.ml"))), "operators of the runtime and of classical learning"),
        accept("onnx/metadata.onnx", model(graph(node("Add")), links), "links and names of classes in the metadata"),
        accept("onnx/external.onnx", with_tensor(external("w", location="data/w.bin", offset="4096", length="8")), "data in a file beside it"),
        accept("onnx/training.onnx", model(inner, sized(20, sized(1, inner), sized(2, inner))), "training information is walked too"),
    ]  # fmt: skip


def external_rejected() -> list[Case]:
    path, memory, data = "onnx-external-path", "onnx-external-memory", "onnx-external-data"

    def case(name: str, why: str, rule: str, **entries: str) -> Case:
        return reject(
            f"onnx/external-{name}.onnx",
            with_tensor(external("w", dims=(2,), marked=True, **entries)),
            why,
            rule,
        )

    nested = sized(1, "value") + sized(5, external("w", location="../w"))
    context = [
        sized(1, "embed_mode") + number(3, 0),
        sized(1, "ep_cache_context") + sized(4, "../engine.bin"),
    ]
    return [
        case("absolute", "CVE-2022-25882: an absolute path", path, location="/etc/passwd"),
        case("climb", "CVE-2022-25882: a path that climbs", path, location="../../secret"),
        case("inner-climb", "CVE-2024-27318: climbing after a folder", path, location="a/../../secret"),
        case("backslash-climb", "climbing by the other separator", path, location="a\\..\\..\\secret"),
        case("drive", "a drive letter", path, location="C:\\secret"),
        case("share", "a network share", path, location="\\\\host\\share\\w"),
        case("address", "an address", path, location="https://host.example/w"),
        case("home", "a home folder", path, location="~/secret"),
        case("nul", "a name that readers in C cut", path, location="w\0.bin"),
        case("nameless", "no name at all", path, offset="0"),
        case("memory", "ONNX Runtime's mark for an address in memory", memory, location="*/_ORT_MEM_ADDR_/*", offset="4096"),
        case("backslash", "a separator of one system", data, location="a\\w.bin"),
        case("length", "another length than the shape needs", data, location="w", length="800"),
        case("negative", "a negative offset", data, location="w", offset="-8"),
        case("overflow", "an offset beyond 63 bits", data, location="w", offset="9223372036854775807"),
        case("unknown-key", "an entry that onnx before 1.21 sets as an attribute", data, location="w", __class__="x"),
        reject("onnx/external-two.onnx", with_tensor(external("w", location="../w") + sized(13, sized(1, "location"), sized(2, "w"))), "two locations, the last of them harmless", path, data),
        reject("onnx/external-unmarked.onnx", with_tensor(external("w", marked=False, location="w")), "an external file without its mark", data),
        reject("onnx/external-twice.onnx", with_tensor(external("w", location="w") + sized(9, FLOATS)), "data here and there", data),
        reject("onnx/external-attribute.onnx", model(graph(node("Constant", "", nested))), "a path in a node's attribute", path),
        reject("onnx/context.onnx", model(graph(node("EPContext", "com.microsoft", *context))), "a compiled program for an accelerator, in a file outside", "onnx-compiled-context", path),
    ]  # fmt: skip


def operator_rejected() -> list[Case]:
    cycle = sized(25, function("own", "A", node("B", "own"))) + sized(
        25, function("own", "B", node("A", "own"))
    )
    hidden = node("If", "", sized(1, "then_branch") + sized(6, graph(node("Run", "vendor"))))
    twice = sized(25, function("own", "A", node("Add"))) + sized(25, function("own", "A", node("Sub")))
    shadow = sized(25, function("", "Relu", node("Identity")))
    return [
        reject("onnx/custom.onnx", model(graph(node("Run", "vendor"))), "an operator of an unknown domain", "onnx-custom-operator"),
        reject("onnx/custom-nested.onnx", model(graph(hidden)), "the same in a branch", "onnx-custom-operator"),
        reject("onnx/custom-standard.onnx", model(graph(node("RunEngine"))), "an unknown operator in the standard domain", "onnx-custom-operator"),
        reject("onnx/extension.onnx", model(graph(node("BertTokenizer", "ai.onnx.contrib"))), "an operator of onnxruntime-extensions", "onnx-extension-operator"),
        reject("onnx/python.onnx", model(graph(node("PythonOp", "com.microsoft"))), "a Python function by name", "onnx-python-operator"),
        reject("onnx/network.onnx", model(graph(node("AzureTritonInvoker", "com.microsoft.extensions", sized(1, "model_uri") + sized(4, "https://host.example")))), "tensors to an address", "onnx-network-operator"),
        reject("onnx/aten.onnx", model(graph(node("ATen", "org.pytorch.aten"))), "PyTorch's operators by name", "onnx-aten-operator"),
        reject("onnx/shadow.onnx", model(graph(node("Relu")), shadow), "a function under a standard name", "onnx-function-conflict"),
        reject("onnx/function-twice.onnx", model(graph(node("A", "own")), twice), "two functions of one name", "onnx-function-conflict"),
        reject("onnx/recursion.onnx", model(graph(node("A", "own")), cycle), "functions that call each other", "onnx-function-recursion"),
        reject("onnx/metadata-code.onnx", model(graph(node("Add")), prop("names", "__import__('os').system('touch marker')")), "code where a reader evaluates names of classes", "onnx-metadata-code"),
    ]  # fmt: skip


def tensor_rejected() -> list[Case]:
    def case(name: str, inner: bytes, why: str) -> Case:
        return reject(f"onnx/tensor-{name}.onnx", with_tensor(inner), why, "onnx-tensor")

    uneven = sized(
        15, sized(1, tensor("v")), sized(2, tensor("i", dims=(3,), kind=7, raw=b"\0" * 24)), number(3, 9)
    )
    return [
        case("short", tensor("w", dims=(3,)), "less data than the shape needs"),
        case("long", tensor("w", raw=FLOATS * 9), "more data than the shape needs"),
        case("none", tensor("w", raw=None), "no data"),
        case("typed-short", tensor("w", packed(7, 1), kind=7, raw=None), "fewer numbers than the shape needs"),
        case("typed-other", tensor("w", packed(7, 1, 2), kind=1, raw=None), "numbers of another type"),
        case("both", tensor("w", sized(4, FLOATS)), "raw and typed data: readers choose"),
        case("negative", tensor("w", dims=(-2,)), "a negative dimension"),
        case("overflow", tensor("w", dims=(1 << 32, 1 << 32)), "a product that is 0 in 64 bits"),
        case("text-raw", tensor("w", kind=8), "texts cannot be raw"),
        reject("onnx/sparse-uneven.onnx", model(graph(extra=uneven)), "more indices than values", "onnx-tensor"),
        reject("onnx/sparse-empty.onnx", model(graph(extra=sized(15, number(3, 9)))), "a sparse tensor of nothing", "onnx-tensor"),
        reject("onnx/tensor-type.onnx", with_tensor(tensor("w", kind=99)), "a type that nobody knows", not_examined="type 99"),
    ]  # fmt: skip


def structure_rejected() -> list[Case]:
    inner = graph(node("Add"), tensors=(tensor("w"),))
    whole = model(inner)
    broken, ambiguous = "onnx-structure", "onnx-ambiguous"
    late = model(graph(node("Run", "vendor"))) + b"\x0a"
    deep = graph(node("Add"))
    for _ in range(40):
        deep = graph(node("If", "", sized(6, deep)))
    return [
        reject("onnx/cut.onnx", whole[:-2], "cut in a field", broken, not_examined="beyond its message"),
        reject("onnx/cut-late.onnx", late, "what was seen before it breaks is told", "onnx-custom-operator", broken, not_examined="cut"),
        reject("onnx/no-graph.onnx", number(1, 8) + sized(2, "maker"), "no graph", broken, not_examined="no graph"),
        reject("onnx/inner-beyond.onnx", model(sized(2, "g") + tag(1, 2) + b"\x7f"), "a node longer than its graph", broken, not_examined="beyond its message"),
        reject("onnx/split.onnx", whole + sized(7, graph(node("Sub"))), "a graph in two parts, which parsers merge", ambiguous),
        reject("onnx/two-producers.onnx", whole + sized(2, "other"), "a text twice: the last counts", ambiguous),
        reject("onnx/wrong-wire.onnx", model(graph(node("Add") + number(7, 5))), "a number where a text belongs", ambiguous),
        reject("onnx/long-number.onnx", model(sized(1, node("Add"), tag(8, 2) + b"\x80\x00")), "a length written longer than it is", ambiguous),
        reject("onnx/not-utf8.onnx", model(sized(1, sized(4, b"Add\xff"))), "a name that is not UTF-8", ambiguous, "onnx-custom-operator"),
        reject("onnx/two-tensors.onnx", with_tensor(tensor("w"), tensor("w")), "two initializers of one name", ambiguous),
        reject("onnx/two-props.onnx", whole + prop("k", "a") + prop("k", "b"), "two values for one key", ambiguous),
        reject("onnx/unknown-field.onnx", model(inner + sized(99, "hidden")), "a field that the format does not have", not_examined="unknown field 99"),
        reject("onnx/group.onnx", model(inner + tag(98, 3) + number(1, 1) + tag(98, 4)), "a group, which is no part of the format", not_examined="unknown field 98"),
        reject("onnx/deep.onnx", model(deep), "graphs nested deeper than parsers go", not_examined="nest deeper"),
        reject("onnx/archive.onnx", model(graph(node("Add"), extra=sized(10, zip_of({"a.txt": b"1"})))), "an archive too, for readers that begin at the end", "zip-structure"),
        reject("onnx/garbage.onnx", b"\x08\x08\xff\xff\xff\xff\x7f" * 9, "a name that promises a model", "name-mismatch", not_examined="unknown"),
        reject("onnx/runtime.ort", b"\x18\0\0\0ORTM" + b"\0" * 40, "ONNX Runtime's own format", not_examined="no parser for ort"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [
        *accepted(),
        *external_rejected(),
        *operator_rejected(),
        *tensor_rejected(),
        *structure_rejected(),
    ]
