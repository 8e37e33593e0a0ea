"""Python source as text: its encoding, its syntax tree, and what a reader of the source does not see."""

import ast
import re
import unicodedata
import warnings
from collections.abc import Iterator
from typing import Final

MAX_SOURCE_BYTES: Final = (
    384 * 1024
)  # the largest modelling files have 330 KB; a tree takes up to 600 times that
MAX_LINES: Final = 50_000  # ordinary files of that size have a quarter; a tree of short lines is the largest
MAX_HIDDEN: Final = 16  # invisible characters in a row: emoji join a handful
MAX_BLANKS: Final = 100  # columns before a statement or call, or between two: more leaves the window
MAX_BLANK_LINES: Final = 300  # as above, downwards
_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
# encodings under which the bytes of ASCII mean ASCII: any other lets a comment be code
_ENCODINGS: Final = frozenset(
    {"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii", "latin-1", "latin1", "iso-8859-1", "iso-8859-15", "cp1252",
     "windows-1252", "cp1251", "koi8-r", "gbk", "gb2312", "gb18030", "euc-jp", "euc-kr", "big5", "cp949"}
)  # fmt: skip
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE: Final = re.compile(
    f"[\u200b-\u200f\u2060-\u2064\ufeff\ufe00-\ufe0f\U000e0000-\U000e01ef\u3164\u115f\u1160]{{{MAX_HIDDEN},}}"
)
_BLANK_LINES: Final = re.compile(rf"(?:\n[ \t]*){{{MAX_BLANK_LINES},}}\S")
_TERMINAL: Final = re.compile("\x08|\x1b\\[[0-9;]*[A-HJKSTf]")
_LONE_CR: Final = re.compile(r"\r(?!\n)")
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK")


def encoding_of(raw: bytes) -> str:
    """Return the encoding that the first two lines declare, in lower case; ``utf-8`` if none."""
    for line in raw.removeprefix(b"\xef\xbb\xbf").splitlines()[:2]:
        found = _COOKIE.match(line)
        if found:
            return found[1].decode("ascii").lower().replace("_", "-")
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    return "utf-8"


def decoded(raw: bytes) -> str | None:
    """Return the text as Python reads it; None if its encoding is not one in which ASCII is ASCII."""
    encoding = encoding_of(raw)
    if encoding not in _ENCODINGS:
        return None
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    except UnicodeDecodeError:
        return None


def parse(text: str) -> ast.Module | None:
    """Return the syntax tree; None if this version of Python does not take the text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes, which Python reports for some ordinary texts
        try:
            return ast.parse(text)
        except (
            SyntaxError,
            ValueError,
            RecursionError,
            MemoryError,
        ):  # the last two: it nests too deep for the parser
            return None


def hidden_in_text(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield (rule, what, line) for characters that show the reader something else than Python reads."""
    for pattern, what in (
        (_BIDI, "a character that changes the direction of the text"),
        (_INVISIBLE, "a run of invisible characters"),
        (_TERMINAL, "a control character by which a terminal shows something else"),
        (_LONE_CR, "a carriage return alone, which ends a line for Python and not for most editors"),
    ):
        found = pattern.search(text)
        if found:
            yield "python-hidden-text", what, _line(text, found.start())
    if text.count("\n") > MAX_BLANK_LINES and (found := _BLANK_LINES.search(text)):
        yield (
            "python-hidden-layout",
            f"more than {MAX_BLANK_LINES} blank lines before code",
            _line(text, found.end()),
        )


def hidden_in_tree(text: str, tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Yield (rule, what, line) for code that stands out of sight, and names that look like others."""
    lines = text.encode("utf-8", "surrogatepass").splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt | ast.Call):
            continue
        at = node.col_offset
        if (
            at > MAX_BLANKS
            and node.lineno <= len(lines)
            and not lines[node.lineno - 1][at - MAX_BLANKS : at].strip()
        ):
            yield "python-hidden-layout", f"code follows {MAX_BLANKS} blanks or more in its line", node.lineno
    if not text.isascii():
        yield from _look_alikes(lines, tree)


def _look_alikes(lines: list[bytes], tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    for node in ast.walk(tree):
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
        if not isinstance(name, str) or not isinstance(node, ast.expr | ast.stmt):
            continue
        if name.isascii() and isinstance(node, ast.Name) and _written(lines, node) != name.encode():
            yield (
                "python-hidden-text",
                "a name is written in other letters that Python takes for ASCII",
                node.lineno,
            )
        scripts = {script for letter in name if not letter.isascii() for script in [_script(letter)]}
        if scripts & {"CYRILLIC", "GREEK"} and _mixed(name):
            yield "python-look-alike", "a name mixes letters of two scripts that look alike", node.lineno


def _written(lines: list[bytes], node: ast.Name) -> bytes:
    line = lines[node.lineno - 1] if node.lineno <= len(lines) else b""
    return line[node.col_offset : node.end_col_offset]


def _mixed(name: str) -> bool:
    """Return whether a word of a name mixes scripts; ``loss_`` and a Greek letter does not."""
    for word in re.split(r"[_\d]+", name):
        scripts = {"LATIN" if letter.isascii() else _script(letter) for letter in word}
        if "LATIN" in scripts and "CYRILLIC" in scripts:
            return True
    return False


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), "")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
