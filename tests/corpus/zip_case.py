"""ZIP files, sound and by mechanism: what two readers would read differently, and what unpacking would do."""

import struct
import zlib
from typing import Any

from archive_file import Item, deflated, zip_file
from corpus.case import MARK, Case, accept, reject

PAYLOAD = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00" + MARK.encode() + b"\x85R."
PAYLOAD_RULES = ("pickle-present", "pickle-global-dangerous")
ONE = Item(b"a.txt", b"one\n")
TWO = Item(b"b.txt", b"two\n")
TEXTS = [ONE, TWO]


def cases() -> list[Case]:
    return [*sound(), *ends(), *headers(), *places(), *names(), *contents()]


def bad(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
    return reject(f"zip/{name}.zip", raw, why, *(rules or ("zip-structure",)), not_examined=told)


def pickled(**fields: Any) -> list[Item]:
    return [ONE, Item(b"m.pkl", PAYLOAD, **fields)]


def descriptor(data: bytes, *, signed: bool = True, wide: bool = False, packed: bytes | None = None) -> bytes:
    sizes = struct.pack("<2Q" if wide else "<2L", len(data if packed is None else packed), len(data))
    return (b"PK\7\10" if signed else b"") + struct.pack("<L", zlib.crc32(data)) + sizes


def behind(name: bytes, data: bytes, after: bytes) -> Item:
    """Return a member whose CRC and sizes stand behind it."""
    return Item(name, data, both={"flags": 8}, local={"crc": 0, "packed": 0, "size": 0}, after=after)


def extra(kind: int, data: bytes) -> bytes:
    return struct.pack("<2H", kind, len(data)) + data


def sound() -> list[Case]:
    wide = extra(1, struct.pack("<2Q", 4, 4))
    return [
        accept("zip/fields.zip", zip_file(TEXTS), "two texts"),
        accept("zip/empty.zip", zip_file([]), "no member at all"),
        accept("zip/folder.zip", zip_file([Item(b"d/"), Item(b"d/a.txt", b"one\n")]), "a folder of its own"),
        accept("zip/commented.zip", zip_file(TEXTS, comment=b"made by hand"), "a comment"),
        accept("zip/packed.zip", zip_file([Item(b"a.txt", b"one\n" * 50, 8)]), "a deflated member"),
        accept("zip/descriptor.zip", zip_file([behind(b"a.txt", b"one\n", descriptor(b"one\n"))]), "sizes behind the member"),
        accept("zip/descriptor-bare.zip", zip_file([behind(b"a.txt", b"one\n", descriptor(b"one\n", signed=False)), TWO]), "the same without a signature"),
        accept("zip/descriptor-wide.zip", zip_file([behind(b"a.txt", b"one\n", descriptor(b"one\n", wide=True)), TWO]), "the same with 64 bits"),
        accept("zip/wide.zip", zip_file([Item(b"a.txt", b"one\n", both={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "extra": wide})]), "64-bit sizes in extra fields"),
        accept("zip/utf-8.zip", zip_file([Item("é日.txt".encode(), b"one\n", both={"flags": 0x800})]), "a name in UTF-8"),
        accept("zip/code-page.zip", zip_file([Item(b"\x82.txt", b"one\n")]), "a name in code page 437"),
        accept("zip/padded.zip", zip_file([Item(b"a.txt", b"one\n", local={"extra": extra(0x4246, b"Z" * 60)})]), "padding in an extra field, as torch writes"),
        accept("zip/no-crc.zip", zip_file([Item(b"a.txt", b"one\n", both={"crc": 0})]), "a CRC of zero: it was not computed", "zip-crc-missing"),
        accept("zip/link-inside.zip", zip_file([ONE, Item(b"l", b"a.txt", central={"external": 0o120777 << 16})]), "a link within the archive", "archive-link-inside") ,
        accept("npz/capitals.npz", zip_file([Item(b"w.npy", array()), Item(b"W.npy", array())]), "NumPy tells capitals apart"),
    ]  # fmt: skip


def entry_twice() -> bytes:
    whole = zip_file([ONE])
    at, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entry = whole[at:end]
    return whole[:at] + entry * 2 + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 2, 2, 2 * len(entry), at, 0)


def array() -> bytes:
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }"
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + b"\1"


def ends() -> list[Case]:
    """What the end of the file says of the directory."""
    plain = zip_file(TEXTS)
    other = zip_file([Item(b"c.txt", b"three\n")])
    shifted = zip_file([ONE], offset=0)
    return [
        bad("two-ends", zip_file(TEXTS, comment=b"PK\5\6" + bytes(18)), "an end record in the comment of another: readers differ in which they take"),
        bad("comment-short", zip_file(TEXTS, comment=b"payload!")[:-5], "a comment that is shorter than it says") ,
        bad("comment-long", zip_file(TEXTS)[:-2] + b"\x01\x00payload", "bytes behind a comment", told="bytes 203 to"),
        bad("pickle-behind", plain + PAYLOAD, "a pickle behind the archive", "zip-structure", *PAYLOAD_RULES),
        bad("archive-behind", plain + other, "an archive behind the archive"),
        bad("prefix-counted", b"PK\3\4" + b"\xff" * 30 + plain, "bytes in front, of which Python's reader takes no notice", told="bytes 0 to 34"),
        bad("offset-zero", shifted, "the directory's offset is a lie that Python corrects and others believe"),
        bad("several-disks", zip_file(TEXTS, disk=1, first=1), "parts of an archive on disks that do not exist"),
        bad("count-less", zip_file(TEXTS, here=1, count=1), "fewer members by number than there are: miniz takes one, Python two"),
        bad("count-more", zip_file(TEXTS, here=3, count=3), "more members by number than there are"),
        bad("size-less", zip_file([ONE, Item(b"m.pkl", PAYLOAD)], size=51), "a directory that is longer than it says", "zip-structure", *PAYLOAD_RULES),
        bad("gap-before-directory", zip_file(TEXTS, gap=PAYLOAD), "a pickle between members and directory", "zip-structure", *PAYLOAD_RULES),
        bad("no-directory", zip_file([ONE, Item(b"m.pkl", PAYLOAD)]).split(b"PK\1\2")[0], "the directory is cut off: readers of streams find the members", "zip-structure", *PAYLOAD_RULES),
        bad("cut", zip_file([ONE, Item(b"m.pkl", PAYLOAD)])[:100], "cut within a member", "zip-structure", "zip-crc", "pickle-present", "pickle-global-dangerous", told="ends within"),
    ]  # fmt: skip


def headers() -> list[Case]:
    """What the two headers of a member say."""
    return [
        bad("local-name", zip_file(pickled(local={"name": b"m.txt"})), "Python refuses two names, torch takes the directory's", "zip-structure", *PAYLOAD_RULES),
        bad("local-method", zip_file(pickled(local={"method": 8})), "readers of streams would inflate it", "zip-structure", *PAYLOAD_RULES),
        bad("local-size", zip_file(pickled(local={"packed": 1, "size": 1})), "readers of streams would read one byte", "zip-structure", *PAYLOAD_RULES),
        bad("local-crc", zip_file(pickled(local={"crc": 7})), "two sums", "zip-structure", *PAYLOAD_RULES),
        bad("local-flag", zip_file(pickled(local={"flags": 1})), "encrypted for readers of streams only", "zip-structure", *PAYLOAD_RULES),
        bad("local-magic", zip_file(pickled(local={"magic": b"XXXX"})), "no local header", "zip-structure", *PAYLOAD_RULES),
        bad("central-encrypted", zip_file(pickled(both={"flags": 1})), "the flag says encrypted, the bytes are not", "zip-structure", *PAYLOAD_RULES),
        bad("central-encrypted-deflated", zip_file(pickled(both={"flags": 1}, method=8)), "the same, compressed", "zip-structure", *PAYLOAD_RULES),
        bad("strong-encryption", zip_file(pickled(central={"flags": 0x40})), "the same with strong encryption, in the directory only", "zip-structure", *PAYLOAD_RULES),
        bad("encrypted-really", zip_file(pickled(both={"flags": 1}, raw=bytes(len(PAYLOAD)))), "an encrypted member", "archive-encrypted", told="the member is encrypted"),
        bad("patched", zip_file(pickled(both={"flags": 0x20})), "a flag at which torch and Python refuse", "zip-structure", *PAYLOAD_RULES),
        bad("masked", zip_file(pickled(both={"flags": 0x2000})), "a flag at which torch refuses", "zip-structure", *PAYLOAD_RULES),
        bad("version", zip_file(pickled(both={"version": 99})), "a version that Python refuses and torch does not", "zip-structure", *PAYLOAD_RULES),
        bad("disk", zip_file(pickled(central={"disk": 1})), "a member on another disk", "zip-structure", *PAYLOAD_RULES),
        bad("crc", zip_file(pickled(both={"crc": 7})), "a wrong CRC: Python refuses at the end, torch does not", "zip-crc", *PAYLOAD_RULES),
        bad("crc-deflated", zip_file(pickled(both={"crc": 7}, method=8)), "the same, compressed", "zip-crc", *PAYLOAD_RULES),
        reject("zip/unknown-method.zip", zip_file(pickled(both={"method": 99})), "a method that is not read", not_examined="method 99"),
        bad("stored-smaller", zip_file(pickled(both={"size": 1})), "stored, and smaller unpacked than packed", "zip-structure", *PAYLOAD_RULES),
        bad("deflated-larger", zip_file(pickled(both={"size": 9}, method=8)), "more comes out than both headers say", "zip-structure", *PAYLOAD_RULES),
        bad("deflated-smaller", zip_file(pickled(both={"size": 900}, method=8)), "less comes out than both headers say", "zip-structure", *PAYLOAD_RULES),
        bad("deflated-more", zip_file(pickled(raw=deflated(PAYLOAD) + b"hidden", method=8)), "bytes behind the compressed data", "zip-structure", *PAYLOAD_RULES, told="hidden bytes"),
        bad("deflated-broken", zip_file(pickled(raw=deflated(PAYLOAD)[:-4] + b"\xff\xff\xff\xff", method=8)), "compressed data that breaks off", "archive-corrupt", *PAYLOAD_RULES, told="corrupt"),
        bad("descriptor-lies", zip_file([behind(b"a.txt", b"one\n", descriptor(b"none"))]), "the sizes behind the member are others", told="no member"),
        bad("descriptor-missing", zip_file([behind(b"a.txt", b"one\n", b""), TWO]), "no sizes behind the member"),
        bad("wide-missing", zip_file([Item(b"a.txt", b"one\n", both={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF})]), "64-bit sizes that are not there") ,
        bad("extra-cut", zip_file([Item(b"a.txt", b"one\n", central={"extra": struct.pack("<2H", 0x4246, 90)})]), "an extra field that is longer than all of them"),
        bad("unicode-path", zip_file([Item(b"a.txt", b"one\n", central={"extra": extra(0x7075, b"\1" + bytes(4) + b"b.pkl")})]), "a second name in an extra field"),
        bad("not-utf-8", zip_file([Item(b"\xff.txt", b"one\n", both={"flags": 0x800})]), "a name that is not UTF-8, as its flag says"),
    ]  # fmt: skip


def places() -> list[Case]:
    """Where members lie."""
    first = zip_file(TEXTS).index(b"PK\3\4", 4)
    hidden = Item(b"m.pkl", PAYLOAD, listed=False)
    return [
        bad("overlap", zip_file([ONE, TWO, Item(b"c.txt", b"one\n", at=0)]), "two entries for the same bytes, under two names"),
        bad("overlap-partly", zip_file([ONE, TWO, Item(b"c.txt", b"one\n", at=first - 3)]), "a member that begins within another", "zip-structure", "zip-crc"),
        bad("unlisted", zip_file([ONE, hidden, TWO]), "a member that the directory does not list: readers of streams find it", "zip-structure", *PAYLOAD_RULES),
        bad("unlisted-last", zip_file([ONE, TWO, hidden]), "the same before the directory", "zip-structure", *PAYLOAD_RULES),
        bad("hidden-between", zip_file([Item(b"a.txt", b"one\n", after=PAYLOAD), TWO]), "a pickle between two members", "zip-structure", *PAYLOAD_RULES),
        bad("outside", zip_file([ONE, Item(b"b.txt", b"two\n", at=5000)]), "a member behind the end of the file"),
        bad("data-outside", zip_file([ONE, Item(b"b.txt", b"two\n", both={"packed": 5000, "size": 5000})]), "data that reaches into the directory"),
    ]  # fmt: skip


def names() -> list[Case]:
    """What unpacking by name would do."""

    def named(name: bytes, *more: Item) -> bytes:
        return zip_file([Item(name, b"two\n"), *more])

    def linked(target: bytes, name: bytes = b"l") -> bytes:
        return zip_file([Item(name, target, central={"external": 0o120777 << 16})])

    return [
        bad("name-up", named(b"../a.txt"), "a name that leads out", "archive-path"),
        bad("name-up-within", named(b"a/../../b.txt"), "the same in the middle", "archive-path"),
        bad("name-absolute", named(b"/etc/a.txt"), "an absolute name", "archive-path"),
        bad("name-drive", named(b"C:/a.txt"), "a drive letter", "archive-path"),
        bad("name-drive-backslash", named(b"C:\\a.txt"), "the same with a backslash", "archive-path"),
        bad("name-share", named(b"\\\\host\\a.txt"), "a network share", "archive-path"),
        bad("name-backslash-up", named(b"a\\..\\..\\b.txt"), "backslashes that lead out on Windows", "archive-path"),
        bad("name-backslash", named(b"a\\b.txt"), "a backslash: a folder on Windows only", "archive-name"),
        bad("name-nul", named(b"a.txt\0.png"), "a name that ends earlier for readers in C", "archive-path", "name-mismatch", told="a.txt"),
        bad("name-dot", named(b"a.txt."), "a dot at the end, which Windows drops", "archive-name", told="a.txt."),
        bad("name-device", named(b"aux.txt"), "a device on Windows", "archive-name"),
        bad("name-hidden", zip_file([Item("a\u202ebft.txt".encode(), b"1\n", both={"flags": 0x800})]), "a character that turns the direction of writing", "archive-name"),
        bad("name-empty", named(b""), "no name at all", "archive-name", told="text"),
        bad("name-twice", named(b"a.txt", ONE), "one name for two members", "archive-duplicate"),
        bad("entry-twice", entry_twice(), "a directory that lists a member twice", "archive-duplicate"),
        bad("name-case", named(b"A.TXT", ONE), "names that differ in capitals", "archive-collision"),
        bad("name-unicode", zip_file([Item("\u00e9.txt".encode(), b"1\n", both={"flags": 0x800}), Item("e\u0301.txt".encode(), b"2\n", both={"flags": 0x800})]), "a letter composed and decomposed", "archive-collision"),
        bad("name-compatible", zip_file([Item("\ufb01.txt".encode(), b"1\n", both={"flags": 0x800}), Item(b"fi.txt", b"2\n")]), "a ligature that some file systems take apart", "archive-collision"),
        bad("folder-with-content", zip_file([Item(b"d/", PAYLOAD)]), "a folder that has content", "zip-structure", *PAYLOAD_RULES),
        bad("link-out", linked(b"../../etc/passwd"), "a link that leads out", "archive-link"),
        bad("link-absolute", linked(b"/etc/passwd"), "a link to an absolute name", "archive-link"),
        bad("device", zip_file([Item(b"d.txt", central={"external": 0o020666 << 16})]), "a device", "archive-device"),
    ]  # fmt: skip


def contents() -> list[Case]:
    """What is in the members."""
    deep = b"one\n"
    name = b"a.txt"
    for _ in range(6):
        deep, name = zip_file([Item(name, deep, 8)]), b"a.zip"
    inner = zip_file([Item(b"m.pkl", PAYLOAD)])
    return [
        bad("nested", zip_file([Item(b"a.zip", inner)]), "a pickle in an archive in an archive", *PAYLOAD_RULES),
        bad("nested-packed", zip_file([Item(b"a.zip", inner, 8)]), "the same, compressed", *PAYLOAD_RULES),
        bad("disguised", zip_file([Item(b"a.txt", PAYLOAD)]), "a pickle called a text", "name-mismatch", *PAYLOAD_RULES),
        reject("zip/deep.zip", deep, "archives in archives, too deep", not_examined="nest deeper"),
    ]  # fmt: skip
