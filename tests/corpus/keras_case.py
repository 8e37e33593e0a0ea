"""Keras configurations and HDF5 files."""

import base64
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from corpus.case import MARK, Case, accept, reject
from hdf5_maker import (
    DATA,
    array,
    attribute,
    contiguous,
    extent,
    external_files,
    external_link,
    filters,
    fixed_text,
    hdf5,
    header,
    message,
    model,
    other_link,
)
from model_file import zip_of

SYSTEM = f"cos\nsystem\n(V{MARK}\ntR.".encode()
DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"units": 3, "activation": "relu"},
    "registered_name": None,
}
SIXTEEN = bytes(16)
WRITTEN = Path(__file__).parent / "keras_written"


def cases() -> list[Case]:
    return [*_files(), *_broken(), *_configurations(), *_archives(), *_written()]


def _files() -> list[Case]:
    weights = array(4, layout=contiguous(DATA, 16))
    legacy = json.dumps(
        {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": 2}}]}}
    )
    lambda_layer = json.dumps({"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}})
    virtual = array(4, layout=struct.pack("<BBQI", 4, 3, DATA, 0))
    rows = header([message(0x01, extent(0)), attribute("PSEUDOATOM", b"object")])
    return [
        accept("hdf5/weights.h5", model([], weights, data=SIXTEEN), "one array, within the file"),
        accept(
            "hdf5/model.h5",
            model([attribute("model_config", legacy.encode())], weights, data=SIXTEEN),
            "a Keras model with ordinary layers",
        ),
        accept(
            "hdf5/packed.h5",
            model([], array(4, layout=contiguous(DATA, 16), more=[filters(1, 2, 32001)]), data=SIXTEEN),
            "common filters",
        ),
        accept(
            "hdf5/soft.h5",
            model([other_link("s", 1, b"/w0")], weights, data=SIXTEEN),
            "a soft link stays in the file",
        ),
        accept(
            "hdf5/never-written.h5",
            model([], array(4, layout=contiguous(0xFFFF_FFFF_FFFF_FFFF, 0))),
            "an array of fill values",
        ),
        accept("hdf5/user-block.h5", hdf5([header([])], user_block=bytes(512)), "an empty user block"),
        reject(
            "hdf5/lambda.h5",
            model([attribute("model_config", lambda_layer.encode())]),
            "bytecode in the configuration",
            "keras-lambda",
        ),
        reject(
            "hdf5/external-link.h5",
            model([external_link("x", "/etc/passwd", "/data")]),
            "a link into another file (CVE-2026-1669)",
            "hdf5-external",
        ),
        reject(
            "hdf5/external-storage.h5",
            model([], array(4, layout=contiguous(0xFFFF_FFFF_FFFF_FFFF, 16), more=[external_files(DATA)])),
            "elements in another file (CVE-2026-1669)",
            "hdf5-external",
        ),
        reject(
            "hdf5/virtual.h5",
            model([], virtual, data=SIXTEEN),
            "put together from other files",
            "hdf5-external",
        ),
        reject(
            "hdf5/own-link.h5",
            model([other_link("x", 100, b"anything")]),
            "a type of link that only a program knows",
            "hdf5-plugin",
        ),
        reject(
            "hdf5/filter.h5",
            model([], array(4, layout=contiguous(DATA, 16), more=[filters(777)]), data=SIXTEEN),
            "a filter that is loaded as native code",
            "hdf5-plugin",
        ),
        reject(
            "hdf5/bomb.h5",
            model([], array(1 << 40, layout=contiguous(0xFFFF_FFFF_FFFF_FFFF, 0))),
            "four terabytes of nothing (CVE-2026-0897)",
            "hdf5-bomb",
            not_examined="are stored in 0",
        ),
        reject(
            "hdf5/pickled-attribute.h5",
            model([attribute("title", SYSTEM)]),
            "PyTables unpickles attributes",
            "pickle-global-dangerous",
            "pickle-present",
        ),
        reject(
            "hdf5/pickled-rows.h5",
            model([], rows),
            "rows of pickles",
            "hdf5-pickled-rows",
            not_examined="the pickles in the rows",
        ),
        reject(
            "hdf5/user-block-pickle.h5",
            hdf5([header([])], user_block=SYSTEM + bytes(512 - len(SYSTEM))),
            "a pickle in front of the file",
            "pickle-global-dangerous",
            "pickle-present",
            "pickle-trailing-bytes",
        ),
    ]


def _broken() -> list[Case]:
    good = model([], array(4, layout=contiguous(DATA, 16)), data=SIXTEEN)
    outside = model([], array(4, layout=contiguous(DATA, 16)), data=SIXTEEN[:8])
    short = model([], array(400, layout=contiguous(DATA, 16)), data=SIXTEEN)
    circle = header([message(0x10, struct.pack("<QQ", 48 + 10, 24))])
    long_text = struct.pack("<BBHHHB", 3, 0, 2, 8, 4, 0) + b"a\0" + fixed_text(99) + extent() + b"short"
    structure = "hdf5-structure"
    return [
        reject(
            "hdf5/outside.h5",
            outside,
            "elements beyond the end of the file",
            structure,
            not_examined="outside the file",
        ),
        reject(
            "hdf5/short.h5", short, "more elements than bytes", structure, not_examined="outside the file"
        ),
        reject("hdf5/cut.h5", good[:-4], "the end is missing", structure, not_examined="should end at"),
        reject(
            "hdf5/trailing.h5",
            good + b"more",
            "bytes behind the end",
            structure,
            not_examined="should end at",
        ),
        reject(
            "hdf5/no-root.h5",
            hdf5([b""], data=bytes(64)),
            "no object where the root should be",
            structure,
            not_examined="no object header",
        ),
        reject(
            "hdf5/circle.h5",
            hdf5([circle]),
            "a header that continues in itself",
            structure,
            not_examined="in a circle",
        ),
        reject(
            "hdf5/attribute.h5",
            hdf5([header([message(0x0C, long_text)])]),
            "an attribute longer than its message",
            structure,
            not_examined="early",
        ),
        reject(
            "hdf5/version.h5",
            good[:8] + b"\x09" + good[9:],
            "a superblock of a version that nobody knows",
            not_examined="version 9",
        ),
        reject("hdf5/empty.h5", good[:8], "nothing but the signature", structure, not_examined="early"),
    ]


def _configuration(name: str, why: str, part: Any, *rules: str) -> Case:
    document = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"layers": [DENSE, part]},
        "registered_name": None,
    }
    data = json.dumps(document).encode()
    return (reject if rules and rules != ("keras-custom",) else accept)(
        f"keras/{name}/config.json", data, why, *rules
    )


def _named(
    module: str | None, kind: str, config: Any = None, registered: str | None = None
) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": kind,
        "config": {} if config is None else config,
        "registered_name": registered,
    }


def _configurations() -> list[Case]:
    function = "function"
    return [
        _configuration("activation", "an activation by name", _named("builtins", function, "relu", function)),
        _configuration(
            "operation", "a function of keras.ops", _named("keras.ops", function, "relu", function)
        ),
        _configuration(
            "optimizer",
            "a class inside Keras",
            _named("keras.src.backend.torch.optimizers.torch_adam", "Adam", {"name": "adam"}, "Adam"),
        ),
        _configuration(
            "numpy-operation", "an operation as a layer", _named("keras.src.ops.numpy", "Add", {}, "Add")
        ),
        _configuration(
            "vocabulary-list",
            "a vocabulary in the configuration",
            _named("keras.layers", "StringLookup", {"vocabulary": ["a", "b"]}),
        ),
        _configuration(
            "hub",
            "a class of keras_hub",
            _named("keras_hub.src.models.bert.bert_backbone", "BertBackbone", {}, "keras_hub>BertBackbone"),
        ),
        _configuration(
            "registered",
            "a class that the program registers",
            _named(None, "Mine", {}, "own>Mine"),
            "keras-custom",
        ),
        _configuration(
            "tensorflow-function",
            "a function of TensorFlow that computes, as Keras 2 writes it",
            {"class_name": "TFOpLambda", "config": {"name": "add", "function": "math.add"}},
        ),
        _configuration(
            "tensorflow-file",
            "a function of TensorFlow that writes a file",
            {"class_name": "TFOpLambda", "config": {"name": "a", "function": "io.write_file"}},
            "keras-function",
        ),
        _configuration(
            "tensorflow-raw",
            "an operator of TensorFlow by its raw name",
            {"class_name": "TFOpLambda", "config": {"name": "a", "function": "raw_ops.WriteFile"}},
            "keras-function",
        ),
        _configuration(
            "tensorflow-python",
            "a function of TensorFlow that calls Python",
            {"class_name": "TFOpLambda", "config": {"name": "a", "function": "py_function"}},
            "keras-function",
        ),
        _configuration(
            "tensorflow-method",
            "a private method of a class of TensorFlow",
            {
                "class_name": "ClassMethod",
                "config": {"cls_symbol": "RaggedTensor", "method_name": "__init__"},
            },
            "keras-function",
        ),
        _configuration(
            "hub-handle",
            "a layer that loads a model from the network",
            {"class_name": "KerasLayer", "config": {"handle": "https://models.example/a"}},
            "keras-external",
        ),
        _configuration(
            "tokenizer-merges",
            "a tokenizer that opens a path",
            _named("keras_hub.tokenizers", "BytePairTokenizer", {"merges": "/etc/passwd"}),
            "keras-path",
        ),
        _configuration(
            "lambda-layer",
            "a Lambda layer",
            _named(
                "keras.layers",
                "Lambda",
                {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
            ),
            "keras-lambda",
        ),
        _configuration(
            "lambda",
            "a lambda as activation",
            {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}},
            "keras-lambda",
        ),
        _configuration(
            "popen",
            "any class of any module (CVE-2025-1550)",
            _named("subprocess", "Popen", {"args": ["touch", "marker"]}),
            "keras-module",
        ),
        _configuration(
            "builtin",
            "Python's own function under the name of Keras'",
            _named("builtins", function, "exec", function),
            "keras-module",
        ),
        _configuration(
            "other-function",
            "a function of another module",
            _named("os", function, "system", function),
            "keras-module",
        ),
        _configuration(
            "own-module",
            "a class of a module of one's own",
            _named("helpers.layers", "Mine", {}, "Custom>Mine"),
            "keras-module",
        ),
        _configuration(
            "registered-as",
            "a Keras class under the name of a registered one",
            _named("keras.layers", "Dense", {}, "Evil"),
            "keras-module",
        ),
        _configuration(
            "prefix",
            "a module that only begins like Keras",
            _named("keras_evil", "Dense", {}),
            "keras-module",
        ),
        _configuration(
            "get-file",
            "a download (CVE-2025-8747)",
            _named("keras.utils", function, "get_file", function),
            "keras-function",
        ),
        _configuration(
            "load-model",
            "a function that loads a model",
            _named("keras.saving", function, "load_model", function),
            "keras-function",
        ),
        _configuration(
            "vocabulary-path",
            "a vocabulary from a path (CVE-2025-12058)",
            _named("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}),
            "keras-path",
        ),
        _configuration(
            "weights-path",
            "weights of words from a path",
            _named("keras.layers", "TextVectorization", {"idf_weights": "gs://bucket/file"}),
            "keras-path",
        ),
        _configuration(
            "saved-model",
            "another model from a path (CVE-2026-1462)",
            _named("keras.layers", "TFSMLayer", {"filepath": "/tmp/other"}),
            "keras-external",
        ),
        _configuration(
            "torch",
            "a pickled PyTorch module (CVE-2025-49655)",
            _named("keras.layers", "TorchModuleWrapper", {"module": base64.b64encode(SYSTEM).decode()}),
            "keras-torch-module",
        ),
    ]


def _archives() -> list[Case]:
    weights = model([], array(4, layout=contiguous(DATA, 16)), data=SIXTEEN)
    ordinary = json.dumps(
        {"module": "keras", "class_name": "Sequential", "config": {"layers": [DENSE]}}
    ).encode()
    evil = json.dumps(_named("keras.layers", "Lambda", {})).encode()
    metadata = b'{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}'

    def archive(config: bytes, held: bytes) -> bytes:
        return zip_of(
            {"metadata.json": metadata, "config.json": config, "model.weights.h5": held}, zipfile.ZIP_STORED
        )

    return [
        reject(
            "keras/in-comment",
            _in_comment(evil),
            "an HDF5 file in the comment of a ZIP file",
            "hdf5-structure",
            not_examined="comment",
        ),
        accept("keras/model.keras", archive(ordinary, weights), "an ordinary archive"),
        reject("keras/lambda.keras", archive(evil, weights), "a Lambda layer", "keras-lambda"),
        reject(
            "keras/external.keras",
            archive(ordinary, model([external_link("x", "/etc/passwd", "/data")])),
            "weights from another file",
            "hdf5-external",
        ),
    ]


def _in_comment(configuration: bytes) -> bytes:
    """Return a ZIP file that h5py opens: its comment begins where an HDF5 file may begin."""
    sound = zip_of({"a.txt": b"text" + bytes(1024)})
    padded = zip_of({"a.txt": b"text\n" + b"." * (1024 - len(sound) + 1028 - 5)})
    comment = hdf5([header([attribute("model_config", configuration)])], user_block=bytes(len(padded)))[
        len(padded) :
    ]
    assert len(padded) % 512 == 0
    return padded[:-2] + len(comment).to_bytes(2, "little") + comment


def _written() -> list[Case]:
    """Return what Keras itself wrote (``keras_written/write.py``)."""
    sound = [
        accept(f"keras/written/{name}", (WRITTEN / name).read_bytes(), "as Keras wrote it")
        for name in ("functional.keras", "model.h5", "model.keras")
    ]
    name = "lambda.keras"
    raw = (WRITTEN / name).read_bytes()
    return [*sound, reject(f"keras/written/{name}", raw, "a Lambda layer, as Keras wrote it", "keras-lambda")]
