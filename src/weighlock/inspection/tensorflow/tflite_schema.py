"""Slots of TFLite's tables (tensorflow/compiler/mlir/lite/schema/schema.fbs, schema version 3)."""

from typing import Final, NamedTuple

from weighlock.inspection.flatbuffer.read import FlatBuffer, Table, Vector
from weighlock.inspection.span import Reading

VERSION: Final = 3
LAST_BUILTIN: Final = 208  # STABLEHLO_CASE, the last operator of TensorFlow 2.21
CUSTOM: Final = 32
MAX_DIMENSIONS: Final = 64  # of a tensor; kernels take 8
MAX_OPERANDS: Final = 10_000  # of an operator; a concatenation may have hundreds
MODEL_VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, METADATA_BUFFER = range(6)
METADATA, SIGNATURES, EXTERNAL_GROUPS, EXTERNAL_BUFFERS = range(6, 10)
# type → bits of an element; texts, resources and variants have none
BITS: Final = {
    0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64, 15: 32, 16: 16, 17: 4,
    18: 16, 19: 2, 20: 4,
}  # fmt: skip


class Code(NamedTuple):
    """An operator that the model uses: its number, or its name if it is a custom one."""

    number: int
    name: str
    at: int


class Buffer(NamedTuple):
    """Where a buffer's data lies, in bytes of the file."""

    offset: int
    length: int


class Tensor(NamedTuple):
    """A tensor: its name, type, shape, buffer, whether it is sparse, and where it is described."""

    name: str
    kind: int
    shape: tuple[int, ...]
    buffer: int
    sparse: bool
    at: int


class Operator(NamedTuple):
    """An operator: the index of its code, its tensors, its own options, and where it is described."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Vector | None
    large: Buffer
    at: int


def read_code(buffer: FlatBuffer, table: Table) -> Reading[Code]:
    """Return an OperatorCode; the number is in the wider field, or in the older one of 8 bits."""
    old = yield from buffer.scalar(table, 0, "b")
    name = yield from buffer.text(table, 1)
    new = yield from buffer.scalar(table, 3, "i")
    return Code(max(old, new), name or "", table.at)


def read_buffer(buffer: FlatBuffer, table: Table) -> Reading[Buffer]:
    """Return a Buffer, whose data is inside the model or, in files over 2 GB, behind it."""
    held = yield from buffer.vector(table, 0, 1)
    offset = yield from buffer.scalar(table, 1, "Q")
    length = yield from buffer.scalar(table, 2, "Q")
    if held is not None:
        return Buffer(held.at, held.length)
    return Buffer(offset, length) if offset > 1 else Buffer(0, 0)  # 1 is a mark of writers for "not yet"


def read_tensor(buffer: FlatBuffer, table: Table) -> Reading[Tensor]:
    """Return a Tensor; its scales and zero points are only accounted for."""
    shape = yield from buffer.numbers(table, 0, "i", MAX_DIMENSIONS)
    kind = yield from buffer.scalar(table, 1, "b")
    index = yield from buffer.scalar(table, 2, "I")
    name = yield from buffer.text(table, 3)
    quantization = yield from buffer.table(table, 4)
    if quantization is not None:
        for slot, width in ((0, 4), (1, 4), (2, 4), (3, 8)):
            yield from buffer.vector(quantization, slot, width)
    sparsity = yield from buffer.table(table, 6)
    yield from buffer.vector(table, 7, 4)
    return Tensor(name or "", kind, shape, index, sparsity is not None, table.at)


def read_operator(buffer: FlatBuffer, table: Table) -> Reading[Operator]:
    """Return an Operator; the options of builtin ones are not read."""
    code = yield from buffer.scalar(table, 0, "I")
    inputs = yield from buffer.numbers(table, 1, "i", MAX_OPERANDS)
    outputs = yield from buffer.numbers(table, 2, "i", MAX_OPERANDS)
    options = yield from buffer.vector(table, 5, 1)
    intermediates = yield from buffer.numbers(table, 8, "i", MAX_OPERANDS)
    offset = yield from buffer.scalar(table, 9, "Q")
    length = yield from buffer.scalar(table, 10, "Q")
    large = Buffer(offset, length) if offset > 1 else Buffer(0, 0)
    return Operator(code, inputs + intermediates, outputs, options, large, table.at)
