"""Tell the models that are JSON documents, by their keys, and hand them to their examinations."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from weighlock.inspection.file import File
from weighlock.inspection.span import Unexamined

# format → the keys that only it has at the root, and its examination
_KINDS: Final[tuple[tuple[str, frozenset[str], str | None], ...]] = (
    ("xgboost-json", frozenset({"learner"}), "tree.xgboost:examine_xgboost"),
    ("skops-schema", frozenset({"__loader__", "__class__", "__module__"}), "skops.judge:examine_schema_file"),
    ("mxnet-symbol", frozenset({"nodes", "arg_nodes", "heads"}), None),
)


def examine_model(file: File, document: dict[str, Any]) -> bool:
    """Examine the model that a document is, and return whether it is one. Raises Unexamined and FormatError."""
    keys = document.keys()
    for name, wanted, examination in _KINDS:
        if wanted <= keys and (name != "xgboost-json" or isinstance(document["learner"], dict)):
            file.report.recognise(name)
            if examination is None:
                raise Unexamined(f"there is no parser for {name}")
            module, function = examination.split(":")
            package = __package__.rpartition(".")[0]
            examine: Callable[[File, dict[str, Any]], None] = getattr(
                import_module(f"{package}.{module}"), function
            )
            examine(file, document)
            return True
    return False
