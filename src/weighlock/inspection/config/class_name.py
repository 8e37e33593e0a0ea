"""Classes and functions that a configuration names: its reader imports and calls them."""

import builtins
import re
from typing import Any, Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report

_RULE: Final = "config-module-type"
# Keras: these carry code or load files whatever else stands beside them (CVE-2025-49655 is the last)
_CARRIERS: Final = frozenset({"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper"})
_KERAS_PARTS: Final = (
    "activations|constraints|dtype_policies|engine|initializers|layers|losses|metrics|mixed_precision|models|"
    "optimizers|quantizers|random|regularizers"
)
_KERAS_CLASSES: Final = re.compile(rf"keras(?:\.src)?(?:\.(?:{_KERAS_PARTS})(?:\.\w+)*)?")
_KERAS_FUNCTIONS: Final = re.compile(
    r"keras(?:\.(?:activations|constraints|initializers|losses|metrics|ops|regularizers))?"
)
_TORCH_ACTIVATION: Final = re.compile(r"torch\.nn\.(?:modules\.\w+\.)?[A-Z]\w*")


def examine_class(report: Report, item: dict[str, Any]) -> None:
    """Add what one JSON object says about classes, as Keras and sentence-transformers write it."""
    kind, module = item.get("class_name"), item.get("module")
    if kind in _CARRIERS:
        report.find("keras-lambda", f"a layer is of the class {kind}")
    if isinstance(kind, str) and module is not None and not _is_keras(module, kind, item.get("config")):
        report.find(_RULE, f"a part is {shown(kind)} of the module {shown(str(module))}")
    named = [item["activation_function"]] if "activation_function" in item else []
    named = [text for text in named if not (isinstance(text, str) and _TORCH_ACTIVATION.fullmatch(text))]
    named.append(item.get("tokenizer_class"))
    if isinstance(item.get("types"), dict) and "structure" in item:
        named.extend(item["types"].values())
    for text in named:
        if isinstance(text, str) and "." in text and not is_own_class(text):
            report.find(_RULE, f"a part is of the type {shown(text)}")


def is_own_class(kind: object) -> bool:
    """Return whether ``kind`` is the dotted name of a class of sentence-transformers."""
    return (
        isinstance(kind, str)
        and kind.startswith("sentence_transformers.")
        and all(part.isidentifier() and not part.startswith("_") for part in kind.split("."))
    )


def _is_keras(module: object, kind: str, config: object) -> bool:
    """Return whether Keras finds ``kind`` among its own layers and functions, and nowhere else (CVE-2025-1550)."""
    if not isinstance(module, str):
        return False
    if kind != "function":
        return bool(_KERAS_CLASSES.fullmatch(module)) and kind[:1].isupper()
    # activations are functions of the module "builtins": Keras looks for them in itself, but Python's are there too
    own = module == "builtins" or _KERAS_FUNCTIONS.fullmatch(module)
    return bool(own) and isinstance(config, str) and config.isidentifier() and not hasattr(builtins, config)
