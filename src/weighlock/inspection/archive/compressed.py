"""A compressed file: what it holds is examined as a file, what stands behind its end as another."""

import re
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.codec import BZIP2, GZIP, LZMA, XZ, ZLIB, Codec
from weighlock.inspection.archive.lz4 import LZ4
from weighlock.inspection.archive.name import leaves
from weighlock.inspection.archive.unpack import Region
from weighlock.inspection.file import File
from weighlock.inspection.span import Reading, read

_SUFFIXES: Final = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar"}
_PACKED: Final = frozenset({".gz", ".gzip", ".bz2", ".xz", ".lzma", ".z", ".zlib", ".zst", ".lz4"})
MAX_NAME_BYTES: Final = 1024  # of the name in a gzip header


def examine_gzip(file: File) -> Reading[None]:
    """Examine what a gzip file (RFC 1952) of one or more members holds. Raises FormatError ``archive-bomb`` and Unexamined."""
    yield from _check_gzip_name(file)
    yield from examine_packed(file, GZIP)


def examine_bzip2(file: File) -> Reading[None]:
    """Examine what a bzip2 file holds. Raises FormatError ``archive-bomb`` and Unexamined."""
    yield from examine_packed(file, BZIP2)


def examine_xz(file: File) -> Reading[None]:
    """Examine what an .xz file holds. Raises FormatError ``archive-bomb`` and Unexamined."""
    yield from examine_packed(file, XZ)


def examine_lzma(file: File) -> Reading[None]:
    """Examine what an .lzma file, the format before .xz, holds. Raises FormatError ``archive-bomb`` and Unexamined."""
    yield from examine_packed(file, LZMA)


def examine_zlib(file: File) -> Reading[None]:
    """Examine what a zlib stream (RFC 1950) holds: joblib writes them. Raises FormatError ``archive-bomb`` and Unexamined."""
    yield from examine_packed(file, ZLIB)


def examine_lz4(file: File) -> Reading[None]:
    """Examine what an LZ4 file of one or more frames holds. Raises FormatError ``archive-bomb`` and Unexamined."""
    yield from examine_packed(file, LZ4)


def examine_packed(file: File, codec: Codec) -> Reading[None]:
    """Examine the content of a file that is compressed as a whole, and what follows it."""
    content = yield from Region(0, file.size, codec, file.budget).measure()
    name = inner_name(file.path)
    file.report.fact("decompressed", f"{content.size} bytes")
    if content.fault:
        file.report.find("archive-corrupt", f"the {codec.name} data is corrupt: {content.fault}")
        file.report.not_examined(f"the {codec.name} data is corrupt: {content.fault}")
    if content.size or not content.fault:
        yield from content.examine(file, name)
    rest = file.size - content.end
    if rest and not content.fault:
        file.report.find("archive-trailing", f"{rest} bytes follow the {codec.name} data", offset=content.end)
        yield from file.part("what follows the end", content.end, rest)


def inner_name(path: str) -> str:
    """Return what the content is called: the name without the suffix that says how it is compressed."""
    name = PurePosixPath(path).name
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
    if suffix in _SUFFIXES:
        return stem + _SUFFIXES[suffix]
    return stem if suffix in _PACKED else name


def _check_gzip_name(file: File) -> Reading[None]:
    """Look at the name in the header, which ``gunzip -N`` gives to what it writes."""
    head = yield from read(0, min(file.size, MAX_NAME_BYTES))
    if len(head) < 10 or not head[3] & 8:
        return
    at = 10
    if head[3] & 4:  # an extra field comes first
        at += 2 + int.from_bytes(head[10:12], "little")
    found = re.compile(rb"[^\0]*").match(head, at)
    name = found.group().decode("latin-1") if found else ""
    file.report.fact("name in the header", name)
    if leaves(name):
        file.report.find(
            "archive-path", f"the header names the content {shown(name)!r}, outside of the folder"
        )
