"""What JSON configuration of a model makes its reader do."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from weighlock.core.jsontext import distinct_keys, json_depth
from weighlock.core.text import shown
from weighlock.inspection.config.class_name import examine_class, is_own_class
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined, read
from weighlock.inspection.template.examine import examine_template

MAX_JSON_BYTES: Final = 64 * 1024 * 1024  # tokenizer.json reaches about 35 MB
MAX_DEPTH: Final = 500  # nested configurations reach about 20, no reader of models needs more
_FALSE: Final = (False, None, "", "false", "False")  # whatever else Python takes for true
_KERNELS: Final = frozenset({"_attn_implementation", "attn_implementation", "experts_implementation"})


def examine_json_file(file: File) -> Reading[None]:
    """Read a JSON file and add what its keys mean. Raises FormatError ``json-invalid`` and Unexamined."""
    report, size = file.report, file.size
    if size > MAX_JSON_BYTES:
        raise Unexamined(f"JSON of {size} bytes is over the limit of {MAX_JSON_BYTES}")
    document = parse_json((yield from read(0, size)))
    name = PurePosixPath(file.path).name
    if name == "modules.json":
        _examine_modules(report, document)
    for item in _objects(document):
        examine_class(report, item)
        for key, value in item.items():
            _examine_pair(report, key, value)


def parse_json(raw: bytes) -> Any:
    """Return the JSON value of ``raw``; duplicate keys are refused, NaN and large numbers are common and are not.

    Raises FormatError ``json-invalid``.
    """
    if json_depth(raw) > MAX_DEPTH:  # a parser's own limit differs from version to version
        raise FormatError("json-invalid", "the JSON cannot be read: it nests too deep")
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=distinct_keys)
    except ValueError as error:
        raise FormatError("json-invalid", f"the JSON cannot be read: {shown(str(error))}") from error


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(item for item in value if isinstance(item, dict | list))


def _examine_pair(report: Report, key: str, value: Any) -> None:
    if key in {"auto_map", "custom_pipelines"} and value:
        named = ", ".join(_texts(value)) or "something that is not text"
        report.find("config-remote-code", f"{key} names {shown(named)}")
    elif key in _KERNELS and any("/" in text for text in _texts(value)):
        report.find(
            "config-remote-code", f"{key} names kernels to download, {shown(', '.join(_texts(value)))}"
        )
    elif key == "trust_remote_code" and value not in _FALSE:
        report.find("config-trust-remote-code", "trust_remote_code is set")
    elif key == "_target_" and isinstance(value, str):
        report.find("config-target", f"_target_ names {shown(value)}")
    elif key.lower().endswith(("template", "templates")):
        _examine_templates(report, key, value)


def _texts(value: Any) -> list[str]:
    """Return a text, or those in a list or object, at most as many as are shown."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [
        text
        for item in items
        for text in (item if isinstance(item, list) else [item])
        if isinstance(text, str)
    ][:8]


def _examine_templates(report: Report, key: str, value: Any) -> None:
    """Examine a text and those in a list or by name; in {"name": …, "template": …} the key is met by itself."""
    if isinstance(value, str):
        examine_template(report, key, value)
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, text in items:
        if isinstance(text, str) and not str(name).lower().endswith(("template", "templates")):
            examine_template(report, f"{key}.{name}", text)


def _examine_modules(report: Report, document: Any) -> None:
    """sentence-transformers imports what ``type`` names and calls it (its modules.json)."""
    for item in document if isinstance(document, list) else []:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind is not None and not is_own_class(kind):
            report.find("config-module-type", f"a module has the type {shown(str(kind))}")
