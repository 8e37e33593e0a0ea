"""Compressed files: what they hold, what follows it, and what breaks."""

import bz2
import gzip
import lzma
import zlib

from archive_file import Item, lz4_frame, lz4_packed, lz4_plain, tar_file, zip_file
from corpus.case import Case, accept, reject
from corpus.tar_case import PLAIN
from corpus.zip_case import PAYLOAD, PAYLOAD_RULES, array

TEXT = b"one line\n" * 40


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def named(data: bytes, name: bytes, more: bytes = b"") -> bytes:
    """Return a gzip file with a name in its header, behind an extra field if there is one."""
    whole = packed(data)
    extra = len(more).to_bytes(2, "little") + more if more else b""
    return whole[:3] + bytes([8 | (4 if more else 0)]) + whole[4:10] + extra + name + b"\0" + whole[10:]


def cases() -> list[Case]:
    return [*sound(), *payloads(), *broken()]


def sound() -> list[Case]:
    return [
        accept("compressed/a.txt.gz", packed(TEXT), "a text"),
        accept("compressed/members.txt.gz", packed(TEXT) + packed(TEXT), "two members: readers join them"),
        accept("compressed/zeros.txt.gz", packed(TEXT) + bytes(512), "zeros behind the end, as on tapes"),
        accept("compressed/named.txt.gz", named(TEXT, b"named.txt", b"xx"), "a name in the header"),
        accept("compressed/folder.txt.gz", named(TEXT, b"dist/folder.txt"), "a folder in the header, as old setuptools writes"),
        accept("compressed/a.txt.bz2", bz2.compress(TEXT), "a text"),
        accept("compressed/a.txt.xz", lzma.compress(TEXT), "a text"),
        accept("compressed/streams.txt.xz", lzma.compress(TEXT) + bytes(8) + lzma.compress(TEXT), "two streams with padding"),
        accept("compressed/a.txt.lzma", lzma.compress(TEXT, lzma.FORMAT_ALONE), "a text in the format before .xz"),
        accept("compressed/a.txt.z", zlib.compress(TEXT), "a zlib stream"),
        accept("compressed/plain.txt.lz4", lz4_frame(lz4_plain(TEXT)), "an LZ4 frame that is not packed"),
        # the token 0x15: one literal and a match of nine, one byte back; then a last token with five literals
        accept("compressed/match.txt.lz4", lz4_frame(lz4_packed(b"\x15x\1\0\x50yyyy\n")), "an LZ4 match that overlaps itself"),
        accept("compressed/linked.txt.lz4", lz4_frame(lz4_plain(b"one line\n"), lz4_packed(b"\x05\x09\0\x50yyyy\n"), flags=0x40), "an LZ4 block that refers to the one before"),
        accept("compressed/a.npy.gz", packed(array()), "an array"),
        accept("compressed/a.tgz", packed(tar_file([("a.txt", TEXT, PLAIN)])), "a tar file"),
        accept("compressed/empty.txt.gz", packed(b""), "nothing"),
    ]  # fmt: skip


def payloads() -> list[Case]:
    six = PAYLOAD
    for _ in range(7):
        six = packed(six)

    def case(name: str, raw: bytes, why: str, *rules: str) -> Case:
        return reject(f"compressed/{name}", raw, why, *PAYLOAD_RULES, *rules)

    return [
        case("m.pkl.gz", packed(PAYLOAD), "a pickle, gzip"),
        case("m.pkl", packed(PAYLOAD), "the same under a pickle's name"),
        case("m.pkl.bz2", bz2.compress(PAYLOAD), "bzip2"),
        case("m.pkl.xz", lzma.compress(PAYLOAD), "xz"),
        case("m.joblib", zlib.compress(PAYLOAD), "zlib, as joblib packs"),
        case("lzma.joblib", lzma.compress(PAYLOAD, lzma.FORMAT_ALONE), "lzma, as joblib packs"),
        case("m.pkl.lz4", lz4_frame(lz4_plain(PAYLOAD)), "lz4, as joblib packs"),
        case("behind.txt.lz4", lz4_frame(lz4_plain(TEXT)) + PAYLOAD, "behind an LZ4 frame", "archive-trailing"),
        case("twice.pkl.gz", packed(packed(PAYLOAD)), "compressed twice"),
        case("second.pkl.gz", packed(PAYLOAD[:10]) + packed(PAYLOAD[10:]), "a pickle over two members"),
        case("disguised.png", packed(PAYLOAD), "called an image", "name-mismatch"),
        case("in-zip.zip.gz", packed(zip_file([Item(b"m.pkl", PAYLOAD)])), "in an archive, compressed"),
        case("in-tar.tar.gz", packed(tar_file([("m.pkl", PAYLOAD, PLAIN)])), "in a tar file, compressed"),
        case("behind.txt.gz", packed(TEXT) + PAYLOAD, "behind the compressed data", "archive-trailing"),
        case("behind.txt.bz2", bz2.compress(TEXT) + PAYLOAD, "behind the compressed data", "archive-trailing"),
        reject("compressed/deep.gz", six, "compressed seven times", not_examined="nest deeper"),
    ]  # fmt: skip


def broken() -> list[Case]:
    whole = packed(PAYLOAD)
    middle = bytearray(lzma.compress(TEXT * 40))
    middle[len(middle) // 2] ^= 0xFF
    return [
        reject("compressed/cut.pkl.gz", whole[:-9], "cut off: a loader that reads on the go has run the pickle", "archive-corrupt", *PAYLOAD_RULES, not_examined="ends too early"),
        reject("compressed/sum.pkl.gz", whole[:-8] + b"abcd" + whole[-4:], "a wrong CRC behind a pickle", "archive-corrupt", *PAYLOAD_RULES, not_examined="corrupt"),
        reject("compressed/broken.txt.xz", bytes(middle), "broken in the middle", "archive-corrupt", "name-mismatch", not_examined="corrupt"),
        reject("compressed/broken.txt.bz2", bz2.compress(TEXT)[:-4] + b"abcd", "a wrong sum", "archive-corrupt", not_examined="corrupt"),
        reject("compressed/cut.pkl.lz4", lz4_frame(lz4_plain(PAYLOAD), lz4_packed(b"\x15x\1")), "an LZ4 block that is cut", "archive-corrupt", *PAYLOAD_RULES, not_examined="corrupt"),
        reject("compressed/far.txt.lz4", lz4_frame(lz4_packed(b"\x15x\xff\0\x50yyyy\n")), "an LZ4 match before the beginning", "archive-corrupt", not_examined="before the beginning"),
        reject("compressed/a.zst", bytes.fromhex("28b52ffd240409000074657874") + bytes(4), "zstd", not_examined="no parser for zstd"),
        reject("compressed/bomb.txt.bz2", bz2.compress(b" " * (70 << 20)), "70 MiB of blanks in 60 bytes", "archive-bomb", not_examined="grow to more"),
        reject("compressed/name-up.txt.gz", named(TEXT, b"../../a.txt"), "a name in another folder, which gunzip -N takes", "archive-path"),
    ]  # fmt: skip
