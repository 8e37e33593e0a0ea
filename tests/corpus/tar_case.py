"""Tar files, sound and by mechanism."""

import tarfile
from collections.abc import Mapping
from typing import Any

from archive_file import block_of, pax, tar_file, tar_header
from corpus.case import Case, accept, reject
from corpus.zip_case import PAYLOAD, PAYLOAD_RULES

END = bytes(1024)
PLAIN: Mapping[str, Any] = {}
LONG = "d/" + "x" * 60 + "/" + "y" * 60 + ".txt"


def cases() -> list[Case]:
    return [*sound(), *structure(), *names(), *contents()]


def text(name: bytes = b"a.txt", size: bytes = b"00000000004", **fields: bytes) -> bytes:
    """Return a member with the content "one" and a line's end."""
    return tar_header(name, size, **fields) + block_of(b"one\n")


def bad(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
    return reject(f"tar/{name}.tar", raw, why, *(rules or ("tar-structure",)), not_examined=told)


def sound() -> list[Case]:
    two = [("a.txt", b"one\n", PLAIN), ("d/b.txt", b"two\n", PLAIN)]
    folder = [("d", b"", {"type": tarfile.DIRTYPE}), ("d/b.txt", b"two\n", PLAIN)]
    link = [("a.txt", b"one\n", PLAIN), ("d/l", b"", {"type": tarfile.SYMTYPE, "linkname": "../a.txt"})]
    return [
        accept("tar/ustar.tar", tar_file(two), "two texts"),
        accept("tar/folder.tar", tar_file(folder), "a folder"),
        accept("tar/gnu-long.tar", tar_file([(LONG, b"one\n", PLAIN)], tarfile.GNU_FORMAT), "a long name of GNU's kind"),
        accept("tar/pax-long.tar", tar_file([("d/é" + LONG, b"one\n", PLAIN)], tarfile.PAX_FORMAT), "a long name of POSIX's kind"),
        accept("tar/prefix.tar", tar_file([(LONG, b"one\n", PLAIN)]), "a long name in two fields"),
        accept("tar/dot.tar", tar_file([("./a.txt", b"one\n", PLAIN)]), "a name that begins with a dot and a slash"),
        accept("tar/v7.tar", text(magic=b"\0" * 8) + END, "a header from before 1988"),
        accept("tar/record.tar", text() + bytes(10240 - 1024), "zeros to the end of the record"),
        accept("tar/binary-size.tar", text(size=b"\x80" + bytes(10) + b"\4") + END, "a size in base 256"),
        accept("tar/pax-size.tar", pax({"size": "4"}) + text() + END, "a size that is given twice, and the same"),
        accept("tar/link-inside.tar", tar_file(link), "a link within the archive", "archive-link-inside"),
    ]  # fmt: skip


def structure() -> list[Case]:
    hidden = tar_header(b"m.pkl", b"%011o" % len(PAYLOAD)) + block_of(PAYLOAD)
    smuggled = b"%011o" % len(hidden)
    long_name = tar_header(b"././@LongLink", b"00000000006", b"L", magic=b"ustar  \0") + block_of(b"b.txt\0")
    return [
        bad("pax-size-zero", pax({"size": str(len(hidden))}) + tar_header(b"a.txt", b"00000000000") + hidden + END, "the header says no bytes, the extended one does: headers hide in the content", "tar-structure", "archive-corrupt", "name-mismatch", *PAYLOAD_RULES),
        bad("pax-size-smaller", pax({"size": "0"}) + tar_header(b"a.txt", smuggled) + hidden + END, "the extended header says no bytes", "tar-structure", *PAYLOAD_RULES),
        bad("pax-twice", pax({"path": "b.txt"}) + pax({"path": "c.txt"}) + text() + END, "two extended headers"),
        bad("pax-same-key", pax({"path": "b.txt"}).replace(b"14 path=b.txt\n", b"14 path=b.txt\n14 path=c.txt\n")[:540].ljust(1024, b"\0").replace(b"00000000016", b"00000000034") + text() + END, "a key twice"),
        bad("pax-length", pax({"path": "b.txt"}).replace(b"14 path", b"99 path") + text() + END, "a record that is longer than the header"),
        bad("pax-global-path", pax({"path": "b.txt"}, b"g") + text() + END, "a name for all members"),
        bad("pax-charset", pax({"hdrcharset": "BINARY"}) + text() + END, "a name in no known character set"),
        bad("pax-alone", text() + pax({"path": "b.txt"}) + END, "an extended header before no member"),
        bad("long-and-pax", long_name + pax({"path": "c.txt"}) + text() + END, "a long name and another one in an extended header"),
        bad("long-twice", long_name + long_name + text() + END, "two long names"),
        bad("long-goes-on", tar_header(b"././@LongLink", b"00000000014", b"L", magic=b"ustar  \0") + block_of(b"b.txt\0c.txt\0") + text() + END, "a long name that goes on behind its end"),
        bad("prefix-gnu", text(magic=b"ustar  \0", prefix=b"d") + END, "a part of the name where only some readers look"),
        bad("name-goes-on", text(b"a.txt\0b.txt") + END, "a name that goes on behind its end"),
        bad("link-with-size", tar_header(b"l", smuggled, b"1", link=b"a.txt") + hidden + END, "a link with a size: some readers skip what follows", "tar-structure", "archive-link-inside", *PAYLOAD_RULES),
        bad("folder-with-size", tar_header(b"d", smuggled, b"5") + hidden + END, "a folder with a size", "tar-structure", *PAYLOAD_RULES),
        bad("size-no-octal", text(size=b"0x4") + END, "a size that is no octal number", "tar-structure", "archive-trailing", told="what follows"),
        bad("type-unknown", text()[:0] + tar_header(b"a.txt", b"00000000004", b"Z") + block_of(b"one\n") + END, "a type that nobody knows"),
        bad("sum-wrong", text() + text(b"b.txt").replace(b"b.txt", b"c.txt") + END, "a header whose sum is wrong", "tar-structure", "archive-trailing", told="what follows"),
        bad("cut", tar_header(b"m.pkl", b"00000001000") + PAYLOAD, "cut within a member", "tar-structure", "archive-corrupt", *PAYLOAD_RULES, told="ends within"),
        bad("sum-wrong-pickle", text() + text(b"b.txt").replace(b"b.txt", b"c.txt") + hidden + END, "a pickle behind a header whose sum is wrong, where some readers go on", "tar-structure", "archive-trailing", *PAYLOAD_RULES, told="what follows"),
        bad("no-end", text(), "no end", "archive-corrupt"),
        bad("second-archive", text() + END + hidden + END, "an archive behind the archive", "archive-trailing", *PAYLOAD_RULES),
        bad("pickle-behind", text() + END + PAYLOAD, "a pickle behind the archive", "archive-trailing", *PAYLOAD_RULES),
        bad("padding", text()[:520] + PAYLOAD + text()[520 + len(PAYLOAD):] + END, "a pickle in the padding of a member", "archive-trailing"),
        reject("tar/sparse.tar", tar_header(b"a.txt", b"00000000004", b"S", magic=b"ustar  \0") + block_of(b"one\n") + END, "a sparse file", not_examined="sparse"),
    ]  # fmt: skip


def names() -> list[Case]:
    def linked(target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[str, bytes, Mapping[str, Any]]:
        return ("d/l", b"", {"type": kind, "linkname": target})

    return [
        bad("name-up", tar_file([("../a.txt", b"one\n", PLAIN)]), "a name that leads out", "archive-path"),
        bad("name-absolute", tar_file([("/etc/a.txt", b"one\n", PLAIN)]), "an absolute name", "archive-path"),
        bad("name-up-pax", pax({"path": "../../a.txt"}) + text() + END, "a name that leads out in an extended header", "archive-path"),
        bad("name-backslash", tar_file([("..\\a.txt", b"one\n", PLAIN)]), "a name that leads out on Windows", "archive-path"),
        bad("folder-up", tar_file([("../d", b"", {"type": tarfile.DIRTYPE})]), "a folder that leads out", "archive-path"),
        bad("name-twice", tar_file([("a.txt", b"one\n", PLAIN), ("./a.txt", b"two\n", PLAIN)]), "one name for two members", "archive-duplicate"),
        bad("name-case", tar_file([("a.txt", b"one\n", PLAIN), ("A.txt", b"two\n", PLAIN)]), "names that differ in capitals", "archive-collision"),
        bad("link-out", tar_file([linked("../../etc/passwd")]), "a link that leads out", "archive-link"),
        bad("link-absolute", tar_file([linked("/etc/passwd")]), "a link to an absolute name", "archive-link"),
        bad("hard-link-out", tar_file([linked("../passwd", tarfile.LNKTYPE)]), "a hard link that leads out", "archive-link"),
        bad("through-link", tar_file([("l", b"", {"type": tarfile.SYMTYPE, "linkname": "d"}), ("l/a.txt", b"one\n", PLAIN)]), "a member that is written through a link", "archive-link", "archive-link-inside"),
        bad("device", tar_file([("d", b"", {"type": tarfile.BLKTYPE})]), "a device", "archive-device"),
        bad("pipe", tar_file([("d", b"", {"type": tarfile.FIFOTYPE})]), "a pipe", "archive-device"),
    ]  # fmt: skip


def contents() -> list[Case]:
    pickled = tar_file([("a.txt", b"one\n", PLAIN), ("m.pkl", PAYLOAD, PLAIN)])
    return [
        bad("pickle", pickled, "a pickle in an archive", *PAYLOAD_RULES),
        reject("tar/nemo.nemo", tar_file([("./model_weights.ckpt", PAYLOAD, PLAIN), ("./notes.txt", b"x\n", PLAIN)]), "a NeMo file with a pickle in it", *PAYLOAD_RULES),
    ]  # fmt: skip
