"""7z archives: PyTorch loads what was unpacked from one, and few scanners look into them."""

import stat
import zlib
from collections.abc import Callable
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.codec import (
    Bzip2Decoder,
    Codec,
    Corrupt,
    Decoder,
    LzmaDecoder,
    SizedDecoder,
    StoredDecoder,
    ZlibDecoder,
    lzma_filter,
)
from weighlock.inspection.archive.name import check_names, link_leaves
from weighlock.inspection.archive.sevenzip_header import (
    ENCODED,
    RULE,
    Coder,
    Entry,
    Folder,
    Streams,
    read_encoded,
    read_listing,
)
from weighlock.inspection.archive.unpack import Content, Region, Replay, through
from weighlock.inspection.file import File
from weighlock.inspection.span import FormatError, Reading, Unexamined, read, shifted

START_BYTES: Final = 32  # the signature header; places count from its end
MAX_HEADER_BYTES: Final = 16 * 1024 * 1024  # 100,000 names of ordinary length
MAX_TARGET_BYTES: Final = 4096  # of a link
_COPY, _LZMA, _LZMA2, _DELTA = b"\0", b"\3\1\1", b"\x21", b"\3"
_DEFLATE, _BZIP2, _AES = b"\4\1\10", b"\4\2\2", b"\6\xf1\7\1"
# filters of machine code, by 7-Zip's ids → the lzma module's
_BRANCHES: Final = {
    b"\3\3\1\3": "X86", b"\4": "X86", b"\3\3\2\5": "POWERPC", b"\5": "POWERPC", b"\3\3\4\1": "IA64", b"\6": "IA64",
    b"\3\3\5\1": "ARM", b"\7": "ARM", b"\3\3\7\1": "ARMTHUMB", b"\10": "ARMTHUMB", b"\3\3\10\5": "SPARC", b"\t": "SPARC",
}  # fmt: skip

_PLAIN: Final[dict[bytes, Callable[[], Decoder]]] = {
    _COPY: StoredDecoder,
    _DEFLATE: lambda: ZlibDecoder(-zlib.MAX_WBITS),
    _BZIP2: Bzip2Decoder,
}


def examine_sevenzip(file: File) -> Reading[None]:
    """Examine every member of a 7z archive. Raises FormatError ``archive-corrupt`` and Unexamined."""
    report = file.report
    start, length, digest = yield from _signature(file.size)
    raw = yield from read(start, length) if length else _nothing()
    if zlib.crc32(raw) != digest:
        raise FormatError(RULE, "the CRC of the 7z header is wrong", start)
    ranges = [(0, START_BYTES), (start, start + length)]
    if raw[:1] == bytes([ENCODED]):
        raw = yield from _unpacked_header(file, raw, ranges)
    streams, entries = read_listing(raw) if raw else (Streams(), [])
    check_names(report, ((entry.name, 0) for entry in entries if entry.content))
    report.fact("members", len(entries))
    full = [entry for entry in entries if entry.content]
    if len(full) != sum(len(folder.sizes) for folder in streams.folders):
        raise FormatError(RULE, "the 7z header has other names than contents")
    at = START_BYTES + streams.start
    ranges.append((at, at + sum(folder.packed for folder in streams.folders)))
    for folder in streams.folders:
        inside, full = full[: len(folder.sizes)], full[len(folder.sizes) :]
        yield from _examine_folder(file, folder, inside, at)
        at += folder.packed
    yield from _examine_gaps(file, ranges)


def _examine_gaps(file: File, ranges: list[tuple[int, int]]) -> Reading[None]:
    """Examine what belongs to nothing that the archive describes, which is in ``ranges``."""
    at = 0
    for start, end in sorted([*ranges, (file.size, file.size)]):
        start = min(start, file.size)  # noqa: PLW2901  # what is said to lie behind the end is no gap
        if start > at:
            file.report.find(
                "archive-trailing", f"{start - at} bytes belong to no part of the archive", offset=at
            )
            yield from file.part(f"bytes {at} to {start}", at, start - at)
        at = max(at, end)


def _signature(size: int) -> Reading[tuple[int, int, int]]:
    """Return where the header is, its length and its CRC-32."""
    if size < START_BYTES:
        raise FormatError(RULE, "the 7z archive ends too early", 0)
    raw = yield from read(0, START_BYTES)
    if zlib.crc32(raw[12:32]) != int.from_bytes(raw[8:12], "little"):
        raise FormatError(RULE, "the CRC of the 7z archive's start is wrong", 0)
    start = START_BYTES + int.from_bytes(raw[12:20], "little")
    length = int.from_bytes(raw[20:28], "little")
    if start + length > size:
        raise FormatError(RULE, "the 7z archive ends too early", 0)
    if length > MAX_HEADER_BYTES:
        raise Unexamined(f"a 7z header of {length} bytes is over the limit of {MAX_HEADER_BYTES}")
    return start, length, int.from_bytes(raw[28:32], "little")


def _nothing() -> Reading[bytes]:
    yield from ()
    return b""


def _unpacked_header(file: File, raw: bytes, ranges: list[tuple[int, int]]) -> Reading[bytes]:
    streams = read_encoded(raw[1:])
    if len(streams.folders) != 1:
        raise FormatError(RULE, "the packed 7z header is malformed")
    folder = streams.folders[0]
    if folder.size > MAX_HEADER_BYTES:
        raise Unexamined(f"a 7z header of {folder.size} bytes is over the limit of {MAX_HEADER_BYTES}")
    at = START_BYTES + streams.start
    ranges.append((at, at + folder.packed))
    content = yield from _content(file, folder, at)
    if content.fault or content.held is None:
        raise FormatError(RULE, f"the packed 7z header is corrupt: {content.fault}")
    return content.held


def _examine_folder(file: File, folder: Folder, entries: list[Entry], at: int) -> Reading[None]:
    """Examine the members that are packed together in the bytes from ``at`` on."""
    names = shown(", ".join(entry.name for entry in entries))
    try:
        content = yield from _content(file, folder, at)
    except (Unexamined, FormatError) as error:
        if isinstance(error, FormatError):
            file.report.find(error.rule, f"{names}: {error.message}", offset=at)
        file.report.not_examined(f"{names}: {error}")
        return
    if content.fault:
        file.report.find(RULE, f"the packed data of {names} is corrupt: {content.fault}", offset=at)
        file.report.not_examined(f"the packed data of {names} is corrupt")
    replay = Replay(content)
    place = 0
    for entry, size, digest in zip(entries, folder.sizes, folder.digests, strict=True):
        there = max(0, min(size, content.size - place))
        part = (content.held or b"")[place : place + there]
        if len(part) == size and digest not in {None, zlib.crc32(part)}:
            file.report.member(entry.name).find(RULE, "its CRC-32 is wrong")
        yield from _examine_member(file, entry, replay, place, there)
        place += size


def _examine_member(file: File, entry: Entry, replay: Replay, place: int, size: int) -> Reading[None]:
    report = file.report
    kind = stat.S_IFMT(entry.mode)
    if kind in {stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK}:
        report.find("archive-device", f"{shown(entry.name)!r} is a device, pipe or socket")
    if kind == stat.S_IFLNK and size <= MAX_TARGET_BYTES:
        raw = yield from through(read(place, size), replay)
        target = raw.decode("utf-8", "replace")
        out = link_leaves(entry.name.rpartition("/")[0], target)
        told = f"{shown(entry.name)!r} is a link to {shown(target)!r}"
        report.find("archive-link" if out else "archive-link-inside", told)
    inner = file.inner(entry.name, size)
    if inner is not None:
        yield from through(shifted(place, file.examine(inner)), replay)


def _content(file: File, folder: Folder, at: int) -> Reading[Content]:
    """Return what a folder holds; raises Unexamined for what is encrypted or packed in a way not known here."""
    if any(coder.method == _AES for coder in folder.coders):
        file.report.find("archive-encrypted", "a part of the archive is encrypted", offset=at)
        raise Unexamined("it is encrypted")
    if at + folder.packed > file.size:
        raise FormatError(RULE, "the 7z archive ends before its packed data does")
    try:
        codec = codec_of(folder.coders)
        return (yield from Region(at, folder.packed, codec, file.budget).measure())
    except Corrupt as error:
        raise FormatError(RULE, str(error)) from error


def codec_of(coders: list[Coder]) -> Codec:
    """Return the codec of a chain of coders; raises Unexamined if the standard library has none."""
    size = coders[-1].size
    if len(coders) == 1 and coders[0].method in _PLAIN:
        new = _PLAIN[coders[0].method]
        return Codec("7z", lambda: SizedDecoder(new(), size))
    filters = [_filter(coder) for coder in reversed(coders)]
    if coders[0].method not in {_LZMA, _LZMA2} or (coders[0].method == _LZMA and len(coders) > 1):
        # liblzma's filters keep bytes back until they see an end, which plain LZMA data does not have
        raise Unexamined("the archive is packed with a method that is not read")
    return Codec("7z", lambda: SizedDecoder(LzmaDecoder(filters), size))


def _filter(coder: Coder) -> dict[str, int]:
    import lzma  # noqa: PLC0415  # rare, and it loads a library

    method, properties = coder.method, coder.properties
    if method == _LZMA:
        return lzma_filter(properties)
    if method == _LZMA2 and len(properties) == 1 and properties[0] <= 40:
        bits = properties[0]
        return {"id": lzma.FILTER_LZMA2, "dict_size": min((2 | bits & 1) << bits // 2 + 11, 0xFFFFFFFF)}
    if method == _DELTA and len(properties) == 1:
        return {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}
    if method in _BRANCHES and not properties:
        return {"id": getattr(lzma, f"FILTER_{_BRANCHES[method]}")}
    raise Unexamined(f"the archive is packed with method {method.hex()}")
