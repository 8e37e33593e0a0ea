"""LZ4 frames: what their blocks may be, and what they may not."""

import pytest

from archive_file import lz4_frame, lz4_packed, lz4_plain
from weighlock.inspection.archive.codec import Corrupt
from weighlock.inspection.archive.lz4 import LZ4, Lz4Decoder, decode_block
from weighlock.inspection.archive.unpack import Content, Region
from weighlock.inspection.file import Budget
from weighlock.inspection.span import Unexamined, drive, fetch_from


def measured(data: bytes) -> Content:
    return drive(Region(0, len(data), LZ4, Budget()).measure(), fetch_from(data))


def test_long_lengths_take_more_bytes() -> None:
    literals = bytes(range(256)) * 2
    block = b"\xff" + bytes([255, 512 - 15 - 255]) + literals + b"\x01\0" + bytes([100]) + b"\x50ABCDE"
    assert decode_block(block, b"", 4096) == literals + b"\xff" * (100 + 19) + b"ABCDE"


def test_a_match_reaches_into_the_block_before() -> None:
    linked = lz4_frame(lz4_plain(b"0123456789"), lz4_packed(b"\x00\x0a\0\x50ABCDE"), flags=0x40)
    assert measured(linked).held == b"0123456789" + b"0123" + b"ABCDE"
    apart = lz4_frame(lz4_plain(b"0123456789"), lz4_packed(b"\x00\x0a\0\x50ABCDE"), flags=0x60)
    assert measured(apart).fault == "an LZ4 match lies before the beginning"


def test_a_match_cannot_make_more_than_the_frame_allows() -> None:
    bomb = b"\x1fx\1\0" + b"\xff" * 60_000 + b"\0\x50ABCDE"
    assert measured(lz4_frame(lz4_packed(bomb))).fault == "an LZ4 block grows larger than the frame allows"


def test_sums_and_sizes_in_the_frame_are_skipped() -> None:
    header = b"\x04\x22\x4d\x18" + bytes([0x7C, 0x40]) + (4).to_bytes(8, "little") + b"?"
    frame = header + lz4_plain(b"text") + b"SUM1" + bytes(4) + b"SUM2"
    content = measured(frame + frame + b"rest")
    assert content.held == b"texttext"
    assert content.end == 2 * len(frame)


@pytest.mark.parametrize(
    "frame",
    [
        lz4_frame(flags=0x20),
        lz4_frame(size=0x30),
        lz4_frame(lz4_plain(bytes(65_537))),
        lz4_frame(lz4_packed(b"\xf0")),
    ],
)
def test_what_is_no_frame(frame: bytes) -> None:
    assert measured(frame).fault


def test_a_dictionary_is_not_there() -> None:
    with pytest.raises(Unexamined, match="dictionary"):
        measured(lz4_frame(flags=0x61) + bytes(4))


def test_content_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.inspection.archive.lz4.MAX_LZ4_BYTES", 3)
    with pytest.raises(Unexamined, match="more than 3 bytes"):
        measured(lz4_frame(lz4_plain(b"text")))


def test_any_cut_is_told() -> None:
    whole = lz4_frame(lz4_plain(b"text"))
    for length in range(len(whole)):
        assert measured(whole[:length]).fault == "it ends too early"


def test_one_byte_at_a_time() -> None:
    whole = lz4_frame(lz4_packed(b"\x15x\1\0\x50yyyy\n"))
    decoder = Lz4Decoder()
    out = b"".join(decoder.decompress(bytes([byte]), 1) for byte in whole)
    while not decoder.eof:
        out += decoder.decompress(b"", 1)
    assert out == b"x" * 10 + b"yyyy\n"


def test_a_block_that_ends_within_its_literals() -> None:
    with pytest.raises(Corrupt, match=r"malformed|early"):
        decode_block(b"\x50AB", b"", 100)
