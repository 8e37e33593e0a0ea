"""Read what marshal wrote, far enough to list the names and texts of code objects; nothing is made or run.

The layout is that of CPython's Python/marshal.c: a type byte, whose highest bit says that the object
is remembered, and the object. Code objects differ by version: the number of fields before and between the names.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from weighlock.inspection.span import Unexamined

MAX_OBJECTS: Final = 1_000_000  # of one file: the largest modules have some hundred thousand
MAX_DEPTH: Final = 150  # code within code, tuples within tuples
_REMEMBERED: Final = 0x80
_FIXED: Final = {b"i": 4, b"I": 8, b"g": 8, b"y": 16}
_OBJECTS_AFTER_NAMES: Final = 5  # names of locals and cells, file, name, in two orders

Object: TypeAlias = "str | bytes | tuple[Object, ...] | None"


class Layout(NamedTuple):
    """How a version writes code objects: the numbers that come first, and whether a table of exceptions ends them."""

    numbers: int
    exceptions: bool


@dataclass(slots=True)
class Code:
    """What all code objects of a file use: names of globals and attributes, and constant texts."""

    names: dict[str, None] = field(default_factory=dict)
    texts: dict[str, None] = field(default_factory=dict)


class Marshalled:
    """A reader over bytes; raises Unexamined for what is cut, too deep or of an unknown type."""

    def __init__(self, data: bytes, layout: Layout) -> None:
        self._data = data
        self._at = 0
        self._layout = layout
        self._seen: list[Object] = []
        self._count = 0
        self.code = Code()

    def read(self) -> int:
        """Read the one object of the file and return where it ends."""
        self._object(0)
        return self._at

    def _take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if length < 0 or len(part) != length:
            raise Unexamined("the compiled file is cut")
        self._at += length
        return part

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "little", signed=True)

    def _object(self, depth: int) -> Object:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_OBJECTS:
            raise Unexamined("the compiled file nests too deep or is too large")
        first = self._take(1)[0]
        kind = bytes([first & 0x7F])
        place = len(self._seen)
        if first & _REMEMBERED:
            self._seen.append(None)
        made = self._content(kind, depth)
        if first & _REMEMBERED:
            self._seen[place] = made
        return made

    def _content(self, kind: bytes, depth: int) -> Object:
        if kind in {b"N", b"T", b"F", b"S", b".", b"0"}:
            return None
        if kind in _FIXED:
            self._take(_FIXED[kind])
            return None
        if kind == b"r":
            at = self._number()
            if not 0 <= at < len(self._seen):
                raise Unexamined("the compiled file refers to what is not there")
            return self._seen[at]
        if kind == b"c":
            return self._code(depth)
        return self._sized(kind, depth)

    def _sized(self, kind: bytes, depth: int) -> Object:
        if kind in {b")", b"(", b"[", b"<", b">", b":"}:
            length = self._take(1)[0] if kind == b")" else 3 if kind == b":" else self._number()
            return tuple(self._object(depth + 1) for _ in range(self._checked(length)))
        if kind == b"{":
            return self._dictionary(depth)
        return self._leaf(kind)

    def _leaf(self, kind: bytes) -> Object:
        if kind in {b"z", b"Z"}:
            return self._take(self._take(1)[0]).decode("latin-1")
        if kind in {b"u", b"a", b"t", b"A"}:
            return self._take(self._number()).decode("utf-8", "replace")
        if kind == b"s":
            return self._take(self._number())
        if kind == b"l":
            self._take(2 * abs(self._number()))
            return None
        if kind in {b"f", b"x"}:
            for _ in range(2 if kind == b"x" else 1):
                self._take(self._take(1)[0])
            return None
        raise Unexamined("the compiled file has an object of an unknown type")

    def _checked(self, length: int) -> int:
        if not 0 <= length <= len(self._data) - self._at:  # each item takes a byte at least
            raise Unexamined("the compiled file is cut")
        return length

    def _dictionary(self, depth: int) -> Object:
        while self._data[self._at : self._at + 1] != b"0":
            self._object(depth + 1)
            self._object(depth + 1)
        self._take(1)
        return None

    def _code(self, depth: int) -> Object:
        self._take(4 * self._layout.numbers)
        self._object(depth + 1)  # the instructions
        constants, names = self._object(depth + 1), self._object(depth + 1)
        for _ in range(_OBJECTS_AFTER_NAMES):
            self._object(depth + 1)
        self._number()  # the first line
        for _ in range(2 if self._layout.exceptions else 1):
            self._object(depth + 1)  # lines, exceptions
        self.code.names.update(dict.fromkeys(_texts(names)))
        self.code.texts.update(dict.fromkeys(_texts(constants)))
        return None


def _texts(held: Object) -> list[str]:
    waiting, found = [held], []
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, tuple):
            waiting.extend(each)
    return found
