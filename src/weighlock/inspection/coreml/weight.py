"""Read the weights file of an ML program: blobs, each behind a head of 64 bytes (coremltools, MILBlob/Blob).

The file begins with the number of blobs and version 2. A head has a mark, the type, the length and the place of its
data, which follows it; everything begins at multiples of 64 bytes.
"""

import struct
from typing import Final

from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.protobuf.window import Skimmer
from weighlock.inspection.span import FormatError, Reading, Unexamined

ALIGNMENT_BYTES: Final = 64
VERSION: Final = 2
SENTINEL: Final = 0xDEADBEEF
MAX_BLOBS: Final = 1_000_000  # a large model has some thousand
_HEAD: Final = struct.Struct("<IIQQQ")


def examine_weights(file: File) -> Reading[None]:
    """Account for every byte of a weights file without reading the data. Raises FormatError and Unexamined."""
    window = Skimmer(file.size)
    yield from window.hold(0, min(file.size, ALIGNMENT_BYTES))
    count, version = struct.unpack_from("<II", window.data)
    if version != VERSION or count > MAX_BLOBS:
        raise Unexamined(f"weights of version {version} with {count} blobs are not read")
    at = ALIGNMENT_BYTES
    for number in range(count):
        if at + _HEAD.size > file.size:
            raise FormatError("coreml-weights", f"blob {number} of {count} lies beyond the file", at)
        yield from window.hold(at, _HEAD.size)
        sentinel, _, length, offset, _ = _HEAD.unpack_from(window.data, at - window.base)
        if sentinel != SENTINEL or offset != at + ALIGNMENT_BYTES:
            raise FormatError("coreml-weights", f"blob {number} has no head, or lies elsewhere", at)
        if offset + length > file.size:
            raise FormatError(
                "coreml-weights", f"blob {number} of {length} bytes reaches beyond the file", at
            )
        at = -(-(offset + length) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    if file.size > at:
        raise FormatError("coreml-weights", f"{file.size - at} bytes follow the last blob", at)
    file.report.fact("blobs", count)
    yield from examine_tail(file)
