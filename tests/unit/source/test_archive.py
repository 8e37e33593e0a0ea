import io
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.source import archive as archive_module
from weighlock.source.archive import Archive

FILES = {"model/config.json": b"{}", "model/weights.bin": b"weights" * 1000}


def write(location: Path, files: Mapping[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(location, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return location


def read_all(location: Path) -> dict[str, bytes]:
    with Archive(location) as archive:
        return {path: b"".join(archive.chunks(path)) for path in archive.sizes}


def refused(location: Path) -> str:
    with pytest.raises(DeniedError) as caught:
        read_all(location)
    return caught.value.code


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reads_what_was_written(tmp_path: Path, method: int) -> None:
    assert read_all(write(tmp_path / "a.zip", FILES, method)) == FILES


def test_reads_folders_zip64_and_data_descriptors(tmp_path: Path) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    target = Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.mkdir("model")
        with made.open("model/a", "w", force_zip64=True) as file:
            file.write(b"a" * 100)
        with made.open("model/ä", "w") as file:
            file.write(b"b" * 100)
    (tmp_path / "a.zip").write_bytes(target.getvalue())
    assert read_all(tmp_path / "a.zip") == {"model/a": b"a" * 100, "model/ä": b"b" * 100}


def test_a_missing_archive_decides_nothing(tmp_path: Path) -> None:
    with pytest.raises(UndecidedError) as caught:
        Archive(tmp_path / "absent")
    assert caught.value.code == "io_failed"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../up", "path_invalid"),
        ("/etc/passwd", "path_invalid"),
        ("a\\b", "path_invalid"),
        ("model/con", "path_invalid"),
        ("model/CONFIG.json", "path_collision"),
        ("model/config.json/x", "path_collision"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, name: str, code: str) -> None:
    assert refused(write(tmp_path / "a.zip", {**FILES, name: b"x"})) == code


def patched(location: Path, old: bytes, new: bytes, count: int = -1) -> Path:
    raw = location.read_bytes()
    assert old in raw
    location.write_bytes(raw.replace(old, new, count))
    return location


def test_a_name_with_a_nul(tmp_path: Path) -> None:
    made = patched(write(tmp_path / "a.zip", {**FILES, "modelXx.bin": b"x"}), b"modelXx", b"model\x00x")
    assert refused(made) == "path_invalid"


def test_a_name_in_two_versions(tmp_path: Path) -> None:
    made = patched(write(tmp_path / "a.zip"), b"weights.bin", b"heights.bin", 1)
    assert refused(made) == "archive_invalid"


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    made = patched(write(tmp_path / "a.zip", {"model/ää": b"x"}), "ää".encode(), b"\xff\xfe\xff\xfe")
    assert refused(made) == "archive_invalid"


def test_a_name_in_an_unknown_code_page(tmp_path: Path) -> None:
    made = write(tmp_path / "a.zip", {"model/xx": b"x"})
    assert refused(patched(made, b"model/xx", b"model/\xe4x")) == "archive_invalid"


def test_a_name_twice(tmp_path: Path) -> None:
    made = patched(write(tmp_path / "a.zip", {"model/a": b"1", "model/b": b"2"}), b"model/b", b"model/a")
    assert refused(made) == "archive_invalid"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR, stat.S_IFSOCK])
def test_what_is_not_a_file(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        info = zipfile.ZipInfo("model/x")
        info.external_attr = (kind | 0o644) << 16
        made.writestr(info, b"/etc/passwd")
    assert refused(tmp_path / "a.zip") == ("link_refused" if kind == stat.S_IFLNK else "archive_invalid")


def test_a_folder_with_content(tmp_path: Path) -> None:
    assert refused(write(tmp_path / "a.zip", {"model/": b"x"})) == "archive_invalid"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression(tmp_path: Path, method: int) -> None:
    assert refused(write(tmp_path / "a.zip", FILES, method)) == "archive_invalid"


def directory_field(location: Path, offset: int, value: bytes, *, local: int | None = None) -> Path:
    """Set a field of the first entry in the directory, and in its local header if told where."""
    raw = bytearray(location.read_bytes())
    (start,) = struct.unpack_from("<I", raw, len(raw) - 6)
    raw[start + offset : start + offset + len(value)] = value
    if local is not None:
        raw[local : local + len(value)] = value
    location.write_bytes(raw)
    return location


@pytest.mark.parametrize("flags", [0x1, 0x20, 0x40, 0x2000])
def test_encrypted_or_patched(tmp_path: Path, flags: int) -> None:
    made = directory_field(write(tmp_path / "a.zip"), 8, struct.pack("<H", flags), local=6)
    assert refused(made) == "archive_invalid"


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (16, b"\x01\x02\x03\x04"),  # CRC
        (20, struct.pack("<I", 1)),  # compressed size
        (24, struct.pack("<I", 1)),  # size
        (42, struct.pack("<I", 7)),  # where the local header is
        (10, struct.pack("<H", 0)),  # method
    ],
)
def test_a_directory_that_disagrees_with_a_local_header(tmp_path: Path, offset: int, value: bytes) -> None:
    assert refused(directory_field(write(tmp_path / "a.zip"), offset, value)) == "archive_invalid"


def test_wrong_sizes_or_crc_on_which_both_headers_agree(tmp_path: Path) -> None:
    for offset, local in ((16, 14), (24, 22)):
        made = write(tmp_path / "a.zip", FILES, zipfile.ZIP_DEFLATED)
        directory_field(made, offset, struct.pack("<I", 1), local=local)
        assert refused(made) == "archive_invalid"


def test_two_entries_that_share_bytes(tmp_path: Path) -> None:
    made = write(tmp_path / "a.zip", {"model/a": b"1" * 50, "model/b": b"1" * 50}, zipfile.ZIP_STORED)
    raw = bytearray(made.read_bytes())
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
    raw[second + 42 : second + 46] = struct.pack("<I", 0)
    made.write_bytes(raw)
    assert refused(made) == "archive_invalid"


def test_an_entry_that_only_the_directory_hides(tmp_path: Path) -> None:
    made = write(tmp_path / "a.zip", {"model/a": b"1", "model/b": b"2"})
    raw = bytearray(made.read_bytes())
    first = raw.index(b"PK\x01\x02")
    second = raw.index(b"PK\x01\x02", first + 1)
    end = raw.index(b"PK\x05\x06")
    size = second - first
    rest = raw[:first] + raw[second:end]
    record = bytearray(raw[end:])
    struct.pack_into("<2H2I", record, 8, 1, 1, end - second, first)
    made.write_bytes(rest + record)
    assert size > 0
    assert refused(made) == "archive_invalid"


@pytest.mark.parametrize("offset", [0, 6, 8, 14, 18, 22, 30])
def test_a_local_header_that_disagrees_with_the_directory(tmp_path: Path, offset: int) -> None:
    made = write(tmp_path / "a.zip")
    raw = bytearray(made.read_bytes())
    raw[offset] ^= 2
    made.write_bytes(raw)
    assert refused(made) == "archive_invalid"


@pytest.mark.parametrize("content", [b"", b"\x01" + bytes(4) + b"evil"])
@pytest.mark.parametrize("where", ["directory", "local header"])
def test_a_second_name_in_an_extra_field(tmp_path: Path, content: bytes, where: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        info = zipfile.ZipInfo("model/a")
        extra = struct.pack("<HH", 0x7075, len(content)) + content
        harmless = struct.pack("<HH", 0x7777, len(content)) + content
        info.extra = extra if where == "local header" else harmless
        made.writestr(info, b"x")
        info.extra = extra if where == "directory" else harmless
    assert refused(tmp_path / "a.zip") == "archive_invalid"


def test_harmless_extra_fields_may_be_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        info = zipfile.ZipInfo("model/a")
        info.extra = struct.pack("<HHI", 0x5455, 4, 1)
        made.writestr(info, b"x")
    assert read_all(tmp_path / "a.zip") == {"model/a": b"x"}


@pytest.fixture
def zip64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive with 64-bit end records, as one of more than 4 GB has."""
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        made = write(tmp_path / "a.zip")
    assert b"PK\x06\x06" in made.read_bytes()
    return made


def set_in_zip64(location: Path, offset: int, number: int) -> Path:
    raw = bytearray(location.read_bytes())
    struct.pack_into("<Q", raw, raw.index(b"PK\x06\x06") + offset, number)
    location.write_bytes(raw)
    return location


def test_64_bit_end_records_are_read(zip64: Path) -> None:
    assert read_all(zip64) == FILES


@pytest.mark.parametrize(
    ("offset", "number", "code"),
    [(24, 1, "archive_invalid"), (40, 1 << 40, "archive_too_large"), (48, 7, "archive_invalid")],
)
def test_64_bit_end_records_are_checked(zip64: Path, offset: int, number: int, code: str) -> None:
    assert refused(set_in_zip64(zip64, offset, number)) == code


def test_64_bit_counts_are_limited(zip64: Path) -> None:
    set_in_zip64(zip64, 24, 50_001)
    assert refused(set_in_zip64(zip64, 32, 50_001)) == "archive_too_large"


def test_a_locator_without_its_record(zip64: Path) -> None:
    assert refused(patched(zip64, b"PK\x06\x06", b"PK\x06\x05")) == "archive_invalid"


def test_a_locator_alone(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + bytes(18))
    assert refused(tmp_path / "a.zip") == "archive_invalid"


def test_a_directory_that_is_too_large_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write(tmp_path / "a.zip")
    monkeypatch.setattr(archive_module, "MAX_DIRECTORY_BYTES", 10)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert refused(made) == "archive_too_large"


def test_a_comment_that_repeats_the_end_record(tmp_path: Path) -> None:
    made = write(tmp_path / "a.zip")
    raw = made.read_bytes()
    made.write_bytes(raw[:-2] + struct.pack("<H", 22) + b"PK\x05\x05" + raw[-18:])
    assert refused(made) == "archive_invalid"


Wrap = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda raw: b"#!/bin/sh\n" + raw,
        lambda raw: raw + b"x",
        lambda raw: raw[:-2] + b"\x01\x00x",
        lambda raw: raw[:-10],
        lambda raw: raw[:-2] + b"\x05\x00",
        lambda raw: raw[:-14] + b"\x01" + raw[-13:],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw.replace(b"PK\x01\x02", b"x" * 5 + b"PK\x01\x02", 1),
        lambda _: b"",
        lambda _: b"PK",
        lambda _: b"\x00" * 100,
        lambda raw: raw[:-18] + b"\x01\x00" + raw[-16:],
        lambda raw: raw[:-6] + b"\xff\xff\xff\xff" + raw[-2:],
    ],
)
def test_anything_around_or_between(tmp_path: Path, wrap: Wrap) -> None:
    made = write(tmp_path / "a.zip")
    made.write_bytes(wrap(made.read_bytes()))
    assert refused(made) == "archive_invalid"


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write(tmp_path / "a.zip", {"model/zeros": bytes(1_000_000)})
    assert len(read_all(made)["model/zeros"]) == 1_000_000
    monkeypatch.setattr(archive_module, "FREE_BYTES", 500_000)
    assert refused(made) == "archive_too_large"


def test_too_many_entries_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write(tmp_path / "a.zip")
    monkeypatch.setattr(archive_module, "MAX_ENTRIES", 1)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert refused(made) == "archive_too_large"


def test_reading_a_small_file_has_a_limit(tmp_path: Path) -> None:
    with Archive(write(tmp_path / "a.zip")) as archive:
        assert archive.read("model/config.json", limit=2) == b"{}"
        for path, limit in (("model/config.json", 1), ("absent", 10)):
            with pytest.raises(DeniedError) as caught:
                archive.read(path, limit=limit)
            assert caught.value.code == "archive_invalid"


@given(st.data())
def test_damage_is_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    location = write(tmp_path_factory.mktemp("zip") / "a.zip")
    raw = bytearray(location.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    location.write_bytes(raw)
    assert outcome(location) in {
        "archive_invalid",
        "archive_too_large",
        "path_invalid",
        "path_collision",
        "link_refused",
        "the same content",
    }


def outcome(location: Path) -> str:
    try:
        found = read_all(location)
    except WeighlockError as error:
        return error.code
    return "the same content" if sorted(found.values()) == sorted(FILES.values()) else "other content"
