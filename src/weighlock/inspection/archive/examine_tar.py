"""What the members of a tar file mean: NeMo, early torch and mere bundles are tar files."""

import posixpath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.kind import kind_of_tar, reader_of
from weighlock.inspection.archive.member import STORED, Member
from weighlock.inspection.archive.name import check_name, check_names, link_leaves
from weighlock.inspection.archive.tar import Entry, find_header, find_rest, read_tar
from weighlock.inspection.archive.tar_header import BLOCK_BYTES, DEVICES, FOLDER, HARD_LINK, SYMBOLIC_LINK
from weighlock.inspection.file import File
from weighlock.inspection.span import Reading

MAX_FOLDERS: Final = 100  # of one name that are looked up among the links; deeper ones are odd names already


def examine_tar_file(file: File) -> Reading[None]:
    """Examine every member of a tar file, and what follows its end. Raises Unexamined."""
    report = file.report
    tar = yield from read_tar(report, file.size)
    members = []
    links: dict[str, Entry] = {}
    for entry in tar.entries:
        _check_entry(file, entry, links)
        if _is_file(entry):
            if entry.sparse:
                report.member(entry.header.name).not_examined(
                    "it is stored as a sparse file or a part of one"
                )
            members.append(_member(entry))
    check_names(report, ((member.name, member.header) for member in members))
    report.format = kind_of_tar(frozenset(member.name for member in members))
    report.fact("members", len(members))
    report.fact("bytes in members", sum(member.size for member in members))
    yield from reader_of(report.format)(file, Archive(file, members))
    rest = yield from find_rest(tar.end, file.size)
    if rest < file.size:
        report.find(
            "archive-trailing", f"{file.size - rest} bytes follow the end of the archive", offset=rest
        )
        yield from file.part("what follows the end", rest, file.size - rest)
        found = yield from find_header(rest + BLOCK_BYTES, file.size)
        if found < file.size:
            yield from file.part("what follows a broken header", found, file.size - found)


def _member(entry: Entry) -> Member:
    name = entry.header.name.removeprefix("./")
    return Member(name, STORED, 0, None, entry.size, entry.size, entry.offset, entry.data)


def _is_file(entry: Entry) -> bool:
    return entry.header.kind not in DEVICES | {FOLDER, HARD_LINK, SYMBOLIC_LINK}


def _check_entry(file: File, entry: Entry, links: dict[str, Entry]) -> None:
    """Report links that leave the folder, members that are written through a link, and devices."""
    report, header, at = file.report, entry.header, entry.offset
    name = shown(header.name)
    if header.kind in DEVICES:
        report.find("archive-device", f"{name!r} is a device or a pipe", offset=at)
    if not _is_file(entry):
        check_name(report, header.name, at)
    if header.kind in {SYMBOLIC_LINK, HARD_LINK}:
        base = posixpath.dirname(header.name) if header.kind == SYMBOLIC_LINK else ""
        out = link_leaves(base, header.link)
        rule = "archive-link" if out else "archive-link-inside"
        report.find(rule, f"{name!r} is a link to {shown(header.link)!r}", offset=at)
    for folder in _folders(header.name):
        if folder in links:
            report.find("archive-link", f"{name!r} is written through the link {shown(folder)!r}", offset=at)
    if header.kind == SYMBOLIC_LINK:
        links[posixpath.normpath(header.name)] = entry


def _folders(name: str) -> list[str]:
    parts = posixpath.normpath(name).split("/")[: MAX_FOLDERS + 1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
