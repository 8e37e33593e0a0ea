"""Compressed content that is fed in pieces: nothing is lost, memory stays small, errors keep what came before."""

import bz2
import gzip
import lzma
import pickle
import random
import tracemalloc
import zlib

import pytest

from model_file import examine, rules_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.archive.codec import BZIP2, DEFLATE, GZIP, XZ, Codec, Corrupt, ZlibDecoder
from weighlock.inspection.archive.unpack import HELD_BYTES, Content, Region, Replay, through
from weighlock.inspection.file import Budget
from weighlock.inspection.span import Reading, Unexamined, drive, fetch_from, read

PAYLOAD = b"cos\nsystem\n(S'touch marker'\ntR."
NOISE = random.Random(1).randbytes(1_000_003)  # what does not shrink
LARGE = NOISE * 26  # over HELD_BYTES


def measured(data: bytes, codec: Codec = GZIP, budget: Budget | None = None) -> Content:
    return drive(Region(0, len(data), codec, budget or Budget()).measure(), fetch_from(data))


def test_a_large_content_is_fed_forward_and_back() -> None:
    packed = gzip.compress(LARGE, 1, mtime=0)
    content = measured(packed)
    assert content.size == len(LARGE) > HELD_BYTES
    assert content.crc == zlib.crc32(LARGE)
    assert content.held is None
    places = [0, 5, len(LARGE) - 9, 70_000, 20_000_000, 19_900_001, 3, len(LARGE) - 100]

    def reads() -> Reading[list[bytes]]:
        found: dict[int, bytes] = {}
        for place in places:
            found[place] = yield from read(place, 9)
        return list(found.values())

    found = drive(through(reads(), Replay(content)), fetch_from(packed))
    assert found == [LARGE[place : place + 9] for place in places]


def test_a_large_content_stays_out_of_memory() -> None:
    packed = bz2.compress(bytes(60_000_000))
    tracemalloc.start()
    examine("a.bin.bz2", packed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * HELD_BYTES


def test_jumps_back_use_up_the_budget() -> None:
    packed = gzip.compress(LARGE, 1, mtime=0)
    content = measured(packed, budget=Budget(expanded_bytes=4 * len(LARGE)))

    def back_and_forth() -> Reading[int]:
        for count in range(100):
            try:
                yield from read(len(LARGE) - 2_000_000, 9)  # before what is kept of the end
            except Unexamined:
                return count
            yield from read(1_000_000, 9)
        return 100

    assert drive(through(back_and_forth(), Replay(content)), fetch_from(packed)) < 4


def test_one_request_may_not_take_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.inspection.archive.unpack.MAX_REQUEST_BYTES", 1_000_000)
    packed = gzip.compress(LARGE, 1, mtime=0)
    content = measured(packed)
    with pytest.raises(Unexamined, match="compressed bytes is over the limit"):
        drive(through(read(0, 1_000_001), Replay(content)), fetch_from(packed))


def test_a_large_pickle_is_examined_in_pieces() -> None:
    last = gzip.compress(pickle.dumps(LARGE, 4)[:-1] + PAYLOAD, 1, mtime=0)
    assert "pickle-global-dangerous" in rules_of(examine("a.pkl.gz", last))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("place", [0.3, 0.9])
def test_what_comes_before_an_error_is_examined(pack: type[bytes], place: float) -> None:
    packed = bytearray(pack(PAYLOAD + NOISE))
    packed[int(len(packed) * place)] ^= 0xFF
    examined = examine("a.bin", bytes(packed))
    assert "archive-corrupt" in rules_of(examined)
    assert examined.outcome is Outcome.FINDINGS
    if pack is not bz2.compress or place > 0.5:  # a block of bzip2 is sorted as a whole
        assert "pickle-global-dangerous" in rules_of(examined)


def test_not_a_byte_before_an_error_in_raw_data_is_lost() -> None:
    packed = bytearray(zlib.compress(NOISE, 0)[2:-4])  # stored blocks of 65,535 bytes or less
    header = 5 + int.from_bytes(packed[1:3], "little")
    packed[header] = 7  # no type of a block
    content = measured(bytes(packed), DEFLATE)
    assert content.fault
    assert content.size >= header - 5 - 1
    assert content.held == NOISE[: content.size]


def test_empty_streams_without_end_are_not_followed() -> None:
    with pytest.raises(Unexamined, match="streams follow each other"):
        measured(gzip.compress(b"", mtime=0) * 100_002)


def test_padding_of_xz_comes_in_fours() -> None:
    one = lzma.compress(b"one")
    assert measured(one + bytes(4) + one, XZ).held == b"oneone"
    odd = measured(one + bytes(3) + one, XZ)
    assert (odd.held, odd.end) == (b"one", len(one))


def test_what_follows_bzip2_data_is_not_of_it() -> None:
    one = bz2.compress(b"one")
    assert measured(one + one + b"BZ", BZIP2).end == 2 * len(one)


def test_a_decoder_says_what_is_wrong() -> None:
    with pytest.raises(Corrupt, match="not deflated data"):
        ZlibDecoder(15).decompress(b"no zlib data", 10)
