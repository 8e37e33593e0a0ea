"""List the members of a ZIP archive from both of its directories, and find what they disagree about.

Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.4. Readers choose differently between the
central directory and the local headers; a file that looks different to two of them is refused.
"""

import struct
import zlib
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.path import check_path
from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.span import FormatError, Reading, Unexamined, read

MAX_MEMBERS: Final = 100_000  # torch writes one for each tensor
MAX_DIRECTORY_BYTES: Final = 64 * 1024 * 1024  # 100,000 members of long names
MAX_COMMENT_BYTES: Final = 65_535  # the format's field has 16 bits
MAX_INFLATED_BYTES: Final = 64 * 1024 * 1024  # one compressed member, held in memory; the worker has 1 GiB
INFLATE_STEP_BYTES: Final = 256 * 1024  # of compressed bytes at a time
STORED: Final = 0
DEFLATED: Final = 8
ENCRYPTED: Final = 0x41  # flag bits 0 and 6
DESCRIPTOR: Final = 0x08  # flag bit 3: sizes follow the data
MAX_DESCRIPTOR_BYTES: Final = 24  # signature, CRC and two 64-bit sizes

_END: Final = struct.Struct("<4s4H2LH")
_END64_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_RULE: Final = "zip-structure"
_WIDE: Final = 0xFFFF_FFFF  # the number is in a 64-bit record instead
_UNICODE_PATH: Final = 0x7075  # an extra field with another name for the member (APPNOTE, 4.6.9)


class Member(NamedTuple):
    """A member: its name, method, flags, CRC-32, sizes in bytes, and where header and data start."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    header: int
    data: int = 0


class _Directory(NamedTuple):
    members: int
    size: int
    offset: int
    end: int  # where the directory must end


def read_zip(size: int) -> Reading[list[Member]]:
    """Return the members by place in the file; folders are left out.

    Raises FormatError ``zip-structure`` and Unexamined.
    """
    directory = yield from _read_end(size)
    if directory.members > MAX_MEMBERS or directory.size > MAX_DIRECTORY_BYTES:
        raise Unexamined(
            f"the archive lists {directory.members} members in {directory.size} bytes, over the limit"
        )
    if directory.offset + directory.size != directory.end:
        raise FormatError(_RULE, "the central directory is not where the archive says", directory.offset)
    raw = yield from read(directory.offset, directory.size)
    members = sorted(_central(raw, directory.members), key=lambda member: member.header)
    _check_names(members)
    located = []
    at = 0
    for member in members:
        found, end = yield from _locate(member, at, directory.offset)
        located.append(found)
        at = end
    slack = MAX_DESCRIPTOR_BYTES if members and members[-1].flags & DESCRIPTOR else 0
    if directory.offset - at > slack:
        raise FormatError(_RULE, f"{directory.offset - at} bytes belong to no member", at)
    return [member for member in located if not member.name.endswith("/")]


def ends_as_zip(size: int) -> Reading[bool]:
    """Return whether a file ends in the end record of an archive with a directory, whatever it begins with."""
    length = min(size, _END.size + MAX_COMMENT_BYTES)
    tail = yield from read(size - length, length)
    at = tail.find(b"PK\x05\x06")
    while 0 <= at <= length - _END.size:
        fields = _END.unpack_from(tail, at)
        directory = size - length + at - fields[5]  # where readers that allow a prefix look for it
        if tail[max(0, at - _END64_LOCATOR.size) : at].startswith(b"PK\x06\x07"):
            return True
        if directory >= 0 and (yield from read(directory, min(4, fields[5]))) == b"PK\x01\x02":
            return True
        at = tail.find(b"PK\x05\x06", at + 1)
    return False


def examine_tail(file: File) -> Reading[None]:
    """Say that a tensor file is an archive too: readers of ZIP files look at the end and allow anything before."""
    if (yield from ends_as_zip(file.size)):
        file.report.find("zip-structure", "the file is an archive too, for readers that begin at its end")


def _read_end(size: int) -> Reading[_Directory]:
    length = min(size, _END.size + MAX_COMMENT_BYTES)
    tail = yield from read(size - length, length)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > length:
        raise FormatError(_RULE, "the archive has no end record")
    _, disk, first_disk, here, count, directory_size, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != length:
        raise FormatError(_RULE, "bytes follow the archive's end", size - length + at)
    end = size - length + at
    locator = at - _END64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        wide = yield from _read_end64(tail[locator:at], end - _END64_LOCATOR.size)
        narrow = (
            (count, wide.members, 0xFFFF),
            (directory_size, wide.size, _WIDE),
            (offset, wide.offset, _WIDE),
        )
        if not all(value in {same, limit} for value, same, limit in narrow):
            raise FormatError(_RULE, "the 32-bit and the 64-bit end record disagree", end)
        return wide
    if disk or first_disk or here != count:
        raise Unexamined("the archive spans several disks")
    return _Directory(count, directory_size, offset, end)


def _read_end64(locator: bytes, end: int) -> Reading[_Directory]:
    _, _, offset, _ = _END64_LOCATOR.unpack(locator)
    if offset + _END64.size > end:
        raise FormatError(_RULE, "the 64-bit end record is not where its locator says", end)
    raw = yield from read(offset, _END64.size)
    magic, length, _, _, disk, first_disk, here, count, size, directory = _END64.unpack(raw)
    # readers look for the record in front of its locator, or where that points: with extensible data both could exist
    if magic != b"PK\x06\x06" or length != _END64.size - 12 or offset + _END64.size != end:
        raise FormatError(_RULE, "the 64-bit end record is malformed", offset)
    if disk or first_disk or here != count:
        raise Unexamined("the archive spans several disks")
    return _Directory(count, size, directory, offset)


def _central(raw: bytes, count: int) -> list[Member]:
    members = []
    at = 0
    for _ in range(count):
        if raw[at : at + 4] != b"PK\x01\x02" or at + _CENTRAL.size > len(raw):
            raise FormatError(_RULE, f"the central directory has fewer than {count} entries")
        fields = _CENTRAL.unpack_from(raw, at)
        flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
        name_length, extra_length, comment_length, header = fields[10], fields[11], fields[12], fields[16]
        start = at + _CENTRAL.size
        name = _name(raw[start : start + name_length], flags)
        extra = raw[start + name_length : start + name_length + extra_length]
        _check_extra(name, extra)
        size, packed, header = _wide(extra, size, packed, header)
        members.append(Member(name, method, flags, crc, packed, size, header))
        at = start + name_length + extra_length + comment_length
    if at != len(raw):
        raise FormatError(_RULE, "the central directory has more bytes than entries")
    return members


def _name(raw: bytes, flags: int) -> str:
    # Bit 11 says UTF-8, else the name is in code page 437 (APPNOTE, appendix D)
    try:
        return raw.decode("utf-8" if flags & 0x800 else "cp437")
    except UnicodeDecodeError as error:
        raise FormatError(_RULE, "a member's name is not UTF-8") from error


def _check_extra(name: str, extra: bytes) -> None:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _UNICODE_PATH:
            raise FormatError(_RULE, f"the member {shown(name)!r} has a second name, which some readers take")
        at += 4 + length


def _wide(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Return the three fields with those of 0xFFFFFFFF taken from the ZIP64 extra field, in its order."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            return _widened(extra[at + 4 : at + 4 + length], size, packed, header)
        at += 4 + length
    return size, packed, header


def _widened(field: bytes, *values: int) -> tuple[int, int, int]:
    wide = []
    at = 0
    for value in values:
        if value == _WIDE:
            if at + 8 > len(field):
                raise FormatError(_RULE, "a 64-bit size is missing")
            wide.append(int.from_bytes(field[at : at + 8], "little"))
            at += 8
        else:
            wide.append(value)
    return wide[0], wide[1], wide[2]


def _check_names(members: list[Member]) -> None:
    seen = set()
    for member in members:
        name = member.name
        try:
            check_path(name.removesuffix("/"))
        except DeniedError as error:
            raise FormatError(
                _RULE, f"a member leaves the archive's folder or hides: {error.message}"
            ) from error
        if name.endswith("/") and (member.size or member.packed):
            raise FormatError(_RULE, f"the folder {shown(name)!r} has content", member.header)
        if name in seen:
            raise FormatError(_RULE, f"the member {shown(name)!r} is listed twice")
        seen.add(name)


def _locate(member: Member, after: int, limit: int) -> Reading[tuple[Member, int]]:
    """Return the member with the place of its data, and where that ends, held against its local header."""
    gap = member.header - after
    if gap < 0 or (gap > MAX_DESCRIPTOR_BYTES if after else gap > 0):
        raise FormatError(
            _RULE, f"the member {shown(member.name)!r} overlaps another, or hidden bytes precede it", after
        )
    if member.header + _LOCAL.size > limit:
        raise FormatError(_RULE, f"the member {shown(member.name)!r} lies outside the archive", member.header)
    fields = _LOCAL.unpack((yield from read(member.header, _LOCAL.size)))
    magic, flags, method, packed, size = fields[0], fields[2], fields[3], fields[7], fields[8]
    name_length, extra_length = fields[9], fields[10]
    start = member.header + _LOCAL.size
    data = start + name_length + extra_length
    if magic != b"PK\x03\x04" or data + member.packed > limit:
        raise FormatError(_RULE, f"the member {shown(member.name)!r} lies outside the archive", member.header)
    raw = yield from read(start, name_length + extra_length)
    _check_extra(member.name, raw[name_length:])
    size, packed, _ = _wide(raw[name_length:], size, packed, 0)
    same = _name(raw[:name_length], flags) == member.name and method == member.method
    if same and not flags & DESCRIPTOR:
        same = (packed, size) == (member.packed, member.size)
    if not same or (member.method == STORED and member.packed != member.size and not flags & ENCRYPTED):
        raise FormatError(_RULE, f"the member {shown(member.name)!r} is described in two ways", member.header)
    return member._replace(data=data), data + member.packed


def inflate(member: Member) -> Reading[bytes]:
    """Return the bytes of a deflated member; raises Unexamined over the limit, FormatError if corrupt."""
    if member.size > MAX_INFLATED_BYTES:
        raise Unexamined(
            f"a compressed member of {member.size} bytes is over the limit of {MAX_INFLATED_BYTES}"
        )
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    out = bytearray()
    at, left = member.data, member.packed
    try:
        while left and not engine.eof:
            step = min(left, INFLATE_STEP_BYTES)
            chunk = yield from read(at, step)
            out += engine.decompress(chunk, member.size + 1 - len(out))
            if len(out) > member.size or engine.unconsumed_tail:
                raise FormatError(
                    _RULE, f"the member {shown(member.name)!r} is larger than it says", member.data
                )
            at, left = at + step, left - step
    except zlib.error as error:
        raise FormatError(_RULE, f"the member {shown(member.name)!r} is corrupt", member.data) from error
    if (
        len(out) != member.size
        or left
        or engine.unused_data
        or not engine.eof
        or zlib.crc32(out) != member.crc
    ):
        raise FormatError(_RULE, f"the member {shown(member.name)!r} is corrupt", member.data)
    return bytes(out)
