"""Cut a Jinja template into tokens, as Jinja 3.1's own lexer does with ``trim_blocks`` and ``lstrip_blocks``.

Those are the settings of transformers (``chat_template_utils.py``) and of llama.cpp. Source of the rules: the Jinja
documentation, "Template Designer Documentation", and what jinja2's lexer accepts where the text leaves room.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_TOKENS: Final = 100_000  # the longest real templates have about 6,000
_MAX_DIGITS: Final = 40  # of a whole number that is kept exactly; a longer one is only "huge"
_HUGE: Final = 10**_MAX_DIGITS

_TAG: Final = re.compile(r"\{[{%#]")
_RAW: Final = re.compile(r"\{%[-+]?\s*raw\s*(-?%\})")
_END_RAW: Final = re.compile(r"\{%([-+]?)\s*endraw\s*([-+]?)%\}")
_SPACE: Final = re.compile(r"\s+")
_FLOAT: Final = re.compile(
    r"(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+\-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)", re.IGNORECASE
)
_INTEGER: Final = re.compile(
    r"0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*", re.IGNORECASE
)
_NAME: Final = re.compile(r"\w+")
_STRING: Final = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"", re.DOTALL)
_OPERATOR: Final = re.compile(r"//|\*\*|==|!=|>=|<=|[-+/*%~\[\](){}<>=.:|,;]")
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_ESCAPE: Final = re.compile(
    r"\\(?:(\n)|([\\'\"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|N\{([^}]*)\}|([xuUN])|(.))",
    re.DOTALL,
)
_ONE_LETTER: Final = dict(zip("\\'\"abfnrtv", "\\'\"\a\b\f\n\r\t\v", strict=True))


class TemplateError(Exception):
    """The text is no Jinja template; ``line`` is where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Token(NamedTuple):
    """``kind`` is text, name, string, number, operator, or one of the marks ``{{ }} {% %}`` and end."""

    kind: str
    value: str | int | float
    line: int


def tokens(source: str) -> Iterator[Token]:
    """Return the tokens of a template, the last of kind ``end``. Raises TemplateError."""
    return _Lexer(source).tokens()


class _Lexer:
    def __init__(self, source: str) -> None:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
        self.source = source.removesuffix("\n")  # as Jinja does: keep_trailing_newline is off
        self.at = 0
        self.line = 1
        self.trim = ""  # what the last tag strips from the text behind it: "-" all space, "n" one line end

    def tokens(self) -> Iterator[Token]:
        source = self.source
        while True:
            opening = _TAG.search(source, self.at)
            sign, end = "", len(source)
            if opening is not None:
                end = opening.start()
                sign = source[end + 2 : end + 3]
            lstrips = opening is not None and opening.group() != "{{"
            yield from self._text(source[self.at : end], sign, lstrips=lstrips)
            if opening is None:
                yield Token("end", "", self.line)
                return
            self.at = end
            if opening.group() == "{#":
                self._comment()
            elif raw := _RAW.match(source, end):
                yield from self._raw(raw)
            else:
                self.at += 3 if sign and sign in "-+" else 2
                yield from self._tag(opening.group())

    def _text(self, text: str, sign: str, *, lstrips: bool) -> Iterator[Token]:
        """Emit what stands outside of tags, without the space that the tags around it strip."""
        line, starts_line = self.line, self.at == 0 or self.source[self.at - 1] == "\n"
        self.line += text.count("\n")
        self.at += len(text)
        if self.trim == "-":
            bare = text.lstrip()
            starts_line = starts_line or "\n" in text[: len(text) - len(bare)]
            line += text.count("\n", 0, len(text) - len(bare))
            text = bare
        elif self.trim == "n" and text.startswith("\n"):
            text, line, starts_line = text[1:], line + 1, True
        self.trim = ""
        if sign == "-":
            text = text.rstrip()
        elif lstrips and sign != "+":
            last = text.rfind("\n") + 1
            if (last or starts_line) and not text[last:].strip():
                text = text[:last]
        if text:
            yield Token("text", text, line)

    def _comment(self) -> None:
        end = self.source.find("#}", self.at + 2)
        if end < 0:
            raise TemplateError("a comment does not end", self.line)
        self._closed(self.source[end - 1] if end > self.at + 2 else "")
        self._move(end + 2)

    def _raw(self, opening: re.Match[str]) -> Iterator[Token]:
        self._move(opening.end())
        self.trim = "-" if opening.group(1).startswith("-") else ""
        closing = _END_RAW.search(self.source, self.at)
        if closing is None:
            raise TemplateError("a raw block does not end", self.line)
        yield from self._text(self.source[self.at : closing.start()], closing.group(1), lstrips=True)
        self._closed(closing.group(2))
        self._move(closing.end())

    def _closed(self, sign: str) -> None:
        self.trim = {"-": "-", "+": ""}.get(sign, "n")

    def _move(self, to: int) -> None:
        self.line += self.source.count("\n", self.at, to)
        self.at = to

    def _tag(self, opening: str) -> Iterator[Token]:
        """Emit one tag, from its opening mark to its closing one."""
        yield Token(opening, opening, self.line)
        closing = "}}" if opening == "{{" else "%}"
        brackets: list[str] = []
        source = self.source
        while True:
            at = self.at
            if not brackets:
                sign = source[at : at + 1]
                width = 1 if sign == "-" or (sign == "+" and closing == "%}") else 0
                if source.startswith(closing, at + width):
                    yield Token(closing, closing, self.line)
                    self.at = at + width + 2
                    self.trim = "-" if width and sign == "-" else "n" if closing == "%}" and not width else ""
                    return
            if at >= len(source):
                raise TemplateError("a tag does not end", self.line)
            token = self._token()
            if token is None:
                continue
            if token.kind == "operator":
                _balance(str(token.value), brackets, token.line)
            yield token

    def _token(self) -> Token | None:
        """Return the next token of a tag; None for space."""
        source, at, line = self.source, self.at, self.line
        if match := _SPACE.match(source, at):
            self._move(match.end())
            return None
        if match := _FLOAT.match(source, at):
            self.at = match.end()
            return Token("number", float(match.group().replace("_", "")), line)
        if match := _INTEGER.match(source, at):
            self.at = match.end()
            digits = match.group().replace("_", "")
            return Token("number", int(digits, 0) if len(digits) <= _MAX_DIGITS else _HUGE, line)
        if match := _NAME.match(source, at):
            self.at = match.end()
            if not match.group().isidentifier():
                raise TemplateError("a name has a character that names cannot have", line)
            return Token("name", match.group(), line)
        if match := _STRING.match(source, at):
            self._move(match.end())
            return Token("string", unescape(match.group()[1:-1], line), line)
        if match := _OPERATOR.match(source, at):
            self.at = match.end()
            return Token("operator", match.group(), line)
        raise TemplateError(f"the character U+{ord(source[at]):04X} has no meaning there", line)


def _balance(operator: str, brackets: list[str], line: int) -> None:
    if operator in _CLOSERS:
        brackets.append(_CLOSERS[operator])
    elif operator in ")]}" and (not brackets or brackets.pop() != operator):
        raise TemplateError(f"a bracket {operator} closes nothing", line)


def unescape(text: str, line: int) -> str:
    """Return a text literal with its escapes decoded, as Python's ``unicode-escape`` does. Raises TemplateError."""
    if "\\" not in text:
        return text
    try:
        return _ESCAPE.sub(_unescaped, text)
    except (ValueError, KeyError, OverflowError) as error:
        raise TemplateError("a text has an escape that means nothing", line) from error


def _unescaped(match: re.Match[str]) -> str:
    newline, letter, octal, two, four, eight, name, cut, other = match.groups()
    if newline is not None:
        return ""
    if letter is not None:
        return _ONE_LETTER[letter]
    if octal is not None:
        return chr(int(octal, 8))
    if name is not None:
        return unicodedata.lookup(name)
    if cut is not None:
        raise ValueError(cut)
    if other is not None:
        return "\\" + other
    return chr(int(two or four or eight, 16))
