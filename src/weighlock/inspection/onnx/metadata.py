"""What a model's metadata says, and whether a reader that evaluates it would run code."""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.onnx.schema import KEY, VALUE
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.report import Report

# calls and names that no list of classes, no licence and no description has
_CODE: Final = re.compile(
    r"__(?:import|class|subclasses|globals|builtins|getattribute|reduce|mro|init)__"
    r"|\b(?:eval|exec|compile|getattr|open)\s*\("
    r"|\bos\s*\.\s*(?:system|popen|exec\w+|spawn\w+|remove|environ)\b"
    r"|\bsubprocess\s*\.|\bimportlib\s*\.|\bsocket\s*\.\s*(?:socket|create_connection)\b"
)


def examine_metadata(report: Report, entries: list[Message]) -> None:
    """Report entries that hold code, and entries of one key: which of them counts depends on the reader."""
    seen: dict[str, str] = {}
    for entry in entries:
        key, value = entry.text(KEY), entry.text(VALUE)
        found = _CODE.search(value) or _CODE.search(key)
        if found:
            told = f"the metadata entry {shown(key)!r} holds {shown(found.group())!r}"
            report.find("onnx-metadata-code", told, offset=entry.offset)
        if seen.setdefault(key, value) != value:
            told = f"the metadata entry {shown(key)!r} has two values"
            report.find("onnx-ambiguous", told, offset=entry.offset)
