"""Follow a pickle's stack and memo far enough to know every name that it imports.

Nothing is built: a value is a text, an imported name, a flat tuple of those, or unknown.
After an error that would stop a real reader the machine goes on with unknown values:
what a reader did before it stopped has happened (truncated pickles run their payload).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from weighlock.inspection.pickle import opcode as op
from weighlock.inspection.pickle.lexer import Argument, Token
from weighlock.inspection.span import Unexamined

MAX_OPERATIONS: Final = 10_000_000  # of one file; a large fitted estimator has about a million
MAX_MEMO: Final = 8_000_000  # entries; the list takes 8 bytes each
MEMO_SLACK: Final = 65_536  # how far a PUT may jump ahead: C would allocate twice the index
MAX_NAMES: Final = 10_000  # imported names kept; real pickles have below a hundred
MAX_STORAGES: Final = 100_000  # of one file; a model has a few per layer
MAX_ODDITIES: Final = 100  # as many as a person will read
MAX_TUPLE: Final = 8  # longer tuples are never arguments that matter here
HIGHEST_PROTOCOL: Final = 5
NO_FRAME: Final = 1 << 63  # beyond any file
_WORD: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Name:
    """An imported name."""

    module: str
    name: str


Value: TypeAlias = str | int | Name | tuple["str | int | Name | None", ...] | None  # None: not followed


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something other than an import that a rule speaks about."""

    rule: str
    offset: int
    message: str


@dataclass(slots=True)
class Stream:
    """What one pickle does: imported names with their first offset, calls, and what is odd.

    ``storages`` are torch's, by key: type and number of elements.
    """

    start: int
    end: int = 0
    names: dict[Name, int] = field(default_factory=dict)
    called: set[Name] = field(default_factory=set)
    oddities: list[Oddity] = field(default_factory=list)
    storages: dict[str, tuple[Name, int]] = field(default_factory=dict)
    operations: int = 0
    protocol: int = 0
    malformed: str | None = None
    stopped: bool = False

    @property
    def usable(self) -> bool:
        """Whether a reader would have accepted everything so far."""
        return self.malformed is None


class Machine:
    """One pickle's stack and memo. ``run`` takes tokens in order; ``stream`` says what they did."""

    def __init__(self, start: int, size: int) -> None:
        self.stream = Stream(start)
        self._size = size
        self._stack: list[Value] = []
        self._marks: list[int] = []
        self._memo: list[Value] = []
        self._used = bytearray()  # which memo entries exist: MEMOIZE uses their number
        self._memoized = 0
        self._lost = False
        self._frame_end = NO_FRAME
        self._actions = self._table()

    def run(self, tokens: list[Token]) -> None:
        """Carry out tokens; raises Unexamined when a budget is used up."""
        self.stream.operations += len(tokens)
        if self.stream.operations > MAX_OPERATIONS:
            raise Unexamined(f"a pickle has more than {MAX_OPERATIONS} operations")
        stack, actions, data, text = self._stack, self._actions, op.PUSHES_DATA, op.TEXT
        memoize, put = op.MEMOIZE, self._put
        for code, at, argument in tokens:
            if at >= self._frame_end:
                self._leave_frame(at)
            if code in data:
                stack.append(argument if isinstance(argument, int) else None)
            elif code in text:
                stack.append(argument if isinstance(argument, str) else None)
            elif code == memoize:
                put(self._memoized, at)
            else:
                actions[code](at, argument)

    # the stack, with the C reader's fence: nothing below the last mark can be popped

    def malformed(self, at: int, why: str, *, lost: bool = True) -> None:
        """Note the first thing that would stop a reader; ``lost`` says that no reader goes on from here."""
        self._lost |= lost
        if self.stream.malformed is None:
            self.stream.malformed = f"at byte {at}: {why}"

    def odd(self, rule: str, at: int, message: str) -> None:
        """Note something for a rule to speak about; after an error it would be noise."""
        if not self._lost and len(self.stream.oddities) < MAX_ODDITIES:
            self.stream.oddities.append(Oddity(rule, at, message))

    def _pop(self, at: int) -> Value:
        fence = self._marks[-1] if self._marks else 0
        if len(self._stack) > fence:
            return self._stack.pop()
        self.malformed(at, "the stack is empty")
        return None

    def _top(self, at: int) -> Value:
        fence = self._marks[-1] if self._marks else 0
        if len(self._stack) > fence:
            return self._stack[-1]
        self.malformed(at, "the stack is empty")
        return None

    def _pop_mark(self, at: int) -> list[Value]:
        if not self._marks:
            self.malformed(at, "there is no mark")
            return []
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def import_name(self, module: str, name: str, at: int) -> Name:
        """Note an import; names beyond the limit stop the examination.

        After an error only what looks like a name is noted: what follows may be anything.
        """
        found = Name(module, name)
        names = self.stream.names
        if found not in names and (not self._lost or _WORD.fullmatch(f"{module}.{name}")):
            if len(names) == MAX_NAMES:
                raise Unexamined(f"a pickle imports more than {MAX_NAMES} names")
            names[found] = at
        return found

    def call(self, target: Value, at: int) -> None:
        """Note a call. Nothing but an imported name may be called."""
        if isinstance(target, Name):
            if not self._lost and target in self.stream.names:
                self.stream.called.add(target)
        else:
            self.odd("pickle-computed-call", at, "a value that the pickle computed is called")

    def change(self, target: Value, at: int, how: str) -> None:
        """Note that an object gets items or state; an imported one must not."""
        if isinstance(target, Name):
            self.odd("pickle-global-changed", at, f"{how} changes the imported {target.module}.{target.name}")

    # the memo

    def _put(self, index: int | None, at: int) -> None:
        value, memo = self._top(at), self._memo
        if index == self._memoized == len(memo) < MAX_MEMO:  # as picklers write: every index once, in order
            memo.append(value)
            self._used.append(1)
            self._memoized += 1
            return
        self._put_out_of_order(index, value, at)

    def _put_out_of_order(self, index: int | None, value: Value, at: int) -> None:
        memo = self._memo
        if index is None or index < 0:
            self.malformed(at, "a memo index is not a number")
            return
        if index > min(len(memo) + MEMO_SLACK, MAX_MEMO):
            raise Unexamined(f"a pickle uses the memo index {index}")
        if index >= len(memo):
            grown = index + 1 - len(memo)
            memo.extend([None] * grown)
            self._used.extend(bytes(grown))
        self._memoized += not self._used[index]
        self._used[index] = 1
        memo[index] = value

    def _get(self, index: int | None, at: int) -> None:
        if index is not None and 0 <= index < len(self._memo) and self._used[index]:
            self._stack.append(self._memo[index])
            return
        self.malformed(at, "a memo entry is missing")
        self._stack.append(None)

    # one method for each group of opcodes

    def _on_mark(self, _at: int, _argument: Argument) -> None:
        self._marks.append(len(self._stack))

    def _on_stop(self, at: int, _argument: Argument) -> None:
        self._pop(at)
        if self._frame_end not in {NO_FRAME, at + 1}:
            self.odd("pickle-frame", at, "the stream ends before its frame does")
        self.stream.stopped = True

    def _on_pop(self, at: int, _argument: Argument) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop(at)

    def _on_pop_mark(self, at: int, _argument: Argument) -> None:
        self._pop_mark(at)

    def _on_dup(self, at: int, _argument: Argument) -> None:
        self._stack.append(self._top(at))

    def _on_collect(self, at: int, _argument: Argument) -> None:
        self._pop_mark(at)
        self._stack.append(None)

    def _on_tuple(self, at: int, _argument: Argument) -> None:
        self._stack.append(_flat(self._pop_mark(at)))

    def _on_short_tuple(self, at: int, _argument: Argument, *, count: int) -> None:
        items = [self._pop(at) for _ in range(count)]
        self._stack.append(_flat(items[::-1]))

    def _on_append(self, at: int, _argument: Argument, *, count: int) -> None:
        for _ in range(count):
            self._pop(at)
        self.change(self._top(at), at, "adding items")

    def _on_append_many(self, at: int, _argument: Argument) -> None:
        self._pop_mark(at)
        self.change(self._top(at), at, "adding items")

    def _on_build(self, at: int, _argument: Argument) -> None:
        self._pop(at)
        self.change(self._top(at), at, "BUILD")

    def _on_global(self, at: int, argument: Argument) -> None:
        module, name = argument if isinstance(argument, tuple) else ("", "")
        self._stack.append(self.import_name(module, name, at))

    def _on_stack_global(self, at: int, _argument: Argument) -> None:
        name, module = self._pop(at), self._pop(at)
        if isinstance(module, str) and isinstance(name, str):
            self._stack.append(self.import_name(module, name, at))
            return
        self.odd("pickle-global-unresolved", at, "an imported name is computed, or is not text")
        self._stack.append(None)

    def _on_inst(self, at: int, argument: Argument) -> None:
        module, name = argument if isinstance(argument, tuple) else ("", "")
        self._pop_mark(at)
        self.call(self.import_name(module, name, at), at)
        self._stack.append(None)

    def _on_obj(self, at: int, _argument: Argument) -> None:
        items = self._pop_mark(at)
        if not items:
            self.malformed(at, "OBJ has no class")
        self.call(items[0] if items else None, at)
        self._stack.append(None)

    def _on_call(self, at: int, _argument: Argument, *, arguments: int) -> None:
        for _ in range(arguments):
            self._pop(at)
        self.call(self._pop(at), at)
        self._stack.append(None)

    def _on_extension(self, at: int, argument: Argument) -> None:
        self.odd("pickle-extension-code", at, f"extension code {argument} of the copyreg registry")
        self._stack.append(None)

    def _on_persid(self, at: int, _argument: Argument) -> None:
        self.odd("pickle-persistent-id", at, "a persistent identifier as text")
        self._stack.append(None)

    def _on_binpersid(self, at: int, _argument: Argument) -> None:
        identifier = self._pop(at)
        if not isinstance(identifier, tuple) or identifier[:1] != ("storage",):
            self.odd("pickle-persistent-id", at, "a persistent identifier that is not a torch storage")
        elif len(self.stream.storages) < MAX_STORAGES:
            self._note_storage(identifier)
        self._stack.append(None)

    def _note_storage(self, identifier: tuple[str | int | Name | None, ...]) -> None:
        # ("storage", type, key, location, number of elements, …): torch/serialization.py, persistent_id
        match identifier:
            case (_, Name() as kind, str(key), _, int(elements), *_):
                self.stream.storages[key] = (kind, elements)

    def _on_get(self, at: int, argument: Argument) -> None:
        self._get(argument if isinstance(argument, int) else None, at)

    def _on_put(self, at: int, argument: Argument) -> None:
        self._put(argument if isinstance(argument, int) else None, at)

    def _on_proto(self, at: int, argument: Argument) -> None:
        version = argument if isinstance(argument, int) else -1
        self.stream.protocol = version
        if not 0 <= version <= HIGHEST_PROTOCOL:
            self.malformed(at, f"protocol {version} does not exist")

    def _leave_frame(self, at: int) -> None:
        """Check that an operation starts where the frame ends.

        When C reads from a file it drops what is left of a frame that is too short for an operation,
        and so runs other operations than it would run from memory.
        """
        if at != self._frame_end:
            self.odd("pickle-frame", at, "a frame ends in the middle of an operation")
        self._frame_end = NO_FRAME

    def _on_frame(self, at: int, argument: Argument) -> None:
        length = argument if isinstance(argument, int) else 0
        if self._frame_end != NO_FRAME:
            self.odd("pickle-frame", at, "a frame begins inside another")
        self._frame_end = at + 9 + length
        if self._frame_end > self._size:
            # C stops here; Python's own reader takes what there is and runs it
            self.malformed(at, "a frame reaches beyond the end", lost=False)
            self._frame_end = NO_FRAME

    def _on_readonly(self, at: int, _argument: Argument) -> None:
        self._top(at)

    def _table(self) -> dict[int, Callable[[int, Argument], None]]:
        table: dict[int, Callable[[int, Argument], None]] = {
            op.MARK: self._on_mark, op.STOP: self._on_stop, op.POP: self._on_pop, op.POP_MARK: self._on_pop_mark,
            op.DUP: self._on_dup, op.TUPLE: self._on_tuple, op.BUILD: self._on_build,
            op.GLOBAL: self._on_global, op.STACK_GLOBAL: self._on_stack_global, op.INST: self._on_inst,
            op.OBJ: self._on_obj, op.PERSID: self._on_persid, op.BINPERSID: self._on_binpersid,
            op.PROTO: self._on_proto, op.FRAME: self._on_frame, op.READONLY_BUFFER: self._on_readonly,
            op.APPEND: partial(self._on_append, count=1), op.SETITEM: partial(self._on_append, count=2),
            op.REDUCE: partial(self._on_call, arguments=1), op.NEWOBJ: partial(self._on_call, arguments=1),
            op.NEWOBJ_EX: partial(self._on_call, arguments=2),
        }  # fmt: skip
        table.update(dict.fromkeys((op.LIST, op.DICT, op.FROZENSET), self._on_collect))
        table.update(dict.fromkeys((op.APPENDS, op.SETITEMS, op.ADDITEMS), self._on_append_many))
        table.update(dict.fromkeys((op.EXT1, op.EXT2, op.EXT4), self._on_extension))
        table.update(dict.fromkeys((op.GET, op.BINGET, op.LONG_BINGET), self._on_get))
        table.update(dict.fromkeys((op.PUT, op.BINPUT, op.LONG_BINPUT), self._on_put))
        for count, code in enumerate((op.EMPTY_TUPLE, op.TUPLE1, op.TUPLE2, op.TUPLE3)):
            table[code] = partial(self._on_short_tuple, count=count)
        return table


def _flat(items: list[Value]) -> Value:
    if len(items) > MAX_TUPLE:
        return None
    return tuple(None if isinstance(item, tuple) else item for item in items)
