"""What a GGUF header and its metadata mean."""

from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.gguf.read import Gguf, read_gguf
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.template.examine import examine_template


def examine_gguf(file: File) -> Reading[None]:
    """Account for every byte of a GGUF file. Raises FormatError and Unexamined."""
    model = yield from read_gguf(file.size)
    _add_facts(file.report, model)
    for key, text in model.texts.items():
        if "template" in key:
            examine_template(file.report, key, text)
    yield from examine_tail(file)


def _add_facts(report: Report, model: Gguf) -> None:
    order = "little" if model.little_endian else "big"
    report.fact("version", f"{model.version}, {order}-endian")
    report.fact("tensors", len(model.tensors))
    for key in ("general.architecture", "general.name"):
        if key in model.texts:
            report.fact(key, model.texts[key])
