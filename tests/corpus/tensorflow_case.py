"""TensorFlow models: graphs as programs, checkpoints, and TFLite (tensorflow/core/protobuf, schema.fbs)."""

import io
import json
import struct
import zipfile

from corpus.case import Case, accept, reject
from graph_file import Table, flatbuffer, number, sized, tag, varint
from model_file import LONG_AGO, zip_of


def node(name: str, operator: str, *inputs: str, functions: tuple[str, ...] = (), **texts: str) -> bytes:
    attributes = [sized(5, sized(1, key), sized(2, sized(2, value))) for key, value in texts.items()]
    called = [sized(5, sized(1, "f"), sized(2, sized(10, sized(1, each)))) for each in functions]
    needed = b"".join(sized(3, each) for each in inputs)
    return sized(1, name) + sized(2, operator) + needed + b"".join(attributes + called)


def constant(name: str, text: str) -> bytes:
    tensor = number(1, 7) + sized(2, b"") + sized(8, text)
    return sized(1, name) + sized(2, "Const") + sized(5, sized(1, "value"), sized(2, sized(8, tensor)))


def function(name: str, *nodes: bytes) -> bytes:
    return sized(1, sized(1, name)) + b"".join(sized(3, each) for each in nodes)


def graph(*nodes: bytes, functions: tuple[bytes, ...] = ()) -> bytes:
    library = sized(2, *(sized(1, each) for each in functions)) if functions else b""
    return b"".join(sized(1, each) for each in nodes) + library + sized(4, number(1, 1987))


def saved(
    inner: bytes, *, saver: tuple[str, str, str] | None = None, extra: bytes = b"", output: str = "y:0"
) -> bytes:
    info = sized(1, sized(4, "serve") + sized(5, "2.21.0"))
    named = sized(3, *(sized(index + 1, each) for index, each in enumerate(saver))) if saver else b""
    result = sized(2, sized(1, "out") + sized(2, sized(1, output)))
    signature = sized(5, sized(1, "serving_default") + sized(2, result))
    return number(1, 1) + sized(2, info, sized(2, inner), named, signature, extra)


X = node("x", "Placeholder")
Y = node("y", "Identity", "x")
SAVER = ("saver_filename:0", "StatefulPartitionedCall_1:0", "StatefulPartitionedCall_2")
SAVING = (
    node("saver_filename", "Placeholder"),
    node(
        "StatefulPartitionedCall_1", "StatefulPartitionedCall", "saver_filename", functions=("traced_save",)
    ),
    node(
        "StatefulPartitionedCall_2",
        "StatefulPartitionedCall",
        "saver_filename",
        functions=("traced_restore",),
    ),
)
RESTORE = function("traced_restore", node("RestoreV2", "RestoreV2", "file_prefix"))


def save(path: str = "_temp/part") -> bytes:
    return function(
        "traced_save",
        constant("Const", path),
        node("StringJoin", "StringJoin", "file_prefix", "Const:output:0"),
        node("SaveV2", "SaveV2", "StringJoin:output:0"),
        node("Merge", "MergeV2Checkpoints", "StringJoin:output:0"),
    )


def keras(name: str, config: dict[str, object]) -> bytes:
    described = {"class_name": name, "config": {"name": "layer", **config}}
    user = sized(1, "_tf_keras_layer") + sized(3, json.dumps(described))
    return sized(7, sized(1, sized(4, user)))


def accepted() -> list[Case]:
    ordinary = saved(graph(X, Y, *SAVING, functions=(save(), RESTORE)), saver=SAVER)
    first = graph(X, Y, node("save/Const", "Placeholder"), node("save/SaveV2", "SaveV2", "save/Const"))
    table = graph(X, Y, node("t", "InitializeTableFromTextFileV2", "x"))
    asset = sized(6, sized(1, sized(1, "x:0")) + sized(2, "vocab.txt"))
    own = graph(X, node("y", "my_function", "x"), functions=(function("my_function", node("a", "Add")),))
    metadata = sized(
        1,
        number(2, 1)
        + sized(3, "root.layer")
        + sized(4, "_tf_keras_layer")
        + sized(5, '{"class_name": "Dense"}'),
    )
    return [
        accept("tensorflow/saved_model.pb", ordinary, "saves and restores itself, as every SavedModel does"),
        accept("tensorflow/first.pb", saved(first, saver=("save/Const:0", "save/SaveV2:0", "")), "a SavedModel of TensorFlow 1"),
        accept("tensorflow/frozen.pb", graph(X, Y), "a frozen graph"),
        accept("tensorflow/unfrozen.pb", first, "a graph with its saver"),
        accept("tensorflow/model.meta", sized(1, sized(5, "1.15")) + sized(2, first), "the graph of a checkpoint"),
        accept("tensorflow/asset.pb", saved(table, extra=asset), "a table from an asset"),
        accept("tensorflow/function.pb", own, "a node that is a function of the graph"),
        accept("tensorflow/print.pb", graph(X, node("y", "PrintV2", "x", output_stream="stderr")), "prints to where logs go"),
        accept("tensorflow/module.pb", graph(X, node("y", "XlaCallModule", "x", module="ML\0stablehlo.add")), "a compiled module, as JAX writes it"),
        accept("tensorflow/keras.pb", saved(graph(X, Y), extra=keras("Dense", {"units": 1})), "Keras layers"),
        accept("tensorflow/keras_metadata.pb", metadata, "the metadata of Keras 2"),
        accept("tensorflow/fingerprint.pb", number(1, 1 << 63) + number(2, 5) + sized(6, number(1, 1)), "numbers that identify a SavedModel"),
        accept("tensorflow/ok.index", index(), "the index of a checkpoint"),
    ]  # fmt: skip


def graph_rejected() -> list[Case]:
    file, network, native = "tf-file-operator", "tf-network-operator", "tf-native-operator"

    def case(name: str, operator: str, why: str, rule: str, **texts: str) -> Case:
        return reject(
            f"tensorflow/{name}.pb", graph(X, node("y", operator, "x", functions=(), **texts)), why, rule
        )

    def inside(operator: str) -> bytes:
        call = node("y", "PartitionedCall", "x", functions=("f",))
        return saved(graph(X, call, functions=(function("f", node("n", operator)),)))

    serving = node("y", "StatefulPartitionedCall", "x", functions=("traced_save",))
    nested = node("w", "While", "x", functions=("body",))
    body = (
        function("body", node("c", "PartitionedCall", functions=("deep",))),
        function("deep", node("n", "WriteFile")),
    )
    return [
        case("read", "ReadFile", "reads any file", file),
        case("write", "WriteFile", "writes any file", file),
        case("print-file", "PrintV2", "appends to a file", file, output_stream="file://marker"),
        case("descriptor", "DecodeProtoV2", "reads a descriptor from a file", file, descriptor_source="/etc/passwd"),
        case("debug", "DebugIdentityV3", "sends tensors to an address", network, debug_urls="grpc://127.0.0.1:1"),
        case("rpc", "RpcClient", "connects to a server", network),
        case("python", "EagerPyFunc", "calls Python", "tf-python-operator"),
        case("callback", "XlaCallModule", "a module that calls back into Python", "tf-python-operator", module="ML\0xla_ffi_python_cpu_callback"),
        case("xla", "XlaCustomCallV2", "calls machine code by name", native),
        case("abort", "Abort", "ends the process", "tf-process-operator"),
        case("custom", "RunEngine", "an unknown operator", "tf-custom-operator"),
        case("text", "TFText>WhitespaceTokenize", "an operator of tensorflow-text", "tf-extension-operator"),
        case("table", "InitializeTableFromTextFileV2", "a table from a file that is no asset", file),
        reject("tensorflow/function-write.pb", inside("WriteFile"), "in a function that is served", file),
        reject("tensorflow/function-save.pb", inside("SaveV2"), "a save operator that is served", file),
        reject("tensorflow/nested.pb", saved(graph(X, Y, nested, functions=body)), "in a function of a function of a loop", file),
        reject("tensorflow/saver-served.pb", saved(graph(X, serving, *SAVING, functions=(save(), RESTORE)), saver=SAVER), "the saver's function in a signature as well", file),
        reject("tensorflow/saver-path.pb", saved(graph(X, Y, *SAVING, functions=(save("/etc/cron.d/marker"), RESTORE)), saver=SAVER), "a saver with a path of its own", file),
        reject("tensorflow/saver-object.pb", saved(graph(X, Y, *SAVING, functions=(save(), RESTORE)), saver=SAVER, extra=sized(7, sized(2, sized(1, "traced_save") + sized(2, b"")))), "the saver's function as a method of the object", file),
        reject("tensorflow/init.pb", saved(graph(X, Y, node("init", "SaveV2")), saver=("", "init:0", ""), extra=sized(4, sized(1, "saved_model_main_op") + sized(2, sized(1, sized(1, "init"))))), "a save operator that runs at loading", file),
        reject("tensorflow/asset-climb.pb", saved(graph(X, Y), extra=sized(6, sized(2, "../../secret"))), "an asset outside", "tf-asset-path"),
        reject("tensorflow/lambda.pb", saved(graph(X, Y), extra=keras("Lambda", {"function": ["4wEAAAA=", None, None], "function_type": "lambda"})), "Python bytecode in a Keras layer", "keras-lambda"),
        reject("tensorflow/lambda-metadata.pb", sized(1, number(2, 1) + sized(4, "_tf_keras_layer") + sized(5, '{"class_name": "Lambda", "config": {"function": "f"}}')), "a Lambda in the metadata of Keras 2", "keras-lambda"),
        reject("tensorflow/split.pb", saved(graph(X, Y), extra=sized(2, graph(node("w", "WriteFile")))), "a graph in two parts, which parsers merge", file, "tf-ambiguous"),
        reject("tensorflow/two-functions.pb", graph(X, Y, functions=(function("f"), function("f", node("n", "NoOp")))), "two functions of one name", "tf-ambiguous"),
        reject("tensorflow/cut.pb", saved(graph(X, Y))[:-3], "cut in a field", "tf-structure", not_examined="beyond its message"),
        reject("tensorflow/cut-late.pb", graph(X, node("w", "WriteFile")) + tag(1, 2), "what was seen before it breaks is told", file, "tf-structure", not_examined="cut"),
        reject("tensorflow/unknown-field.pb", graph(X, Y) + sized(77, "hidden"), "a field that the format does not have", not_examined="unknown field 77"),
    ]  # fmt: skip


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    out = b"".join(varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries)
    return out + struct.pack("<II", 0, 1)


def index(entries: list[tuple[bytes, bytes]] | None = None, *, junk: bytes = b"") -> bytes:
    """Return the index of a checkpoint with one block of entries."""
    if entries is None:
        entries = [
            (b"", number(1, 1)),
            (b"w", number(1, 1) + number(5, 8)),
            (b"x", number(1, 1) + number(4, 8) + number(5, 4)),
        ]
    held = block(entries)
    out = held + b"\0" * 5
    empty = block([])
    meta = varint(len(out)) + varint(len(empty))
    out += empty + b"\0" * 5
    top = block([(b"y", varint(0) + varint(len(held)))])
    handle = varint(len(out)) + varint(len(top))
    out += top + b"\0" * 5 + junk
    return out + (meta + handle).ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


def index_rejected() -> list[Case]:
    rule = "tf-checkpoint"
    header = (b"", number(1, 1))

    def case(name: str, raw: bytes, why: str, told: str) -> Case:
        return reject(f"tensorflow/{name}.index", raw, why, rule, not_examined=told)

    return [
        case("twice", index([header, (b"w", number(5, 8)), (b"w", number(5, 9))]), "one name twice", "twice"),
        case("negative", index([header, (b"w", number(4, -8) + number(5, 8))]), "a negative place", "from -8"),
        case("shard", index([header, (b"w", number(3, 7) + number(5, 8))]), "a file that is not there", "file 7 of 1"),
        case("headless", index([(b"w", number(5, 8))]), "no entry about the files", "of 0"),
        case("junk", index(junk=b"payload"), "bytes that belong to no block", "cover"),
        case("short", b"\1" * 20, "shorter than its footer", "shorter"),
        case("entry", index([header, (b"w", tag(5, 0))]), "an entry that is cut", "cut"),
        reject("tensorflow/magic.index", b"\1" * 200, "another kind of index", not_examined="magic number"),
    ]  # fmt: skip


FLOATS = struct.pack("<2f", 1, 2)


def lite(
    *, code: Table | None = None, tensor: Table | None = None, operator: Table | None = None, **more: object
) -> bytes:
    """Return a TFLite model of one operator on two tensors."""
    codes = [code or Table(f0=("b", 0), f3=("i", 0))]
    held = tensor or Table(f0=[("i", 2)], f1=("b", 0), f2=("I", 1), f3="w")
    step = operator or Table(f0=("I", 0), f1=[("i", 0)], f2=[("i", 1)])
    tensors = [held, Table(f0=[("i", 2)], f1=("b", 0), f2=("I", 0), f3="y")]
    subgraph = Table(f0=tensors, f1=[("i", 0)], f2=[("i", 1)], f3=[step], f4="main")
    fields: dict[str, object] = {
        "f0": ("I", 3),
        "f1": codes,
        "f2": [subgraph],
        "f4": [Table(), Table(f0=FLOATS)],
        **more,
    }
    return flatbuffer(Table(**fields), b"TFL3")


def custom(name: str) -> Table:
    return Table(f0=("b", 32), f1=name, f3=("i", 32))


def appended(model: bytes, files: dict[str, bytes]) -> bytes:
    """Return a model with an archive whose places count from the beginning of the model, as zipfile appends."""
    out = io.BytesIO(model)
    with zipfile.ZipFile(out, "a") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data)
    return out.getvalue()


def lite_cases() -> list[Case]:
    broken, tensor = "tflite-structure", "tflite-tensor"

    def case(name: str, raw: bytes, why: str, rule: str, told: str | None = None) -> Case:
        return reject(f"tensorflow/{name}.tflite", raw, why, rule, not_examined=told)

    def held(extent: int, buffer: int = 1) -> Table:
        return Table(f0=[("i", extent)], f1=("b", 0), f2=("I", buffer), f3="w")

    flex = Table(f0=("I", 0), f1=[("i", 0)], f2=[("i", 1)], f5=b"\x0fPrintV2 file://marker")
    outside = lite(f8=[Table(f0="../weights")], f9=[Table(f1=("I", 0), f2=("Q", 0), f3=("Q", 8))])
    whole = lite()
    root = bytearray(whole)
    struct.pack_into("<I", root, 0, 1 << 20)
    return [
        accept("tensorflow/ok.tflite", whole, "an operator and two tensors"),
        accept("tensorflow/detection.tflite", lite(code=custom("TFLite_Detection_PostProcess")), "a custom operator that every interpreter has"),
        accept("tensorflow/flex.tflite", lite(code=custom("FlexErf")), "TensorFlow's operator that only computes"),
        accept("tensorflow/external.tflite", lite(f8=[Table(f0="weights.bin")], f9=[Table(f1=("I", 0), f3=("Q", 8))]), "data in a file beside it"),
        accept("tensorflow/labels.tflite", whole + zip_of({"labels.txt": b"cat\n"}), "files of the metadata behind the model"),
        accept("tensorflow/appended.tflite", appended(whole, {"labels.txt": b"cat\n", "vocab.txt": b"a\n"}), "the same, as the writers of metadata append it"),
        case("flex-write", lite(code=custom("FlexWriteFile")), "TensorFlow's operator that writes files", "tf-file-operator"),
        case("flex-print", lite(code=custom("FlexPrintV2"), operator=flex), "prints to a file", "tf-file-operator"),
        case("custom", lite(code=custom("RunEngine")), "a custom operator", "tflite-custom-operator"),
        case("mediapipe", lite(code=custom("MaxUnpooling2D")), "an operator of MediaPipe", "tflite-extension-operator"),
        case("edgetpu", lite(code=custom("edgetpu-custom-op")), "a compiled program", "tf-native-operator"),
        case("external-climb", outside, "data outside", "tflite-external-path"),
        case("tensor-short", lite(tensor=held(3)), "less data than the shape needs", tensor),
        case("tensor-negative", lite(tensor=held(-2)), "a negative dimension", tensor),
        case("buffer-beyond", lite(tensor=held(2, 9)), "a buffer that is not there", broken, "part 9 of 2"),
        case("operand-beyond", lite(operator=Table(f0=("I", 0), f1=[("i", 7)])), "a tensor that is not there", broken, "tensor 7 of 2"),
        case("operand-output", lite(operator=Table(f0=("I", 0), f2=[("i", -1)])), "CVE-2020-15211: no tensor for a result", broken, "tensor -1"),
        case("code-beyond", lite(operator=Table(f0=("I", 5))), "an operator that is not there", broken, "part 5 of 1"),
        case("data-beyond", lite(f4=[Table(), Table(f1=("Q", 1 << 40), f2=("Q", 8))]), "a buffer behind the end", broken, "beyond the file"),
        case("root", bytes(root), "a root outside the file", broken, "beyond the file"),
        case("cut", whole[:-9], "cut", broken, "beyond the file"),
        case("hidden", whole + b"\1" * 5000, "bytes behind the model", "tflite-hidden", "follow the model"),
        reject("tensorflow/builtin.tflite", lite(code=Table(f3=("i", 5000))), "an operator that nobody knows yet", not_examined="operator 5000"),
        reject("tensorflow/version.tflite", lite(f0=("I", 9)), "a version that nobody knows yet", not_examined="version 9"),
        reject("tensorflow/labels-pickle.tflite", whole + zip_of({"a.pkl": b"cposix\nsystem\n(X\x0c\x00\x00\x00touch markertR."}), "a pickle among the files of the metadata", "pickle-present", "pickle-global-dangerous"),
    ]  # fmt: skip


def state_cases() -> list[Case]:
    def state(path: str) -> bytes:
        return f'model_checkpoint_path: "{path}"\nall_model_checkpoint_paths: "{path}"\n'.encode()

    timed = (
        state("model.ckpt-1")
        + b"all_model_checkpoint_timestamps: 1714550400.5\nlast_preserved_timestamp: 1.7e9\n"
    )
    return [
        accept("tensorflow/state/checkpoint", timed, "which checkpoint is the latest"),
        accept("tensorflow/absolute/checkpoint", state("/home/x/model.ckpt-1"), "where it was trained"),
        reject("tensorflow/leaving/checkpoint", state("../x/model.ckpt-1"), "a path that leaves the model", "config-path"),
        reject("tensorflow/network/checkpoint", state("gs://x/model.ckpt-1"), "a place on the network", "config-path"),
        reject("tensorflow/other/checkpoint", b"import os\n", "no state of checkpoints", not_examined="line 1 is none"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*accepted(), *graph_rejected(), *index_rejected(), *lite_cases(), *state_cases()]
