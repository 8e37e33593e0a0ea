"""What an archive's members mean: ZIP files hold the models of torch, NumPy and Keras."""

import posixpath
import re
import stat
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.kind import kind_of, reader_of
from weighlock.inspection.archive.member import Member
from weighlock.inspection.archive.name import check_names, link_leaves
from weighlock.inspection.archive.zip import read_zip
from weighlock.inspection.archive.zip_end import comment_place
from weighlock.inspection.detect import is_text
from weighlock.inspection.file import File
from weighlock.inspection.span import FormatError, Reading, Unexamined, read

# not pipes: `zip` marks what it reads from one so, and no reader makes one of it
_DEVICES: Final = frozenset({stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK})
_PATH: Final = re.compile(r"[\w./\\:+@~-]+")
MAX_GAPS: Final = 100  # examined: each is a finding already
MAX_TARGET_BYTES: Final = 4096  # of a link


def examine_zip_file(file: File) -> Reading[None]:
    """Examine every member of an archive, and what hides between them. Raises Unexamined."""
    report = file.report
    located = yield from read_zip(report, file.size)
    report.format = kind_of(frozenset(member.name for member in located.members))
    check_names(
        report,
        ((member.name, member.header) for member in located.members),
        looked_up_exactly=report.format == "npz",
    )
    archive = Archive(file, [])
    for member in located.members:
        if (member.size or member.packed or not member.name.endswith("/")) and not (
            yield from _is_link(archive, member)
        ):
            archive.members.append(member)
    report.fact("members", len(archive.members))
    report.fact("bytes in members", sum(member.size for member in archive.members))
    yield from reader_of(report.format)(file, archive)
    for gap in located.gaps[:MAX_GAPS]:
        if gap.length == file.size:
            raise Unexamined("no member of the archive can be located")
        yield from file.part(f"bytes {gap.offset} to {gap.offset + gap.length}", gap.offset, gap.length)
    yield from _examine_comment(file)


def _examine_comment(file: File) -> Reading[None]:
    """Examine the archive's comment, unless it is text: HDF5 is looked for at offsets where one may lie."""
    offset, length = yield from comment_place(file.size)
    if length and not is_text((yield from read(offset, length)), whole=True):
        yield from file.part("comment", offset, length)


def examine_members(_file: File, archive: Archive) -> Reading[None]:
    """Examine every member by what it is."""
    for member in archive.members:
        yield from archive.examine(member)


def _is_link(archive: Archive, member: Member) -> Reading[bool]:
    """Return whether a member is a link; report one that leads out, a folder with content, and a device."""
    report = archive.file.report
    name = shown(member.name)
    kind = stat.S_IFMT(member.mode)
    if member.name.endswith("/"):
        report.find(
            "zip-structure", f"the folder {name!r} has content: some readers read it", offset=member.header
        )
    if kind in _DEVICES:
        report.find("archive-device", f"{name!r} is a device or socket", offset=member.header)
    target = (yield from _target(archive, member)) if kind == stat.S_IFLNK else None
    if target is None:
        return False
    out = link_leaves(posixpath.dirname(member.name), target)
    rule = "archive-link" if out else "archive-link-inside"
    report.find(rule, f"{name!r} is a symbolic link to {shown(target)!r}", offset=member.header)
    return True


def _target(archive: Archive, member: Member) -> Reading[str | None]:
    """Return where a link leads; None if it is no path: readers that know no links read it as a file."""
    try:
        target = (yield from archive.read(member, MAX_TARGET_BYTES)).decode("utf-8", "replace")
    except (FormatError, Unexamined):
        return None
    return target if _PATH.fullmatch(target) else None
