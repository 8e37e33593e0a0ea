"""Read the central directory of a ZIP archive (PKWARE APPNOTE 6.3, 4.3.12)."""

import struct
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.member import Member
from weighlock.inspection.archive.zip_end import RULE, Directory
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, Unexamined, read

MAX_MEMBERS: Final = 100_000  # torch writes one for each tensor
MAX_DIRECTORY_BYTES: Final = 64 * 1024 * 1024  # 100,000 members of long names
MAX_VERSION: Final = (
    63  # Python's zipfile refuses an archive with a member that needs more; torch does not look
)
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_EXTRA: Final = struct.Struct("<2H")
_WIDE: Final = 0xFFFF_FFFF  # the number is in the 64-bit extra field instead
_UTF8: Final = 0x800  # flag bit 11
_UNICODE_PATH: Final = 0x7075  # an extra field with another name for the member (APPNOTE, 4.6.9)
_PATCHED: Final = 0x20  # flag bit 5: torch and Python refuse the member
_MASKED: Final = 0x2000  # flag bit 13: torch refuses the archive, Python reads it


def read_directory(report: Report, directory: Directory) -> Reading[list[Member]]:
    """Return the members that a directory lists, as far as it can be read; raises Unexamined over a limit."""
    if directory.entries > MAX_MEMBERS or directory.size > MAX_DIRECTORY_BYTES:
        raise Unexamined(
            f"the archive lists {directory.entries} members in {directory.size} bytes, over the limit"
        )
    held = max(directory.end - directory.start, 0)  # entries may go on behind the size that is said
    raw = yield from read(directory.start, min(held, MAX_DIRECTORY_BYTES))
    members: list[Member] = []
    at = 0
    while raw.startswith(b"PK\1\2", at) and at + _ENTRY.size <= len(raw) and len(members) <= MAX_MEMBERS:
        member, at = _read_entry(report, raw, at, directory)
        members.append(member)
    if len(members) > MAX_MEMBERS:
        raise Unexamined(f"the archive lists more than {MAX_MEMBERS} members")
    if len(members) != directory.entries or at != directory.size or at != len(raw):
        report.find(
            RULE,
            f"the central directory has {len(members)} entries in {at} bytes, "
            f"not {directory.entries} in {directory.size}",
            offset=directory.start + at,
        )
    return members


def _read_entry(report: Report, raw: bytes, at: int, directory: Directory) -> tuple[Member, int]:
    fields = _ENTRY.unpack_from(raw, at)
    version, flags, method, crc, packed, size = fields[2], fields[3], fields[4], *fields[7:10]
    name_length, extra_length, comment_length, disk, _, attributes, header = fields[10:17]
    start = at + _ENTRY.size
    name = decode_name(report, raw[start : start + name_length], flags)
    extra = raw[start + name_length : start + name_length + extra_length]
    check_extra(report, name, extra)
    if version & 0xFF > MAX_VERSION:
        report.find(
            RULE, f"{shown(name)!r} needs version {version & 0xFF} of the format: some readers refuse that"
        )
    if flags & (_PATCHED | _MASKED) or disk not in {0, 0xFFFF}:
        report.find(RULE, f"{shown(name)!r} has a flag or disk number at which some readers refuse it")
    size, packed, header = widen(report, name, extra, (size, packed, header))
    mode = attributes >> 16
    member = Member(name, method, flags, crc, packed, size, header + directory.shift, mode=mode)
    return member, start + name_length + extra_length + comment_length


def decode_name(report: Report, raw: bytes, flags: int) -> str:
    """Return a name: UTF-8 if bit 11 says so, else of code page 437 (APPNOTE, appendix D)."""
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "replace")
        report.find(RULE, f"the name {shown(name)!r} is not UTF-8, as its flag says")
        return name


def check_extra(report: Report, name: str, extra: bytes) -> None:
    """Report a second name, and extra fields that do not add up."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size + length
        if kind == _UNICODE_PATH:
            report.find(RULE, f"the member {shown(name)!r} has a second name, which some readers take")
        if at > len(extra):
            report.find(RULE, f"the extra fields of {shown(name)!r} do not add up: some readers refuse them")


def widen(report: Report, name: str, extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the fields with those of 0xFFFFFFFF taken from the 64-bit extra field, in its order (4.5.3)."""
    if _WIDE not in values:
        return values
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == 1:
            field = extra[at : at + length]
            wide = [
                int.from_bytes(field[place : place + 8], "little")
                for place in range(0, len(field) // 8 * 8, 8)
            ]
            if len(wide) < values.count(_WIDE):
                report.find(RULE, f"a 64-bit size of {shown(name)!r} is missing")
                break
            first, second, third = (wide.pop(0) if value == _WIDE else value for value in values)
            return first, second, third
        at += length
    return values
