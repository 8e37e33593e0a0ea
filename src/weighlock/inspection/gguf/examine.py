"""What a GGUF header and its metadata mean."""

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.gguf.ggml_type import GGML_TYPES
from weighlock.inspection.gguf.read import Gguf, read_gguf
from weighlock.inspection.gguf.vocabulary import examine_vocabulary
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.template.examine import examine_template

MAX_PARTS: Final = 1000  # of a split file; the largest models have about 150
_PART: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")


def examine_gguf(file: File) -> Reading[None]:
    """Account for every byte of a GGUF file. Raises FormatError and Unexamined."""
    model = yield from read_gguf(file.size)
    _add_facts(file.report, model)
    for key, text in model.texts.items():
        if "template" in key:
            examine_template(file.report, key, text)
    _examine_names(file.report, model)
    _examine_split(file, model)
    yield from examine_vocabulary(file.report, model)
    yield from examine_tail(file)


def _add_facts(report: Report, model: Gguf) -> None:
    order = "little" if model.little_endian else "big"
    report.fact("version", f"{model.version}, {order}-endian")
    report.fact("tensors", len(model.tensors))
    counted = Counter(GGML_TYPES[tensor.type].name for tensor in model.tensors)
    if counted:
        report.fact("types", ", ".join(f"{count} of {name}" for name, count in sorted(counted.items())))
    for key, text in model.texts.items():
        if "template" not in key:
            report.fact(key, text)


def _examine_names(report: Report, model: Gguf) -> None:
    names = [tensor.name for tensor in model.tensors]
    for name in [*names, *model.texts, *model.numbers, *model.arrays]:
        if not name or not name.isprintable() or "/../" in f"/{name}/" or name.startswith("/"):
            report.find("gguf-name", f"a tensor or entry is named {shown(name)!r}")
            return


def _examine_split(file: File, model: Gguf) -> None:
    """Hold what a part of a split file says of itself against its name, and name its siblings."""
    count, number = model.numbers.get("split.count", 1), model.numbers.get("split.no", 0)
    if not isinstance(count, int) or not isinstance(number, int) or count <= 1:
        return
    report = file.report
    report.fact("part", f"{number + 1} of {count}")
    match = _PART.fullmatch(PurePosixPath(file.path).name)
    if not 0 <= number < count or count > MAX_PARTS:
        report.find("gguf-split", f"it calls itself part {number + 1} of {count}")
    elif match and (int(match[2]), int(match[3])) != (number + 1, count):
        report.find("gguf-split", f"it calls itself part {number + 1} of {count}, against its name")
    elif match:
        for each in range(1, count + 1):
            report.link("shard", f"{match[1]}-{each:05}-of-{count:05}.gguf")
