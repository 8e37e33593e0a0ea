"""What a checkpoint of Flax means: a tree of arrays, and nothing that runs."""

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.msgpack.read import RULE, Flax
from weighlock.inspection.span import Reading


def examine_msgpack(file: File) -> Reading[None]:
    """Account for every byte of a checkpoint. Raises FormatError ``flax-structure`` or ``flax-array``, and Unexamined."""
    report = file.report
    reader = Flax(file.size)
    end = yield from reader.read()
    report.fact("arrays", reader.arrays)
    report.fact("array bytes", reader.array_bytes)
    report.fact("chunked arrays", reader.chunked)
    if reader.keys:
        report.fact("keys", ", ".join(shown(key) for key in reader.keys))
    for code in reader.unknown:
        report.find("flax-extension", f"values of the extension type {code}, which Flax does not have")
    if end < file.size:
        report.find(RULE, f"{file.size - end} bytes follow the checkpoint", offset=end)
        yield from file.part("what follows the checkpoint", end, file.size - end)
