"""Whatever the bytes are, the tar reader ends, refuses with a code of its own, or agrees with the standard library."""

import io
import tarfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tar_maker import END, extended, files_of, header, layer_of, packed, padded, pax_record, tar_files
from weighlock.core.error import DeniedError
from weighlock.source.disguise import HEAD_BYTES, check_disguise, find_archive, promises_no_archive
from weighlock.source.layer import Packing
from weighlock.source.tar_header import Kind

CODES = {
    "archive_invalid",
    "archive_too_large",
    "path_invalid",
    "link_refused",
    "file_special",
    "digest_mismatch",
}
PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40).filter(
    lambda part: part not in {".", ".."}
)
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=2000), max_size=8)
FORMS = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
WELL_FORMED = tar_files({"config.json": b"{}", "weights/" + "x" * 150: b"weights" * 200, "empty": b""})
PIECES = st.sampled_from(
    [
        header(b"a", 3) + padded(b"abc"),
        header(b"b/", 0, b"5"),
        header(b"c", 0, b"2"),
        header(b"L", 3, b"L") + padded(b"ab\0"),
        extended(pax_record("path", "x")),
        extended(pax_record("size", "3")),
        extended(pax_record("comment", "x"), b"g"),
        bytes(512),
        END,
        b"",
    ]
)


def standard(raw: bytes) -> dict[str, bytes]:
    """Return the files as the standard library reads them."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
        for member in archive:
            if member.isreg() and (opened := archive.extractfile(member)) is not None:
                found[member.name] = opened.read()
    return found


def read(raw: bytes, packing: Packing = Packing.NONE) -> dict[str, bytes] | None:
    """Return what is read of a tar's regular files, or None if it is refused as it should be."""
    try:
        layer = layer_of(raw, packing)
        layer.members[:] = [member for member in layer.members if member.kind is Kind.FILE]
        return files_of(layer)
    except DeniedError as error:
        code = error.code
    assert code in CODES
    return None


@given(FILES, FORMS)
def test_what_the_standard_library_writes_is_read(files: dict[str, bytes], form: int) -> None:
    raw = tar_files(files, form)
    assert read(raw) == files
    assert read(packed(raw), Packing.GZIP) == files


@given(st.binary(max_size=4096))
@example(b"")
@example(bytes(1024))
def test_any_bytes(raw: bytes) -> None:
    read(raw)
    read(raw, Packing.GZIP)
    read(packed(raw), Packing.GZIP)


@given(st.integers(0, len(WELL_FORMED) - 1), st.integers(0, 255))
def test_one_byte_changed_changes_nothing_but_what_it_is(at: int, value: int) -> None:
    raw = bytearray(WELL_FORMED)
    raw[at] = value
    found = read(bytes(raw))
    assert found is None or found == standard(bytes(raw))


@given(st.lists(PIECES, max_size=8))
def test_pieces_in_any_order_are_read_as_the_standard_library_reads_them(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    found = read(raw)
    assert found is None or found == standard(raw)


@given(st.integers(0, len(WELL_FORMED)))
def test_a_tar_that_is_cut_off_is_refused(size: int) -> None:
    found = read(WELL_FORMED[:size])
    assert found is None or size >= len(WELL_FORMED.rstrip(b"\0")) + len(END)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_gzip_is_refused_or_gives_the_same(at: int, value: int) -> None:
    raw = bytearray(packed(WELL_FORMED))
    at %= len(raw)
    raw[at] = value
    found = read(bytes(raw), Packing.GZIP)
    assert found is None or found == read(WELL_FORMED)


@given(st.text(max_size=30), st.binary(max_size=600))
def test_disguises_are_found_or_not(path: str, head: bytes) -> None:
    if find_archive(head[:HEAD_BYTES]) is None or not promises_no_archive(path):
        check_disguise(path, head[:HEAD_BYTES])
        return
    with pytest.raises(DeniedError) as caught:
        check_disguise(path, head[:HEAD_BYTES])
    assert caught.value.code == "archive_disguised"
