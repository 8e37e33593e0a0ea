"""The archive behind a TFLite model: files that belong to its metadata (TensorFlow Lite Support, metadata).

Its writers append to the model, so that places in the archive are counted from the beginning of the model, or, by
newer ones, of the archive. Readers take both. The archive is examined as a file of its own, for which places of the
first kind are counted anew.
"""

import struct
from typing import Final

from weighlock.inspection.file import File
from weighlock.inspection.span import Reading, read

MAX_ARCHIVE_BYTES: Final = 64 * 1024 * 1024  # counted anew; labels and vocabularies have some megabytes
_NAME: Final = "associated files"
_END: Final = struct.Struct("<4s4H2IH")
_ENTRY: Final = struct.Struct(
    "<28s3H8sI"
)  # up to the place of the member; its three lengths are in the middle


def examine_associated(file: File, start: int) -> Reading[None]:
    """Examine the archive that begins at byte ``start``."""
    size = file.size - start
    if size > MAX_ARCHIVE_BYTES:
        yield from file.part(_NAME, start, size)
        return
    raw = yield from read(start, size)
    file.unpacked(_NAME, counted_anew(raw, start))


def counted_anew(raw: bytes, start: int) -> bytes:
    """Return an archive whose places count from its own beginning; unchanged if they do, or make no sense."""
    end = raw.rfind(b"PK\5\6")
    if end < 0 or end + _END.size > len(raw):
        return raw
    magic, disk, first, here, count, size, offset, comment = _END.unpack_from(raw, end)
    if offset != end - size + start or offset == end - size:
        return raw
    out = bytearray(raw)
    _END.pack_into(out, end, magic, disk, first, here, count, size, offset - start, comment)
    at = end - size
    while at + _ENTRY.size <= end and raw.startswith(b"PK\1\2", at):
        head, name, extra, note, flags, place = _ENTRY.unpack_from(raw, at)
        if place < start:
            return raw
        _ENTRY.pack_into(out, at, head, name, extra, note, flags, place - start)
        at += _ENTRY.size + name + extra + note
    return bytes(out)
