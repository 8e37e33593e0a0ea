"""What a safetensors header means."""

import base64
import re
from collections import Counter
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.safetensors.header import Header, read_header
from weighlock.inspection.span import Reading
from weighlock.inspection.summary import TENSOR_NAMES, add_summary
from weighlock.inspection.template.examine import examine_template

MAX_SHOWN_ENTRIES: Final = 40  # of metadata, as facts; trainers write some hundred
_SHARD: Final = "-of-"  # in the name of a file of several, which an index describes
MAX_DECODED_CHARACTERS: Final = 1 << 20  # of a value that is decoded to look into it
# a pickle of protocol 2 to 5 in base64 begins with "gA" and one of these
_PICKLE: Final = re.compile(r"gA[I-X][A-Za-z0-9+/_-]{8,}={0,2}")
_CODE: Final = re.compile(
    r"\b(?:__import__|exec|eval|compile)\s*\(|\b(?:os\.(?:system|popen|exec\w*)|subprocess\.\w+)\s*\(|<script\b",
    re.IGNORECASE,
)


def examine_safetensors(file: File) -> Reading[None]:
    """Account for every byte of a safetensors file. Raises FormatError and Unexamined."""
    header = yield from read_header(file.size)
    report = file.report
    report.fact("tensors", len(header.tensors))
    report.fact("data bytes", file.size - header.data_start)
    counted = Counter(tensor.dtype for tensor in header.tensors)
    report.fact("types", ", ".join(f"{count} of {dtype}" for dtype, count in sorted(counted.items())))
    if header.padding.strip(b" "):
        report.find("safetensors-padding", f"the header ends in {shown(repr(header.padding[:20]))}")
    if not header.aligned:
        report.find("safetensors-alignment", f"the data starts at byte {header.data_start}")
    _examine_metadata(file, header)
    _examine_names(file, header)
    if _SHARD in file.path and not file.depth:
        add_summary(report, TENSOR_NAMES, [tensor.name for tensor in header.tensors])
    yield from examine_tail(file)


def _examine_metadata(file: File, header: Header) -> None:
    report = file.report
    for key, value in list(header.metadata.items())[:MAX_SHOWN_ENTRIES]:
        report.fact(f"metadata {shown(key)}", value[:1000])
    for key, value in header.metadata.items():
        if "template" in key.lower() or "{%" in value:
            examine_template(report, f"metadata {key}", value)
        if len(value) <= MAX_DECODED_CHARACTERS and _PICKLE.fullmatch(value.strip()):
            text = value.strip().translate(str.maketrans("-_", "+/"))
            file.unpacked(f"metadata {shown(key)}", base64.b64decode(text + "=" * (-len(text) % 4)))
        elif found := _CODE.search(value):
            told = (
                f"the entry {shown(key)!r} holds code: {shown(value[found.start() : found.start() + 60])!r}"
            )
            report.find("safetensors-code", told)


def _examine_names(file: File, header: Header) -> None:
    """Names become paths and attributes: of modules when loaded, of files when a checkpoint is split."""
    for tensor in header.tensors:
        name = tensor.name
        unseen = not name.isprintable()
        if unseen or ".." in name.split("/") or name.startswith(("/", "__")) or not name:
            told = f"a tensor is named {shown(name)!r}"
            file.report.find("safetensors-name", told)
            return
