"""List the members of a ZIP archive as its different readers would, and find what they disagree about.

Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.4. Nothing here gives up at the first contradiction:
what can be located is listed, so that it is examined.
"""

from collections import Counter
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.member import STORED, Member
from weighlock.inspection.archive.zip_directory import decode_name, read_directory, widen
from weighlock.inspection.archive.zip_end import RULE, archive_end, check_end, ends_as_zip, find_directories
from weighlock.inspection.archive.zip_local import LOCAL, Gap, Located, locate
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, Unexamined, read

__all__ = ["ends_as_zip", "examine_tail", "read_zip"]

MAX_LOOSE_MEMBERS: Final = 10_000  # listed without a directory


def read_zip(report: Report, size: int) -> Reading[Located]:
    """Return the members by place in the file, and the bytes that belong to none; raises Unexamined.

    Reports as ``zip-structure`` whatever two readers would read differently.
    """
    directories = yield from find_directories(report, size)
    if not directories:
        report.find(
            RULE, "the archive has no end record, or no directory: a file that is cut off looks like this"
        )
        return (yield from _walk(report, size))
    listed: dict[Member, None] = {}
    for directory in directories:
        entries = yield from read_directory(report, directory)
        for member, times in Counter(entries).items():
            if times > 1:  # some readers take it for an overlap, and refuse it
                told = f"the member {shown(member.name)!r} is there {times} times, at one place"
                report.find("archive-duplicate", told, offset=member.header)
        listed.update(dict.fromkeys(entries))
    limit = min(directory.start for directory in directories)
    members = sorted(listed, key=lambda member: member.header)
    located = yield from locate(report, members, limit)
    end = yield from archive_end(size)
    if end < size:
        located.gaps.append(Gap(end, size - end))
    return located


def examine_tail(file: File) -> Reading[None]:
    """Examine the archive that a file of another format ends in, if it does.

    Readers of ZIP files look at the end and allow anything before it. Never raises for what it holds.
    """
    if not (yield from check_end(file)):
        return
    from weighlock.inspection.archive.archive import Archive  # noqa: PLC0415  # few files are archives too

    inner = file.inner("the archive at its end", file.size)
    if inner is None:
        return
    try:
        located = yield from read_zip(
            Report(file.path), file.size
        )  # what it says of the rest is known by now
    except Unexamined as limit:
        inner.report.not_examined(limit.reason)
        return
    archive = Archive(inner, located.members)
    for member in archive.members:
        yield from archive.examine(member)


def _walk(report: Report, size: int) -> Reading[Located]:
    """Return the members of an archive without a directory, as readers of streams find them."""
    members: list[Member] = []
    at = 0
    while at + LOCAL.size <= size and len(members) < MAX_LOOSE_MEMBERS:
        raw = yield from read(at, LOCAL.size)
        magic, _, flags, method, _, _, crc, packed, length, name_length, extra_length = LOCAL.unpack(raw)
        if magic != b"PK\x03\x04" or at + LOCAL.size + name_length + extra_length > size:
            break
        raw = yield from read(at + LOCAL.size, name_length + extra_length)
        name = decode_name(report, raw[:name_length], flags)
        length, packed, _ = widen(report, name, raw[name_length:], (length, packed, 0))
        data = at + LOCAL.size + name_length + extra_length
        cut = min(packed, size - data)
        members.append(Member(name, method, flags, crc, cut, cut if method == STORED else length, at, data))
        if cut < packed:
            report.not_examined(f"the archive ends within {shown(name)!r}")
        at = data + cut
    gaps = [Gap(at, size - at)] if at < size else []
    return Located(members, gaps)
