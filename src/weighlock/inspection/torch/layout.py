"""The members of a torch archive by the names that its reader goes by.

Source: caffe2/serialize/inline_container.cc: the folder of the first member is the archive's name, and records are
looked up below it without regard to case (``mz_zip_reader_locate_file`` without flags).
"""

import re
from dataclasses import dataclass, field
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.member import Member
from weighlock.inspection.file import File
from weighlock.inspection.span import FormatError, Reading, Unexamined

MAX_RECORD_BYTES: Final = 64  # a number, a word or an identifier

# records that torch compares or converts to a number, and what they may hold
_RECORDS: Final = {
    ".data/serialization_id": re.compile(rb"[0-9A-Za-z_-]*"),
    ".data/version": re.compile(rb"\d{1,9}\n?"),
    ".data/python_version": re.compile(rb"[0-9.]{1,20}"),
    ".format_version": re.compile(rb"\d{1,9}\n?"),
    ".storage_alignment": re.compile(rb"\d{1,9}\n?"),
    "archive_format": re.compile(rb"pt2"),
    "archive_version": re.compile(rb"\d{1,9}\n?"),
    "byteorder": re.compile(rb"little|big"),
    "version": re.compile(rb"\d{1,9}(?:\.\d{1,9})?\n?"),
}


@dataclass(slots=True)
class Layout:
    """The members by their name below the archive's folder, in lower case; ``rest`` are those not yet examined."""

    file: File
    archive: Archive
    members: dict[str, Member]
    rest: dict[str, Member] = field(default_factory=dict)

    def take(self, name: str) -> Member | None:
        """Return a member of this name, which is examined now; None if there is none left."""
        return self.rest.pop(name, None)

    def matching(self, pattern: re.Pattern[str]) -> list[str]:
        """Return the names of members not yet examined that match as a whole."""
        return [name for name in self.rest if pattern.fullmatch(name)]

    def read(self, member: Member, limit: int) -> Reading[bytes | None]:
        """Return the content of a member; None, and reported, if it cannot be had."""
        report = self.file.report.member(member.name)
        try:
            return (yield from self.archive.read(member, limit))
        except FormatError as error:
            report.find(error.rule, error.message, offset=error.offset)
            report.not_examined(error.message)
        except Unexamined as reason:
            report.not_examined(reason.reason)
        return None


def read_layout(file: File, archive: Archive) -> Layout:
    """Return the members by name; one that another hides from some readers is examined by what it is."""
    first = archive.members[0].name if archive.members else ""
    root = first.partition("/")[0] + "/" if "/" in first else ""  # exported programs before 2.8 had no folder
    members: dict[str, Member] = {}
    rest: dict[str, Member] = {}
    for member in archive.members:
        inner = member.name[len(root) :]
        if not member.name.lower().startswith(root.lower()) or not inner:
            # no name below the archive's folder begins so: torch never reads it
            rest[f"/{len(rest)}/{member.name}"] = member
            continue
        name = inner.lower()
        if name in members:  # that two have a name is a finding of every archive
            rest[f"/{len(rest)}/{member.name}"] = member
            continue
        members[name] = rest[name] = member
    return Layout(file, archive, members, rest)


def check_records(layout: Layout) -> Reading[dict[str, bytes]]:
    """Return the short records by name; one that does not hold what torch writes there is a finding."""
    found = {}
    for name, pattern in _RECORDS.items():
        member = layout.take(name)
        if member is None:
            continue
        data = yield from layout.read(member, MAX_RECORD_BYTES)
        if data is None:
            continue
        found[name] = data
        if not pattern.fullmatch(data):
            report = layout.file.report.member(member.name)
            report.find("torch-record", f"it holds {shown(data.decode('latin-1'), limit=40)!r}")
    return found
