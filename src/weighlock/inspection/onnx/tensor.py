"""Whether a tensor holds as much data as its shape and type say (onnx.proto, TensorProto)."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.onnx.external import examine_external
from weighlock.inspection.onnx.schema import (
    DATA_LOCATION,
    DATA_TYPE,
    DIMS,
    DOUBLE_DATA,
    EXTERNAL_DATA,
    FLOAT_DATA,
    INT32_DATA,
    INT64_DATA,
    RAW_DATA,
    STRING_DATA,
    TENSOR_NAME,
    UINT64_DATA,
)
from weighlock.inspection.protobuf.message import Count, Message
from weighlock.inspection.report import Report

MAX_ELEMENTS: Final = 2**63 - 1  # sizes are signed in every reader
EXTERNAL: Final = 1
_STRING: Final = 8
# type → bits of an element in raw data
_BITS: Final = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
    17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
# type → the typed field that holds it, where that is not int32_data
_FIELDS: Final = {
    1: FLOAT_DATA, 7: INT64_DATA, _STRING: STRING_DATA, 11: DOUBLE_DATA, 12: UINT64_DATA, 13: UINT64_DATA,
    14: FLOAT_DATA, 15: DOUBLE_DATA,
}  # fmt: skip
_PARTS: Final = {14: 2, 15: 2}  # a complex number is two
_TYPED: Final = (FLOAT_DATA, INT32_DATA, STRING_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA)


def examine_tensor(report: Report, tensor: Message, ends: dict[str, int]) -> None:
    """Hold the data of a tensor against its shape and type; ``ends`` notes how far into other files data reaches."""
    name = shown(tensor.text(TENSOR_NAME)) or "without a name"
    kind = tensor.integer(DATA_TYPE)
    elements = _elements(report, tensor, name)
    if elements is None:
        return
    if kind not in _BITS and kind != _STRING:
        report.not_examined(f"tensor {name} has the type {kind}, which is not known")
        return
    needed = -(-elements * _BITS.get(kind, 0) // 8)
    if tensor.integer(DATA_LOCATION) == EXTERNAL or tensor.messages(EXTERNAL_DATA):
        examine_external(report, tensor, name, needed, ends)
        return
    _check_data(report, tensor, name, kind, elements, needed)


def _elements(report: Report, tensor: Message, name: str) -> int | None:
    elements = 1
    for extent in tensor.integers(DIMS):
        elements *= extent
        if extent < 0 or elements > MAX_ELEMENTS:
            problem = "has a negative dimension" if extent < 0 else "has a size that overflows"
            report.find("onnx-tensor", f"tensor {name} {problem}", offset=tensor.offset)
            return None
    return elements


def _check_data(report: Report, tensor: Message, name: str, kind: int, elements: int, needed: int) -> None:
    raw = tensor.extents(RAW_DATA)
    typed = [field for field in _TYPED if field in tensor.values]
    if raw and typed:
        report.find("onnx-tensor", f"tensor {name} has its data twice, raw and typed", offset=tensor.offset)
    if raw:
        if raw[-1].length != needed or kind == _STRING:
            told = f"tensor {name} has {raw[-1].length} bytes of data, its shape and type need {needed}"
            report.find("onnx-tensor", told, offset=raw[-1].offset)
        return
    field = _FIELDS.get(kind, INT32_DATA)
    held = _held(tensor, field)
    wanted = needed if _BITS.get(kind, 8) < 8 else elements * _PARTS.get(kind, 1)
    if typed not in ([], [field]):
        report.find(
            "onnx-tensor", f"tensor {name} has data of another type than its own", offset=tensor.offset
        )
    elif not held.least <= wanted <= held.most:
        told = f"tensor {name} has {_told(held)} values, its shape needs {wanted}"
        report.find("onnx-tensor", told, offset=tensor.offset)


def _held(tensor: Message, field: int) -> Count:
    if field == STRING_DATA:
        count = len(tensor.extents(field))
        return Count(count, count)
    return tensor.count(field)


def _told(count: Count) -> str:
    return str(count.least) if count.least == count.most else f"{count.least} to {count.most}"
