"""The manifest of an ML package: which of its files is what."""

from typing import Any

from weighlock.core.text import shown
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.report import Report


def examine_manifest(report: Report, document: Any) -> None:
    """Report items of a Manifest.json that lie outside the package's folder for data."""
    items = document.get("itemInfoEntries") if isinstance(document, dict) else None
    for item in items.values() if isinstance(items, dict) else ():
        path = item.get("path") if isinstance(item, dict) else None
        if not isinstance(path, str):
            continue
        report.link("package-item", f"Data/{path}")
        escape = escape_of(path)
        if escape:
            report.find("coreml-path", f"the item {shown(path)!r} {escape}")
