"""Tensor data that lies in other files (onnx/docs/ExternalData.md)."""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.onnx.schema import (
    DATA_LOCATION,
    EXTERNAL_DATA,
    KEY,
    RAW_DATA,
    VALUE,
)
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.report import Report

MAX_OFFSET: Final = 2**63 - 1  # positions in files are signed
KEYS: Final = frozenset({"location", "offset", "length", "checksum"})
_MEMORY: Final = "*/_ORT_MEM_ADDR_/*"  # ONNX Runtime's mark: the offset is an address in the process
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


def examine_external(report: Report, tensor: Message, name: str, needed: int, ends: dict[str, int]) -> None:
    """Check where a tensor's data lies; ``needed`` are the bytes that its shape and type take.

    ``ends`` is how far into each file the tensors reach, and is added to.
    """
    entries = [(entry.text(KEY), entry.text(VALUE)) for entry in tensor.messages(EXTERNAL_DATA)]
    found = dict(entries)
    problems = list(_problems(tensor, entries))
    locations = [value for key, value in entries if key == "location"] or [""]
    offset, length = _number(found, "offset", 0), _number(found, "length", needed)
    if offset is None or length is None or offset + length > MAX_OFFSET:
        problems.append("has an offset or a length that is no number of bytes")
    elif length != needed:
        problems.append(f"has {length} bytes of data, its shape and type need {needed}")
    for problem in problems:
        report.find("onnx-external-data", f"tensor {name} {problem}", offset=tensor.offset)
    for location in locations:  # a reader may take the first or the last
        _examine_location(report, tensor, name, location)
    if offset is not None and length is not None:
        location = locations[-1]
        ends[location] = max(ends.get(location, 0), offset + length)


def _problems(tensor: Message, entries: list[tuple[str, str]]) -> list[str]:
    """Return what is wrong with the entries themselves; onnx before 1.21 sets unknown ones as attributes."""
    keys = [key for key, _ in entries]
    found: list[str] = []
    if tensor.integer(DATA_LOCATION) != 1:
        found.append("names an external file and is not marked as external")
    if RAW_DATA in tensor.values:
        found.append("has its data twice, here and in another file")
    if len(set(keys)) != len(keys):
        found.append("says the same of its external file twice")
    found += [f"has the unknown external entry {shown(key)!r}" for key in keys if key not in KEYS]
    return found


def _number(found: dict[str, str], key: str, default: int) -> int | None:
    text = found.get(key)
    if text is None:
        return default
    return int(text) if _NUMBER.fullmatch(text) else None


def _examine_location(report: Report, tensor: Message, name: str, location: str) -> None:
    if location == _MEMORY:
        told = f"tensor {name} takes its data from an address in the memory of the process"
        report.find("onnx-external-memory", told, offset=tensor.offset)
        return
    escape = "names no file" if not location else escape_of(location)
    if escape:
        told = f"the data of tensor {name} lies in {shown(location)!r}, which {escape}"
        report.find("onnx-external-path", told, offset=tensor.offset)
    elif "\\" in location:
        told = f"tensor {name} names {shown(location)!r}: a backslash separates folders on one system only"
        report.find("onnx-external-data", told, offset=tensor.offset)
