"""Read the values that a pickle holds, as far as tensors are described by them.

What a pickle imports and calls is judged elsewhere (``pickle``); this reading only wants the facts that the
judge does not keep: every storage that is named, every tensor that is laid over one, and lists of numbers and
names. Nothing is built but Python's own constants and containers. Calls are kept as data, not carried out.
"""

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from weighlock.inspection.pickle import opcode as op

MAX_OPERATIONS: Final = 2_500_000  # of one pickle: 60,000 tensors; each may take a hundred bytes of memory
MAX_DIGITS: Final = 64  # of a number in text; no size or offset is longer
MAX_MEMO: Final = 2**32 - 1  # the highest index of the binary operations

# what a value is: a constant, a container, or one of the types below
Value: TypeAlias = Any


class Global(NamedTuple):
    """An imported name."""

    module: str
    name: str


class Call(NamedTuple):
    """The result of a call, with the offset of the operation that makes it."""

    target: Value
    arguments: Value
    offset: int


class Persistent(NamedTuple):
    """What the loading program gives for an identifier."""

    id: Value


class _Unknown:
    """A value that is not followed."""


UNKNOWN: Final = _Unknown()
_MARK: Final = _Unknown()


class Values(NamedTuple):
    """The top value of a pickle, where it ends, and what it named, imported and called on the way, in order."""

    top: Value
    end: int
    persistent: list[Value]
    names: dict[Global, None]
    calls: list[Call]


class Unreadable(Exception):  # noqa: N818  # the judge of pickles says what is wrong with it
    """The pickle is broken or uses what torch never writes; ``short`` says that more bytes could help."""

    def __init__(self, message: str, *, short: bool = False) -> None:
        super().__init__(message)
        self.short = short


def read_values(data: bytes, start: int = 0) -> Values:
    """Return the values of the pickle at index ``start``; raises Unreadable."""
    machine = _Machine(data, start)
    try:
        return machine.run()
    except (ValueError, OverflowError) as error:
        raise Unreadable("a number or text in it is malformed") from error
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable("its operations do not fit each other") from error


class _Machine:
    """One pickle's bytes, stack and memo. Operations that do not fit raise what Python raises for them."""

    def __init__(self, data: bytes, start: int) -> None:
        self.data = data
        self.at = start
        self.stack: list[Value] = []
        self.memo: dict[int, Value] = {}
        self.persistent: list[Value] = []
        self.names: dict[Global, None] = {}
        self.calls: list[Call] = []

    def run(self) -> Values:
        data, actions, size = self.data, _ACTIONS, len(self.data)
        for _ in range(MAX_OPERATIONS):
            if self.at >= size:
                raise Unreadable("it ends without STOP", short=True)
            code = data[self.at]
            self.at += 1
            if code == op.STOP:
                return Values(self.stack.pop(), self.at, self.persistent, self.names, self.calls)
            action = actions.get(code)
            if action is None:
                raise Unreadable(f"it uses the operation {code:#04x}")
            action(self)
        raise Unreadable(f"it has more than {MAX_OPERATIONS} operations")

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise Unreadable("it ends in the middle of an operation", short=True)
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def skip(self, count: int) -> None:
        self.take(count)

    def drop(self) -> None:
        self.stack.pop()

    def drop_to_mark(self) -> None:
        self.since_mark()

    def number(self, count: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(count), "little", signed=signed)

    def line(self, encoding: str = "utf-8") -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise Unreadable("it ends in the middle of a line", short=True)
        taken = self.data[self.at : end]
        self.at = end + 1
        return taken.decode(encoding)

    def digits(self) -> str:
        text = self.line()
        if len(text) > MAX_DIGITS:
            raise ValueError(text[:MAX_DIGITS])
        return text

    def push(self, value: Value) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Value]:
        """Pop everything above the last mark, and the mark."""
        stack = self.stack
        index = len(stack) - 1
        while stack[index] is not _MARK:
            if not index:
                raise IndexError
            index -= 1
        items = stack[index + 1 :]
        del stack[index:]
        return items

    def import_name(self) -> None:
        module = self.line()
        self._import(module, self.line())

    def import_stacked(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if isinstance(name, str) and isinstance(module, str):
            self._import(module, name)
        else:
            self.push(UNKNOWN)

    def _import(self, module: str, name: str) -> None:
        found = Global(module, name)
        self.names[found] = None
        self.push(found)

    def name_persistent(self, value: Value) -> None:
        self.persistent.append(value)
        self.push(Persistent(value))

    def call(self, keywords: int = 0) -> None:
        if keywords:
            self.stack.pop()
        arguments, target = self.stack.pop(), self.stack.pop()
        made = Call(target, arguments, self.at)
        self.calls.append(made)
        self.push(made)

    def collect(self, items: list[Value]) -> None:
        """Add items to the list, or pairs with a text as key to the dictionary, on top of the stack; else drop them.

        Other keys are never needed, and many numbers with one digest would take quadratic time.
        """
        into = self.stack[-1]
        if isinstance(into, list):
            into += items
        elif isinstance(into, dict):
            pairs = zip(items[::2], items[1::2], strict=True)
            into.update((key, value) for key, value in pairs if isinstance(key, str))

    def tuple_of(self, count: int) -> None:
        at = len(self.stack) - count
        items = tuple(self.stack[at:])
        if at < 0 or len(items) != count:
            raise IndexError
        self.stack[at:] = [items]

    def get(self, index: int) -> None:
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        if index > MAX_MEMO:
            raise ValueError(index)
        self.memo[index] = self.stack[-1]


_DOUBLE: Final = struct.Struct(">d")
_Action: TypeAlias = Callable[[_Machine], None]


def _text(width: int, encoding: str = "utf-8") -> _Action:
    # surrogates and old strings of any bytes are only ever compared
    return lambda m: m.push(m.take(m.number(width)).decode(encoding, "replace"))


def _raw(width: int) -> _Action:
    return lambda m: m.push(m.take(m.number(width)))


def _constant(value: Value) -> _Action:
    return lambda m: m.push(value)


def _dictionary(machine: _Machine) -> None:
    items = machine.since_mark()
    machine.push({})
    machine.collect(items)


def _boolean_or_number(text: str) -> Value:
    return {"00": False, "01": True}.get(text, UNKNOWN) if text in {"00", "01"} else int(text)


_ACTIONS: Final[dict[int, _Action]] = {
    op.PROTO: lambda m: m.skip(1),
    op.FRAME: lambda m: m.skip(8),
    op.MARK: _constant(_MARK),
    op.POP: lambda m: m.drop(),
    op.POP_MARK: lambda m: m.drop_to_mark(),
    op.DUP: lambda m: m.push(m.stack[-1]),
    op.NONE: _constant(None),
    op.NEWTRUE: _constant(True),
    op.NEWFALSE: _constant(False),
    op.INT: lambda m: m.push(_boolean_or_number(m.digits())),
    op.LONG: lambda m: m.push(int(m.digits().removesuffix("L"))),
    op.FLOAT: lambda m: m.push(float(m.digits())),
    op.BININT: lambda m: m.push(m.number(4, signed=True)),
    op.BININT1: lambda m: m.push(m.number(1)),
    op.BININT2: lambda m: m.push(m.number(2)),
    op.LONG1: lambda m: m.push(m.number(m.number(1), signed=True)),
    op.LONG4: lambda m: m.push(m.number(m.number(4), signed=True)),
    op.BINFLOAT: lambda m: m.push(_DOUBLE.unpack(m.take(8))[0]),
    op.STRING: lambda m: m.push(m.line().strip().strip("'\"")),
    op.UNICODE: lambda m: m.push(m.line("raw-unicode-escape")),
    op.SHORT_BINSTRING: _text(1, "latin-1"),
    op.BINSTRING: _text(4, "latin-1"),
    op.SHORT_BINUNICODE: _text(1),
    op.BINUNICODE: _text(4),
    op.BINUNICODE8: _text(8),
    op.SHORT_BINBYTES: _raw(1),
    op.BINBYTES: _raw(4),
    op.BINBYTES8: _raw(8),
    op.BYTEARRAY8: _raw(8),
    op.EMPTY_TUPLE: _constant(()),
    op.TUPLE: lambda m: m.push(tuple(m.since_mark())),
    op.TUPLE1: lambda m: m.tuple_of(1),
    op.TUPLE2: lambda m: m.tuple_of(2),
    op.TUPLE3: lambda m: m.tuple_of(3),
    op.EMPTY_LIST: lambda m: m.push([]),
    op.LIST: lambda m: m.push(m.since_mark()),
    op.APPEND: lambda m: m.collect([m.stack.pop()]),
    op.APPENDS: lambda m: m.collect(m.since_mark()),
    op.EMPTY_DICT: lambda m: m.push({}),
    op.DICT: _dictionary,
    op.SETITEM: lambda m: m.collect([m.stack.pop(-2), m.stack.pop()]),
    op.SETITEMS: lambda m: m.collect(m.since_mark()),
    op.EMPTY_SET: lambda m: m.push([]),
    op.ADDITEMS: lambda m: m.collect(m.since_mark()),
    op.FROZENSET: lambda m: m.push(m.since_mark()),
    op.GLOBAL: lambda m: m.import_name(),
    op.STACK_GLOBAL: lambda m: m.import_stacked(),
    op.PERSID: lambda m: m.name_persistent(m.line()),
    op.BINPERSID: lambda m: m.name_persistent(m.stack.pop()),
    op.REDUCE: lambda m: m.call(),
    op.NEWOBJ: lambda m: m.call(),
    op.NEWOBJ_EX: lambda m: m.call(keywords=1),
    op.BUILD: lambda m: m.drop(),
    op.GET: lambda m: m.get(int(m.digits())),
    op.BINGET: lambda m: m.get(m.number(1)),
    op.LONG_BINGET: lambda m: m.get(m.number(4)),
    op.PUT: lambda m: m.put(int(m.digits())),
    op.BINPUT: lambda m: m.put(m.number(1)),
    op.LONG_BINPUT: lambda m: m.put(m.number(4)),
    op.MEMOIZE: lambda m: m.put(len(m.memo)),
}
