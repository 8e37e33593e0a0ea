"""The strict tar reader, against tars of the standard library and tars made to deceive."""

import io
import random
import tarfile
import threading

import pytest

from tar_maker import (
    END,
    entry,
    extended,
    files_of,
    header,
    layer_of,
    packed,
    padded,
    pax_record,
    tar_files,
    tar_of,
)
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.path import check_path
from weighlock.source import inflating, tar_index
from weighlock.source.layer import Layer, Packing, Staged
from weighlock.source.tar_header import Kind

LONG = "a" * 120 + "/" + "b" * 80  # ustar splits it, the others extend it
FILES = {"config.json": b"{}", "weights/model.safetensors": b"weights" * 1000, LONG: b"long", "empty": b""}
PLAIN = header(b"config.json", 2) + padded(b"{}")


def refused(raw: bytes, packing: Packing = Packing.NONE, **options: object) -> str:
    with pytest.raises(DeniedError) as caught:
        files_of(layer_of(raw, packing, **options))
    return caught.value.code


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("packing", list(Packing))
def test_reads_what_the_standard_library_writes(form: int, packing: Packing) -> None:
    tar = tar_files(FILES, form)
    raw = packed(tar) if packing is Packing.GZIP else tar
    assert files_of(layer_of(raw, packing, diff_id=Digest.of(tar))) == FILES


def test_folders_and_a_leading_dot() -> None:
    tar = tar_of(
        [entry("./", kind=tarfile.DIRTYPE), entry("./a", kind=tarfile.DIRTYPE), entry("./a/b", b"x")]
    )
    members = layer_of(tar).members
    assert [(member.path, member.kind) for member in members] == [
        ("", Kind.FOLDER),
        ("a", Kind.FOLDER),
        ("a/b", Kind.FILE),
    ]


def test_a_global_header_that_says_nothing_of_files() -> None:
    tar = extended(pax_record("comment", "of a commit"), b"g") + PLAIN + END
    assert files_of(layer_of(tar)) == {"config.json": b"{}"}


def test_records_that_say_nothing_of_names_and_sizes() -> None:
    attribute = b"28 SCHILY.xattr.user.x=\xff\xfe=\n\n"
    assert len(attribute) == 28
    records = extended(
        pax_record("mtime", "1.5") + attribute + pax_record("hdrcharset", "ISO-IR 10646 2000 UTF-8")
    )
    assert files_of(layer_of(records + PLAIN + END)) == {"config.json": b"{}"}


def test_a_name_that_is_not_utf_8_is_left_to_the_check_of_paths() -> None:
    for raw in (header(b"\xff", 0) + END, extended(b"10 path=\xff\n") + PLAIN + END):
        (member,) = layer_of(raw).members
        with pytest.raises(DeniedError) as caught:
            check_path(member.path)
        assert caught.value.code == "path_invalid"


@pytest.mark.parametrize("packing", list(Packing))
def test_a_file_that_shrinks_after_it_was_listed(packing: Packing) -> None:
    tar = tar_files({"a": random.Random(5).randbytes(200_000)})
    file = io.BytesIO(packed(tar) if packing is Packing.GZIP else tar)
    layer = Layer(Staged(file, Digest.of(b""), len(file.getvalue())), packing)
    file.truncate(100_000)
    with pytest.raises(DeniedError) as caught:
        files_of(layer)
    assert caught.value.code == "archive_invalid"


def test_a_size_of_more_than_eight_gigabytes_is_read_and_not_believed() -> None:
    base256 = b"\x80" + (9 << 30).to_bytes(11, "big")
    assert refused(header(b"big", size_field=base256) + END) == "archive_invalid"  # it is cut off
    with_pax = extended(pax_record("size", str(9 << 30))) + header(b"big")
    assert refused(with_pax + END) == "archive_invalid"


def test_an_extended_size_may_repeat_the_header_or_replace_nothing() -> None:
    records = extended(pax_record("size", "2") + pax_record("path", "other.json"))
    assert files_of(layer_of(records + PLAIN + END)) == {"other.json": b"{}"}
    assert files_of(layer_of(extended(pax_record("size", "0")) + header(b"a") + END)) == {"a": b""}


def altered(block: bytes, at: int, field: bytes) -> bytes:
    """Return a header with something in a field that not all readers read, and the right sum."""
    made = bytearray(block)
    made[at : at + len(field)] = field
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


MALFORMED = {
    "empty": b"",
    "zip": b"PK\x03\x04" + bytes(600),
    "gzip without its type": packed(tar_files(FILES)),
    "random": random.Random(1).randbytes(2048),
    "old tar without magic": header(b"a", magic=bytes(8)) + END,
    "wrong sum": header(b"a").replace(b"a", b"b", 1) + END,
    "sparse": header(b"a", kind=b"S") + END,
    "contiguous": header(b"a", kind=b"7") + END,
    "long name cut off": header(b"L", 600, b"L") + bytes(512),
    "padding cut off": header(b"a", 600) + bytes(700),
    "size not octal": header(b"a", size_field=b"0000000008\0\0") + END,
    "size negative": header(b"a", size_field=b"\xff" * 12) + END,
    "size with a sign": header(b"a", size_field=b"-0000000001\0") + END,
    "size in base 256, huge": header(b"a", size_field=b"\x80" + b"\xff" * 11) + END,
    "name goes on behind its end": header(b"a\0b") + END,
    "folder with bytes": header(b"a/", 2, b"5") + padded(b"{}") + END,
    "no end": PLAIN,
    "half an end": PLAIN + bytes(512),
    "content cut off": header(b"a", 600) + bytes(512),
    "something behind the end": PLAIN + END + b"hidden" + bytes(506),
    "a member behind the end": PLAIN + END + PLAIN + END,
    "one block of zeros, then a member": PLAIN + bytes(512) + PLAIN + END,
    "something in the padding": header(b"a", 2) + b"{}" + b"hidden" + bytes(504) + END,
    "sizes disagree": extended(pax_record("size", "1")) + PLAIN + END,
    # readers that miss the extension see a header where the content is (CVE-2025-62518)
    "a small size that only the extension has": extended(pax_record("size", "1024"))
    + header(b"a", 0)
    + header(b"hidden", 512)
    + bytes(512)
    + END,
    "a prefix in GNU's header": altered(header(b"a", magic=b"ustar  \0"), 345, b"evil") + END,
    "a time in GNU's header": altered(header(b"a", magic=b"ustar  \0"), 345, b"00000000001\0") + END,
    "star's header": altered(altered(header(b"a"), 345, b"p" * 155), 508, b"tar\0") + END,
    "star's size": extended(pax_record("SCHILY.realsize", "1")) + PLAIN + END,
    "star's type": extended(pax_record("SCHILY.filetype", "sparse")) + PLAIN + END,
    "extended size too large": extended(pax_record("size", "9" * 15)) + PLAIN + END,
    "extended size not a number": extended(pax_record("size", "0x2")) + PLAIN + END,
    "a folder with an extended size": extended(pax_record("size", "512"))
    + header(b"a/", 0, b"5")
    + bytes(512)
    + END,
    "extended sparse": extended(pax_record("GNU.sparse.major", "1")) + PLAIN + END,
    "extended charset": extended(pax_record("hdrcharset", "BINARY")) + PLAIN + END,
    "extended twice": extended(pax_record("path", "a") + pax_record("path", "b")) + PLAIN + END,
    "two extended headers": extended(pax_record("path", "a"))
    + extended(pax_record("path", "b"))
    + PLAIN
    + END,
    "extended and long name": extended(pax_record("path", "a"))
    + header(b"L", 2, b"L")
    + padded(b"b\0")
    + PLAIN
    + END,
    "long name without end": header(b"L", 1, b"L") + padded(b"b") + PLAIN + END,
    "long name that goes on": header(b"L", 4, b"L") + padded(b"a\0b\0") + PLAIN + END,
    "extended by nothing": PLAIN + extended(pax_record("path", "a")) + END,
    "a global header about nothing": PLAIN + extended(pax_record("comment", "last"), b"g") + END,
    "extended, malformed": extended(b"11 path=abc") + PLAIN + END,
    "extended, length lies": extended(b"20 path=abc\n") + PLAIN + END,
    "extended, no length": extended(b"path=abc\n") + PLAIN + END,
    "extended, NUL in the name": extended(pax_record("path", "a\0b")) + PLAIN + END,
    "extended, too large": header(b"x", 70_000, b"x") + bytes(70_144) + PLAIN + END,
    "global name": extended(pax_record("path", "a"), b"g") + PLAIN + END,
    "global size": extended(pax_record("size", "0"), b"g") + PLAIN + END,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    assert refused(MALFORMED[name]) == "archive_invalid"
    assert refused(packed(MALFORMED[name]), Packing.GZIP) == "archive_invalid"


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x", "a/../../x", "a/../b", "a//b", "a/./b", "..", "", "./../x", "./", ".", "a/"],
)
def test_paths_that_are_not_plain(name: str) -> None:
    raw = header(name.encode(), 0) + END
    assert refused(raw) == "path_invalid"
    assert refused(extended(pax_record("path", name)) + PLAIN + END if name else raw) == "path_invalid"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (tarfile.SYMTYPE, "link_refused"),
        (tarfile.LNKTYPE, "link_refused"),
        (tarfile.FIFOTYPE, "file_special"),
        (tarfile.CHRTYPE, "file_special"),
        (tarfile.BLKTYPE, "file_special"),
    ],
)
def test_what_is_not_a_regular_file_has_no_bytes(kind: bytes, code: str) -> None:
    tar = tar_of([entry("a", kind=kind, linkname="/etc/passwd" if kind in {b"1", b"2"} else "")])
    assert refused(tar) == code


def test_what_nobody_asks_for_is_not_listed_and_still_checked() -> None:
    tar = tar_files({"models/a": b"1", "usr/b": b"2"})
    layer = layer_of(tar, keep=lambda path: path.startswith("models/"))
    assert files_of(layer) == {"models/a": b"1"}
    assert refused(tar_files({"models/a": b"1", "usr/../b": b"2"}), keep=lambda _: False) == "path_invalid"


def test_too_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_index, "MAX_MEMBERS", 3)
    assert refused(tar_files(FILES)) == "archive_too_large"


def test_members_in_memory_are_few_and_their_names_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_index, "MAX_KEPT", 3)
    folders = b"".join(header(b"%d/" % number, kind=b"5") for number in range(4)) + END
    assert refused(folders) == "archive_too_large"
    assert layer_of(folders, keep=lambda _: False).members == []
    long_name = extended(pax_record("path", "a/" * 600)) + header(b"a", kind=b"5") + END
    assert refused(long_name) == "path_invalid"


def test_too_many_zeros_at_the_end() -> None:
    assert files_of(layer_of(PLAIN + bytes(tar_index.MAX_TRAILING_BYTES))) == {"config.json": b"{}"}
    assert refused(PLAIN + bytes(tar_index.MAX_TRAILING_BYTES + 2048)) == "archive_invalid"


def test_a_bomb_is_noticed_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "FREE_BYTES", 1_000_000)
    raw = packed(tar_files({"zeros.bin": bytes(20_000_000)}))
    assert len(raw) < 25_000
    assert refused(raw, Packing.GZIP) == "archive_too_large"


GZIP = packed(tar_files(FILES))
BAD_GZIP = {
    "two members": GZIP + packed(b""),
    "bytes behind it": GZIP + b"\0",
    "many bytes behind it": GZIP + bytes(200_000),
    "cut off": GZIP[:-9],
    "without its sum": GZIP[:-8],
    "wrong sum": GZIP[:-8] + bytes(8),
    "damaged": GZIP[:40] + bytes([GZIP[40] ^ 0xFF]) + GZIP[41:],
    "plain tar": tar_files(FILES),
    "zlib": b"\x78\x9c" + GZIP[10:],
    "nothing": b"",
}


@pytest.mark.parametrize("name", BAD_GZIP)
def test_gzips_that_are_not_one(name: str) -> None:
    assert refused(BAD_GZIP[name], Packing.GZIP) == "archive_invalid"


def test_another_tar_than_was_promised() -> None:
    tar = tar_files(FILES)
    other = Digest.of(b"other")
    assert refused(tar, diff_id=other) == "digest_mismatch"
    assert refused(packed(tar), Packing.GZIP, diff_id=other) == "digest_mismatch"


@pytest.mark.parametrize("max_states", [1, 3, 512])
@pytest.mark.parametrize("packing", list(Packing))
def test_files_are_read_from_anywhere_by_several_threads(
    packing: Packing, max_states: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflating, "FIRST_STEP_BYTES", 10_000)
    generator = random.Random(7)
    files = {f"f{number}": generator.randbytes(generator.randrange(150_000)) for number in range(20)}
    tar = tar_files(files)
    layer = layer_of(packed(tar) if packing is Packing.GZIP else tar, packing, max_states=max_states)
    failed: list[str] = []

    def read(number: int) -> None:
        member = layer.members[number]
        start = member.size // 3
        if b"".join(map(bytes, layer.chunks(member, start))) != files[member.path][start:]:
            failed.append(member.path)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert files_of(layer) == files


def test_states_are_few_however_long_the_gzip_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "FIRST_STEP_BYTES", 1000)
    raw = packed(tar_files({"random": random.Random(3).randbytes(3_000_000)}))
    layer = layer_of(raw, Packing.GZIP, max_states=5)
    found = layer._inflating
    assert found is not None
    assert 3 <= len(found._states) <= 5
    assert found._states[0].position == 0


def test_a_start_behind_the_end_gives_nothing() -> None:
    layer = layer_of(GZIP, Packing.GZIP)
    assert list(layer.chunks(layer.members[0], 10)) == []


def test_the_file_is_closed_when_the_layer_is_refused() -> None:
    opened = io.BytesIO(b"no tar")
    with pytest.raises(DeniedError):
        Layer(Staged(opened, Digest.of(b"no tar"), 6), Packing.NONE)
    assert opened.closed
