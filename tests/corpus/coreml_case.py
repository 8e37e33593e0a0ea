"""CoreML models and weights (coremltools, mlmodel/format)."""

import json
import struct

from corpus.case import Case, accept, reject
from graph_file import number, sized

DESCRIPTION = sized(2, sized(1, sized(1, "image")))


def model(*parts: bytes) -> bytes:
    return number(1, 7) + DESCRIPTION + b"".join(parts)


def network(*layers: bytes) -> bytes:
    return sized(500, *(sized(1, layer) for layer in layers))


def program(*operations: bytes) -> bytes:
    block = b"".join(sized(3, each) for each in operations)
    function = sized(3, sized(1, "CoreML7") + sized(2, block))
    return sized(502, number(1, 1) + sized(2, sized(1, "main") + sized(2, function)))


def operation(kind: str, *attributes: bytes) -> bytes:
    return sized(1, kind) + b"".join(sized(5, sized(1, "val") + sized(2, each)) for each in attributes)


def blob(name: str, offset: int) -> bytes:
    return sized(5, sized(1, name) + number(2, offset))


def weights(*lengths: int, count: int | None = None, move: int = 0, junk: bytes = b"") -> bytes:
    out = struct.pack("<II", len(lengths) if count is None else count, 2) + b"\0" * 56
    for length in lengths:
        out += struct.pack("<IIQQQ", 0xDEADBEEF, 1, length, len(out) + 64 + move, 0) + b"\0" * 32
        out += b"\1" * length + b"\0" * (-length % 64)
    return out + junk


def manifest(path: str) -> bytes:
    items = {"A": {"author": "com.apple.CoreML", "name": "model.mlmodel", "path": path}}
    return json.dumps(
        {"fileFormatVersion": "1.0.0", "itemInfoEntries": items, "rootModelIdentifier": "A"}
    ).encode()


def cases() -> list[Case]:
    dense = sized(1, "dense") + sized(140, number(1, 2))
    own = sized(1, "own") + sized(500, sized(10, "MyLayer"))
    loop = sized(1, "loop") + sized(615, sized(4, sized(1, own)))
    inside = operation("const", blob("@model_path/weights/weight.bin", 64))
    deep = operation("cond") + sized(
        4, sized(3, operation("const", sized(3, sized(2, sized(1, blob("../w", 64))))))
    )
    linked = sized(
        556, sized(1, sized(1, sized(1, "other.mlmodelc")) + sized(2, sized(1, "Models:/Library/Models")))
    )
    path, code, broken, layout = "coreml-path", "coreml-custom-code", "coreml-structure", "coreml-weights"
    return [
        accept("coreml/Manifest.json", manifest("com.apple.CoreML/model.mlmodel"), "the manifest of a package"),
        reject("coreml/Manifest.json", manifest("../../model.mlmodel"), "a package whose model lies outside", path),
        accept("coreml/network.mlmodel", model(network(dense)), "a neural network"),
        accept("coreml/program.mlmodel", model(program(inside)), "a program with weights beside it"),
        accept("coreml/pipeline.mlmodel", model(sized(202, sized(1, model(network(dense))) + sized(2, "a"))), "a pipeline of models"),
        accept("coreml/trees.mlmodel", model(sized(402, sized(1, b""))), "a model of parameters only"),
        accept("coreml/weight.bin", weights(8, 64, 100), "weights of three tensors"),
        reject("coreml/layer.mlmodel", model(network(dense, own)), "a layer of the application's", code),
        reject("coreml/loop.mlmodel", model(network(loop)), "the same in a loop", code),
        reject("coreml/pipeline-layer.mlmodel", model(sized(202, sized(1, model(network(own))))), "the same in a pipeline", code),
        reject("coreml/model.mlmodel", model(sized(555, sized(10, "MyModel"))), "a model of the application's", code),
        reject("coreml/operation.mlmodel", model(program(operation("custom_layer"))), "an operation of the application's", code),
        reject("coreml/linked.mlmodel", model(linked), "a link to a model of the machine", "coreml-linked-model", path),
        reject("coreml/climb.mlmodel", model(program(operation("const", blob("@model_path/../../w", 64)))), "weights outside", path),
        reject("coreml/nested-climb.mlmodel", model(program(deep)), "the same in a tuple in a branch", path),
        reject("coreml/two-types.mlmodel", model(network(dense), sized(402, b"")), "two types: the last counts", "coreml-ambiguous"),
        reject("coreml/serialized.mlmodel", model(sized(3000, sized(2, "?"))), "a model in a format that is not public", not_examined="serialized"),
        reject("coreml/cut.mlmodel", model(network(dense))[:-2], "cut in a field", broken, not_examined="beyond its message"),
        reject("coreml/unknown-field.mlmodel", model(network(dense), sized(9, "hidden")), "a field that the format does not have", not_examined="unknown field 9"),
        reject("coreml/weight-beyond.bin", weights(8, 64)[:-64], "weights beyond the file", layout, not_examined="beyond the file"),
        reject("coreml/weight-count.bin", weights(8, count=3), "more blobs than the file has", layout, not_examined="blob 1 of 3"),
        reject("coreml/weight-moved.bin", weights(8, 64, move=64), "data elsewhere than behind its head", layout, not_examined="elsewhere"),
        reject("coreml/weight-junk.bin", weights(8, junk=b"payload"), "bytes behind the last blob", layout, not_examined="follow the last"),
    ]  # fmt: skip
