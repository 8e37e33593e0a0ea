"""Decompress LZ4 frames (lz4_Frame_format.md 1.6.3 and lz4_Block_format.md) in Python: joblib writes them.

The sums of blocks and content are not computed; what they would show is damage, and a loader
that reads on the go has run the content before it knows.
"""

from typing import Final

from weighlock.inspection.archive.codec import Codec, Corrupt
from weighlock.inspection.span import Unexamined

MAX_LZ4_BYTES: Final = 128 * 1024 * 1024  # of content, repetitions included: a few seconds
_MAGIC: Final = b"\x04\x22\x4d\x18"
_WINDOW_BYTES: Final = 64 * 1024  # how far back a match may lie
_BLOCK_BYTES: Final = {4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20}
_PLAIN: Final = 1 << 31  # a block's size with this bit is that of bytes as they are


class Lz4Decoder:
    """One LZ4 frame, block by block."""

    def __init__(self) -> None:
        self._input = bytearray()
        self._ready = bytearray()  # made, and not given yet
        self._window = b""
        self._made = 0
        self._ended = False
        self._starved = True  # what was fed is not enough for the next block
        self._flags: int | None = None  # of the frame's header, once that was read
        self._block_limit = 0

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._ended and not self._ready

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        return self._starved and not self._ready

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the frame."""
        return bytes(self._input) if self._ended else b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes; raises Corrupt, and Unexamined over the limit."""
        self._input += data
        self._starved = False
        while not self._ended and len(self._ready) < max_length and not self._starved:
            self._starved = not self._step()
        out = bytes(self._ready[:max_length])
        del self._ready[:max_length]
        return out

    def _step(self) -> bool:
        """Read the header or a block, if all of it is there."""
        if self._flags is None:
            return self._read_header()
        if len(self._input) < 4:
            return False
        said = int.from_bytes(self._input[:4], "little")
        sums = 4 if self._flags & 0x10 else 0
        if not said:
            length = 8 if self._flags & 4 else 4
            if len(self._input) < length:
                return False
            del self._input[:length]
            self._ended = True
            return True
        size = said & ~_PLAIN
        if size > self._block_limit:
            raise Corrupt("an LZ4 block is larger than the frame allows")
        if len(self._input) < 4 + size + sums:
            return False
        self._read_block(bytes(self._input[4 : 4 + size]), plain=bool(said & _PLAIN))
        del self._input[: 4 + size + sums]
        return True

    def _read_header(self) -> bool:
        if len(self._input) < 7:
            return False
        flags, block = self._input[4], self._input[5]
        length = 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
        if not self._input.startswith(_MAGIC) or flags >> 6 != 1 or block >> 4 not in _BLOCK_BYTES:
            raise Corrupt("the LZ4 frame's header is malformed")
        if flags & 1:
            raise Unexamined("the LZ4 frame needs a dictionary")
        if len(self._input) < length:
            return False
        del self._input[:length]
        self._flags = flags
        self._block_limit = _BLOCK_BYTES[block >> 4]
        return True

    def _read_block(self, block: bytes, *, plain: bool) -> None:
        window = b"" if self._flags is not None and self._flags & 0x20 else self._window
        made = block if plain else decode_block(block, window, self._block_limit)
        self._made += len(made)
        if self._made > MAX_LZ4_BYTES:
            raise Unexamined(f"more than {MAX_LZ4_BYTES} bytes of LZ4 data are not decompressed here")
        self._ready += made
        self._window = (self._window + made)[-_WINDOW_BYTES:]


def decode_block(block: bytes, window: bytes, limit: int) -> bytes:
    """Return the content of a block that may refer to ``window`` before it; raises Corrupt over ``limit`` bytes."""
    out = bytearray(window)
    before = len(out)
    at, end = 0, len(block)
    try:
        while True:
            token = block[at]
            literals, at = _length(block, at + 1, token >> 4)
            out += block[at : at + literals]
            at += literals
            if at >= end:
                break
            back = block[at] | block[at + 1] << 8
            length, at = _length(block, at + 2, token & 15)
            if len(out) - before + length > limit:
                raise Corrupt("an LZ4 block grows larger than the frame allows")
            _copy(out, back, length + 4)
    except IndexError as error:
        raise Corrupt("an LZ4 block ends too early") from error
    if at > end or len(out) - before > limit:
        raise Corrupt("an LZ4 block is malformed")
    return bytes(out[before:])


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    """Return a length of four bits, and of more bytes if these are all ones."""
    if length == 15:
        while block[at] == 255:
            length += 255
            at += 1
        length += block[at]
        at += 1
    return length, at


def _copy(out: bytearray, back: int, length: int) -> None:
    """Repeat what was made ``back`` bytes before; a match may overlap itself."""
    start = len(out) - back
    if not back or start < 0:
        raise Corrupt("an LZ4 match lies before the beginning")
    if back >= length:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // back + 1))[:length]


LZ4: Final = Codec("lz4", Lz4Decoder, (_MAGIC,))
