"""The stack and the memo of an abstract pickle machine, with the C unpickler's fence and budgets of our own."""

from typing import Final

try:
    from mypy_extensions import i64
except ImportError:  # interpreted, or compiled and alone: then the name is not needed
    i64 = int  # type: ignore[misc]  # a machine number where compiled

from weighlock.inspection.pickle.effect import Stream
from weighlock.inspection.pickle.value import (
    UNKNOWN,
    Data,
    Global,
    Made,
    Sequence,
    Value,
)

MAX_MEMO: Final = 8_000_000  # entries; the list takes 8 bytes each
MAX_STACK: Final = 8_000_000  # as above
MEMO_SLACK: Final = 65_536  # how far a PUT may jump ahead: C would allocate twice the index
MAX_ITEMS: Final = 1024  # kept of one container; no function that matters takes more arguments
MAX_KEPT_ITEMS: Final = 100_000  # of all containers; then those that are put into others are forgotten
MAX_KEPT_STACK: Final = 65_536  # entries; numbers that come on top of so many are forgotten
MAX_SIMPLE_MEMO: Final = 200_000  # entries; texts that come later are kept for a while only
MAX_RECENT_TEXTS: Final = 8192  # that while

MISSING: Final = Data("missing", 0, -1)
FORGOTTEN_TEXT: Final = Data("str", 0, -1)
NOTHING: Final[list[Value]] = []  # the items of every empty container: never changed, always replaced


def _forgotten(kind: str) -> Sequence:
    made = Sequence(kind, NOTHING)
    made.cut = 1
    made.hides = True
    return made


_FORGOTTEN: Final = {kind: _forgotten(kind) for kind in ("tuple", "list", "dict", "set", "frozenset")}


class Memory:
    """A stack with marks, and a memo. Each method takes the offset of the operation that asks.

    ``simple`` holds as long as the memo was filled as picklers do: every index once, in order.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.stack: list[Value] = []
        self.marks: list[int] = []
        self.fence: i64 = 0  # nothing below the last mark can be popped
        self.memo: list[Value] = []
        self.memoized: i64 = 0  # entries that exist: MEMOIZE takes their number as its index
        self.simple = True
        self._kept: i64 = 0
        self._recent: dict[int, str] = {}
        self._names: set[str] = set()

    def pop(self, at: int) -> Value:
        """Return what lies on top; UNKNOWN, and noted, if there is nothing."""
        if len(self.stack) > self.fence:
            return self.stack.pop()
        self.stream.break_off(at, "the stack is empty")
        return UNKNOWN

    def top(self, at: int) -> Value:
        """As ``pop``, but it stays there."""
        if len(self.stack) > self.fence:
            return self.stack[-1]
        self.stream.break_off(at, "the stack is empty")
        return UNKNOWN

    def mark(self) -> None:
        """Put a mark on the stack."""
        self.fence = len(self.stack)
        self.marks.append(len(self.stack))

    def drop_mark(self) -> None:
        """Take the last mark away, and leave what is above it."""
        self.marks.pop()
        self.fence = self.marks[-1] if self.marks else 0

    def pop_mark(self, at: int) -> list[Value]:
        """Return what lies above the last mark, and take both away; nothing, and noted, if there is no mark."""
        if not self.marks:
            self.stream.break_off(at, "there is no mark")
            return []
        mark = self.marks[-1]
        self.drop_mark()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def put_next(self) -> None:
        """Keep what lies on top, where the memo is ``simple`` and short, under the next index."""
        value = self.stack[-1]
        if isinstance(value, Sequence):
            value.memo = len(self.memo)
        self.memo.append(value)
        self.memoized += 1

    def put(self, index: i64, at: int) -> bool:
        """Keep what lies on top under an index; returns False if a budget is used up."""
        value = self.top(at)
        memo = self.memo
        if index >= len(memo):
            if index > min(len(memo) + MEMO_SLACK, MAX_MEMO):
                self.stream.limit(f"a pickle uses the memo index {index}")
                return False
            if index > len(memo):
                memo.extend([MISSING] * (index - len(memo)))
            memo.append(MISSING)
        if memo[index] is MISSING:
            self.memoized += 1
        if isinstance(value, Sequence):
            value.memo = index
        if isinstance(value, str) and len(memo) > MAX_SIMPLE_MEMO:
            self._keep_a_while(index, value)
            value = FORGOTTEN_TEXT
        memo[index] = value
        self.simple = self.memoized == len(memo) < MAX_SIMPLE_MEMO
        return True

    def get(self, index: i64, at: int) -> None:
        """Push the memo's entry."""
        if 0 <= index < len(self.memo) and self.memo[index] is not MISSING:
            value = self.memo[index]
            self.stack.append(self._recent.get(index, FORGOTTEN_TEXT) if value is FORGOTTEN_TEXT else value)
            return
        self.stream.break_off(at, "a memo entry is missing")
        self.stack.append(UNKNOWN)

    def name_used(self, text: str) -> None:
        """Note that a text was part of an imported name: picklers refer to it again through the memo."""
        if len(self._names) < MAX_RECENT_TEXTS // 2:
            self._names.add(text)

    def _keep_a_while(self, index: i64, text: str) -> None:
        if len(self._recent) >= MAX_RECENT_TEXTS:
            kept = [(each, name) for each, name in self._recent.items() if name in self._names]
            self._recent = dict(kept[: MAX_RECENT_TEXTS // 2])
        self._recent[index] = text

    def made(self, kind: str, items: list[Value]) -> None:
        """Push a new container of ``items``, a list that nobody else has."""
        if len(items) <= MAX_ITEMS and (kind == "tuple" or self._kept < MAX_KEPT_ITEMS):
            self._kept += len(items)
            self.stack.append(Sequence(kind, items))
            return
        made = Sequence(kind, NOTHING)
        self.fill(made, items, -1)
        self.stack.append(made)

    def fill(self, target: Sequence, items: list[Value], at: int) -> None:
        """Add ``items``, a list that nobody else has."""
        if self._kept > MAX_KEPT_ITEMS and target.kind != "tuple":
            for item in items:
                if isinstance(item, Sequence) and item is not target:
                    self._forget(item)
        target.changed = at
        room = MAX_ITEMS - len(target.items)
        if target.cut or room <= 0:
            target.cut += len(items)
            target.hides = target.hides or has_objects(items, target.items)
            return
        if len(items) > room:
            target.cut += len(items) - room
            dropped = items[room:]
            items = items[:room]
            target.hides = has_objects(dropped, items)
        self._kept += len(items)
        if target.items:
            target.items += items
        else:
            target.items = items

    def _forget(self, sequence: Sequence) -> None:
        """Keep of a container, and of those inside, only that it was there."""
        waiting = [sequence]
        while waiting:
            each = waiting.pop()
            if not each.items:
                continue
            waiting.extend([item for item in each.items if isinstance(item, Sequence)])
            each.hides = each.hides or has_objects(each.items, NOTHING)
            each.cut += len(each.items)
            each.items = NOTHING
            if 0 <= each.memo < len(self.memo) and self.memo[each.memo] is each:
                self.memo[each.memo] = _FORGOTTEN[each.kind]


def has_objects(items: list[Value], kept: list[Value]) -> bool:
    """Return whether there is an object among items that are not kept, of another class than the last one ``kept``."""
    for item in items:
        if item is None or isinstance(item, (str, int, bytes, Data)):
            continue
        if isinstance(item, Sequence):
            if item.hides or (item.items and _has_parts(item.items)):
                return True
        elif not isinstance(item, Made) or not (_is_part_of_table(item.target) or _is_like(item, kept)):
            return True
    return False


def _has_parts(items: list[Value]) -> bool:
    """Return whether there is anything but constants."""
    for item in items:  # noqa: SIM110  # compiled, a generator takes three times as long
        if not (item is None or isinstance(item, (str, int, bytes, Data))):
            return True
    return False


def _is_like(made: Made, kept: list[Value]) -> bool:
    last = kept[-1] if kept else None
    return isinstance(last, Made) and isinstance(last.target, Global) and made.target is last.target


def _is_part_of_table(target: Value) -> bool:
    """Return whether a call makes an array or a table: their methods are their own."""
    if not isinstance(target, Global):
        return False
    named = target.module.startswith("numpy") and target.name not in {"vectorize", "poly1d"}
    return named or target.module.startswith("pandas")
