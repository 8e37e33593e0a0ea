"""Parse a Go text/template into its actions, without running any.

Source: Go's package documentation of text/template, and the functions that ollama/ollama adds (``template.go``).
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from weighlock.inspection.span import Unexamined
from weighlock.inspection.template.lexer import TemplateError

MAX_NESTING: Final = 60  # of blocks and brackets; real templates have about 8
MAX_TOKENS: Final = 100_000  # real templates have a few hundred

_ACTION: Final = re.compile(r"\{\{(-(?=\s))?")
_COMMENT: Final = re.compile(r"\s*/\*")
_CLOSING: Final = re.compile(r"\s+-\}\}|\}\}")
_TOKEN: Final = re.compile(
    r"(?P<space>\s+)|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|'(?:[^'\\\n]|\\.)+')"
    r"|(?P<number>[-+]?(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?i?))"
    r"|(?P<variable>\$\w*)|(?P<field>\.[^\W\d]\w*)|(?P<dot>\.)|(?P<word>[^\W\d]\w*)|(?P<operator>:=|[=|(),])"
)
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_BLOCKS: Final = frozenset({"if", "range", "with", "define", "block"})


class Token(NamedTuple):
    """A part of an action: its kind as in `_TOKEN`, and its text (that of a string decoded)."""

    kind: str
    text: str


@dataclass(slots=True)
class Argument:
    """A value: ``kind`` is string, number, field, variable, dot, word or pipe; ``fields`` are reached from it."""

    kind: str
    text: str = ""
    fields: list[str] = field(default_factory=list)
    pipe: "Pipe | None" = None


@dataclass(slots=True)
class Pipe:
    """Commands, each a list of arguments, whose result goes to the next; ``variables`` are what is set."""

    variables: list[str] = field(default_factory=list)
    commands: list[list[Argument]] = field(default_factory=list)


@dataclass(slots=True)
class Action:
    """A text (``word`` is text), an emitted value (emit), or a control structure with what it guards."""

    word: str
    line: int
    text: str = ""
    pipe: Pipe | None = None
    body: "list[Action]" = field(default_factory=list)
    otherwise: "list[Action]" = field(default_factory=list)


def parse_go_template(source: str) -> list[Action]:
    """Return the actions of a template. Raises TemplateError and Unexamined."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.line = 1
        self.tokens = 0

    def parse(self) -> list[Action]:
        open_bodies: list[tuple[Action, list[Action]]] = []
        root: list[Action] = []
        body = root
        while True:
            text, tokens = self.next_action()
            if text:
                body.append(Action("text", self.line - text.count("\n"), text))
            if tokens is None:
                break
            word = tokens[0].text if tokens and tokens[0].kind == "word" else ""
            if word == "end":
                if not open_bodies:
                    raise TemplateError("an end closes nothing", self.line)
                body = open_bodies.pop()[1]
            elif word == "else":
                body = self.otherwise(open_bodies, tokens[2:])
            elif tokens:
                body = self.append(word, tokens, body, open_bodies)
        if open_bodies:
            raise TemplateError(f"the template ends before the end of {open_bodies[-1][0].word}", self.line)
        return root

    def append(
        self,
        word: str,
        tokens: list[Token],
        body: list[Action],
        open_bodies: list[tuple[Action, list[Action]]],
    ) -> list[Action]:
        """Add an action to ``body``; return where the next one goes."""
        action = self.action(word, tokens)
        body.append(action)
        if word not in _BLOCKS:
            return body
        if len(open_bodies) == MAX_NESTING:
            raise Unexamined(f"the template nests deeper than {MAX_NESTING}")
        open_bodies.append((action, body))
        return action.body

    def otherwise(self, open_bodies: list[tuple[Action, list[Action]]], tokens: list[Token]) -> list[Action]:
        """Return the body that follows an ``else``, which may have a condition of its own."""
        if not open_bodies:
            raise TemplateError("an else belongs to nothing", self.line)
        action, outside = open_bodies[-1]
        if not tokens:
            return action.otherwise
        chained = self.action(tokens[0].text, tokens)
        if chained.word not in {"if", "with"}:
            raise TemplateError("an else has something behind it", self.line)
        action.otherwise.append(chained)
        open_bodies[-1] = (chained, outside)
        return chained.body

    def next_action(self) -> tuple[str, list[Token] | None]:
        """Return the text before the next action, and its tokens: empty for a comment, None at the end."""
        source = self.source
        opening = _ACTION.search(source, self.at)
        if opening is None:
            text = source[self.at :]
            self.move(len(source))
            return text, None
        text = source[self.at : opening.start()]
        if opening.group(1):
            text = text.rstrip()
        self.move(opening.end())
        comment = _COMMENT.match(source, self.at)
        if comment:
            end = source.find("*/", comment.end())
            if end < 0:
                raise TemplateError("a comment does not end", self.line)
            self.move(end + 2)
        tokens = self.read_tokens()
        if comment and tokens:
            raise TemplateError("a comment shares its action", self.line)
        return text, tokens

    def read_tokens(self) -> list[Token]:
        source, found = self.source, list[Token]()
        while True:
            closing = _CLOSING.match(source, self.at)
            if closing:
                self.move(closing.end())
                if closing.group() != "}}":
                    self.move(len(source) - len(source[self.at :].lstrip()))
                return found[:-1] if found and found[-1].kind == "space" else found
            match = _TOKEN.match(source, self.at)
            if match is None:
                raise TemplateError("an action does not end, or has a character without meaning", self.line)
            self.move(match.end())
            kind = str(match.lastgroup)
            if kind == "space":
                if found:
                    found.append(Token("space", " "))
                continue
            self.tokens += 1
            if self.tokens > MAX_TOKENS:
                raise Unexamined(f"the template has more than {MAX_TOKENS} tokens")
            found.append(
                Token(kind, unquote(match.group(), self.line) if kind == "string" else match.group())
            )

    def move(self, to: int) -> None:
        self.line += self.source.count("\n", self.at, to)
        self.at = to

    def action(self, word: str, tokens: list[Token]) -> Action:
        line = self.line
        if word in {"break", "continue"} and len(tokens) == 1:
            return Action(word, line)
        if word in {"define", "template", "block"}:
            rest = [token for token in tokens[1:] if token.kind != "space"]
            if not rest or rest[0].kind != "string":
                raise TemplateError(f"{word} has no name", line)
            return Action(word, line, rest[0].text, _Pipes(rest[1:], line).whole() if rest[1:] else None)
        if word in {"if", "range", "with"}:
            return Action(word, line, pipe=_Pipes(tokens[1:], line).whole())
        return Action("emit", line, pipe=_Pipes(tokens, line).whole())


class _Pipes:
    """The pipeline that the tokens of one action are."""

    def __init__(self, tokens: list[Token], line: int) -> None:
        while tokens and tokens[-1].kind == "space":
            tokens = tokens[:-1]
        self.tokens = tokens
        self.at = 0
        self.line = line
        self.depth = 0

    def whole(self) -> Pipe:
        pipe = self.pipe()
        if self.at < len(self.tokens):
            raise TemplateError("an action has something behind its end", self.line)
        return pipe

    def now(self, kind: str, text: str | None = None) -> bool:
        if self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        return token.kind == kind and (text is None or token.text == text)

    def skip_space(self) -> None:
        while self.now("space"):
            self.at += 1

    def pipe(self) -> Pipe:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise Unexamined(f"the template nests deeper than {MAX_NESTING}")
        made = Pipe(self.declared())
        while True:
            made.commands.append(self.command())
            if not self.now("operator", "|"):
                break
            self.at += 1
        self.depth -= 1
        return made

    def declared(self) -> list[str]:
        """Return the variables that a pipeline sets: ``$a :=``, ``$a, $b :=`` or ``$a =``."""
        start, names = self.at, list[str]()
        self.skip_space()
        while self.now("variable"):
            names.append(self.tokens[self.at].text)
            self.at += 1
            self.skip_space()
            if self.now("operator", ":=") or self.now("operator", "="):
                self.at += 1
                return names
            if not self.now("operator", ","):
                break
            self.at += 1
            self.skip_space()
        self.at = start
        return []

    def command(self) -> list[Argument]:
        found: list[Argument] = []
        while True:
            self.skip_space()
            if self.at >= len(self.tokens) or self.now("operator", "|") or self.now("operator", ")"):
                break
            found.append(self.argument())
        if not found:
            raise TemplateError("a value was expected", self.line)
        return found

    def argument(self) -> Argument:
        token = self.tokens[self.at]
        self.at += 1
        if token == ("operator", "("):
            made = Argument("pipe", pipe=self.pipe())
            if not self.now("operator", ")"):
                raise TemplateError("a bracket does not close", self.line)
            self.at += 1
        elif token.kind == "field":
            made = Argument("field", fields=[token.text[1:]])
        elif token.kind == "operator":
            raise TemplateError("an operator stands where a value should", self.line)
        else:
            made = Argument(token.kind, token.text)
        while self.now("field"):
            made.fields.append(self.tokens[self.at].text[1:])
            self.at += 1
        return made


def unquote(text: str, line: int) -> str:
    """Return the text of a Go string literal. Raises TemplateError."""
    if text[0] == "`":
        return text[1:-1]
    try:
        return _ESCAPE.sub(_unescaped, text[1:-1])
    except (ValueError, OverflowError) as error:
        raise TemplateError("a text has an escape that means nothing", line) from error


def _unescaped(match: re.Match[str]) -> str:
    two, four, eight, octal, letter = match.groups()
    if letter:
        return _LETTERS.get(letter, letter)
    return chr(int(octal, 8)) if octal else chr(int(two or four or eight, 16))
