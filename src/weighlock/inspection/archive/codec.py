"""Decompressors of the standard library behind one small interface, each bounded in memory.

A decoder is fed compressed bytes and gives at most as many as it is asked for, so that a bomb
never stands in memory. It raises ``Corrupt`` for data that breaks its format.
"""

import bz2
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from weighlock.inspection.span import Unexamined

MAX_DICTIONARY_BYTES: Final = 128 * 1024 * 1024  # xz -9 takes 65 MiB, 7-Zip's "ultra" 64 MiB


class Corrupt(Exception):  # noqa: N818  # says what the data is; the caller decides what that means
    """The compressed data breaks its format; ``str()`` is one clause for people."""


class Decoder(Protocol):
    """A decompressor for one stream."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes; raises Corrupt and Unexamined."""


class Codec(NamedTuple):
    """A way to compress: how its decoder is made, and what may follow the first stream.

    Streams that begin with one of ``magics`` go on with the content. ``padding`` is how many
    zeros (a multiple of it) readers skip between and behind streams; 0 is none.
    """

    name: str
    new: Callable[[], Decoder]
    magics: tuple[bytes, ...] = ()
    padding: int = 0


class ZlibDecoder:
    """Deflate, raw or in the zlib or gzip format, by ``wbits`` (zlib manual, inflateInit2)."""

    def __init__(self, wbits: int) -> None:
        self._engine = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._engine.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        return not self._full and not self._engine.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes; raises Corrupt."""
        try:
            out = self._engine.decompress(self._engine.unconsumed_tail + data, max_length)
        except zlib.error as error:
            raise Corrupt("it is not deflated data, or its sum is wrong") from error
        self._full = len(out) == max_length
        return out


class Bzip2Decoder:
    """One bzip2 stream."""

    def __init__(self) -> None:
        self._engine = bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._engine.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        return self._engine.needs_input

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes; raises Corrupt."""
        try:
            return self._engine.decompress(data, max_length)
        except OSError as error:
            raise Corrupt("it is not bzip2 data, or its sum is wrong") from error


class LzmaDecoder:
    """One .xz or .lzma stream, or raw LZMA data by ``filters`` (the lzma module's), if given."""

    def __init__(self, filters: list[dict[str, int]] | None = None) -> None:
        import lzma  # noqa: PLC0415  # rare, and it loads a library

        self._error = lzma.LZMAError
        if filters is None:
            self._engine = lzma.LZMADecompressor(memlimit=MAX_DICTIONARY_BYTES)
            return
        if any(each.get("dict_size", 0) > MAX_DICTIONARY_BYTES for each in filters):
            raise Unexamined(f"its dictionary is larger than {MAX_DICTIONARY_BYTES} bytes")
        try:
            self._engine = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        except (lzma.LZMAError, ValueError) as error:
            raise Corrupt("its LZMA properties are wrong") from error

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._engine.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        return self._engine.needs_input

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes; raises Corrupt, and Unexamined for a large dictionary."""
        try:
            return self._engine.decompress(data, max_length)
        except self._error as error:
            if "limit" in str(error):  # the module has no error of its own for it
                raise Unexamined(f"its dictionary is larger than {MAX_DICTIONARY_BYTES} bytes") from error
            raise Corrupt("it is not LZMA data, or its sum is wrong") from error


DEFLATE: Final = Codec("deflate", lambda: ZlibDecoder(-zlib.MAX_WBITS))
# zlib streams may follow each other for joblib, whose reader goes on with whatever comes
ZLIB: Final = Codec("zlib", lambda: ZlibDecoder(zlib.MAX_WBITS), (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"))  # fmt: skip
GZIP: Final = Codec("gzip", lambda: ZlibDecoder(16 + zlib.MAX_WBITS), (b"\x1f\x8b",), padding=1)
BZIP2: Final = Codec("bzip2", Bzip2Decoder, (b"BZh",))
XZ: Final = Codec("xz", LzmaDecoder, (b"\xfd7zXZ\x00",), padding=4)
LZMA: Final = Codec("lzma", LzmaDecoder)


class StoredDecoder:
    """What is not compressed at all."""

    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self._held = b""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        return not self._held

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes."""
        data = self._held + data
        self._held = data[max_length:]
        return data[:max_length]


class SizedDecoder:
    """A decoder whose stream has no mark of its end: it ends after ``size`` bytes."""

    def __init__(self, inner: Decoder, size: int) -> None:
        self._inner = inner
        self._left = size

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return not self._left

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        return self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream; nobody knows what that is where no mark is."""
        return b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes; raises Corrupt and Unexamined."""
        if self._inner.eof:
            raise Corrupt("it ends too early")
        out = self._inner.decompress(data, min(max_length, self._left))
        self._left -= len(out)
        return out


def lzma_filter(properties: bytes) -> dict[str, int]:
    """Return the lzma module's filter for the five bytes of LZMA properties; raises Corrupt (LZMA SDK, lzma.txt)."""
    import lzma  # noqa: PLC0415  # as above

    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:
        raise Corrupt("its LZMA properties are wrong")
    rest, context = divmod(properties[0], 9)
    position, literal = divmod(rest, 5)
    size = max(int.from_bytes(properties[1:], "little"), 4096)
    return {"id": lzma.FILTER_LZMA1, "dict_size": size, "lc": context, "lp": literal, "pb": position}


def sized_lzma(properties: bytes, size: int) -> Codec:
    """Return the codec for raw LZMA data of that many bytes; raises Corrupt."""
    filters = [lzma_filter(properties)]
    return Codec("lzma", lambda: SizedDecoder(LzmaDecoder(filters), size))


BZIP2_STREAM: Final = Codec("bzip2", Bzip2Decoder)  # one stream, as members of archives have it
XZ_STREAM: Final = Codec("xz", LzmaDecoder)  # as above
