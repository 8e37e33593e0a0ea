"""Read a safetensors file: where each tensor is, checked before a byte of it is used.

A file is an unsigned little-endian u64 N, N bytes of JSON, then the tensor data
(huggingface/safetensors, README, "Format"). Standard library only.
"""

import json
import math
from pathlib import Path
from typing import Final, NamedTuple

MAX_HEADER_BYTES: Final = 100_000_000  # the reference implementation's own limit
PREFIX_BYTES: Final = 8  # holds N
ITEM_BYTES: Final = {"F32": 4, "I64": 8}  # the two types that this model has


class WeightsError(ValueError):
    """The file is truncated, malformed, or lacks what the model needs."""


class Tensor(NamedTuple):
    """A tensor's type, shape (outermost dimension first) and place in the file, in bytes."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    size_bytes: int


def read_index(path: Path) -> dict[str, Tensor]:
    """Return every tensor of the safetensors file at ``path``, by name.

    Raises WeightsError if the header is truncated, too large or malformed, if a size
    disagrees with its shape, or if a byte of the data belongs to no tensor or to two.
    """
    file_size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(PREFIX_BYTES), "little")
        if length > min(MAX_HEADER_BYTES, file_size - PREFIX_BYTES):
            raise WeightsError(f"a header of {length} bytes is too large or truncated")
        header = _decode_header(file.read(length))
    start = PREFIX_BYTES + length
    tensors = {name: _read_entry(name, entry, start) for name, entry in header.items()}
    _require_full_cover(tensors, start, file_size)
    return tensors


def _decode_header(head: bytes) -> dict[str, object]:
    try:
        header = json.loads(head, object_pairs_hook=_require_unique)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise WeightsError("the header is not a JSON object")
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def _require_unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise WeightsError("a name occurs twice")  # readers disagree about which of them counts
    return members


def _read_entry(name: str, entry: object, start: int) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end]}:
            pass
        case _:
            raise WeightsError(f"the entry of tensor {name!r} is malformed")
    # bool is a kind of int in Python, and JSON's 1.0 is equal to 1: compare the exact type
    if any(type(number) is not int or number < 0 for number in (*shape, begin, end)):
        raise WeightsError(f"tensor {name!r} has a number that is no natural number")
    if dtype not in ITEM_BYTES:
        raise WeightsError(f"tensor {name!r} is of type {dtype!r}, which this model does not use")
    if end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
        raise WeightsError(f"tensor {name!r} has a size that disagrees with its shape")
    return Tensor(dtype, tuple(shape), start + begin, end - begin)


def _require_full_cover(tensors: dict[str, Tensor], start: int, file_size: int) -> None:
    position = start
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].offset, item[0])):
        if tensor.offset != position:
            raise WeightsError(f"tensor {name!r} should start at byte {position}")
        position += tensor.size_bytes
    if position != file_size:
        raise WeightsError(f"the tensors end at byte {position}, the file at {file_size}")
