"""Cut a pickle stream into opcodes and arguments, as the C unpickler reads it.

``lex`` works on the bytes at hand, in batches, and says how many more it needs. Where the
C reader and Python's own differ (a last line without a newline, numbers with NULs), the
reading that goes on is taken: seeing more than runs is safe, seeing less is not.
"""

import re
from typing import Final, NamedTuple, TypeAlias

from weighlock.inspection.format.pickle_opcode import (
    LAYOUT,
    LONG1,
    STOP,
    STRING,
    TEXT,
    TEXT_BY_LINE,
    UNICODE,
    Shape,
)

MAX_TEXT_BYTES: Final = 4096  # longer strings are data: no import has such a name
MAX_LINE_BYTES: Final = 16 * 1024 * 1024  # text protocols hold whole dictionaries' keys in lines
BATCH_TOKENS: Final = 8192  # bounds the list of tokens, not the stream

Argument: TypeAlias = int | str | tuple[str, str] | None
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


def lex(data: bytes, base: int, at: int, size: int) -> Batch:
    """Return the tokens of ``data`` (the file's bytes from ``base`` on), starting at file offset ``at``.

    ``size`` is the file's. A token that reaches past ``data`` ends the batch with ``need`` set;
    one that reaches past the file ends it with ``error`` set.
    """
    tokens: list[Token] = []
    index = at - base
    held = len(data)
    layout = LAYOUT
    while len(tokens) < BATCH_TOKENS:
        if not 0 <= index < held:
            return _more(tokens, base + index, 1, size)
        code = data[index]
        shape, width = layout.get(code, (None, 0))
        if shape is Shape.NONE:
            tokens.append((code, base + index, None))
            index += 1
            if code == STOP:
                return Batch(tokens, base + index, 0, stopped=True, error=None)
        elif shape is Shape.FIXED:
            end = index + 1 + width
            if end > held:
                return _more(tokens, base + index, 1 + width, size)
            tokens.append((code, base + index, int.from_bytes(data[index + 1 : end], "little")))
            index = end
        else:
            step = _step(data, index, at_end=base + held >= size)
            error = step.error or ("an argument reaches beyond the end" if base + step.end > size else None)
            if error:
                return Batch(tokens, base + index, 0, stopped=False, error=error)
            if step.need:
                # the end of a line is searched in twice as many bytes, up to the file's end
                need = (
                    step.need
                    if shape is None or shape >= Shape.COUNTED
                    else min(step.need, size - base - index)
                )
                return _more(tokens, base + index, need, size)
            tokens.append((code, base + index, step.argument))
            index = step.end
    return Batch(tokens, base + index, 0, stopped=False, error=None)


class _Step(NamedTuple):
    """What an opcode carries and where it ends, or how many bytes it needs, or why it cannot be read."""

    argument: Argument = None
    end: int = 0
    need: int = 0
    error: str | None = None


def _step(data: bytes, index: int, *, at_end: bool) -> _Step:
    code = data[index]
    shape, width = LAYOUT.get(code, (None, 0))
    if shape is None:
        return _Step(error=f"byte 0x{code:02x} is no opcode")
    if shape >= Shape.COUNTED:
        return _counted(data, index, code, shape, width)
    return _line(data, index, shape, at_end=at_end)


def _more(tokens: list[Token], at: int, need: int, size: int) -> Batch:
    if at + need > size:
        what = "it ends without STOP" if at >= size else "it ends in the middle of an opcode"
        return Batch(tokens, at, 0, stopped=False, error=what)
    return Batch(tokens, at, need, stopped=False, error=None)


def _counted(data: bytes, index: int, code: int, shape: Shape, width: int) -> _Step:
    start = index + 1 + width
    if start > len(data):
        return _Step(need=1 + width)
    length = int.from_bytes(data[index + 1 : start], "little", signed=shape is Shape.COUNTED_SIGNED)
    if length < 0:
        return _Step(error="a length is negative")
    end = start + length
    wanted = length <= MAX_TEXT_BYTES if code in TEXT else code == LONG1
    if not wanted:
        return _Step(None, end)
    if end > len(data):
        return _Step(need=1 + width + length)
    if code == LONG1:
        return _Step(int.from_bytes(data[start:end], "little", signed=True), end)
    return _Step(_decode(data[start:end]), end)


def _line(data: bytes, index: int, shape: Shape, *, at_end: bool) -> _Step:
    first, after = _cut(data, index + 1, at_end=at_end)
    if first is None:
        return _longer(data, index)
    if data[index] == STRING and not _QUOTED.fullmatch(first):
        return _Step(error="a text is not in quotes")
    if shape is Shape.LINE:
        return _Step(_line_argument(data[index], first), after)
    second, after = _cut(data, after, at_end=at_end)
    if second is None:
        return _longer(data, index)
    return _Step((_decode(first) or _undecodable(first), _decode(second) or _undecodable(second)), after)


def _cut(data: bytes, start: int, *, at_end: bool) -> tuple[bytes | None, int]:
    end = data.find(b"\n", start)
    if end >= 0:
        return data[start:end], end + 1
    if not at_end:
        return None, start
    # At the end of the file Python's reader takes the line and cuts its last byte as if it were the newline.
    return data[start:-1] if start < len(data) else b"", len(data)


def _longer(data: bytes, index: int) -> _Step:
    held = len(data) - index
    if held > MAX_LINE_BYTES:
        return _Step(error=f"a line is longer than {MAX_LINE_BYTES} bytes")
    return _Step(need=2 * held)


def _line_argument(code: int, line: bytes) -> Argument:
    if code in TEXT_BY_LINE:
        if len(line) > MAX_TEXT_BYTES:
            return None
        return _raw_unicode(line) if code == UNICODE else _quoted(line)
    text = line.split(b"\0", 1)[0]  # C stops reading a number at a NUL
    try:
        return int(text) if len(text) <= MAX_TEXT_BYTES else None
    except ValueError:
        return _decode(line[:MAX_TEXT_BYTES])


def _decode(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _undecodable(raw: bytes) -> str:
    return raw.decode("latin-1")


def _raw_unicode(line: bytes) -> str | None:
    try:
        return line.decode("raw_unicode_escape")
    except UnicodeDecodeError:
        return None


def _quoted(line: bytes) -> str:
    """Return what a STRING line writes: quotes off, escapes replaced."""
    decoded = line.strip()[1:-1].decode("latin-1")
    return _ESCAPE.sub(_unescape, decoded) if "\\" in decoded else decoded


def _unescape(match: re.Match[str]) -> str:
    hexadecimal, octal, newline, other = match.groups()
    if hexadecimal or octal:
        return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
    if newline:
        return ""
    return _NAMED.get(other, other if other in "\\'\"" else "\\" + other)
