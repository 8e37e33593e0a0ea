"""Examine one file: say what it is by its bytes, run that format's parser, judge by its rules."""

from collections.abc import Callable
from typing import Final, NamedTuple

from weighlock.core.finding import Examined
from weighlock.core.text import shown
from weighlock.inspection.format.detect import (
    HEAD_BYTES,
    Detected,
    detect,
    may_go_on_as_pickle,
    reaches_out,
)
from weighlock.inspection.format.gguf import Gguf, read_gguf
from weighlock.inspection.format.npy import read_npy
from weighlock.inspection.format.pickle_stream import read_pickles
from weighlock.inspection.format.safetensors import read_header
from weighlock.inspection.format.zip_archive import ends_as_zip
from weighlock.inspection.report import Report
from weighlock.inspection.rule.archive import examine_zip
from weighlock.inspection.rule.config import examine_json
from weighlock.inspection.rule.pickle import examine_pickles
from weighlock.inspection.rule.template import examine_template
from weighlock.inspection.rule.text import examine_text
from weighlock.inspection.span import FormatError, Reading, Unexamined, read, shifted


class _File(NamedTuple):
    report: Report
    path: str
    size: int
    depth: int


def inspect_file(path: str, size: int) -> Reading[Examined]:
    """Return what a file of ``size`` bytes holds; ``path`` is its name within the model.

    Never raises for what the file holds: what breaks its format is a finding, what could not
    be read is ``not_examined``.
    """
    report = Report(path)
    yield from _examine(report, path, size, 0)
    return report.examined()


def _examine(report: Report, path: str, size: int, depth: int) -> Reading[None]:
    try:
        head = yield from read(0, min(size, HEAD_BYTES))
        found = yield from _settle(detect(head, size, path), head, size)
        report.format = found.format
        if not found.agrees:
            promised = " or ".join(sorted(found.promised))
            report.find("name-mismatch", f"the name promises {promised}, the content is {found.format}")
        examine = _EXAMINERS.get(found.format)
        if examine is None:
            raise Unexamined(f"there is no parser for {found.format}")
        yield from examine(_File(report, path, size, depth))
    except FormatError as error:
        report.find(error.rule, error.message, offset=error.offset)
        report.not_examined(error.message)
    except Unexamined as limit:
        report.not_examined(limit.reason)


def _settle(found: Detected, head: bytes, size: int) -> Reading[Detected]:
    """Return the format after reading on, where the head of the file could not tell whether it is a pickle."""
    if found.format in _EXAMINERS and found.format not in _UNMARKED | _ALSO_PICKLE:
        return found
    if not may_go_on_as_pickle(head, size):
        return found
    pickles = yield from read_pickles(size)
    whole = pickles.rest == size and all(stream.stopped and stream.usable for stream in pickles.streams)
    imports = found.format in _ALSO_PICKLE and any(stream.names for stream in pickles.streams)
    is_pickle = whole or imports or any(map(reaches_out, pickles.streams))
    return found._replace(format="pickle") if is_pickle else found


def _safetensors(file: _File) -> Reading[None]:
    header = yield from read_header(file.size)
    file.report.fact("tensors", len(header.tensors))
    file.report.fact("data bytes", file.size - header.data_start)
    if header.padding.strip(b" "):
        file.report.find("safetensors-padding", f"the header ends in {shown(repr(header.padding[:20]))}")
    if not header.aligned:
        file.report.find("safetensors-alignment", f"the data starts at byte {header.data_start}")
    for key, value in header.metadata.items():
        file.report.fact(f"metadata {shown(key)}", value)
    yield from _no_archive(file)


def _gguf(file: _File) -> Reading[None]:
    model = yield from read_gguf(file.size)
    _add_gguf_facts(file.report, model)
    for key, text in model.texts.items():
        if "template" in key:
            examine_template(file.report, key, text)
    yield from _no_archive(file)


def _no_archive(file: _File) -> Reading[None]:
    """Say that a tensor file is an archive too: readers of ZIP files look at the end and allow anything before."""
    if (yield from ends_as_zip(file.size)):
        file.report.find("zip-structure", "the file is an archive too, for readers that begin at its end")


def _add_gguf_facts(report: Report, model: Gguf) -> None:
    order = "little" if model.little_endian else "big"
    report.fact("version", f"{model.version}, {order}-endian")
    report.fact("tensors", len(model.tensors))
    for key in ("general.architecture", "general.name"):
        if key in model.texts:
            report.fact(key, model.texts[key])


def _npy(file: _File) -> Reading[None]:
    array = yield from read_npy(file.size)
    if array.objects:
        file.report.find(
            "npy-object-array", "its elements are Python objects, stored as a pickle", offset=array.data_start
        )
        yield from shifted(array.data_start, examine_pickles(file.report, file.size - array.data_start))


def _pickles(file: _File) -> Reading[None]:
    yield from examine_pickles(file.report, file.size)


def _legacy_torch(file: _File) -> Reading[None]:
    yield from examine_pickles(file.report, file.size, legacy_torch=True)


def _zip(file: _File) -> Reading[None]:
    yield from examine_zip(file.report, file.size, file.depth, _examine)


def _json(file: _File) -> Reading[None]:
    yield from examine_json(file.report, file.path, file.size)


def _text(file: _File) -> Reading[None]:
    yield from examine_text(file.report, file.path, file.size)


def _empty(file: _File) -> Reading[None]:
    file.report.fact("size", "no bytes")
    yield from ()


def _present(rule: str, what: str) -> Callable[[_File], Reading[None]]:
    """Return an examiner for what must not be there: its presence is the finding, its content is not read."""

    def examine(file: _File) -> Reading[None]:
        file.report.find(rule, f"the file is {what}")
        file.report.not_examined(f"what {what} does is not analysed")
        yield from ()

    return examine


_NATIVE: Final = _present("native-code", "machine code")
_EXAMINERS: Final[dict[str, Callable[[_File], Reading[None]]]] = {
    "elf": _NATIVE,
    "empty": _empty,
    "gguf": _gguf,
    "joblib": _pickles,
    "json": _json,
    "mach-o": _NATIVE,
    "npy": _npy,
    "pe": _NATIVE,
    "pickle": _pickles,
    "pyc": _present("python-bytecode", "compiled Python"),
    "python": _present("python-source", "Python source"),
    "safetensors": _safetensors,
    "script": _present("script", "a script"),
    "text": _text,
    "torch-legacy": _legacy_torch,
    "zip": _zip,
}
_UNMARKED: Final = frozenset({"json", "python", "script", "text"})  # told without a magic number
# "G" is BINFLOAT, and a safetensors header may be of any length: loaders that go by a name such as .bin unpickle them
_ALSO_PICKLE: Final = frozenset({"gguf", "safetensors"})
EXAMINED_FORMATS: Final = tuple(sorted(_EXAMINERS))
