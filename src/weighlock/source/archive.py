"""Read a zip that may lie. Two readers that disagree about an archive are an attack.

Stricter than APPNOTE.TXT (PKWARE, 6.3.10): the archive is exactly its entries, one after
the other, then the directory, then the end record, and nothing before, between or after;
what the directory says about an entry, its local header says too; stored or deflated,
never encrypted, patched or linked.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from weighlock.core.error import DeniedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.path import check_paths
from weighlock.core.text import shown
from weighlock.source.folder import unreadable

MAX_ENTRIES: Final = 50_000  # wheels with headers of a whole toolkit have 20,000
MAX_DIRECTORY_BYTES: Final = 32 * 1024 * 1024  # 50,000 entries of long names; read into memory at once
MAX_RATIO: Final = 200  # weights deflate to 1/3 at best; deflate itself reaches 1,032
FREE_BYTES: Final = 64 * 1024 * 1024  # below this no ratio matters: tables of zeros are small files
_END: Final = struct.Struct("<4s4H2IH")  # end of central directory record, section 4.3.16
_LOCAL: Final = struct.Struct("<4s5H3I2H")  # local file header, section 4.3.7
_LOCATOR_BYTES: Final = 20  # 64-bit end record locator, section 4.3.15
_END64_BYTES: Final = 56  # 64-bit end record without extensible data, section 4.3.14
_DESCRIPTOR_BYTES: Final = frozenset({12, 16, 20, 24})  # data descriptor, section 4.3.9, all four forms
_HAS_DESCRIPTOR: Final = 0x8
_UTF8: Final = 0x800
_FLAGS: Final = 0x6 | _HAS_DESCRIPTOR | _UTF8  # 0x6: how hard the deflater tried
_UNICODE_PATH: Final = 0x7075  # an extra field with another name for the file, section 4.6.9
_IN_ZIP64: Final = 0xFFFFFFFF
_KINDS: Final = {0, stat.S_IFREG, stat.S_IFDIR}


class Archive:
    """An open zip whose structure was checked; a context manager. ``sizes`` maps path → bytes.

    Raises DeniedError ``archive_invalid``, ``archive_too_large``, ``link_refused``,
    ``path_invalid`` or ``path_collision``; UndecidedError ``io_failed``.
    """

    def __init__(self, location: Path) -> None:
        try:
            self._file: BinaryIO = location.open("rb")
        except OSError as error:
            raise unreadable(location.name, error) from error
        try:
            self._zip, self._entries = _open(self._file)
        except BaseException:
            self._file.close()
            raise
        self.sizes = {path: info.file_size for path, info in self._entries.items()}

    def chunks(self, path: str) -> Iterator[memoryview]:
        """Yield one file's bytes; raises DeniedError ``archive_invalid`` if size or CRC are not as listed."""
        info = self._entries[path]
        done = 0
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(READ_BYTES):
                    done += len(chunk)
                    yield memoryview(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise _invalid(f"{shown(path)!r} cannot be unpacked: {shown(str(error))}") from error
        if done != info.file_size:
            raise _invalid(f"{shown(path)!r} has {done} bytes, not the {info.file_size} that are listed")

    def read(self, path: str, *, limit: int) -> bytes:
        """Return one small file; raises DeniedError ``archive_invalid`` if it is absent or over ``limit`` bytes."""
        if self.sizes.get(path, limit + 1) > limit:
            raise _invalid(f"{shown(path)!r} is missing or larger than {limit} bytes")
        return b"".join(self.chunks(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.close()


def _open(file: BinaryIO) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    size = file.seek(0, 2)
    listed_at = _check_end(file, size)
    try:
        opened = zipfile.ZipFile(file)
        infos = opened.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise _invalid(shown(str(error))) from error
    if opened.start_dir != listed_at:
        raise _invalid("its directory is not where the end record says")
    _check_layout(file, infos, listed_at)
    files = {info.orig_filename: info for info in infos if not _is_folder(info)}
    _check_sizes(infos, size)
    check_paths(files)
    return opened, files


def _check_end(file: BinaryIO, size: int) -> int:
    """Check the end record before anything is read into memory because of it; return where the directory begins."""
    if size < _END.size:
        raise _invalid("it is too short")
    file.seek(size - _END.size)
    signature, disk, first_disk, here, total, directory, start, comment = _END.unpack(file.read(_END.size))
    if signature != b"PK\x05\x06" or comment:
        raise _invalid("it does not end with an end record without comment")
    if (disk, first_disk) != (0, 0) or here != total:
        raise _invalid("it is one part of several")
    # as zipfile does: the locator's presence decides, not whether the numbers above are out of range
    total, directory, start = _zip64_end(file, size) or (total, directory, start)
    if directory > MAX_DIRECTORY_BYTES or total > MAX_ENTRIES:
        raise _too_large(f"it lists {total} entries in {directory} bytes")
    return start


def _zip64_end(file: BinaryIO, size: int) -> tuple[int, int, int] | None:
    """Return entries, bytes and beginning of the directory from the 64-bit end record, if there is one."""
    # section 4.3.14: a record of 56 bytes stands before its locator of 20 bytes
    file.seek(max(0, size - _END.size - _LOCATOR_BYTES - _END64_BYTES))
    records = file.read(_END64_BYTES + _LOCATOR_BYTES)
    if records[-_LOCATOR_BYTES : -_LOCATOR_BYTES + 4] != b"PK\x06\x07":
        return None
    if len(records) < _END64_BYTES + _LOCATOR_BYTES or records[:4] != b"PK\x06\x06":
        raise _invalid("its 64-bit end record is missing or extended")
    here, total, directory, start = struct.unpack_from("<4Q", records, 24)
    if here != total:
        raise _invalid("it is one part of several")
    return total, directory, start


def _check_layout(file: BinaryIO, infos: list[zipfile.ZipInfo], directory: int) -> None:
    """Check that entries and headers agree, and follow one another without gap or overlap."""
    position = 0
    names: set[str] = set()
    starts = {info.header_offset for info in infos} | {directory}
    for info in sorted(infos, key=lambda info: info.header_offset):
        name = info.orig_filename
        if name in names:
            raise _invalid(f"{shown(name)!r} occurs twice")
        names.add(name)
        gap = info.header_offset - position
        if gap:
            raise _invalid(f"{gap} bytes before {shown(name)!r} belong to no entry, or to two")
        _check_entry(info)
        position = _check_local(file, info)
        if info.flag_bits & _HAS_DESCRIPTOR:
            position = _after_descriptor(starts, position)
    if position != directory:
        raise _invalid("bytes between the entries and the directory belong to neither, or to both")


def _after_descriptor(starts: set[int], position: int) -> int:
    return next(
        (position + size for size in sorted(_DESCRIPTOR_BYTES) if position + size in starts), position
    )


def _check_entry(info: zipfile.ZipInfo) -> None:
    name = shown(info.orig_filename)
    if info.flag_bits & ~_FLAGS:
        raise _invalid(f"{name!r} is encrypted, patched or marked in a way that is not known")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _invalid(f"{name!r} is neither stored nor deflated")
    if not info.flag_bits & _UTF8 and not info.orig_filename.isascii():
        raise _invalid(f"the name {name!r} is not marked as UTF-8")
    kind, folder = stat.S_IFMT(info.external_attr >> 16), _is_folder(info)
    if kind == stat.S_IFLNK:
        raise DeniedError("link_refused", f"{name!r} in the archive is a symbolic link")
    if kind not in _KINDS or (kind == stat.S_IFDIR) > folder or (folder and info.file_size):
        raise _invalid(f"{name!r} is neither a regular file nor a folder")
    if _UNICODE_PATH in _extra_kinds(info.extra):
        raise _invalid(f"{name!r} has a second name")


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.orig_filename.endswith("/")


def _check_local(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Return where the entry's bytes end, if its local header says what the directory says."""
    file.seek(info.header_offset)
    raw = file.read(_LOCAL.size)
    if len(raw) < _LOCAL.size:
        raise _invalid("a local header is cut off")
    signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(raw)
    name, extra = file.read(name_bytes), file.read(extra_bytes)
    same = (
        signature == b"PK\x03\x04"
        and (flags, method) == (info.flag_bits, info.compress_type)
        and name == info.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437")
        and _UNICODE_PATH not in _extra_kinds(extra)
    )
    numbers = zip((crc, packed, size), (info.CRC, info.compress_size, info.file_size), strict=True)
    elsewhere = {0} if flags & _HAS_DESCRIPTOR else set()
    same = same and all(local in {listed, _IN_ZIP64} | elsewhere for local, listed in numbers)
    if not same:
        raise _invalid(f"the local header of {shown(info.orig_filename)!r} disagrees with the directory")
    return int(info.header_offset + _LOCAL.size + name_bytes + extra_bytes + info.compress_size)


def _extra_kinds(extra: bytes) -> set[int]:
    kinds: set[int] = set()
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        kinds.add(kind)
        extra = extra[4 + size :]
    return kinds


def _check_sizes(infos: list[zipfile.ZipInfo], size: int) -> None:
    total = sum(info.file_size for info in infos)
    if total > max(FREE_BYTES, MAX_RATIO * size):
        raise _too_large(f"its {size} bytes unpack to {total}")


def _invalid(why: str) -> DeniedError:
    return DeniedError(
        "archive_invalid",
        f"the archive is refused: {why}",
        hint="nothing of it was kept; report it to whoever published it",
    )


def _too_large(why: str) -> DeniedError:
    return DeniedError(
        "archive_too_large",
        f"the archive is refused: {why}",
        hint="nothing of it was kept; no model looks like this",
    )
