"""Hold a ZIP archive's local headers against its directory, and find what lies between the members.

Source: PKWARE APPNOTE 6.3, 4.3.7 to 4.3.9. Python's zipfile takes the name from both places and
refuses a difference; miniz, in PyTorch, takes nothing from the local header but where the data
begins; readers of streams take everything from it. Seen with Python 3.11 and torch 2.15.
"""

import struct
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.archive.member import DESCRIPTOR, ENCRYPTED, STORED, Member
from weighlock.inspection.archive.zip_directory import check_extra, decode_name, widen
from weighlock.inspection.archive.zip_end import RULE
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, read

LOCAL: Final = struct.Struct("<4s5H3L2H")
EXTRA_BYTES: Final = (
    128  # read with a header in the hope that its extra fields are no longer: torch aligns by 64
)
DESCRIPTOR_BYTES: Final = (12, 16, 20, 24)  # CRC and two sizes of 32 or 64 bits, with or without a signature
_NEAR_BYTES: Final = 64  # between members: read with the header that follows
_TOLD: Final = 0x2049  # flag bits on which readers act: encrypted, descriptor, strong encryption, masked
_ZERO_OR_WIDE: Final = (0, 0xFFFF_FFFF)


class Gap(NamedTuple):
    """Bytes that belong to no member."""

    offset: int
    length: int


class Located(NamedTuple):
    """The members with the places of their data, and the gaps between them."""

    members: list[Member]
    gaps: list[Gap]


def locate(report: Report, members: list[Member], limit: int) -> Reading[Located]:
    """Return the members, in order of place, whose data lies before ``limit``, where the directory begins."""
    located: list[Member] = []
    gaps: list[Gap] = []
    last: Member | None = None
    at = 0
    for member in members:
        if member.header < 0 or member.header + LOCAL.size > limit:
            report.find(
                RULE, f"the member {shown(member.name)!r} lies outside the archive", offset=member.header
            )
            continue
        between, raw = yield from _read_header(member, at, limit)
        if member.header < at:
            report.find(RULE, f"the member {shown(member.name)!r} overlaps another", offset=member.header)
        else:
            yield from _check_gap(report, gaps, last, at, member.header, between)
        found = yield from _locate(report, member, raw, limit)
        located.append(found)
        end = found.data + found.packed
        if end >= at:
            at, last = end, found
    if limit > at:
        between = yield from read(at, min(_NEAR_BYTES, limit - at))
        yield from _check_gap(report, gaps, last, at, limit, between)
    return Located(located, gaps)


def _read_header(member: Member, at: int, limit: int) -> Reading[tuple[bytes, bytes]]:
    """Return what stands between ``at`` and the header, if that is little, and the header with its fields."""
    start = at if 0 < member.header - at <= _NEAR_BYTES else member.header
    wanted = member.header + LOCAL.size + len(member.name) + EXTRA_BYTES
    raw = yield from read(start, min(wanted, limit) - start)
    return raw[: member.header - start], raw[member.header - start :]


def _locate(report: Report, member: Member, raw: bytes, limit: int) -> Reading[Member]:
    magic, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL.unpack_from(raw)
    shown_name = shown(member.name)
    if magic != b"PK\x03\x04":
        report.find(RULE, f"the member {shown_name!r} has no local header", offset=member.header)
    data = member.header + LOCAL.size + name_length + extra_length
    if data > limit:
        report.find(RULE, f"the member {shown_name!r} lies outside the archive", offset=member.header)
        return member._replace(data=limit, packed=0, size=0)
    if len(raw) < data - member.header:
        raw = yield from read(member.header, data - member.header)
    name = decode_name(report, raw[LOCAL.size : LOCAL.size + name_length], flags)
    extra = raw[LOCAL.size + name_length : data - member.header]
    check_extra(report, member.name, extra)
    size, packed, _ = widen(report, member.name, extra, (size, packed, 0))
    said = (name, method, flags & _TOLD, *_numbers(member, flags, crc, packed, size))
    listed = (member.name, member.method, member.flags & _TOLD, member.crc, member.packed, member.size)
    differs = [what for what, one, two in zip(_FIELDS, listed, said, strict=True) if one != two]
    if differs:
        report.find(
            RULE,
            f"the member {shown_name!r} is described in two ways: {', '.join(differs)} differ between directory "
            "and local header",
            offset=member.header,
        )
    return _bounded(report, member, data, limit)


_FIELDS: Final = ("name", "method", "flags", "CRC", "packed size", "size")


def _numbers(member: Member, flags: int, *said: int) -> list[int | None]:
    """Return CRC and sizes; those that a descriptor holds may be zero in the header, or all ones."""
    listed = (member.crc, member.packed, member.size)
    if not flags & DESCRIPTOR:
        return list(said)
    return [one if two in _ZERO_OR_WIDE else two for one, two in zip(listed, said, strict=True)]


def _bounded(report: Report, member: Member, data: int, limit: int) -> Member:
    """Return the member with its data's place, cut where the directory begins."""
    packed = member.packed
    if member.method == STORED and packed != member.size and not member.flags & ENCRYPTED:
        report.find(
            RULE, f"the member {shown(member.name)!r} is stored in another size than its own", offset=data
        )
        packed = max(packed, member.size)
    if data + packed > limit:
        report.find(RULE, f"the member {shown(member.name)!r} lies outside the archive", offset=member.header)
        packed = limit - data
    size = packed if member.method == STORED else member.size
    return member._replace(data=data, packed=packed, size=size)


def _check_gap(
    report: Report, gaps: list[Gap], last: Member | None, at: int, until: int, between: bytes
) -> Reading[None]:
    """Account for the bytes between two members: a descriptor of the first, or nothing."""
    if last is not None and last.flags & DESCRIPTOR:
        if not between and until > at:
            between = yield from read(at, min(_NEAR_BYTES, until - at))
        described = _descriptor_length(last, between)
        if not described:
            report.find(
                RULE, f"the sizes behind {shown(last.name)!r} are not those of the directory", offset=at
            )
        at += described
    if until > at:
        report.find(RULE, f"{until - at} hidden bytes belong to no member", offset=at)
        gaps.append(Gap(at, until - at))


def _descriptor_length(member: Member, raw: bytes) -> int:
    """Return how long the descriptor of a member is; 0 if ``raw`` does not begin with a right one."""
    for length in DESCRIPTOR_BYTES:
        signature = b"PK\x07\x08" if length % 8 == 0 else b""
        code = "<3L" if length < 20 else "<L2Q"
        if member.crc is None or max(member.packed, member.size) >= 1 << (32 if length < 20 else 64):
            continue
        if raw.startswith(signature + struct.pack(code, member.crc, member.packed, member.size)):
            return length
    return 0
