"""Cut a pickle stream into opcodes and arguments, as the C unpickler reads it.

``lex`` works on the bytes at hand, in batches, and says how many more it needs. Where the
C reader and Python's own differ (a last line without a newline, numbers with NULs), the
reading that goes on is taken: seeing more than runs is safe, seeing less is not.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from weighlock.inspection.pickle.opcode import (
    FLOAT,
    LAYOUT,
    LONG1,
    PERSID,
    STOP,
    STRING,
    TEXT,
    UNICODE,
    Shape,
)

MAX_TEXT_BYTES: Final = 4096  # longer strings are data: no import has such a name
MAX_LINE_BYTES: Final = 16 * 1024 * 1024  # text protocols hold whole dictionaries' keys in lines
BATCH_TOKENS: Final = 8192  # bounds the list of tokens, not the stream

Argument: TypeAlias = int | str | tuple[str, str] | None
Read: TypeAlias = tuple[Argument, int]  # what a token carries, and the index after it
Reader: TypeAlias = Callable[[bytes, int, int], Read]
Token: TypeAlias = tuple[int, int, Argument]  # opcode, its offset in the file, what it carries


class Batch(NamedTuple):
    """Tokens in order; where the next one starts; how many bytes it needs; why it cannot be read.

    ``need`` is 0 when the batch is full or the stream stopped.
    """

    tokens: list[Token]
    at: int
    need: int
    stopped: bool
    error: str | None


_QUOTED: Final = re.compile(rb"\s*(?:'.*'|\".*\")\s*", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(\n)|(.))", re.DOTALL)
_NAMED: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class _ShortError(Exception):
    """The bytes at hand end inside a token, which needs ``need`` bytes, if the file has them."""

    def __init__(self, need: int) -> None:
        super().__init__()
        self.need = need


class _BadError(Exception):
    """No reader goes on from here; the text says why."""


def lex(data: bytes, base: int, at: int, size: int) -> Batch:
    """Return the tokens of ``data`` (the file's bytes from ``base`` on), starting at file offset ``at``.

    ``size`` is the file's. A token that reaches past ``data`` ends the batch with ``need`` set;
    one that reaches past the file ends it with ``error`` set.
    """
    tokens: list[Token] = []
    index, held, left = at - base, len(data), size - base
    readers, append = _READERS, tokens.append
    try:
        for _ in range(BATCH_TOKENS):
            if index >= held:
                raise _ShortError(1)
            code = data[index]
            argument, end = readers[code](data, index, left)
            if end > left:
                raise _BadError("an argument reaches beyond the end")
            append((code, base + index, argument))
            index = end
            if code == STOP:
                return Batch(tokens, base + index, 0, stopped=True, error=None)
    except _BadError as bad:
        return Batch(tokens, base + index, 0, stopped=False, error=str(bad))
    except _ShortError as short:
        return _more(tokens, base + index, short.need, size)
    return Batch(tokens, base + index, 0, stopped=False, error=None)


def _more(tokens: list[Token], at: int, need: int, size: int) -> Batch:
    if at + need > size:
        what = "it ends without STOP" if at >= size else "it ends in the middle of an opcode"
        return Batch(tokens, at, 0, stopped=False, error=what)
    return Batch(tokens, at, need, stopped=False, error=None)


# One reader for each layout: (bytes at hand, index of the opcode, bytes of the file from there) → argument, end.


def _plain(_data: bytes, index: int, _left: int) -> Read:
    return None, index + 1


def _fixed(width: int) -> Reader:
    def read(data: bytes, index: int, _left: int) -> Read:
        end = index + 1 + width
        if end > len(data):
            raise _ShortError(1 + width)
        return int.from_bytes(data[index + 1 : end], "little"), end

    return read


def _counted(width: int, *, signed: bool = False, wanted: int = 0, number: bool = False) -> Reader:
    """Return a reader of a length and that many bytes, which are kept up to ``wanted`` bytes."""

    def read(data: bytes, index: int, _left: int) -> Read:
        start = index + 1 + width
        if start > len(data):
            raise _ShortError(1 + width)
        length = int.from_bytes(data[index + 1 : start], "little", signed=signed)
        if length < 0:
            raise _BadError("a length is negative")
        end = start + length
        if length > wanted:
            return None, end
        if end > len(data):
            raise _ShortError(1 + width + length)
        raw = data[start:end]
        return int.from_bytes(raw, "little", signed=True) if number else _decode(raw), end

    return read


def _one_line(convert: Callable[[bytes], Argument]) -> Reader:
    def read(data: bytes, index: int, left: int) -> Read:
        line, end = _cut(data, index, index + 1, left)
        return convert(line), end

    return read


def _two_lines(data: bytes, index: int, left: int) -> Read:
    module, middle = _cut(data, index, index + 1, left)
    name, end = _cut(data, index, middle, left)
    return (_decode(module) or _undecodable(module), _decode(name) or _undecodable(name)), end


def _unknown(data: bytes, index: int, _left: int) -> Read:
    raise _BadError(f"byte 0x{data[index]:02x} is no opcode")


def _cut(data: bytes, index: int, start: int, left: int) -> tuple[bytes, int]:
    end = data.find(b"\n", start)
    if end >= 0:
        return data[start:end], end + 1
    if len(data) >= left:
        # Python's own reader takes a last line without newline, and cuts its last byte as if it were one
        return data[start:-1] if start < len(data) else b"", len(data)
    held = len(data) - index
    if held > MAX_LINE_BYTES:
        raise _BadError(f"a line is longer than {MAX_LINE_BYTES} bytes")
    raise _ShortError(min(2 * held, left - index))  # twice as many, up to the end of the file


def _number(line: bytes) -> Argument:
    text = line.split(b"\0", 1)[0]  # C stops reading a number at a NUL
    try:
        return int(text) if len(text) <= MAX_TEXT_BYTES else None
    except ValueError:
        return None


def _nothing(_line: bytes) -> Argument:
    return None


def _decode(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _undecodable(raw: bytes) -> str:
    return raw.decode("latin-1")


def _raw_unicode(line: bytes) -> Argument:
    if len(line) > MAX_TEXT_BYTES:
        return None
    try:
        return line.decode("raw_unicode_escape")
    except UnicodeDecodeError:
        return None


def _quoted(line: bytes) -> Argument:
    """Return what a STRING line writes: quotes off, escapes replaced."""
    if not _QUOTED.fullmatch(line):
        raise _BadError("a text is not in quotes")
    if len(line) > MAX_TEXT_BYTES:
        return None
    decoded = line.strip()[1:-1].decode("latin-1")
    return _ESCAPE.sub(_unescape, decoded) if "\\" in decoded else decoded


def _unescape(match: re.Match[str]) -> str:
    hexadecimal, octal, newline, other = match.groups()
    if hexadecimal or octal:
        return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
    if newline:
        return ""
    return _NAMED.get(other, other if other in "\\'\"" else "\\" + other)


def _reader_of(code: int) -> Reader:
    shape, width = LAYOUT.get(code, (None, 0))
    if shape is None:
        return _unknown
    if shape is Shape.NONE:
        return _plain
    if shape is Shape.FIXED:
        return _fixed(width)
    if shape is Shape.LINES:
        return _two_lines
    if shape is Shape.LINE:
        return _one_line(
            {STRING: _quoted, UNICODE: _raw_unicode, FLOAT: _nothing, PERSID: _nothing}.get(code, _number)
        )
    wanted = MAX_TEXT_BYTES if code in TEXT else 255 if code == LONG1 else 0
    return _counted(width, signed=shape is Shape.COUNTED_SIGNED, wanted=wanted, number=code == LONG1)


_READERS: Final = tuple(map(_reader_of, range(256)))
