"""Read headers of tar files that may lie: what Python's tarfile reads in them, and where others differ.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar's manual,
"Basic Tar Format". The package that unpacks archives has a reader of its own, which refuses at the
first doubt; this one notes the doubt and goes on, so that what follows is examined.
"""

import re
from typing import Final, NamedTuple

BLOCK_BYTES: Final = 512
FILE: Final = frozenset({b"0", b"\0", b"7"})  # 7: contiguous
FOLDER: Final = b"5"
HARD_LINK: Final = b"1"
SYMBOLIC_LINK: Final = b"2"
DEVICES: Final = frozenset({b"3", b"4", b"6"})
PAX: Final = frozenset({b"x", b"X"})  # X: Solaris
PAX_GLOBAL: Final = b"g"
LONG_NAME: Final = b"L"
LONG_LINK: Final = b"K"
SPARSE: Final = b"S"
_KNOWN: Final = (
    FILE | DEVICES | PAX | {FOLDER, HARD_LINK, SYMBOLIC_LINK, PAX_GLOBAL, LONG_NAME, LONG_LINK, SPARSE}
)
_WITHOUT_DATA: Final = DEVICES | {FOLDER, HARD_LINK, SYMBOLIC_LINK}
_GNU: Final = b"ustar  \0"
_POSIX: Final = b"ustar\x0000"
_OCTAL: Final = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_RECORD: Final = re.compile(rb"([0-9]{1,18}) ([^=]+)=")
_FITS_IN_OCTAL: Final = 8**11  # bytes; smaller sizes fit into the header itself


class Header(NamedTuple):
    """One header: ``size`` bytes follow; ``doubts`` are clauses about what readers read differently."""

    name: str
    kind: bytes
    size: int
    link: str
    mode: int
    doubts: tuple[str, ...]


class Extension(NamedTuple):
    """What extended headers say of the member after them."""

    records: dict[str, str]
    doubts: tuple[str, ...]


def is_header(block: bytes) -> bool:
    """Return whether the sum of a block is that of a header; old writers added signed bytes."""
    said = _octal(block[148:156])
    if said is None or len(block) < BLOCK_BYTES:
        return False
    total = sum(block) - sum(block[148:156]) + 8 * 0x20
    high = sum(1 for byte in block[:148] + block[156:] if byte > 0x7F)
    return said in {total, total - 256 * high}


def read_header(block: bytes) -> Header:
    """Return what a block whose sum is right says."""
    doubts = []
    kind = block[156:157]
    magic = block[257:265]
    name, cut = _text(block[:100])
    prefix, _ = _text(block[345:500])
    link, _ = _text(block[157:257])
    if prefix and magic != _POSIX:
        doubts.append("a part of its name stands where only some readers look")
    if cut:
        doubts.append("its name goes on behind its end")
    if prefix and kind not in {LONG_NAME, LONG_LINK, SPARSE}:
        name = f"{prefix}/{name}"
    if kind not in _KNOWN:
        doubts.append(f"its type {kind!r} is unknown")
    size = _number(block[124:136])
    if size is None:
        doubts.append("its size is no number")
    elif size and kind in _WITHOUT_DATA:
        doubts.append("it has a size, and its type has no content")
    if kind == b"\0" and name.endswith("/"):
        kind = FOLDER
    return Header(name, kind, size or 0, link, _number(block[100:108]) or 0, tuple(doubts))


def read_records(raw: bytes) -> Extension:
    """Return the records of an extended header: ``length key=value`` with a line's end."""
    records: dict[str, str] = {}
    doubts = []
    at = 0
    while found := _RECORD.match(raw, at):
        end = at + int(found[1])
        if not found.end() < end <= len(raw) or raw[end - 1 : end] != b"\n":
            doubts.append("a record of its extended header has another length than it says")
            break
        key = found[2].decode("utf-8", "replace")
        if key in records:
            doubts.append(f"its extended header says {key!r} twice")
        records[key] = raw[found.end() : end - 1].decode("utf-8", "replace")
        at = end
    if raw[at:].strip(b"\0"):
        doubts.append("its extended header is malformed")
    return Extension(records, tuple(dict.fromkeys(doubts)))


def doubts_of(header: Header, records: dict[str, str]) -> list[str]:
    """Return what header and extended header contradict each other about (CVE-2025-62518)."""
    doubts = []
    said = records.get("size")
    if said is not None:
        large = said.isdecimal() and header.size == 0 and int(said) >= _FITS_IN_OCTAL
        if said != str(header.size) and not large:
            doubts.append(f"it has {header.size} bytes by its header, and {said!r} by the extended one")
    if records.keys() & {"hdrcharset"} and records["hdrcharset"] != "ISO-IR 10646 2000 UTF-8":
        doubts.append("its name is in no known character set")
    return doubts


def long_name(raw: bytes) -> tuple[str, bool]:
    """Return the name that GNU tar writes before a member, and whether something follows its end."""
    return _text(raw)


def _text(field: bytes) -> tuple[str, bool]:
    text, _, rest = field.partition(b"\0")
    return text.decode("utf-8", "surrogateescape"), bool(rest.strip(b"\0"))


def _number(field: bytes) -> int | None:
    if field[0] & 0x80:  # GNU tar's manual, "Extensions": big-endian, for 8 GiB and more
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else None
    return _octal(field)


def _octal(field: bytes) -> int | None:
    found = _OCTAL.fullmatch(field)
    return int(found[1] or b"0", 8) if found else None
