"""Find the directories that readers of a ZIP archive would find: they need not be the same one.

Source: PKWARE APPNOTE 6.3, 4.3.14 to 4.3.16. Python's zipfile and miniz, which PyTorch has, both
take the last end record, whatever its comment's length; stricter readers want the comment to reach
the end of the file. With 64-bit records Python takes the one in front of the locator, miniz the one
that it points at. Python counts the directory's place back from the end, so that bytes may precede
the archive; miniz takes the offset as it stands.
"""

import struct
from typing import Final, NamedTuple

from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, read

RULE: Final = "zip-structure"
MAX_ENDS: Final = 8  # end records that are followed up
MAX_COMMENT_BYTES: Final = 65_535  # the format's field has 16 bits
ELSEWHERE_BYTES: Final = 4096  # in which an end record is looked for behind other formats on another machine
END: Final = struct.Struct("<4s4H2LH")
_END64_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_WIDE: Final = 0xFFFF_FFFF  # the number is in a 64-bit record instead
_MAGIC: Final = b"PK\x05\x06"
_ENTRY_MAGIC: Final = b"PK\x01\x02"


class Directory(NamedTuple):
    """A central directory as one reader finds it.

    ``entries`` in ``size`` bytes from ``start`` on; it should end at ``end``. ``shift`` is
    what that reader adds to the offsets in it.
    """

    start: int
    size: int
    entries: int
    end: int
    shift: int


class _Record(NamedTuple):
    entries: int
    size: int
    offset: int
    end: int  # where the directory must end
    wide: bool = False


def find_directories(report: Report, size: int) -> Reading[list[Directory]]:
    """Return every directory that a reader may take, first Python's; none if there is no end record.

    Reports as ``zip-structure`` what makes readers choose differently.
    """
    length = min(size, END.size + MAX_COMMENT_BYTES)
    tail = yield from read(size - length, length)
    ends = _end_records(tail)
    if ends and not _reaches(tail, ends[0]):
        report.find(
            RULE, "bytes follow the archive's end record and its comment", offset=size - length + ends[0]
        )
    if len(ends) > 1:
        report.find(RULE, "the comment holds another end record", offset=size - length + ends[0])
    found: dict[Directory, None] = {}
    for at in ends:
        for record in (yield from _records(report, tail, at, size - length + at)):
            found.update(dict.fromkeys((yield from _places(report, record))))
    return list(found)


def archive_end(size: int) -> Reading[int]:
    """Return where the last end record with its comment ends; ``size`` if there is none."""
    length = min(size, END.size + MAX_COMMENT_BYTES)
    tail = yield from read(size - length, length)
    ends = _end_records(tail)
    if not ends:
        return size
    comment = END.unpack_from(tail, ends[0])[7]
    return min(size, size - length + ends[0] + END.size + int(comment))


def comment_place(size: int) -> Reading[tuple[int, int]]:
    """Return offset and length of the archive's comment; the length is 0 if there is none."""
    end = yield from archive_end(size)
    length = min(size, END.size + MAX_COMMENT_BYTES)
    tail = yield from read(size - length, length)
    ends = _end_records(tail)
    begin = size - length + ends[0] + END.size if ends else end
    return begin, max(0, end - begin)


def ends_as_zip(size: int, within: int = END.size + MAX_COMMENT_BYTES) -> Reading[bool]:
    """Return whether the end record of an archive with a directory stands in the last ``within`` bytes of a file."""
    length = min(size, within)
    tail = yield from read(size - length, length)
    at = tail.find(_MAGIC)
    while 0 <= at <= length - END.size:
        fields = END.unpack_from(tail, at)
        directory = size - length + at - fields[5]  # where readers that allow a prefix look for it
        if tail[max(0, at - _END64_LOCATOR.size) : at].startswith(b"PK\x06\x07"):
            return True
        if directory >= 0 and (yield from read(directory, min(4, fields[5]))) == _ENTRY_MAGIC:
            return True
        at = tail.find(_MAGIC, at + 1)
    return False


def check_end(file: File) -> Reading[bool]:
    """Say that a file of another format is an archive too, and return whether it is."""
    within = END.size + MAX_COMMENT_BYTES
    if file.options.elsewhere and file.size > within:
        within = ELSEWHERE_BYTES
        file.report.fact("an archive at the end", f"looked for in the last {within} bytes alone")
    if not (yield from ends_as_zip(file.size, within)):
        return False
    file.report.find(RULE, "the file is an archive too, for readers that begin at its end")
    return True


def _end_records(tail: bytes) -> list[int]:
    """Return where end records stand: the last one, and all others whose comment reaches the end of the file."""
    found: list[int] = []
    at = tail.rfind(_MAGIC, 0, max(0, len(tail) - END.size + len(_MAGIC)))
    while at >= 0 and len(found) < MAX_ENDS:
        if not found or _reaches(tail, at):
            found.append(at)
        at = tail.rfind(_MAGIC, 0, at)
    return found


def _reaches(tail: bytes, at: int) -> bool:
    return at + END.size + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)


def _records(report: Report, tail: bytes, at: int, end: int) -> Reading[list[_Record]]:
    """Return what the end record at ``end`` says, and the 64-bit records that readers take instead."""
    _, disk, first_disk, here, count, size, offset, _ = END.unpack_from(tail, at)
    if disk or first_disk or here != count:
        report.find(RULE, "the archive claims to span several disks, which few readers believe", offset=end)
    narrow = _Record(count, size, offset, end)
    locator = at - _END64_LOCATOR.size
    if locator < 0 or tail[locator : locator + 4] != b"PK\x06\x07":
        return [narrow]
    locator_at = end - _END64_LOCATOR.size
    pointed = _END64_LOCATOR.unpack_from(tail, locator)[2]
    adjacent = locator_at - _END64.size
    wide = []
    for place in dict.fromkeys((adjacent, pointed)):
        record = yield from _read_end64(place, locator_at)
        if record is not None:
            wide.append(record)
    if pointed != adjacent or len(wide) != 1:
        report.find(RULE, "the 64-bit end record is not where its locator says, or malformed", offset=end)
    elif not _agree(narrow, wide[0]):
        report.find(RULE, "the 32-bit and the 64-bit end record disagree", offset=end)
    if narrow.offset != _WIDE:
        wide.append(narrow)
    return wide


def _agree(narrow: _Record, wide: _Record) -> bool:
    pairs = (
        (narrow.entries, wide.entries, 0xFFFF),
        (narrow.size, wide.size, _WIDE),
        (narrow.offset, wide.offset, _WIDE),
    )
    return all(value in {same, limit} for value, same, limit in pairs)


def _read_end64(place: int, limit: int) -> Reading[_Record | None]:
    if place < 0 or place + _END64.size > limit:
        return None
    magic, length, _, _, _, _, _, count, size, offset = _END64.unpack((yield from read(place, _END64.size)))
    if magic != b"PK\x06\x06" or length != _END64.size - 12:
        return None
    return _Record(count, size, offset, place, wide=True)


def _places(report: Report, record: _Record) -> Reading[list[Directory]]:
    """Return where the directory is: counted back from the end, and by its offset."""
    end = record.end
    counted = end - record.size
    if not record.wide:
        # a 32-bit record behind a 64-bit one: the directory ends before that
        gap = _END64.size + _END64_LOCATOR.size
        if record.offset + record.size == end - gap:
            counted, end = counted - gap, end - gap
    found = []
    if (yield from _is_directory(counted, record.size)):
        shift = counted - record.offset
        found.append(Directory(counted, record.size, record.entries, end, shift))
    if record.offset == counted:
        return found or [Directory(record.offset, record.size, record.entries, end, 0)]
    report.find(RULE, "the central directory is not where the archive says", offset=end)
    if record.offset < end and (yield from _is_directory(record.offset, end - record.offset)):
        found.append(Directory(record.offset, record.size, record.entries, end, 0))
    return found


def _is_directory(place: int, size: int) -> Reading[bool]:
    if place < 0 or size < len(_ENTRY_MAGIC):
        return False
    return (yield from read(place, len(_ENTRY_MAGIC))) == _ENTRY_MAGIC
