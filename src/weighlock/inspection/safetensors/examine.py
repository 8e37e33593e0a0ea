"""What a safetensors header means."""

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.safetensors.header import read_header
from weighlock.inspection.span import Reading


def examine_safetensors(file: File) -> Reading[None]:
    """Account for every byte of a safetensors file. Raises FormatError and Unexamined."""
    header = yield from read_header(file.size)
    file.report.fact("tensors", len(header.tensors))
    file.report.fact("data bytes", file.size - header.data_start)
    if header.padding.strip(b" "):
        file.report.find("safetensors-padding", f"the header ends in {shown(repr(header.padding[:20]))}")
    if not header.aligned:
        file.report.find("safetensors-alignment", f"the data starts at byte {header.data_start}")
    for key, value in header.metadata.items():
        file.report.fact(f"metadata {shown(key)}", value)
    yield from examine_tail(file)
