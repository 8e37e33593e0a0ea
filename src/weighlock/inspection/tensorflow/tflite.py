"""What a TFLite model means: its operators, tensors against buffers, and what lies behind the model."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.flatbuffer.read import FlatBuffer, Table
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined, read
from weighlock.inspection.tensorflow.associated import examine_associated
from weighlock.inspection.tensorflow.tflite_operator import examine_code, examine_flex
from weighlock.inspection.tensorflow.tflite_schema import (
    BITS,
    BUFFERS,
    DESCRIPTION,
    EXTERNAL_BUFFERS,
    EXTERNAL_GROUPS,
    METADATA,
    MODEL_VERSION,
    OPERATOR_CODES,
    SIGNATURES,
    SUBGRAPHS,
    VERSION,
    Buffer,
    Code,
    Operator,
    Tensor,
    read_buffer,
    read_code,
    read_operator,
    read_tensor,
)

MAX_HOLE_BYTES: Final = (
    4096  # that no part refers to: options of builtin operators and padding are not followed
)
_OPTIONAL: Final = -1  # an operand that is left out
_MAX_ELEMENTS: Final = 2**63 - 1


def examine_tflite(file: File) -> Reading[None]:
    """Account for every byte of a TFLite model. Raises FormatError and Unexamined."""
    buffer = FlatBuffer(file.size, "tflite-structure")
    model = yield from buffer.root()
    version = yield from buffer.scalar(model, MODEL_VERSION, "I")
    if version != VERSION:
        raise Unexamined(f"schema version {version} of TFLite is not known")
    parts = _Model(file.report, buffer)
    yield from parts.read(model)
    yield from _examine_end(file, buffer.touched)


class _Model:
    """The parts of a model that others refer to by index."""

    def __init__(self, report: Report, buffer: FlatBuffer) -> None:
        self._report = report
        self._file = buffer
        self._codes: list[Code] = []
        self._buffers: list[Buffer] = []

    def read(self, model: Table) -> Reading[None]:
        """Read and judge all parts."""
        yield from self._file.text(model, DESCRIPTION)
        for table in (yield from self._file.tables(model, OPERATOR_CODES)):
            code = yield from read_code(self._file, table)
            self._codes.append(code)
        for table in (yield from self._file.tables(model, BUFFERS)):
            held = yield from read_buffer(self._file, table)
            self._add_buffer(held, table.at)
        yield from self._read_external(model)
        subgraphs = yield from self._file.tables(model, SUBGRAPHS)
        operators = 0
        for subgraph in subgraphs:
            operators += yield from self._read_subgraph(subgraph)
        yield from self._read_names(model)
        for code in self._codes:
            examine_code(self._report, code)
        self._report.fact("subgraphs", len(subgraphs))
        self._report.fact("operators", operators)
        self._report.fact("buffers", len(self._buffers))

    def _add_buffer(self, held: Buffer, at: int) -> None:
        if held.offset + held.length > self._file.size:
            told = f"buffer {len(self._buffers)} of {held.length} bytes reaches beyond the file"
            raise FormatError("tflite-structure", told, at)
        self._file.touch(held.offset, held.length)
        self._buffers.append(held)

    def _read_external(self, model: Table) -> Reading[None]:
        """Groups name files that hold buffers."""
        ends: dict[int, int] = {}
        for table in (yield from self._file.tables(model, EXTERNAL_BUFFERS)):
            group = yield from self._file.scalar(table, 1, "I")
            offset = yield from self._file.scalar(table, 2, "Q")
            length = yield from self._file.scalar(table, 3, "Q")
            ends[group] = max(ends.get(group, 0), offset + length)
        for index, table in enumerate((yield from self._file.tables(model, EXTERNAL_GROUPS))):
            name = (yield from self._file.text(table, 0)) or ""
            self._report.link("tensor-data", name)
            self._report.link("tensor-data-size", f"{ends.get(index, 0)} {name}")
            escape = escape_of(name) if name else "names no file"
            if escape:
                told = f"a group of buffers lies in {shown(name)!r}, which {escape}"
                self._report.find("tflite-external-path", told, offset=table.at)

    def _read_names(self, model: Table) -> Reading[None]:
        """Metadata and signatures: names, and buffers that they refer to."""
        for table in (yield from self._file.tables(model, METADATA)):
            name = yield from self._file.text(table, 0)
            index = yield from self._file.scalar(table, 1, "I")
            self._report.fact("metadata", name or "")
            self._check_index(index, len(self._buffers), "metadata", table.at)
        for table in (yield from self._file.tables(model, SIGNATURES)):
            key = yield from self._file.text(table, 2)
            self._report.fact("signature", key or "")

    def _read_subgraph(self, subgraph: Table) -> Reading[int]:
        tensors: list[Tensor] = []
        for table in (yield from self._file.tables(subgraph, 0)):
            tensor = yield from read_tensor(self._file, table)
            tensors.append(tensor)
            self._check_tensor(tensor)
        operators = yield from self._file.tables(subgraph, 3)
        for slot in (1, 2):
            ends = yield from self._file.numbers(subgraph, slot, "i", 100_000)
            self._check_operands(ends, len(tensors), "a subgraph", subgraph.at)
        for table in operators:
            operator = yield from read_operator(self._file, table)
            yield from self._check_operator(operator, len(tensors))
        return len(operators)

    def _check_tensor(self, tensor: Tensor) -> None:
        name = shown(tensor.name)
        self._check_index(tensor.buffer, len(self._buffers), f"tensor {name}", tensor.at)
        length = self._buffers[tensor.buffer].length
        if not length or tensor.sparse or tensor.kind not in BITS:
            return
        elements = 1
        for extent in tensor.shape:
            elements *= extent
            if extent < 0 or elements > _MAX_ELEMENTS:
                told = f"tensor {name} has a dimension that is negative, or a size that overflows"
                self._report.find("tflite-tensor", told, offset=tensor.at)
                return
        needed = -(-elements * BITS[tensor.kind] // 8)
        if length != needed:
            told = f"tensor {name} has {length} bytes of data, its shape and type need {needed}"
            self._report.find("tflite-tensor", told, offset=tensor.at)

    def _check_operator(self, operator: Operator, tensors: int) -> Reading[None]:
        self._check_index(operator.code, len(self._codes), "an operator", operator.at)
        self._check_operands(operator.inputs, tensors, "an operator", operator.at)
        self._check_operands(operator.outputs, tensors, "an operator", operator.at, least=0)
        large = operator.large
        if large.offset + large.length > self._file.size:
            raise FormatError(
                "tflite-structure", "the options of an operator reach beyond the file", operator.at
            )
        self._file.touch(large.offset, large.length)
        options = Buffer(operator.options.at, operator.options.length) if operator.options else large
        yield from examine_flex(self._report, self._file, self._codes[operator.code], options)

    def _check_index(self, index: int, count: int, what: str, at: int) -> None:
        if index >= count:
            raise FormatError("tflite-structure", f"{what} refers to part {index} of {count}", at)

    def _check_operands(
        self, indexes: tuple[int, ...], count: int, what: str, at: int, *, least: int = _OPTIONAL
    ) -> None:
        for index in indexes:
            if not least <= index < count:
                raise FormatError("tflite-structure", f"{what} refers to tensor {index} of {count}", at)


def _examine_end(file: File, touched: list[tuple[int, int]]) -> Reading[None]:
    """Find bytes that no part refers to. Files that belong to the metadata follow the model as an archive."""
    reached = 0
    for start, end in sorted(touched):
        if start - reached > MAX_HOLE_BYTES:
            raise FormatError(
                "tflite-hidden", f"{start - reached} bytes belong to no part of the model", reached
            )
        reached = max(reached, end)
    left = file.size - reached
    head = yield from read(reached, min(left, 64))
    archive = head.find(b"PK\x03\x04")
    if archive >= 0:
        yield from examine_associated(file, reached + archive)
        return
    if left > MAX_HOLE_BYTES:
        raise FormatError("tflite-hidden", f"{left} bytes follow the model", reached)
    yield from examine_tail(file)
