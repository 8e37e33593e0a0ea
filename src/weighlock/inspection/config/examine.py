"""What JSON files of a model make their reader do."""

import json
import re
from pathlib import PurePosixPath
from typing import Any, Final

from weighlock.core.jsontext import json_depth
from weighlock.core.text import shown
from weighlock.inspection.config.class_name import is_own_class
from weighlock.inspection.config.pair import examine_document, leaves
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.repository.secret import find_secrets
from weighlock.inspection.span import FormatError, Reading, Unexamined, read
from weighlock.inspection.tree.arrays import compact_keys
from weighlock.inspection.tree.json_model import examine_model

MAX_JSON_BYTES: Final = 64 * 1024 * 1024  # tokenizer.json reaches about 35 MB
MAX_DEPTH: Final = 500  # nested configurations reach about 20, no reader of models needs more
MAX_TOKENS: Final = 200_000  # added to a tokenizer: models of speech have some ten thousand
_HIDDEN: Final = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
# where diffusers looks components of a pipeline up (its LOADABLE_CLASSES, and the packages that it knows)
_PIPELINE_LIBRARIES: Final = frozenset({"diffusers", "transformers", "onnxruntime.training", "flax", "stable_diffusion", "kandinsky", "wan", "audioldm2", "k_diffusion", "optimum.onnxruntime"})  # fmt: skip


def examine_json_file(file: File) -> Reading[None]:
    """Read a JSON file and add what its keys mean. Raises FormatError ``json-invalid`` and Unexamined."""
    size = file.size
    if size > MAX_JSON_BYTES:
        raise Unexamined(f"JSON of {size} bytes is over the limit of {MAX_JSON_BYTES}")
    raw = yield from read(0, size)
    document = parse_json(raw)
    find_secrets(file.report, raw.decode("utf-8-sig"))
    examine_json(file, document)


def examine_json(file: File, document: Any) -> None:
    """Add what a JSON document under the file's name means."""
    report, name = file.report, PurePosixPath(file.path).name
    if isinstance(document, dict) and "nbformat" in document and isinstance(document.get("cells"), list):
        from weighlock.inspection.python.notebook import examine_notebook  # noqa: PLC0415  # few models have notebooks

        report.format = "notebook"
        examine_notebook(file, document)
        return
    if name == "modules.json":
        _examine_modules(report, document)
    elif name in {"model_index.json", "modular_model_index.json"} and isinstance(document, dict):
        _examine_pipeline(report, document)
    elif name == "Manifest.json":
        from weighlock.inspection.coreml.package import examine_manifest  # noqa: PLC0415  # of ML packages alone

        examine_manifest(report, document)
    if isinstance(document, dict):
        _examine_tokens(report, document)
        if examine_model(file, document):
            return
    examine_document(report, document)


def parse_json(raw: bytes) -> Any:
    """Return the JSON value of ``raw``; duplicate keys are refused, NaN and large numbers are common and are not.

    Raises FormatError ``json-invalid``.
    """
    if json_depth(raw) > MAX_DEPTH:  # a parser's own limit differs from version to version
        raise FormatError("json-invalid", "the JSON cannot be read: it nests too deep")
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=compact_keys)
    except ValueError as error:
        raise FormatError("json-invalid", f"the JSON cannot be read: {shown(str(error))}") from error


def examine_json_lines(file: File) -> Reading[None]:
    """Read a file with one JSON value a line, which is data; raises FormatError and Unexamined."""
    if file.size > MAX_JSON_BYTES:
        raise Unexamined(f"JSON of {file.size} bytes is over the limit of {MAX_JSON_BYTES}")
    raw = yield from read(0, file.size)
    find_secrets(file.report, raw.decode("utf-8", "replace"))
    for line in raw.splitlines():
        if line.strip():
            examine_document(file.report, parse_json(line))


def _examine_modules(report: Report, document: Any) -> None:
    """sentence-transformers imports what ``type`` names and calls it (its modules.json)."""
    for item in document if isinstance(document, list) else []:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind is not None and not is_own_class(kind):
            report.find("config-module-type", f"a module has the type {shown(str(kind))}")
        path = item.get("path") if isinstance(item, dict) else None
        if isinstance(path, str) and leaves(path):
            report.find("config-path", f"a module's path is {shown(path)}")


def _examine_pipeline(report: Report, document: dict[str, Any]) -> None:
    """Diffusers imports ``[library, class]``: its own, those that it knows, else a module of the repository."""
    for name, value in document.items():
        # modular pipelines have a third part, which says where the weights are
        if (
            not isinstance(value, list)
            or len(value) not in {2, 3}
            or not all(isinstance(part, str) for part in value[:2])
        ):
            continue
        library, kind = value[:2]
        if library not in _PIPELINE_LIBRARIES:
            what = f"{shown(name)} is {shown(kind)} of the module {shown(library)}"
            report.find("config-pipeline-library", what)
            if not name.startswith("_"):
                report.link("code", f"{name}/{library}.py")


def _examine_tokens(report: Report, document: dict[str, Any]) -> None:
    """Look for tokens that hide what they say, in tokenizer.json and tokenizer_config.json."""
    added = document.get("added_tokens", document.get("added_tokens_decoder"))
    items = added.values() if isinstance(added, dict) else added if isinstance(added, list) else ()
    for at, item in enumerate(items):
        if at == MAX_TOKENS:
            report.not_examined(f"more than {MAX_TOKENS} tokens are added")
            return
        text = item.get("content") if isinstance(item, dict) else None
        if isinstance(text, str) and _HIDDEN.search(text):
            report.find("config-hidden-token", f"the added token {shown(text)} has hidden characters")
