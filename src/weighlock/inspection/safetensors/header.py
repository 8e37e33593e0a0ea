"""Read a safetensors header and hold it against the file's size, without its tensor data.

A file is an unsigned little-endian u64 N, N bytes of JSON, then tensor data
(huggingface/safetensors, README, "Format"). The reference implementation is laxer than
its README: it takes duplicate keys, leading white space and unknown fields. We are not,
because readers that disagree about a file are how payloads hide.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.safetensors.scan import Entry, HeaderScan
from weighlock.inspection.span import FormatError, Reading, read

MAX_HEADER_BYTES: Final = 100_000_000  # the reference implementation's own limit
PREFIX_BYTES: Final = 8  # holds N
MAX_OFFSET: Final = 2**63 - 1  # no file is longer; products above it have overflowed in some reader
ALIGNMENT_BYTES: Final = 8  # the writer pads the header so that the data starts at a multiple of this
DTYPE_BITS: Final[Mapping[str, int]] = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8,
    "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
_JSON_SPACE: Final = b" \t\n\r"  # what the reference reader takes behind the header


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
    if not raw.startswith(b"{"):
        raise FormatError("safetensors-header", "the header does not start with '{'", PREFIX_BYTES)
    scan = HeaderScan(raw, PREFIX_BYTES)
    tensors = sorted(_tensor(entry) for entry in scan.entries())
    padding = raw[scan.end :]
    if padding.strip(_JSON_SPACE):
        raise FormatError(
            "safetensors-header", "the header is not JSON: something follows it", PREFIX_BYTES + scan.end
        )
    _check_cover(tensors, size - PREFIX_BYTES - length)
    return Header(tensors, scan.metadata, PREFIX_BYTES + length, padding)


def _tensor(entry: Entry) -> Tensor:
    bits = DTYPE_BITS.get(entry.dtype)
    if bits is None:
        raise _wrong(entry.name, f"has the unknown type {shown(entry.dtype)!r}")
    offsets = entry.offsets
    if len(offsets) != 2 or offsets[0] > offsets[1] or offsets[1] > MAX_OFFSET:
        raise _wrong(entry.name, "has offsets that are not two sizes in order")
    total = bits
    for extent in entry.shape:
        total *= extent
        if total > MAX_OFFSET or extent > MAX_OFFSET:
            raise _wrong(entry.name, "has a shape whose product overflows")
    if total % 8 or total // 8 != offsets[1] - offsets[0]:
        length = offsets[1] - offsets[0]
        raise _wrong(entry.name, f"needs {total} bits by type and shape, but has {length} bytes")
    return Tensor(offsets[0], offsets[1], entry.name, entry.dtype)


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
        why = f"tensors cover {covered} bytes of {data_bytes} bytes of data"
        cut = ": the file is cut off" if covered > data_bytes else ""
        raise FormatError("safetensors-layout", why + cut)


def _wrong(name: str, why: str) -> FormatError:
    return FormatError("safetensors-tensor", f"tensor {shown(name)!r} {why}", PREFIX_BYTES)
