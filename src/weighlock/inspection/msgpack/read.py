"""Read MessagePack without building what it holds: sizes, nesting, keys, and where arrays lie.

Source: the MessagePack specification, and flax/serialization.py for its extension types: 1 is an array (a shape, the
name of a type, bytes), 2 a complex number, 3 a NumPy scalar, written as an array.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.span import FormatError, Reading, Unexamined, Window

RULE: Final = "flax-structure"
MAX_DEPTH: Final = 100  # trees of parameters nest some ten deep
MAX_ITEMS: Final = 5_000_000  # values of one file; large models have some thousand arrays
MAX_KEY_BYTES: Final = 4096  # names of parameters
MAX_HELD_BYTES: Final = 64 * 1024 * 1024  # keys of open maps, to tell which comes twice
KEY_BYTES: Final = 64  # that Python takes for a key
_ARRAY, _COMPLEX, _SCALAR = 1, 2, 3
CHUNKED: Final = "__msgpack_chunked_array__"
_TYPE: Final = re.compile(
    r"bool|u?int(?:2|4|8|16|32|64)|(?:b?float|complex)(\d+)(?:_\w+)?|float8_\w+|float[46]_\w+|V\d+", re.ASCII
)
_BITS: Final = re.compile(r"\d+")
# first byte → bytes of a length that follows
_TEXTS: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BINARIES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_EXTENSIONS: Final = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED_EXTENSIONS: Final = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_LISTS: Final = {0xDC: 2, 0xDD: 4}
_MAPS: Final = {0xDE: 2, 0xDF: 4}
_PLAIN: Final = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}  # fmt: skip


class Head(NamedTuple):
    """The first bytes of a value: its kind, and its length in bytes, items or pairs."""

    kind: str
    length: int


@dataclass(slots=True)
class _Open:
    """A list or map that is being read: items left, and the keys so far of a map."""

    left: int
    keys: set[bytes] | None


@dataclass(slots=True)
class Flax:
    """A reader of one value from the beginning of a file of ``size`` bytes."""

    size: int
    window: Window = field(init=False)
    arrays: int = 0
    array_bytes: int = 0
    chunked: int = 0
    keys: list[str] = field(default_factory=list)
    unknown: dict[int, None] = field(default_factory=dict)
    _held: int = 0

    def __post_init__(self) -> None:
        self.window = Window(self.size)

    def read(self) -> Reading[int]:
        """Return where the value ends. Raises FormatError ``flax-structure`` and ``flax-array``, and Unexamined."""
        stack: list[_Open] = []
        for _ in range(MAX_ITEMS):
            if stack and stack[-1].keys is not None:
                yield from self._key(stack[-1].keys, len(stack))
            head = yield from self._head()
            if head.kind in {"list", "map"}:
                self._check_count(head)
                stack.append(_Open(head.length, set() if head.kind == "map" else None))
                if len(stack) > MAX_DEPTH:
                    raise self._wrong(f"values nest deeper than {MAX_DEPTH}")
            else:
                yield from self._skip(head)
                self._done(stack)
            while stack and not stack[-1].left:
                self._held -= sum(len(key) + KEY_BYTES for key in stack.pop().keys or ())
                self._done(stack)
            if not stack:
                return self.window.at
        raise Unexamined(f"the file has more than {MAX_ITEMS} values")

    @staticmethod
    def _done(stack: list[_Open]) -> None:
        if stack:
            stack[-1].left -= 1

    def _wrong(self, why: str, rule: str = RULE) -> FormatError:
        return FormatError(rule, why, self.window.at)

    def _take(self, length: int) -> Reading[bytes]:
        window = self.window
        if not (yield from window.need(length)):
            raise self._wrong(f"{length} bytes reach beyond the file")
        start = window.at - window.base
        window.at += length
        return window.data[start : start + length]

    def _number(self, width: int) -> Reading[int]:
        return int.from_bytes((yield from self._take(width)), "big")

    def _head(self) -> Reading[Head]:
        first = (yield from self._take(1))[0]
        if first < 0x80 or first >= 0xE0:
            return Head("number", 0)
        if first < 0xC0:  # the length is in the byte
            kind = "map" if first < 0x90 else "list" if first < 0xA0 else "text"
            return Head(kind, first & (31 if kind == "text" else 15))
        for kind, widths in (("text", _TEXTS), ("bytes", _BINARIES), ("list", _LISTS), ("map", _MAPS), ("extension", _EXTENSIONS)):  # fmt: skip
            if first in widths:
                return Head(kind, (yield from self._number(widths[first])))
        if first in _FIXED_EXTENSIONS:
            return Head("extension", _FIXED_EXTENSIONS[first])
        if first not in _PLAIN:
            raise self._wrong("a byte begins no value")
        return Head("number", _PLAIN[first])

    def _check_count(self, head: Head) -> None:
        least = head.length * (2 if head.kind == "map" else 1)
        if least > self.size - self.window.at:
            raise self._wrong(f"a {head.kind} of {head.length} items reaches beyond the file")

    def _key(self, seen: set[bytes], depth: int) -> Reading[None]:
        head = yield from self._head()
        if head.kind not in {"text", "bytes"}:
            raise self._wrong("a key is no text")
        if head.length > MAX_KEY_BYTES:
            raise Unexamined(f"a key of {head.length} bytes is over the limit of {MAX_KEY_BYTES}")
        key = yield from self._take(head.length)
        if key in seen:
            raise self._wrong(f"the key {shown(key.decode('utf-8', 'replace'))} occurs twice")
        seen.add(key)
        self._held += len(key) + KEY_BYTES
        if self._held > MAX_HELD_BYTES:
            raise Unexamined("the maps have more keys than are compared")
        self.chunked += key == CHUNKED.encode()
        if depth == 1 and len(self.keys) < 100:
            self.keys.append(key.decode("utf-8", "replace"))

    def _skip(self, head: Head) -> Reading[None]:
        if head.kind == "extension":
            yield from self._extension(head.length)
            return
        if head.length > self.size - self.window.at:
            raise self._wrong(f"{head.length} bytes reach beyond the file")
        self.window.at += head.length

    def _extension(self, length: int) -> Reading[None]:
        code = yield from self._number(1)
        end = self.window.at + length
        if end > self.size:
            raise self._wrong(f"an extension of {length} bytes reaches beyond the file")
        if code in {_ARRAY, _SCALAR}:
            yield from self._array(end)
        elif code == _COMPLEX:
            yield from self._complex()
        else:
            self.unknown[code] = None
            self.window.at = end
        if self.window.at != end:
            raise self._wrong("an array has another length than it says", "flax-array")

    def _complex(self) -> Reading[None]:
        head = yield from self._head()
        if head != Head("list", 2):
            raise self._wrong("a complex number has not two parts", "flax-array")
        for _ in range(2):
            part = yield from self._head()
            if part.kind != "number":
                raise self._wrong("a part of a complex number is no number", "flax-array")
            self.window.at += part.length

    def _array(self, end: int) -> Reading[None]:
        """Hold an array's shape and type against its bytes, which are not read."""
        if (yield from self._head()) != Head("list", 3):
            raise self._wrong("an array has not three parts", "flax-array")
        count = yield from self._shape()
        head = yield from self._head()
        if head.kind not in {"text", "bytes"} or head.length > MAX_KEY_BYTES:
            raise self._wrong("the type of an array has no name", "flax-array")
        name = (yield from self._take(head.length)).decode("utf-8", "replace")
        found = _TYPE.fullmatch(name)
        if not found:
            raise self._wrong(f"an array is of the type {shown(name)}", "flax-array")
        data = yield from self._head()
        size = count * _bytes_of(name)
        if data.kind not in {"bytes", "text"} or data.length != size or self.window.at + size != end:
            told = f"an array of {count} {name} needs {size} bytes and has {data.length}"
            raise self._wrong(told, "flax-array")
        self.window.at = end
        self.arrays += 1
        self.array_bytes += size

    def _shape(self) -> Reading[int]:
        shape = yield from self._head()
        if shape.kind != "list" or shape.length > 32:
            raise self._wrong("an array has no shape", "flax-array")
        count = 1
        for _ in range(shape.length):
            first = (yield from self._take(1))[0]
            if first in {0xCC, 0xCD, 0xCE, 0xCF}:
                count *= yield from self._number(_PLAIN[first])
            elif first < 0x80:
                count *= first
            else:
                raise self._wrong("an extent of an array is negative or no number", "flax-array")
        return count


def _bytes_of(name: str) -> int:
    """Return the bytes of one number of a type; types below a byte take one."""
    if name.startswith("V"):
        return int(name[1:9])
    bits = 8 if name == "bool" else int(_BITS.findall(name)[0])
    return max(1, bits // 8)
