"""Read YAML into nodes without constructing anything: every tag, key and scalar with its line.

The reader covers what people and libraries write (YAML 1.2.2, chapters 6 to 8): block and flow collections,
plain, quoted and block scalars, tags, anchors, aliases, comments, several documents. Anything else is refused,
because a loader might read it in another way; an alias is never expanded.
"""

import re
from dataclasses import dataclass
from typing import Final

from weighlock.inspection.span import Unexamined

MAX_NODES: Final = 300_000  # a configuration of 16 MB has about as many
MAX_DEPTH: Final = 100  # nested configurations reach about 20
_BLANK: Final = re.compile(r"(?:[ ]*+(?:#[^\n]*+)?\n)*+")
# readers differ in what ends a tag or an anchor, apart from white space
_PROPERTY: Final = re.compile(r"(?:(!<[^>\s]*>|![^\s,\[\]{}]*)|&([A-Za-z0-9_-]+))(?=[ \t\n])[ \t]*")
# possessive throughout: what a plain scalar takes it keeps, so that no text is searched twice
_PLAIN_LINE: Final = re.compile(r"(?:[^\n:#]++|:(?=[^\s])|(?<=[^\s])#)*+")
_PLAIN_KEY: Final = re.compile(
    r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`\n]|[-?:](?=[^\s]))(?:[^\n:#]++|:(?=[^\s])|(?<=[^\s])#)*+(?=:)"
)
_PLAIN_FLOW: Final = re.compile(r"(?:[^\n:#,\[\]{}]++|:(?=[^\s,\[\]{}])|(?<=[^\s])#)++")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_SINGLE: Final = re.compile(r"'((?:[^']++|'')*+)'", re.DOTALL)
_BLOCK_HEADER: Final = re.compile(r"[|>](?:[+-]?[1-9]?|[1-9][+-])[ \t]*(?:#[^\n]*)?(?:\n|$)")
_KEY_END: Final = re.compile(r"[ \t]*:(?=[ \t\n]|$)")
_TO_END: Final = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\n]*)?(?:\n|$)")
_SPACE: Final = re.compile(r"(?:[ \t\n]++|(?<=[ \t\n])#[^\n]*+)*+")
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\n[ \t]*|.)", re.DOTALL)
_ESCAPED: Final = dict(zip("nt0r_abe", "\n\t\0\r\u00a0\a\b\x1b", strict=True))
# line breaks of YAML 1.1 but not of 1.2, or not in every reader: a comment ends at one of them for some loaders only
_OTHER_BREAK: Final = re.compile("[\r\x85\u2028\u2029]")
_MARKER: Final = re.compile(r"(?:---|\.\.\.)(?=[ \t\n]|$)")


@dataclass(slots=True)
class Node:
    """A value: ``text`` of a scalar or alias, ``items`` of a list, ``pairs`` of a mapping; ``tag`` as written."""

    line: int
    tag: str = ""
    text: str | None = None
    items: "list[Node] | None" = None
    pairs: "list[tuple[Node, Node]] | None" = None
    anchor: str = ""
    alias: bool = False
    plain: bool = False


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text if text.endswith("\n") else text + "\n"
        self.at = 0
        self.nodes: list[Node] = []
        self.depth = 0
        self.anchor = ""  # of the node that comes next
        self._line_at = 0
        self._line = 1

    def documents(self) -> list[Node]:
        found: list[Node] = []
        while True:
            self.skip_lines()
            while self.text.startswith("%", self.at) or _MARKER.match(self.text, self.at):
                marker = _MARKER.match(self.text, self.at)
                self.at = marker.end() if marker else self.text.index("\n", self.at) + 1
                if marker and not _TO_END.match(self.text, self.at):
                    while self.text[self.at] in " \t":
                        self.at += 1
                    break  # the document begins in the line of its marker
                self.skip_lines()
            if self.at >= len(self.text):
                return found
            before = self.at
            found.append(self.block(-1))
            if self.at == before:
                raise self.wrong()

    def wrong(self) -> Unexamined:
        return Unexamined(f"line {self.line()}: the YAML is written in a way that is not read here")

    def line(self) -> int:
        self._line += self.text.count("\n", self._line_at, self.at) if self.at >= self._line_at else 0
        self._line_at = max(self._line_at, self.at)
        return self._line

    def node(self, tag: str = "") -> Node:
        made = Node(self.line(), tag, anchor=self.anchor)
        self.anchor = ""
        self.nodes.append(made)
        if len(self.nodes) > MAX_NODES:
            raise Unexamined(f"the YAML has more than {MAX_NODES} values")
        return made

    def column(self) -> int:
        return self.at - (self.text.rfind("\n", 0, self.at) + 1)

    def skip_lines(self) -> None:
        """Move to the first character of the next line with content, from anywhere in white space."""
        end = _TO_END.match(self.text, self.at)
        if end and self.column():
            self.at = end.end()
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        while self.text.startswith(" ", self.at):
            self.at += 1
        if self.text.startswith("\t", self.at):
            raise self.wrong()

    def at_item(self) -> bool:
        return self.text.startswith("-", self.at) and self.text[self.at + 1] in " \t\n"

    def ended(self) -> bool:
        return self.at >= len(self.text) or (
            not self.column() and _MARKER.match(self.text, self.at) is not None
        )

    def block(self, parent: int, *, same: bool = False) -> Node:
        """Read the node that begins here or on a later line, indented deeper than ``parent``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unexamined(f"the YAML nests deeper than {MAX_DEPTH}")
        start = self.at
        tag = self.properties()
        if _TO_END.match(self.text, self.at):
            self.skip_lines()
            column = self.column()
            if self.ended() or column < parent or (column == parent and not (same and self.at_item())):
                self.depth -= 1
                return self.scalar(tag, "")
            if self.text[self.at] in "!&":
                anchor = self.anchor
                made = self.block(parent, same=same)
                if made.tag and tag:
                    raise self.wrong()
                made.tag, made.anchor = made.tag or tag, made.anchor or anchor
                self.depth -= 1
                return made
            start = self.at
        made = self.content(tag, parent, start)
        self.depth -= 1
        return made

    def properties(self) -> str:
        tag = ""
        while found := _PROPERTY.match(self.text, self.at):
            if found[1] and tag:
                raise self.wrong()
            tag = found[1] or tag
            self.anchor = found[2] or self.anchor
            self.at = found.end()
        if self.text[self.at : self.at + 1] in {"!", "&"}:
            raise self.wrong()
        return tag

    def content(self, tag: str, parent: int, start: int) -> Node:
        here = self.text[self.at]
        if self.at_item():
            return self.sequence(tag)
        if here == "?" and self.text[self.at + 1] in " \t\n":
            raise self.wrong()
        if here in "|>":
            return self.block_scalar(tag, parent)
        key = self.key_end()
        if key is not None:
            column = self.column() if start == self.at else self.column() - (self.at - start)
            return self.mapping(tag if start == self.at else "", column, start)
        if here in "[{":
            made = self.flow(tag)
            self.need_end()
            return made
        return self.inline_scalar(tag, parent)

    def key_end(self) -> int | None:
        """Return where the key that begins here ends; None if what begins here is no key."""
        here = self.text[self.at]
        if here in "\"'":
            quoted = (_DOUBLE if here == '"' else _SINGLE).match(self.text, self.at)
            end = quoted.end() if quoted and "\n" not in quoted.group() else None
        elif here == "*":
            end = self.at + len(re.match(r"\*[^\s,\[\]{}:]*", self.text[self.at : self.at + 200]).group())  # type: ignore[union-attr]  # it begins with *
        else:
            plain = _PLAIN_KEY.match(self.text, self.at)
            end = self.at + len(plain.group().rstrip()) if plain else None
        return end if end is not None and _KEY_END.match(self.text, end) else None

    def sequence(self, tag: str) -> Node:
        made = self.node(tag)
        made.items = []
        column = self.column()
        while not self.ended() and self.column() == column and self.at_item():
            self.at += 1
            while self.text[self.at] in " \t":
                self.at += 1
            made.items.append(self.block(column))
            self.skip_lines()
        if not self.ended() and self.column() > column:
            raise self.wrong()
        return made

    def mapping(self, tag: str, column: int, start: int) -> Node:
        made = self.node(tag)
        made.pairs = []
        self.at = start
        while not self.ended() and self.column() == column:
            key_tag = self.properties()
            end = self.key_end()
            if end is None:
                break
            key = self.key(key_tag, end)
            colon = _KEY_END.match(self.text, end)
            self.at = colon.end() if colon else end
            while self.text[self.at] in " \t":
                self.at += 1
            made.pairs.append((key, self.value(column)))
            self.skip_lines()
        if not self.ended() and self.column() >= column and not (self.column() == column and self.at_item()):
            raise self.wrong()
        return made

    def key(self, tag: str, end: int) -> Node:
        made = self.node(tag)
        raw = self.text[self.at : end]
        made.text, made.alias = (_unquoted(raw) if raw[:1] in "\"'" else raw), raw.startswith("*")
        return made

    def value(self, column: int) -> Node:
        if self.at_item() or (self.text[self.at] not in "\"'[{|>!&*#\n" and self.key_end() is not None):
            raise self.wrong()  # "a: - b" and "a: b: c" are no YAML
        return self.block(column, same=True)

    def scalar(self, tag: str, text: str) -> Node:
        made = self.node(tag)
        made.text = text
        return made

    def inline_scalar(self, tag: str, parent: int) -> Node:
        here = self.text[self.at]
        if here in "\"'":
            made = self.quoted(tag)
            self.need_end()
            return made
        if here in "@`%":
            raise self.wrong()
        made = self.node(tag)
        if here == "*":
            made.alias = True
        parts = []
        while True:
            found = _PLAIN_LINE.match(self.text, self.at)
            part = found.group() if found else ""
            parts.append(part.strip())
            self.at += len(part)
            if not _TO_END.match(self.text, self.at):
                raise self.wrong()
            end = self.at
            self.skip_lines()
            comment = "#" in self.text[end : self.at]
            if self.ended() or self.column() <= parent or made.alias or comment:
                break
        made.text, made.plain = " ".join(parts), True
        return made

    def quoted(self, tag: str) -> Node:
        found = (_DOUBLE if self.text[self.at] == '"' else _SINGLE).match(self.text, self.at)
        if not found:
            raise self.wrong()
        made = self.scalar(tag, _unquoted(found.group()))
        self.at = found.end()
        return made

    def need_end(self) -> None:
        if not _TO_END.match(self.text, self.at):
            raise self.wrong()

    def block_scalar(self, tag: str, parent: int) -> Node:
        made = self.node(tag)
        found = _BLOCK_HEADER.match(self.text, self.at)
        if not found:
            raise self.wrong()
        self.at = found.end()
        start = self.at
        while self.at < len(self.text):
            end = self.text.index("\n", self.at) + 1
            line = self.text[self.at : end]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= max(parent, 0):
                break
            self.at = end
        made.text = self.text[start : self.at]
        return made

    def flow(self, tag: str = "") -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unexamined(f"the YAML nests deeper than {MAX_DEPTH}")
        tag = self.properties() or tag
        self.space()
        here = self.text[self.at : self.at + 1]
        if here in {"?", "#", "!", "&"}:
            raise self.wrong()  # a key, a comment, a tag in the next line
        if here in {"[", "{"}:
            made = self.flow_collection(tag, here)
        elif here in {'"', "'"}:
            made = self.quoted(tag)
        else:
            made = self.flow_plain(tag)
        self.depth -= 1
        return made

    def flow_plain(self, tag: str) -> Node:
        made = self.node(tag)
        parts = []
        while found := _PLAIN_FLOW.match(self.text, self.at):
            parts.append(found.group().strip())
            self.at = found.end()
            if not self.text.startswith("\n", self.at):
                break
            self.space()
        made.text = " ".join(parts)
        made.alias, made.plain = made.text.startswith("*"), True
        return made

    def flow_collection(self, tag: str, opened: str) -> Node:
        made = self.node(tag)
        closed = "]" if opened == "[" else "}"
        items: list[Node] = []
        pairs: list[tuple[Node, Node]] = []
        self.at += 1
        self.space()
        while not self.text.startswith(closed, self.at):
            item = self.flow()
            self.space()
            if self.text.startswith(":", self.at):
                self.at += 1
                self.space()
                empty = self.text[self.at : self.at + 1] in {",", closed}
                pairs.append((item, self.scalar("", "") if empty else self.flow()))
                self.space()
            elif opened == "{":
                pairs.append((item, self.scalar("", "")))
            else:
                items.append(item)
            if self.text.startswith(",", self.at):
                self.at += 1
                self.space()
            elif not self.text.startswith(closed, self.at):
                raise self.wrong()
        self.at += 1
        if opened == "{":
            made.pairs = pairs
        else:
            made.items = items
            if pairs:
                inner = self.node()
                inner.pairs = pairs
                items.append(inner)
        return made

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at


def _unquoted(raw: str) -> str:
    if raw[0] == "'":
        return raw[1:-1].replace("''", "'")
    return _ESCAPE.sub(_unescape, raw[1:-1]) if "\\" in raw else raw[1:-1]


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return "" if code[0] == "\n" else _ESCAPED.get(code, code)


def read_yaml(text: str) -> tuple[list[Node], list[Node]]:
    """Return the documents of a YAML text and all nodes of them; raises Unexamined for what is not read here."""
    text = text.replace("\r\n", "\n")
    if other := _OTHER_BREAK.search(text):
        line = text.count("\n", 0, other.start()) + 1
        raise Unexamined(f"line {line}: the YAML has a character that ends the line for some loaders only")
    reader = _Reader(text)
    try:
        return reader.documents(), reader.nodes
    except IndexError as error:  # a collection or scalar that is still open at the end
        raise reader.wrong() from error


def plain(node: Node) -> object:
    """Return a node as JSON would hold it: texts, lists and objects; of keys that occur twice the last."""
    if node.pairs is not None:
        return {key.text or "": plain(value) for key, value in node.pairs}
    if node.items is not None:
        return [plain(item) for item in node.items]
    return node.text
