"""What an OpenVINO model means: the layers of its XML, and the constants that they take from the file beside it.

The XML is read by expat with everything refused that a model does not need: document types and entities. Layers lie
in bodies of layers (Loop, If, TensorIterator); all of them are walked alike. Source: OpenVINO's operation sets.
"""

import re
from functools import cache
from pathlib import PurePosixPath
from typing import Final
from xml.parsers import expat

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.rulebook.table import read_rows
from weighlock.inspection.span import WINDOW_BYTES, FormatError, Reading, Unexamined, read

MAX_XML_BYTES: Final = 256 * 1024 * 1024  # large language models reach about 10 MB
MAX_DEPTH: Final = 200  # elements in each other; a body in a body has about ten more
MAX_ATTRIBUTE_CHARACTERS: Final = 1024 * 1024  # of one element; a list of shapes has some hundred
MAX_TOKEN_BYTES: Final = 4 * 1024 * 1024  # until the next tag: the parser begins anew at it with every window
MAX_OFFSET: Final = 2**63 - 1
_VERSIONS: Final = re.compile(r"opset[0-9]{1,2}|ie_internal_opset|util|experimental|")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_SHAPE: Final = re.compile(r"(?:[0-9]{1,19}(?:,[0-9]{1,19})*)?")
# element type → bits
_BITS: Final = {
    "f64": 64, "f32": 32, "f16": 16, "bf16": 16, "f8e4m3": 8, "f8e5m2": 8, "f8e8m0": 8, "f4e2m1": 4, "i64": 64,
    "i32": 32, "i16": 16, "i8": 8, "i4": 4, "u64": 64, "u32": 32, "u16": 16, "u8": 8, "u6": 6, "u4": 4, "u3": 3,
    "u2": 2, "u1": 1, "boolean": 8, "nf4": 4,
}  # fmt: skip


def examine_openvino(file: File) -> Reading[None]:
    """Account for every byte of a model's XML. Raises FormatError and Unexamined."""
    if file.size > MAX_XML_BYTES:
        raise Unexamined(f"XML of {file.size} bytes is over the limit of {MAX_XML_BYTES}")
    model = _Model(file.report)
    at = 0
    while at < file.size:
        length = min(WINDOW_BYTES, file.size - at)
        model.feed((yield from read(at, length)), last=at + length == file.size)
        at += length
    model.conclude(PurePosixPath(file.path).stem)


@cache
def _published() -> frozenset[str]:
    return frozenset(name for name, _ in read_rows("openvino_operator", 2))


class _Model:
    """What is gathered while the XML is read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._path: list[str] = []
        self._layers = 0
        self._end = 0
        self._fed = 0
        self._foreign: dict[tuple[str, str], int] = {}
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._finish
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def feed(self, raw: bytes, *, last: bool) -> None:
        """Read on; raises FormatError and Unexamined."""
        try:
            self._parser.Parse(raw, last)
        except expat.ExpatError as error:
            told = f"the XML cannot be read: {expat.ErrorString(error.code)} in line {error.lineno}"
            raise FormatError("openvino-structure", told, self._parser.ErrorByteIndex) from error
        self._fed += len(raw)
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN_BYTES:
            raise Unexamined(f"a tag of more than {MAX_TOKEN_BYTES} bytes is not read")

    def conclude(self, stem: str) -> None:
        """Report what needs the whole model; the constants are in the file of its name and ``.bin``."""
        for (kind, version), line in self._foreign.items():
            known = version == "extension" and kind in _published()
            rule = "openvino-extension-operator" if known else "openvino-custom-operator"
            self._report.find(rule, f"the layer {shown(kind)} of version {shown(version)!r}", line=line)
        self._report.fact("layers", self._layers)
        if self._end:
            self._report.link("tensor-data", f"{stem}.bin")
            self._report.link("tensor-data-size", f"{self._end} {stem}.bin")

    def _refuse(self, *_: object) -> None:
        raise FormatError(
            "openvino-entity", "the XML declares a document type", self._parser.CurrentByteIndex
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._path and name != "net":
            raise FormatError("openvino-structure", f"the XML is no model but {shown(name)!r}", 0)
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise Unexamined(f"elements nest deeper than {MAX_DEPTH}")
        if sum(map(len, attributes.values())) > MAX_ATTRIBUTE_CHARACTERS:
            raise Unexamined(f"an element has more than {MAX_ATTRIBUTE_CHARACTERS} characters")
        if name == "net":
            self._report.fact("version", attributes.get("version", ""))
        elif name == "layer":
            self._add_layer(attributes)
        elif "offset" in attributes and "size" in attributes:
            self._add_constant(attributes)

    def _finish(self, _name: str) -> None:
        self._path.pop()

    def _add_layer(self, attributes: dict[str, str]) -> None:
        self._layers += 1
        kind, version = attributes.get("type", ""), attributes.get("version", "")
        if not _VERSIONS.fullmatch(version) and len(self._foreign) < 1000:
            self._foreign.setdefault((kind, version), self._parser.CurrentLineNumber)

    def _add_constant(self, attributes: dict[str, str]) -> None:
        """Hold the range of a constant against its type and shape; older models say neither."""
        line = self._parser.CurrentLineNumber
        numbers = [attributes["offset"], attributes["size"]]
        if not all(map(_NUMBER.fullmatch, numbers)):
            self._report.find("openvino-tensor", "an offset or a size is no number of bytes", line=line)
            return
        offset, size = map(int, numbers)
        if offset + size > MAX_OFFSET:
            self._report.find("openvino-tensor", "a constant ends beyond what a file can have", line=line)
            return
        self._end = max(self._end, offset + size)
        bits, shape = (
            _BITS.get(attributes.get("element_type", "")),
            attributes.get("shape", "").replace(" ", ""),
        )
        if bits is None or "shape" not in attributes:
            return
        if not _SHAPE.fullmatch(shape):
            self._report.find("openvino-tensor", f"a constant has the shape {shown(shape)!r}", line=line)
            return
        elements = 1
        for extent in filter(None, shape.split(",")):
            elements *= int(extent)
            if elements > MAX_OFFSET:
                break
        needed = -(-elements * bits // 8)
        if needed != size:
            told = f"a constant has {size} bytes, its shape and type need {needed}"
            self._report.find("openvino-tensor", told, line=line)
