"""Classes and functions that a configuration names: its reader imports and calls them."""

import re
from typing import Any, Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report

_RULE: Final = "config-module-type"
_TORCH_ACTIVATION: Final = re.compile(r"torch\.nn\.(?:modules\.\w+\.)?[A-Z]\w*")


def examine_class(report: Report, item: dict[str, Any]) -> None:
    """Add what one JSON object says about classes, as Keras and sentence-transformers write it."""
    if "class_name" in item:
        from weighlock.inspection.keras.config import examine_keras_object  # noqa: PLC0415  # most files are not Keras's

        examine_keras_object(report, item)
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
