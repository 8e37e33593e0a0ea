"""Read Universal Binary JSON as XGBoost writes it, with bounds, and without recursion.

Source: the UBJSON specification, draft 12, and XGBoost's reader (src/common/json.cc). Numbers are big-endian.
Arrays of fractions are counted and not kept: nothing here judges them.
"""

import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from weighlock.inspection.span import FormatError, Reading, Unexamined, Window
from weighlock.inspection.tree.arrays import Counted

RULE: Final = "tree-structure"
MAX_DEPTH: Final = 64  # models nest eight deep
MAX_ITEMS: Final = 50_000_000  # values that are no arrays of numbers: of one file
MAX_KEPT_BYTES: Final = 64 * 1024 * 1024  # of arrays and texts held at one time: of one tree, usually
MAX_TEXT_BYTES: Final = 16 * 1024 * 1024  # of one text
# marker → bytes, and the code of ``array``; fractions are not kept
_NUMBERS: Final = {b"i": (1, "b"), b"U": (1, "B"), b"I": (2, "h"), b"l": (4, "i"), b"L": (8, "q"), b"d": (4, "f"), b"D": (8, "d")}  # fmt: skip
_CONSTANTS: Final = {b"Z": None, b"T": True, b"F": False}
_FRACTIONS: Final = frozenset({b"d", b"D"})

Reduce = Callable[[dict[str, Any]], Any]


@dataclass(slots=True)
class _Container:
    """An array or object that is being read; ``left`` is how many items are to come, None if an end marks it."""

    items: list[Any] | dict[str, Any]
    kind: bytes | None
    left: int | None
    key: str = ""
    kept: int = 0


@dataclass(slots=True)
class Ubjson:
    """A reader of one value that begins at byte ``at``. ``reduce`` may replace each object once it is complete."""

    size: int
    reduce: Reduce
    at: int = 0
    window: Window = field(init=False)
    _items: int = field(init=False, default=0)
    _kept: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.window = Window(self.size, self.at)

    def read(self) -> Reading[Any]:
        """Return the value; ``window.at`` is then where it ends. Raises FormatError ``tree-structure`` and Unexamined."""
        stack: list[_Container] = []
        marker = yield from self._marker()
        while True:
            opened, value = yield from self._value(marker)
            if opened is not None:
                stack.append(opened)
                if len(stack) > MAX_DEPTH:
                    raise self._wrong(f"values nest deeper than {MAX_DEPTH}")
            elif stack:
                self._put(stack[-1], value)
            else:
                return value
            while (next_marker := (yield from self._next(stack[-1]))) is None:
                done = stack.pop()
                value = self._close(done)
                if not stack:
                    return value
                self._put(stack[-1], value)
            marker = next_marker

    def _wrong(self, why: str) -> FormatError:
        return FormatError(RULE, f"the UBJSON is broken: {why}", self.window.at)

    def _take(self, length: int) -> Reading[bytes]:
        window = self.window
        if not (yield from window.need(length)):
            raise self._wrong(f"{length} bytes reach beyond the file")
        start = window.at - window.base
        window.at += length
        return window.data[start : start + length]

    def _marker(self) -> Reading[bytes]:
        while True:
            marker = yield from self._take(1)
            if marker != b"N":
                return marker

    def _length(self, marker: bytes | None = None) -> Reading[int]:
        marker = marker or (yield from self._take(1))
        if marker not in _NUMBERS or marker in _FRACTIONS:
            raise self._wrong("a length is not a whole number")
        raw = yield from self._take(_NUMBERS[marker][0])
        length = int.from_bytes(raw, "big", signed=marker != b"U")
        if length < 0:
            raise self._wrong("a length is negative")
        return length

    def _text(self, marker: bytes | None = None) -> Reading[str]:
        length = yield from self._length(marker)
        if length > MAX_TEXT_BYTES:
            raise Unexamined(f"a text of {length} bytes is over the limit of {MAX_TEXT_BYTES}")
        self._keep(length)
        return (yield from self._take(length)).decode("utf-8", "backslashreplace")

    def _keep(self, count: int) -> None:
        self._kept += count
        if self._kept > MAX_KEPT_BYTES:
            raise Unexamined(f"a part of the model is over the limit of {MAX_KEPT_BYTES} bytes")

    def _value(self, marker: bytes) -> Reading[tuple[_Container | None, Any]]:
        """Return the container that a marker opens, or the value that it begins."""
        self._items += 1
        if self._items > MAX_ITEMS:
            raise Unexamined(f"the model has more than {MAX_ITEMS} values")
        if marker in _CONSTANTS:
            return None, _CONSTANTS[marker]
        if marker == b"S":
            return None, (yield from self._text())
        if marker == b"C":
            return None, (yield from self._take(1)).decode("latin-1")
        if marker in _NUMBERS:
            width, code = _NUMBERS[marker]
            return None, _numbers((yield from self._take(width)), code)[0]
        if marker == b"{":
            return (yield from self._open({})), None
        if marker == b"[":
            return (yield from self._array())
        raise self._wrong(f"{marker!r} begins no value")

    def _open(self, items: list[Any] | dict[str, Any]) -> Reading[_Container]:
        kind: bytes | None = None
        left: int | None = None
        marker = yield from self._peek()
        if marker == b"$":
            self.window.at += 1
            kind = yield from self._take(1)
            marker = yield from self._peek()
            if marker != b"#":
                raise self._wrong("a typed container has no count")
        if marker == b"#":
            self.window.at += 1
            left = yield from self._length()
        self._keep(64)  # bytes that Python takes for it
        return _Container(items, kind, left, kept=self._kept)

    def _peek(self) -> Reading[bytes]:
        marker = yield from self._take(1)
        self.window.at -= 1
        return marker

    def _array(self) -> Reading[tuple[_Container | None, Any]]:
        opened = yield from self._open([])
        if opened.kind is None or opened.left is None or opened.kind not in _NUMBERS:
            if opened.kind in _CONSTANTS and opened.left:
                raise self._wrong("an array of constants takes no bytes, however long it is")
            return opened, None
        width, code = _NUMBERS[opened.kind]
        length = width * opened.left
        if length > self.size - self.window.at:
            raise self._wrong(f"an array of {length} bytes reaches beyond the file")
        if opened.kind in _FRACTIONS:
            self.window.at += length
            return None, Counted(opened.left)
        self._keep(length)
        return None, _numbers((yield from self._take(length)), code)

    def _next(self, holder: _Container) -> Reading[bytes | None]:
        """Return the marker of a container's next value, its key read; None at its end."""
        is_object = isinstance(holder.items, dict)
        if holder.left == 0:
            return None
        if holder.left is not None:
            holder.left -= 1
            first = None
        else:
            first = yield from self._marker()
            if first == (b"}" if is_object else b"]"):
                return None
        if is_object:
            holder.key = yield from self._text(first)
            return holder.kind or (yield from self._marker())
        return first or holder.kind or (yield from self._marker())

    def _put(self, holder: _Container, value: Any) -> None:
        self._keep(16)  # bytes that Python takes for the place of an item
        if isinstance(holder.items, list):
            holder.items.append(value)
        elif holder.key in holder.items:
            raise self._wrong(f"the key {holder.key!r} occurs twice")
        else:
            holder.items[holder.key] = value

    def _close(self, done: _Container) -> Any:
        if isinstance(done.items, list):
            return done.items
        reduced = self.reduce(done.items)
        if reduced is not done.items:
            self._kept = done.kept  # what it held is gone
        return reduced


def _numbers(raw: bytes, code: str) -> "array[Any]":
    values = array(code, raw)
    if sys.byteorder == "little":
        values.byteswap()
    return values
