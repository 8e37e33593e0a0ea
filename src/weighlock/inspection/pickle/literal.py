"""What the lines of the text protocols mean, converted as the C unpickler converts them.

Source: CPython, Modules/_pickle.c (load_int, load_long, load_float, load_string, load_get). C's numbers end
at a NUL. Where Python's own unpickler takes more, it is taken too. Each function returns ``BAD`` where
no reader goes on.
"""

import re
from typing import Final

MAX_DIGITS: Final = 4096  # of a number that is kept; CPython refuses to convert more than 4300
MAX_TEXT_BYTES: Final = 4096  # longer strings are data: no import has such a name


class Bad:
    """The result of a conversion that fails."""

    __slots__ = ()


BAD: Final = Bad()
LONG_NUMBER: Final = None  # the result for a number that is too long to be kept

_C_NUMBER: Final = re.compile(
    rb"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))"
)  # strtol with base 0
_C_LONG: Final = range(-(1 << 63), 1 << 63)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(x)|(\n)|(.)|$)", re.DOTALL)
_NAMED: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def integer(line: bytes) -> int | Bad | None:
    """Return what INT pushes: strtol's number, "0x10" and octal "010" too, or else Python's, such as "1_0"."""
    text = line.partition(b"\0")[0]
    if not text:
        return 0 if line else BAD  # C takes a NUL for the end of a number without digits
    match = _C_NUMBER.fullmatch(text) if len(text) <= MAX_DIGITS else None
    if match is None:
        return _any_number(text)
    sign, hexadecimal, octal, decimal = match.groups()
    value = int(hexadecimal or octal or decimal, 16 if hexadecimal else 8 if octal else 10)
    value = -value if sign == b"-" else value
    if value not in _C_LONG:
        return _any_number(text)
    if len(line) == 2 and value in {0, 1}:
        return bool(value)
    return value  # on its own: compiled, an expression that is one or the other would be a number


def long_integer(line: bytes) -> int | Bad | None:
    """Return what LONG pushes: a number in Python's notation, with an L behind it or not."""
    text = line.removesuffix(b"L").partition(b"\0")[0]
    return _any_number(text)


def memo_index(line: bytes) -> int | Bad:
    """Return the number of GET and PUT: decimal, with a sign, blanks and underscores if it has them."""
    text = line.partition(b"\0")[0]
    found = BAD if len(text) > MAX_DIGITS else _python_number(text, 10)
    return found if isinstance(found, int) and found in _C_LONG else BAD


def is_float(line: bytes) -> bool:
    """Return whether FLOAT takes a line."""
    text = line.partition(b"\0")[0]
    if len(text) > MAX_DIGITS:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def quoted(line: bytes) -> str | Bad:
    """Return the text of a STRING line: one pair of quotes off, escapes replaced; a byte that is no UTF-8 as Latin-1."""
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in {b"'", b'"'}:
        return BAD
    inner = line[1:-1]
    if b"\\" not in inner:
        return loose_text(inner)
    try:
        raw = _ESCAPE.sub(_unescape, inner.decode("latin-1")).encode("latin-1")
    except ValueError:
        return BAD
    return loose_text(raw)


def raw_unicode(line: bytes) -> str | Bad:
    """Return the text of a UNICODE line."""
    if b"\\" not in line:
        return line.decode("latin-1")
    try:
        return line.decode("raw_unicode_escape")
    except UnicodeDecodeError:
        return BAD


def utf8(raw: bytes) -> str | Bad:
    """Return a text as BINUNICODE has it: lone surrogates are let through."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return BAD


def loose_text(raw: bytes) -> str:
    """Return the text of bytes whose encoding the loading program chooses: UTF-8 if it can be, else Latin-1."""
    text = utf8(raw)
    return text if isinstance(text, str) else raw.decode("latin-1")


def _any_number(text: bytes) -> int | Bad | None:
    return LONG_NUMBER if len(text) > MAX_DIGITS else _python_number(text, 0)


def _python_number(text: bytes, base: int) -> int | Bad:
    try:
        return int(text, base)
    except ValueError:
        return BAD


def _unescape(match: re.Match[str]) -> str:
    hexadecimal, octal, half, newline, other = match.groups()
    if hexadecimal or octal:
        return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
    if newline:
        return ""
    if half or other is None:
        raise ValueError("an escape is cut off")
    return _NAMED.get(other, other if other in "\\'\"" else "\\" + other)
