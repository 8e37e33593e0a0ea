"""Read one header of a tar that may lie, and the records that extend it. No I/O.

POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar's manual,
"Basic Tar Format". Narrower than both: a header that two readers could read differently is
refused, such as one whose size and extended size disagree (CVE-2025-62518).
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.core.text import shown

BLOCK_BYTES: Final = 512
MAX_EXTENDED_BYTES: Final = (
    64 * 1024
)  # of one extended header; names end at 1 KB, the rest are times and attributes
_NAME: Final = slice(0, 100)
_SIZE: Final = slice(124, 136)
_SUM: Final = slice(148, 156)
_MAGIC: Final = slice(257, 265)
_PREFIX: Final = slice(345, 500)
_REST: Final = slice(500, 512)
_FITS_IN_OCTAL: Final = 8**11  # bytes; smaller sizes fit into the header itself
_POSIX: Final = b"ustar\x0000"
_GNU: Final = b"ustar  \x00"
_OCTAL: Final = re.compile(rb" *([0-7]{1,12})[ \x00]*")
_RECORD: Final = re.compile(rb"([1-9][0-9]{0,5}) ([^=\n]+)=", re.DOTALL)
_UTF8: Final = "ISO-IR 10646 2000 UTF-8"  # pax, hdrcharset
# what says nothing about where a file's bytes are or what it is called
_HARMLESS: Final = frozenset(
    {"atime", "ctime", "mtime", "uid", "gid", "uname", "gname", "comment", "charset", "devmajor", "devminor"}
)
_HARMLESS_VENDORS: Final = (
    # not all of SCHILY's: its realsize and filetype make sparse files of members (star(5))
    *("SCHILY.xattr.", "SCHILY.acl.", "SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "SCHILY.fflags"),
    *("LIBARCHIVE.", "MSWINDOWS.", "DOCKER.", "RHT.", "APK-TOOLS."),
)


class Kind(StrEnum):
    """What a header stands for."""

    FILE = "file"
    FOLDER = "folder"
    SYMBOLIC_LINK = "symbolic link"
    HARD_LINK = "hard link"
    DEVICE = "device"
    FIFO = "FIFO"
    EXTENDED = "extended header"
    GLOBAL = "global header"
    LONG_NAME = "long name"
    LONG_LINK = "long link"


_KINDS: Final = {
    b"0": Kind.FILE,
    b"\x00": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMBOLIC_LINK,
    b"3": Kind.DEVICE,
    b"4": Kind.DEVICE,
    b"5": Kind.FOLDER,
    b"6": Kind.FIFO,
    b"x": Kind.EXTENDED,
    b"g": Kind.GLOBAL,
    b"L": Kind.LONG_NAME,
    b"K": Kind.LONG_LINK,
}
EXTENSIONS: Final = frozenset({Kind.EXTENDED, Kind.GLOBAL, Kind.LONG_NAME, Kind.LONG_LINK})


class Header(NamedTuple):
    """One header: the name as it stands there, the size in bytes of what follows."""

    name: str
    kind: Kind
    size: int


class Extension(NamedTuple):
    """What an extended header says of the member after it; None where it says nothing."""

    path: str | None = None
    size: int | None = None


def read_header(block: bytes) -> Header:
    """Return what a block of 512 bytes says; raises DeniedError ``archive_invalid``."""
    if block[_MAGIC] not in {_POSIX, _GNU}:
        raise invalid("a header is not that of a tar, or of one older than POSIX.1-1988")
    total = sum(block) - sum(block[_SUM]) + 8 * 0x20
    if _read_octal(block[_SUM], "sum") != total:
        raise invalid("a header's sum is wrong")
    kind = _KINDS.get(block[156:157])
    if kind is None:
        raise invalid(f"a member has the type {shown(repr(block[156:157]))}, such as a sparse file has")
    _check_rest(block)
    name = _read_text(block[_NAME])
    prefix = _read_text(block[_PREFIX]) if block[_MAGIC] == _POSIX else ""
    return Header(f"{prefix}/{name}" if prefix else name, kind, _read_size(block[_SIZE], kind))


def read_extended(raw: bytes) -> Extension:
    """Return what the records of an extended header say; raises DeniedError ``archive_invalid``."""
    records = _read_records(raw)
    path, size = records.get("path"), records.get("size")
    if path is not None and (not path or "\0" in path):
        raise invalid("an extended header has no name in it, or half of one")
    if size is None:
        return Extension(path)
    if not re.fullmatch(r"[0-9]{1,15}", size, re.ASCII) or int(size) > MAX_FILE_BYTES:
        raise invalid(f"an extended header has the size {shown(size)!r}")
    return Extension(path, int(size))


def check_global(raw: bytes) -> None:
    """Return if a global header says nothing of names and sizes; raises DeniedError ``archive_invalid``."""
    if _read_records(raw).keys() & {"path", "size", "linkpath"}:
        raise invalid("a global header gives all members a name or size")


def read_long_name(raw: bytes) -> str:
    """Return the name that GNU tar writes before a member; raises DeniedError ``archive_invalid``."""
    name, end, rest = raw.partition(b"\0")
    if not end or rest.strip(b"\0"):
        raise invalid("a long name does not end where it should")
    return name.decode("utf-8", "surrogateescape")


def member_size(header: Header, extension: Extension) -> int:
    """Return how many bytes follow, if header and extension do not contradict each other.

    Writers write the same number, or leave a size at zero that the header cannot hold: a smaller one at
    zero would be no bytes to readers that miss the extension. Raises DeniedError ``archive_invalid``.
    """
    if extension.size is None:
        return header.size
    too_large = header.size == 0 and extension.size >= _FITS_IN_OCTAL
    if header.size != extension.size and not too_large:
        raise invalid(
            f"{shown(header.name)!r} has {header.size} bytes by its header, "
            f"and {extension.size} by the extended one"
        )
    return extension.size


def invalid(why: str) -> DeniedError:
    """Return the error for an archive that is refused because of ``why``."""
    return DeniedError(
        "archive_invalid",
        f"the archive is refused: {why}",
        hint="nothing of it was kept; report it to whoever published it",
    )


def _read_records(raw: bytes) -> dict[str, str]:
    records: dict[str, str] = {}
    at = 0
    while at < len(raw):
        match = _RECORD.match(raw, at)
        if match is None:
            raise invalid("an extended header is malformed")
        end = at + int(match[1])
        if not match.end() < end <= len(raw) or raw[end - 1 : end] != b"\n":
            raise invalid("a record of an extended header has another length than it says")
        key, value = _decode(match[2]), _decode(raw[match.end() : end - 1])
        if key in records:
            raise invalid(f"an extended header says {shown(key)!r} twice")
        _check_key(key, value)
        records[key] = value
        at = end
    return records


def _check_key(key: str, value: str) -> None:
    known = key in {"path", "size", "linkpath"} or key in _HARMLESS or key.startswith(_HARMLESS_VENDORS)
    if key == "hdrcharset":
        known = value == _UTF8
    if not known:
        raise invalid(f"an extended header has a record {shown(key)!r}")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # attributes may be any bytes (star's SCHILY.xattr); a name with such bytes is refused as a path
        return raw.decode("utf-8", "surrogateescape")


def _read_text(field: bytes) -> str:
    text, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise invalid("a name goes on behind its end")
    return text.decode("utf-8", "surrogateescape")


def _read_size(field: bytes, kind: Kind) -> int:
    if field[0] & 0x80:  # GNU tar's manual, "Extensions": big-endian, for 8 GiB and more
        size = int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
    else:
        size = _read_octal(field, "size")
    limit = MAX_EXTENDED_BYTES if kind in EXTENSIONS else MAX_FILE_BYTES
    if not 0 <= size <= limit:
        raise invalid(f"a {kind} has a size that it cannot have")
    if kind in {Kind.FOLDER, Kind.DEVICE, Kind.FIFO, Kind.SYMBOLIC_LINK, Kind.HARD_LINK} and size:
        raise invalid(f"a {kind} has bytes of its own")
    return size


def _check_rest(block: bytes) -> None:
    """Return if no reader finds a part of a name, or a time, in the fields that not all readers know.

    GNU's headers have no prefix, but some readers take one from there; star's end it 24 bytes earlier,
    and are known by what stands in the last bytes.
    """
    unread = (block[_REST], block[_PREFIX] if block[_MAGIC] == _GNU else b"")
    if any(field.strip(b"\0") for field in unread):
        raise invalid("a header has more in it than all readers read")


def _read_octal(field: bytes, what: str) -> int:
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise invalid(f"a header's {what} is not an octal number")
    return int(match[1], 8)
