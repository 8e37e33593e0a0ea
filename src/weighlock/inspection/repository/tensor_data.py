"""Files of raw tensor data: nothing in them says what they are, so the models that name them must.

A graph notes by ``tensor-data-size`` links how far its tensors reach into another file. Such a file is accounted for
if it is nothing else by its content, a model that was examined names it, and it ends where the tensors do, padding
apart. One that is shorter makes readers that believe the model read beyond it.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from weighlock.core.finding import Examined, Finding
from weighlock.core.text import shown
from weighlock.inspection.rulebook.registry import find_rule

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
MAX_SURPLUS_BYTES: Final = 64 * 1024  # behind the last tensor: writers align to the pages of any system
FORMAT: Final = "tensor-data"
_UNKNOWN: Final = "unknown"
# the format that names the data → the rule by which data that is too short speaks
_RULES: Final = {
    "onnx": "onnx-external-data",
    "tf-checkpoint": "tf-checkpoint",
    "coreml": "coreml-weights",
    "openvino": "openvino-tensor",
    "tflite": "tflite-structure",
}


def settle_data(files: Sequence[tuple[Examined, int]]) -> dict[str, Examined]:
    """Return what changes of the results by path; each result comes with the size of its file in bytes."""
    by_path = {each.path: (each, size) for each, size in files}
    changed: dict[str, Examined] = {}
    reach: dict[str, int] = {}
    for each, _ in files:
        for path, end in _claims(each):
            if path not in by_path:
                continue  # a model without its data does not load; nothing of it escapes examination
            if end > by_path[path][1]:
                changed[each.path] = _short(changed.get(each.path, each), path, end, by_path[path][1])
            elif each.not_examined is None:
                reach[path] = max(reach.get(path, 0), end)
    changed.update(_settled(by_path, reach))
    return changed


def _claims(each: Examined) -> Iterator[tuple[str, int]]:
    """Yield the files that a model names, and how far it reaches into them; what is in archives stays there."""
    for link in each.links:
        if link.kind == "tensor-data-size" and not link.member and each.format in _RULES:
            end, _, target = link.target.partition(" ")
            if not _NUMBER.fullmatch(end):
                continue
            path = posixpath.normpath(posixpath.join(posixpath.dirname(each.path), target))
            if not path.startswith(("/", "../")):
                yield path, int(end)


def _settled(by_path: Mapping[str, tuple[Examined, int]], reach: Mapping[str, int]) -> dict[str, Examined]:
    found: dict[str, Examined] = {}
    for path, end in reach.items():
        each, size = by_path[path]
        untouched = each.format == _UNKNOWN and not each.findings and len(each.skipped) <= 1
        if not untouched:
            continue
        if size - end > MAX_SURPLUS_BYTES:
            reason = f"the models beside it describe {end} of its bytes"
            found[path] = replace(each, not_examined=reason, skipped=(reason,))
        else:
            found[path] = replace(each, format=FORMAT, formats=(FORMAT,), not_examined=None, skipped=())
    return found


def _short(each: Examined, path: str, end: int, size: int) -> Examined:
    about = find_rule(_RULES[each.format])
    told = f"its tensors reach to byte {end} of {shown(path)}, which has {size}"
    finding = Finding(about.id, about.severity, about.confidence, shown(each.path), told, about.remedy)
    return replace(each, findings=(finding, *each.findings))
