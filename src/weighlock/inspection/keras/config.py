"""What a Keras configuration makes Keras look up, call or open.

Keras builds a model by looking up ``class_name`` (in its own modules, among registered objects, and
until version 3.9 in any module that ``module`` named) and calling ``from_config`` with ``config``.
"""

import builtins
import json
import re
from typing import Any, Final

from weighlock.core.jsontext import json_depth, objects_of
from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined

MAX_CONFIG_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 500  # as for every JSON
_LOOKUPS: Final = frozenset({"IndexLookup", "IntegerLookup", "StringLookup", "TextVectorization"})
_LAMBDAS: Final = frozenset({"Lambda", "__lambda__"})
_ROOTS: Final = r"(?:tensorflow\.)?(?:keras|tf_keras)(?:\.src|\.api)?(?:\._tf_keras(?:\.keras)?)?"
_PARTS: Final = (
    "activations|constraints|distillation|dtype_policies|engine|initializers|layers|losses|metrics|mixed_precision|"
    "models|optimizers|quantizers|random|regularizers|saving|trainers|backend|ops"
)
_CLASSES: Final = re.compile(rf"{_ROOTS}(?:\.(?:{_PARTS})(?:\.\w+)*)?|keras_(?:hub|nlp|cv)(?:\.\w+)*")
_FUNCTIONS: Final = re.compile(
    rf"{_ROOTS}(?:\.(?:activations|constraints|initializers|losses|metrics|ops|regularizers)(?:\.\w+)*)?"
)

# what Keras 2 writes for TensorFlow's functions in a model of layers: any exported symbol is looked up and called
_SYMBOL_KEYS: Final = {"TFOpLambda": "function", "SlicingOpLambda": "function", "ClassMethod": "cls_symbol"}
_METHODS: Final = frozenset({"ClassMethod", "InstanceMethod", "InstanceProperty"})
_COMPUTES: Final = re.compile(
    r"(?:tf\.)?(?:compat\.v[12]\.)?(?:"
    r"(?:__operators__|audio|bitwise|dtypes|image|keras\.(?:activations|backend|losses|metrics|ops)|linalg|losses|math|nn|"
    r"quantization|ragged|random|sets|signal|sparse|strings)\.(?:\w+\.)*\w+"
    r"|(?!py_func|numpy_func|load_|[Pp]rint|\w*[Ff]ile|while_loop|map_fn|function|init_scope|import_graph_def|device)\w+"
    r"|debugging\.(?:assert|check|is)_\w+)"
)
_OPENED: Final = ("vocabulary", "idf_weights", "merges", "proto", "vocabulary_file")


def examine_keras_text(report: Report, name: str, text: bytes) -> None:
    """Examine a configuration that is kept as JSON text, in an HDF5 attribute say; raises Unexamined."""
    if len(text) > MAX_CONFIG_BYTES or json_depth(text) > MAX_DEPTH:
        raise Unexamined(f"the configuration {shown(name)} is too large or nests too deep")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Unexamined(f"the configuration {shown(name)} is not JSON") from error
    for item in objects_of(document):
        examine_keras_object(report, item)


def examine_keras_object(report: Report, item: dict[str, Any]) -> None:
    """Add what one object of a configuration says; objects without a class name say nothing."""
    kind = item.get("class_name")
    if not isinstance(kind, str):
        return
    config = item.get("config")
    if kind in _LAMBDAS:
        report.find("keras-lambda", f"a part is of the class {kind}")
    elif kind == "TorchModuleWrapper":
        report.find("keras-torch-module", "a layer unpickles a PyTorch module")
    elif kind == "TFSMLayer":
        where = config.get("filepath") if isinstance(config, dict) else None
        report.find("keras-external", f"a layer loads the SavedModel {shown(str(where))}")
    elif isinstance(config, dict):
        _configured(report, kind, config)
    if kind == "function":
        _function(report, item.get("module"), config)
    else:
        _class(report, kind, item)


def _configured(report: Report, kind: str, config: dict[str, Any]) -> None:
    if kind in _LOOKUPS or kind.endswith("Tokenizer"):
        for key in _OPENED:
            value = config.get(key)
            if isinstance(value, str) and value:
                report.find("keras-path", f"a {shown(kind)} reads its {key} from {shown(value[:200])}")
    elif kind == "KerasLayer" and isinstance(config.get("handle"), str):
        report.find("keras-external", f"a layer loads the SavedModel {shown(config['handle'])}")
    symbol = config.get(_SYMBOL_KEYS.get(kind, ""), "")
    if not isinstance(symbol, str) or (symbol and not _COMPUTES.fullmatch(symbol)):
        report.find("keras-function", f"a {kind} calls TensorFlow's {shown(str(symbol))}")
    for key in ("method_name", "attr_name") if kind in _METHODS else ():
        if str(config.get(key, "")).startswith("_"):
            report.find("keras-function", f"a {kind} reaches for {shown(str(config[key]))}")


def _function(report: Report, module: object, name: object) -> None:
    if module is None:
        return  # a name that Keras looks up among its own
    shown_name = f"{shown(str(module))}.{shown(str(name))}"
    if not isinstance(module, str) or not isinstance(name, str) or not name.isidentifier():
        report.find("keras-module", f"a function is {shown_name}")
    elif module == "builtins":
        # Keras looks its activations up under this name, but Python's own functions are there too
        if hasattr(builtins, name):
            report.find("keras-module", f"a function is {shown_name}")
    elif not _FUNCTIONS.fullmatch(module):
        rule = "keras-function" if _CLASSES.match(module) or module.startswith("keras") else "keras-module"
        report.find(rule, f"a function is {shown_name}")


def _class(report: Report, kind: str, item: dict[str, Any]) -> None:
    module, registered = item.get("module"), item.get("registered_name")
    if module is None:
        if isinstance(registered, str) and ">" in registered:
            report.find("keras-custom", f"a part is the registered class {shown(registered)}")
        return
    if not isinstance(module, str) or not _CLASSES.fullmatch(module) or not kind[:1].isupper():
        report.find("keras-module", f"a part is {shown(kind)} of the module {shown(str(module))}")
    elif isinstance(registered, str) and registered not in {"", kind} and ">" not in registered:
        report.find("keras-module", f"a part is {shown(kind)} of Keras, registered as {shown(registered)}")
