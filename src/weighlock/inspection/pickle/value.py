"""What an abstract pickle machine has on its stack, and what it reports: values and events.

A value is one of Python's own constants (None, bool, int, text and bytes of at most 4096 bytes), or
an object of the classes below. Containers are the machine's own and go on changing while a stream is
read: they only grow (an item that the pickle replaces is kept beside the new one), so the value in an
event holds at the end all that it held at any time.
``settled`` tells whether a value was already complete when its event happened.
"""

from typing import Final, NamedTuple, TypeAlias

MAX_SETTLED_PARTS: Final = 1000  # containers and calls in one value; one with more counts as not settled


class Global:
    """An imported name, as the stream writes it (below protocol 3 a reader maps Python 2's names).

    ``result`` stands for what any call of it gives, if the name is harmless with any arguments;
    ``called`` says that the pickle calls it.
    """

    __slots__ = ("called", "module", "name", "result")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        self.result: Made | None = None
        self.called = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Global) and self.module == other.module and self.name == other.name

    def __hash__(self) -> int:
        return hash((self.module, self.name))

    def __repr__(self) -> str:
        return f"Global({self.module!r}, {self.name!r})"


class Sequence:
    """A container that the pickle made: a "tuple", "list", "dict", "set" or "frozenset".

    ``items`` of a dict are keys and values in turn, every one that was ever set. ``cut`` says how many
    items are not kept: if it is not 0, nothing may be concluded from those that are.
    ``hides`` says that one of those is, or holds, another object than those that are kept.
    ``changed`` is the offset of the last operation that added to it, -1 if none did.
    """

    __slots__ = ("changed", "cut", "hides", "items", "kind", "memo")

    def __init__(self, kind: str, items: "list[Value]") -> None:
        self.kind = kind
        self.items = items
        self.cut = 0
        self.hides = False
        self.changed = -1
        self.memo = -1  # the machine's: where it lies in the memo

    def __repr__(self) -> str:
        return f"Sequence({self.kind!r}, {self.items!r}, cut={self.cut})"


class Made:
    """The result of a call by REDUCE, NEWOBJ, NEWOBJ_EX, INST or OBJ (``how``). ``state`` is that of the last BUILD, UNKNOWN before any.

    Results of names that are harmless with any arguments keep neither arguments nor state (UNKNOWN),
    and are one object for each name.
    """

    __slots__ = ("arguments", "changed", "how", "keywords", "state", "target")

    def __init__(self, how: str, target: "Value", arguments: "Value", keywords: "Value") -> None:
        self.how = how
        self.target = target
        self.arguments = arguments
        self.keywords = keywords
        self.state: Value = UNKNOWN
        self.changed = -1

    def __repr__(self) -> str:
        return f"Made({self.how!r}, {self.target!r}, {self.arguments!r})"


class Persistent:
    """What the loading program puts in place of a persistent identifier."""

    __slots__ = ("identifier",)

    def __init__(self, identifier: "Value") -> None:
        self.identifier = identifier

    def __repr__(self) -> str:
        return f"Persistent({self.identifier!r})"


class Data:
    """A constant that is not kept.

    ``kind`` is "str", "bytes", "bytearray", "int", "float" or "buffer" (which the loading program provides);
    ``length`` is in bytes, ``offset`` where they lie in the file, -1 if they do not lie there as they are.
    """

    __slots__ = ("kind", "length", "offset")

    def __init__(self, kind: str, length: int, offset: int) -> None:
        self.kind = kind
        self.length = length
        self.offset = offset

    def __repr__(self) -> str:
        return f"Data({self.kind!r}, {self.length}, {self.offset})"


class Unknown:
    """A value that is not followed: anything at all may be in its place."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

Value: TypeAlias = bool | int | str | bytes | Global | Sequence | Made | Persistent | Data | Unknown | None


class Event(NamedTuple):
    """Something that a pickle does to the program that loads it, at a byte offset of the file.

    ============ ===================== ============================== ==========================
    kind         target                arguments                      keywords
    ============ ===================== ============================== ==========================
    IMPORT       the Global            UNKNOWN                        UNKNOWN
    REDUCE       what is called        the tuple, or what stands there UNKNOWN
    NEWOBJ       the class             the tuple                      UNKNOWN
    NEWOBJ_EX    the class             the tuple                      the dict
    INST, OBJ    the class             a tuple                        UNKNOWN
    BUILD        what gets the state   the state                      UNKNOWN
    SETITEM      what gets the items   a "dict" Sequence of them      UNKNOWN
    APPEND       what gets the items   a "list" Sequence of them      UNKNOWN
    PERSID       the identifier        UNKNOWN                        UNKNOWN
    EXT          the code, an int      UNKNOWN                        UNKNOWN
    ============ ===================== ============================== ==========================
    """

    kind: str
    offset: int
    target: Value
    arguments: Value = UNKNOWN
    keywords: Value = UNKNOWN


def settled(value: Value, offset: int) -> bool:
    """Return whether ``value`` was complete at ``offset``: no part of it was changed later."""
    waiting: list[Value] = [value]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if not isinstance(each, (Sequence, Made)) or id(each) in seen:
            continue
        if each.changed > offset or len(seen) == MAX_SETTLED_PARTS:
            return False
        seen.add(id(each))
        waiting += each.items if isinstance(each, Sequence) else (each.arguments, each.keywords)
    return True
