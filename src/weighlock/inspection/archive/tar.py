"""List the members of a tar file, and find what its readers would read differently."""

from dataclasses import dataclass, field, replace
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.tar_header import (
    BLOCK_BYTES,
    FOLDER,
    LONG_LINK,
    LONG_NAME,
    PAX,
    PAX_GLOBAL,
    SPARSE,
    Header,
    doubts_of,
    is_header,
    long_name,
    read_header,
    read_records,
)
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, Unexamined, read

RULE: Final = "tar-structure"
MAX_ENTRIES: Final = 100_000  # as in a ZIP archive
MAX_EXTENSION_BYTES: Final = 1024 * 1024  # of one extended header or long name
MAX_EXTENSIONS: Final = 8  # in front of one member; writers make at most three
SCAN_BYTES: Final = 1024 * 1024  # of what follows the end, at a time
MAX_LOST_BYTES: Final = 64 * 1024 * 1024  # behind a broken header, in which the next one is looked for
_SKIPPED: Final = frozenset({b"V", b"D", b"M", b"N"})  # GNU's label, dump folder, other volume, old names
_NO_DATA: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A member: its header and the place of its ``size`` bytes; ``sparse`` ones are stored with gaps left out."""

    header: Header
    offset: int
    data: int
    size: int
    sparse: bool = False


@dataclass(slots=True)
class Tar:
    """The entries in order, and the byte behind the last one's padding: the end blocks should stand there."""

    entries: list[Entry] = field(default_factory=list)
    end: int = 0


@dataclass(slots=True)
class _Pending:
    """What the headers in front of a member say of it."""

    start: int = -1
    name: str | None = None
    link: str | None = None
    records: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    count: int = 0


def read_tar(report: Report, size: int) -> Reading[Tar]:
    """Return the members of a tar file; raises Unexamined over a limit.

    Reports as ``tar-structure`` what readers would read differently.
    """
    tar = Tar()
    pending = _Pending()
    at = 0
    padding = 0
    ended = False
    while at + BLOCK_BYTES <= size:
        block = yield from read(at - padding, padding + BLOCK_BYTES)
        if block[:padding].strip(b"\0"):
            report.find(
                "archive-trailing", f"{padding} bytes hide behind a member's end", offset=at - padding
            )
        block = block[padding:]
        if not block.strip(b"\0"):
            ended = True
            break
        if not is_header(block):
            report.find(RULE, "a header is broken: some readers stop here, some look for the next", offset=at)
            ended = True
            break
        header = read_header(block)
        if header.kind in PAX or header.kind in {PAX_GLOBAL, LONG_NAME, LONG_LINK}:
            yield from _extend(pending, header, at, size)
            length = header.size
        else:
            entry = _finish(report, pending, header, at)
            pending = _Pending()
            tar.entries.append(_cut(report, entry, size))
            length = entry.size
        padding = -length % BLOCK_BYTES
        at += BLOCK_BYTES + length + padding
        if len(tar.entries) > MAX_ENTRIES:
            raise Unexamined(f"the archive has more than {MAX_ENTRIES} members")
    if pending.count:
        report.find(RULE, "an extended header stands before no member", offset=pending.start)
    if not ended:
        report.find(
            "archive-corrupt",
            "the archive has no end: it was cut, or members follow that are not read",
            offset=min(at, size),
        )
    tar.end = min(at, size)
    return tar


def find_rest(start: int, size: int) -> Reading[int]:
    """Return where the first block from ``start`` on begins that is not all zeros; ``size`` if there is none."""
    at = start
    while at < size:
        raw = yield from read(at, min(SCAN_BYTES, size - at))
        rest = raw.lstrip(b"\0")
        if rest:
            found = at + len(raw) - len(rest)
            return found - (found - start) % BLOCK_BYTES
        at += len(raw)
    return size


def find_header(start: int, size: int) -> Reading[int]:
    """Return where the next sound header stands in the blocks from ``start`` on; ``size`` if nowhere.

    Some readers look for it behind a broken one.
    """
    at = start
    while at + BLOCK_BYTES <= min(size, start + MAX_LOST_BYTES):
        length = min(SCAN_BYTES, size - at) // BLOCK_BYTES * BLOCK_BYTES
        raw = yield from read(at, length)
        for place in range(0, length, BLOCK_BYTES):
            block = raw[place : place + BLOCK_BYTES]
            if block[0] and is_header(block):
                return at + place
        at += length
    return size


def _extend(pending: _Pending, header: Header, at: int, size: int) -> Reading[None]:
    """Read what a header says of the member after it."""
    pending.start = at if pending.start < 0 else pending.start
    pending.count += 1
    if header.size > MAX_EXTENSION_BYTES or pending.count > MAX_EXTENSIONS:
        raise Unexamined("its extended headers are over the limit")
    raw = yield from read(at + BLOCK_BYTES, min(header.size, max(size - at - BLOCK_BYTES, 0)))
    pending.doubts += header.doubts
    if header.kind in {LONG_NAME, LONG_LINK}:
        text, more = long_name(raw)
        twice = pending.name if header.kind == LONG_NAME else pending.link
        if more or twice is not None:
            pending.doubts.append("its long name is given twice, or goes on behind its end")
        if header.kind == LONG_NAME:
            pending.name = text
        else:
            pending.link = text
        return
    extension = read_records(raw)
    pending.doubts += extension.doubts
    if header.kind == PAX_GLOBAL and extension.records.keys() & {"path", "size", "linkpath"}:
        pending.doubts.append("a global header gives all members a name or size")
    if header.kind in PAX and pending.records.keys() & {"path", "size", "linkpath"}:
        pending.doubts.append("it has two extended headers")
    pending.records.update(extension.records)


def _finish(report: Report, pending: _Pending, header: Header, at: int) -> Entry:
    """Return the entry that a header and those in front of it make, as Python's tarfile does."""
    records = pending.records
    doubts = [*pending.doubts, *header.doubts, *doubts_of(header, records)]
    path, link = records.get("path"), records.get("linkpath")
    if pending.name is not None and path not in {None, pending.name}:
        doubts.append("it has a long name and another one in an extended header")
    name = next(
        each for each in (pending.name, records.get("GNU.sparse.name"), path, header.name) if each is not None
    )
    target = next(each for each in (pending.link, link, header.link) if each is not None)
    size = int(records["size"]) if records.get("size", "").isdecimal() else header.size
    for doubt in dict.fromkeys(doubts):
        report.find(RULE, f"the member {shown(name)!r} is in doubt: {shown(doubt)}", offset=at)
    kind = header.kind
    if kind in _NO_DATA:
        size = 0
    sparse = kind == SPARSE or any(key.startswith("GNU.sparse.") for key in records) or kind in _SKIPPED
    if kind == FOLDER:
        name = name.rstrip("/") + "/"
    return Entry(header._replace(name=name, link=target), at, at + BLOCK_BYTES, size, sparse)


def _cut(report: Report, entry: Entry, size: int) -> Entry:
    if entry.data + entry.size <= size:
        return entry
    report.find(RULE, f"the archive ends within {shown(entry.header.name)!r}", offset=entry.offset)
    report.not_examined(f"the archive ends within {shown(entry.header.name)!r}")
    return replace(entry, size=max(size - entry.data, 0))
