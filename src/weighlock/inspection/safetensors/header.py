"""Read a safetensors header and hold it against the file's size, without its tensor data.

A file is an unsigned little-endian u64 N, N bytes of JSON, then tensor data
(huggingface/safetensors, README, "Format"). The reference implementation is laxer than
its README: it takes duplicate keys, leading white space and unknown fields. We are not,
because readers that disagree about a file are how payloads hide.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from weighlock.core.jsontext import DuplicateKeyError, distinct_keys, json_depth, refuse_constant
from weighlock.core.limit import MAX_JSON_DEPTH
from weighlock.core.text import shown
from weighlock.inspection.span import FormatError, Reading, read

MAX_HEADER_BYTES: Final = 100_000_000  # the reference implementation's own limit
PREFIX_BYTES: Final = 8  # holds N
MAX_OFFSET: Final = 2**63 - 1  # no file is longer; products above it have overflowed in some reader
MAX_RANK: Final = 64  # readers allocate by rank; no framework has more dimensions
ALIGNMENT_BYTES: Final = 8  # the writer pads the header so that the data starts at a multiple of this
DTYPE_BITS: Final[Mapping[str, int]] = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8,
    "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
_FIELDS: Final = {"dtype", "shape", "data_offsets"}


class Tensor(NamedTuple):
    """A tensor's half-open byte range in the data section, its name and its type."""

    start: int
    end: int
    name: str
    dtype: str


class Header(NamedTuple):
    """What a header says: tensors by offset, metadata, where the data starts, how it was padded."""

    tensors: list[Tensor]
    metadata: dict[str, str]
    data_start: int
    padding: bytes

    @property
    def aligned(self) -> bool:
        """Whether the data starts where the writer would let it."""
        return self.data_start % ALIGNMENT_BYTES == 0


def read_header(size: int) -> Reading[Header]:
    """Return the header of a file of ``size`` bytes whose every byte is accounted for.

    Raises FormatError ``safetensors-header``, ``-duplicate-key``, ``-metadata``, ``-tensor``
    or ``-layout``.
    """
    if size < PREFIX_BYTES:
        raise FormatError("safetensors-header", f"{size} bytes cannot hold the header's length", 0)
    length = int.from_bytes((yield from read(0, PREFIX_BYTES)), "little")
    if length > MAX_HEADER_BYTES:
        raise FormatError("safetensors-header", f"a header of {length} bytes is over the format's limit", 0)
    if length > size - PREFIX_BYTES:
        raise FormatError("safetensors-header", f"a header of {length} bytes does not fit in the file", 0)
    raw = yield from read(PREFIX_BYTES, length)
    document = _parse(raw)
    metadata = _metadata(document.pop("__metadata__", {}))
    tensors = sorted(_tensor(name, fields) for name, fields in document.items())
    _check_cover(tensors, size - PREFIX_BYTES - length)
    return Header(tensors, metadata, PREFIX_BYTES + length, raw[len(raw.rstrip()) :])


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise FormatError("safetensors-header", "the header does not start with '{'", PREFIX_BYTES)
    if json_depth(raw) > MAX_JSON_DEPTH:  # a parser's own limit differs from version to version
        raise FormatError("safetensors-header", "the header is not JSON that nests reasonably", PREFIX_BYTES)
    try:
        document = json.loads(
            raw.decode("utf-8"), object_pairs_hook=distinct_keys, parse_constant=refuse_constant
        )
    except DuplicateKeyError as error:
        raise FormatError(
            "safetensors-duplicate-key", f"the name {shown(error.key)!r} occurs twice", 8
        ) from error
    except ValueError as error:
        raise FormatError("safetensors-header", f"the header is not JSON: {shown(str(error))}", 8) from error
    if not isinstance(document, dict):
        raise FormatError("safetensors-header", "the header is not a JSON object", PREFIX_BYTES)
    return document


def _metadata(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise FormatError("safetensors-metadata", "__metadata__ does not map text to text", PREFIX_BYTES)
    return value


def _tensor(name: str, fields: object) -> Tensor:
    if not isinstance(fields, dict) or fields.keys() != _FIELDS:
        raise _wrong(name, "does not have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    bits = DTYPE_BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        raise _wrong(name, f"has the unknown type {shown(repr(dtype))}")
    if not _are_sizes(shape) or len(shape) > MAX_RANK:
        raise _wrong(name, "has a shape that is not a list of sizes")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _wrong(name, "has offsets that are not two sizes in order")
    total = bits
    for extent in shape:
        total *= extent
        if total > MAX_OFFSET:
            raise _wrong(name, "has a shape whose product overflows")
    if total % 8 or total // 8 != offsets[1] - offsets[0]:
        raise _wrong(name, f"needs {total} bits by type and shape, but has {offsets[1] - offsets[0]} bytes")
    return Tensor(offsets[0], offsets[1], name, dtype)


def _are_sizes(value: object) -> bool:
    # type(), because True is an int and 1.0 equals 1
    return isinstance(value, list) and all(type(item) is int and 0 <= item <= MAX_OFFSET for item in value)


def _check_cover(tensors: list[Tensor], data_bytes: int) -> None:
    covered = 0
    for tensor in tensors:
        if tensor.start != covered:
            kind = "overlaps the one before" if tensor.start < covered else "leaves a gap before it"
            raise FormatError(
                "safetensors-layout", f"tensor {shown(tensor.name)!r} {kind}, at data byte {covered}"
            )
        covered = tensor.end
    if covered != data_bytes:
        raise FormatError(
            "safetensors-layout", f"tensors cover {covered} bytes of {data_bytes} bytes of data"
        )


def _wrong(name: str, why: str) -> FormatError:
    return FormatError("safetensors-tensor", f"tensor {shown(name)!r} {why}", PREFIX_BYTES)
