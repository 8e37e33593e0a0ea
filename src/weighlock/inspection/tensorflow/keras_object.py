"""Keras layers that a SavedModel describes: a Lambda layer carries Python code."""

import json
from typing import Any, Final

from weighlock.core.jsontext import json_depth
from weighlock.core.text import shown
from weighlock.inspection.report import Report

MAX_DEPTH: Final = 500  # nested layers reach about 20


def examine_keras_object(report: Report, metadata: str, offset: int) -> None:
    """Report Lambda layers in the JSON description of a Keras object."""
    if "Lambda" not in metadata:
        return
    if json_depth(metadata.encode("utf-8", "surrogatepass")) > MAX_DEPTH:
        report.not_examined("the description of a Keras object nests too deep")
        return
    try:
        document = json.loads(metadata)
    except ValueError:
        report.not_examined("the description of a Keras object cannot be read")
        return
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("class_name") == "Lambda":
                _report_lambda(report, value, offset)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(each for each in value if isinstance(each, dict | list))


def _report_lambda(report: Report, layer: dict[str, Any], offset: int) -> None:
    config = layer.get("config")
    inner = config if isinstance(config, dict) else {}
    name = shown(str(inner.get("name", layer.get("name", ""))))
    kind = "bytecode" if isinstance(inner.get("function"), list | dict) else "the name of a function"
    report.find("keras-lambda", f"the layer {name} is a Lambda with {kind}", offset=offset)
