"""Zip and tar files that readers disagree on, that write outside their folder, or that fill the disk.

Sources: the zip application note (local and central headers, flags, CRC), POSIX tar, torch's reader of zip files.
"""

import io
import struct
import zipfile
from collections.abc import Iterator

from bench.attack_case import CODE, EVIL, LONG_AGO, Attack, tarred, zipped
from bench.attack_container import GOOD, ORDINARY, Made


def attacks() -> Iterator[Attack]:
    for family, made in (
        ("containers: zip tricks", _zip_tricks()),
        ("containers: writing outside", _traversal()),
    ):
        for number, (name, data, why) in enumerate(made):
            yield Attack(family, f"{number:03}-{name}", data, why)


def _flagged(archive: bytes, *, flag: int, local: bool, central: bool) -> bytes:
    """Return an archive whose headers carry a flag bit."""
    raw = bytearray(archive)
    if local:
        for at in _each(archive, b"PK\x03\x04"):
            raw[at + 6] |= flag & 0xFF
    if central:
        for at in _each(archive, b"PK\x01\x02"):
            raw[at + 8] |= flag & 0xFF
    return bytes(raw)


def _each(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def _zip_tricks() -> Made:
    evil = zipped({**ORDINARY, "m/data.pkl": EVIL})
    yield (
        "encrypted-central.pt",
        _flagged(evil, flag=1, local=False, central=True),
        "the directory says encrypted: torch ignores it",
    )
    yield (
        "encrypted-local.pt",
        _flagged(evil, flag=1, local=True, central=False),
        "the local header says encrypted",
    )
    yield "encrypted-both.pt", _flagged(evil, flag=1, local=True, central=True), "both say encrypted"
    at = evil.find(b"PK\x01\x02")
    wrong = bytearray(evil)
    wrong[at + 16 : at + 20] = b"\1\2\3\4"
    yield (
        "crc-central.pt",
        bytes(wrong),
        "a wrong CRC in the directory: Python's reader stops, torch does not",
    )
    wrong = bytearray(evil)
    wrong[14:18] = b"\1\2\3\4"
    yield "crc-local.pt", bytes(wrong), "a wrong CRC in the local header"
    renamed = evil.replace(b"m/data.pkl", b"m/data.txt", 1)
    yield "name-local.pt", renamed, "the local header has another name than the directory"
    last = evil.rfind(b"m/data.pkl")
    yield "name-central.pt", evil[:last] + b"m/data.txt" + evil[last + 10 :], "the directory has another name"
    yield "twice.pt", _twice(), "two members of one name, the second malicious"
    yield "twice-first.pt", _twice(first=EVIL, second=GOOD), "two members of one name, the first malicious"
    yield "prefix.pt", b"\x80\x02}." + evil, "bytes before the first member"
    yield "comment.pt", _commented(evil), "a whole archive in the comment of another"
    yield "cut.pt", evil[:-30], "the directory's end is cut away: some readers go by local headers"
    yield "no-directory.pt", evil[:at], "no directory: some readers go by local headers"
    method = bytearray(evil)
    method[8:10] = method[at + 10 : at + 12] = struct.pack("<H", 99)
    yield "method.pt", bytes(method), "a compression method that readers do not know"
    bigger = bytearray(evil)
    bigger[at + 24 : at + 28] = struct.pack("<I", 4)
    bigger[at + 20 : at + 24] = struct.pack("<I", 4)
    yield "size-central.pt", bytes(bigger), "the directory says four bytes; the local header says more"
    hidden = zipped({**ORDINARY, "m/data.pkl": GOOD})
    gap = hidden.find(b"PK\x01\x02")
    shifted = bytearray(hidden[:gap] + EVIL + hidden[gap:])
    place = shifted.rfind(b"PK\x05\x06")
    shifted[place + 16 : place + 20] = struct.pack("<I", gap + len(EVIL))
    yield "gap.pt", bytes(shifted), "a pickle in a gap that the directory does not list"
    yield "case.pt", zipped({**ORDINARY, "m/DATA.PKL": EVIL}), "names that differ by case"
    yield "slash.pt", zipped({**ORDINARY, "m\\data.pkl": EVIL}), "a backslash in a name"
    yield "trailing.pt", zipped({**ORDINARY, "m/data.pkl/": EVIL}), "a folder's name with content"
    yield "two-roots.pt", zipped({**ORDINARY, "n/data.pkl": EVIL}), "two roots, each with data.pkl"
    yield (
        "bomb.zip",
        zipped({"a": bytes(60_000_000)}, method=zipfile.ZIP_DEFLATED),
        "sixty megabytes from sixty kilobytes",
    )
    inner = zipped({"a": bytes(20_000_000)}, method=zipfile.ZIP_DEFLATED)
    yield (
        "bomb-nested.zip",
        zipped({f"{n}.zip": inner for n in range(20)}, method=zipfile.ZIP_DEFLATED),
        "a bomb of bombs",
    )


def _twice(*, first: bytes = GOOD, second: bytes = EVIL) -> bytes:
    raw = zipped({"m/data.pkl": first, "m/dataXpkl": second, "m/version": b"3\n"})
    return raw.replace(b"m/dataXpkl", b"m/data.pkl")


def _commented(evil: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("m/data.pkl", LONG_AGO), GOOD)
        archive.comment = evil
    return out.getvalue()


def _traversal() -> Made:
    note = b"touch marker\n"
    for number, name in enumerate(
        ("../marker", "/srv/marker", "a/../../marker", "..\\marker", "C:\\marker", "m/\x00/../x")
    ):
        yield f"zip-{number}.zip", zipped({name: note}), f"a zip member named {name!r}"
        yield f"tar-{number}.tar", tarred({name.replace(chr(0), "."): note}), f"a tar member named {name!r}"
    yield (
        "nemo.nemo",
        tarred({"../../marker.py": CODE.encode()}),
        "a NeMo archive that writes outside (extractall)",
    )
    yield "npz.npz", zipped({"../marker.npy": note}), "an archive of arrays that writes outside"
    for kind, why in ((b"2", "a symbolic link"), (b"1", "a hard link"), (b"3", "a device"), (b"6", "a pipe")):
        raw = bytearray(tarred({"weights": b""}))
        raw[156:157] = kind
        raw[157:168] = b"/etc/passwd"
        raw[148:156] = b"        "
        raw[148:156] = b"%06o\0 " % sum(raw[:512])
        yield f"special-{kind.decode()}.tar", bytes(raw), f"{why} to /etc/passwd in a tar file"
    link = zipfile.ZipInfo("weights", LONG_AGO)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    yield "link.zip", out.getvalue(), "a symbolic link in a zip file"
    two = tarred({"x": b"", "x/marker": note})
    yield "through.tar", two, "a member below another that is no folder"
