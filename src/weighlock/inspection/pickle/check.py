"""Checks of calls and states: what a name of the tables may be called with.

A check gets a ``Call`` and returns None, or why the call is not harmless as a clause for people.
Values only grow while a stream is read, so what a check sees holds all that the reader will see.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from weighlock.core.text import shown
from weighlock.inspection.pickle.python2 import renamed
from weighlock.inspection.pickle.table import TRUSTED, Entry, Tier, current_name, entry_of
from weighlock.inspection.pickle.value import Data, Global, Made, Persistent, Sequence, Unknown, Value


class Seen:
    """What was found of the values of one pickle, by their identity: each is looked at once, however often it is used.

    Only values that the pickle's events keep alive may be entered. ``carried`` and ``parts`` are containers that were
    looked through, ``constant`` says of containers whether they are data, ``types`` is what NumPy's types mean.
    """

    __slots__ = ("carried", "constant", "parts", "types")

    def __init__(self) -> None:
        self.carried: set[int] = set()
        self.parts: set[int] = set()
        self.constant: dict[int, bool] = {}
        self.types: dict[int, object] = {}


class Call(NamedTuple):
    """A call or a state to be checked: of what, with what, by whose policy."""

    target: Global
    arguments: Value
    keywords: Value
    words: Mapping[str, str]
    allow: Mapping[tuple[str, str], str]
    seen: Seen
    target_value: Value = None  # of a state: the object that gets it

    def entry(self, name: Global) -> Entry:
        """Return what is known of a name."""
        return entry_of(name.module, name.name, self.allow)

    def items(self) -> list[Value] | None:
        """Return the arguments; None if they are not a tuple that is fully known."""
        found = self.arguments
        if isinstance(found, Sequence) and found.kind == "tuple" and not found.cut:
            return found.items
        return None


Check: TypeAlias = Callable[[Call], str | None]

NOT_KNOWN: Final = "its arguments cannot be read"


def name_of(value: Value) -> tuple[str, str] | None:
    """Return the name of an imported value as the readers of today call it."""
    if not isinstance(value, Global):
        return None
    return current_name(*renamed(value.module, value.name))


def is_constant(call: Call, value: Value) -> bool:
    """Return whether a value is data: a constant, or a container of such that is fully known."""
    if not isinstance(value, Sequence):
        return not isinstance(value, Global | Made | Persistent | Unknown)
    known = call.seen.constant.get(id(value))
    if known is None:
        known = _holds_only_data(call.seen, value)
        call.seen.constant[id(value)] = known
    return known


def _holds_only_data(seen: Seen, value: Sequence) -> bool:
    waiting: list[Value] = [value]
    here: set[int] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, Sequence):
            if each.cut or seen.constant.get(id(each)) is False:
                return False
            if id(each) not in here and id(each) not in seen.constant:
                here.add(id(each))
                waiting += each.items
        elif isinstance(each, Global | Made | Persistent | Unknown):
            return False
    seen.constant.update(dict.fromkeys(here, True))
    return True


def pairs_of(value: Value) -> Iterator[tuple[Value, Value]]:
    """Yield the keys and values of a dictionary."""
    if isinstance(value, Sequence) and value.kind == "dict":
        yield from zip(value.items[::2], value.items[1::2], strict=False)  # a pickle may end between the two


def carries(call: Call, *values: Value) -> str | None:
    """Return why values may not be kept by a model: they hold a function that must not be called unchecked.

    Items that are not kept are not seen; the judge also asks whether such a function is called at all.
    A container that was looked through before is passed over: what it holds was found then.
    """
    waiting = list(values)
    seen = call.seen.carried
    while waiting:
        each = waiting.pop()
        if isinstance(each, Sequence):
            if id(each) not in seen:
                seen.add(id(each))
                waiting += each.items
        elif isinstance(each, Global):
            entry = call.entry(each)
            if entry.tier in TRUSTED and not entry.carried:
                return f"it carries {dotted(each)} as a value: {entry.reason}"
    return None


def dotted(name: Global) -> str:
    """Return a name for people."""
    return f"{shown(name.module, limit=100)}.{shown(name.name, limit=100)}"


# general checks


def nothing(call: Call) -> str | None:
    """Allow no arguments."""
    items = call.items()
    return None if items == [] and not is_filled(call.keywords) else "it is called with arguments"


def is_filled(value: Value) -> bool:
    """Return whether keyword arguments are there."""
    return isinstance(value, Sequence | Made | Global) and not (
        isinstance(value, Sequence) and not value.items
    )


def constants(call: Call) -> str | None:
    """Allow data as arguments, and calls that made data (bytes in old protocols)."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    if is_filled(call.keywords) and not is_constant(call, call.keywords):
        return "one of its arguments is not plain data"
    if all(is_constant(call, item) or (isinstance(item, Made) and is_inert(call, item)) for item in items):
        return None
    return "one of its arguments is not plain data"


def inert(call: Call) -> str | None:
    """Allow arguments that run no code when they are asked for items, keys or numbers: data and containers."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    if is_filled(call.keywords):
        return "it is called with arguments by name"
    if all(is_inert(call, item) for item in items):
        return None
    return "one of its arguments is an object that it would ask for more"


def is_inert(call: Call, value: Value) -> bool:
    """Return whether a value has no attributes that the pickle chose, which something might call."""
    if isinstance(value, Global | Unknown):
        return False
    if not isinstance(value, Made):
        return True
    kind = class_of(value)
    if kind is None or name_of(kind) in _ANYTHING:
        return False
    entry = call.entry(kind)
    if entry.tier is Tier.ANY:
        return True
    return entry.tier is Tier.CHECKED and entry.words.get("build", "constants") in _WITHOUT_ATTRIBUTES


def holds_objects(call: Call, *values: Value) -> bool:
    """Return whether there is an object with attributes of the pickle's choice among values, however deep."""
    waiting = list(values)
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, Sequence):
            if each.hides:
                return True
            if id(each) not in seen:
                seen.add(id(each))
                waiting += each.items
        elif isinstance(each, Made) and not (is_inert(call, each) or name_of(class_of(each)) == _ORDERED):
            return True
    return False


_ORDERED: Final = ("collections", "OrderedDict")  # whose row denies the names of its methods
_ANYTHING: Final = frozenset({("builtins", "getattr"), ("torch.storage", "_load_from_bytes")})


def is_bytes(value: Value) -> bool:
    """Return whether a value is bytes: a constant, or what protocols below 3 make them of."""
    if isinstance(value, Made):
        return name_of(value.target) in _BYTES
    return isinstance(value, bytes) or (isinstance(value, Data) and value.kind != "int")


_BYTES: Final = frozenset({("_codecs", "encode"), ("builtins", "bytes"), ("builtins", "bytearray")})
# states that give an object nothing but what it is made of
_WITHOUT_ATTRIBUTES: Final = frozenset({"array_state", "dtype_state", "constants", "joblib_array"})
_MAKERS: Final = frozenset(
    {("copyreg", "_reconstructor"), ("copyreg", "__newobj__"), ("copyreg", "__newobj_ex__")}
)


def called_name(value: Value) -> Global | None:
    """Return the name that is called: an imported one, or an attribute of one by getattr."""
    if isinstance(value, Global):
        return value
    match value:
        case Persistent(identifier=Sequence(items=["module", Global() as kind, *_])):
            return kind  # torch before 1.6 names the source of a module's class beside it
        case Made(target=Global() as function, arguments=Sequence(items=[Global() as owner, str(name)])) if (
            name_of(function) == ("builtins", "getattr")
        ):
            return Global(owner.module, f"{owner.name}.{name}")
    return None


def class_of(value: Value) -> Global | None:
    """Return the name whose row says what a made object may get: its class, or the function that made it."""
    if not isinstance(value, Made):
        return None
    made = called_name(value.target)
    if made is None or name_of(made) not in _MAKERS:
        return made
    match value.arguments:
        case Sequence(items=[Global() as kind, *_]):
            return kind
    return None


def values(call: Call) -> str | None:
    """Allow whatever a model may keep."""
    return carries(call, call.arguments, call.keywords)


def attributes(call: Call) -> str | None:
    """Allow a state of plain attributes: a dictionary, or that and the values of slots if the row says so."""
    state = call.arguments
    if (
        isinstance(state, Sequence)
        and state.kind == "tuple"
        and len(state.items) == 2
        and "slots" in call.words
    ):
        return _attributes(call, state.items[0]) or _attributes(call, state.items[1])
    return _attributes(call, state)


def _attributes(call: Call, state: Value) -> str | None:
    if state is None:
        return None
    if not isinstance(state, Sequence) or state.kind != "dict":
        return "its state is not a dictionary of attributes"
    denied = set(call.words.get("deny", "").split(","))
    for key, value in pairs_of(state):
        wrong = _wrong_attribute(key, denied)
        if wrong:
            return wrong
        asked = isinstance(key, str) and call.target.module.startswith(_ASKED.get(key, "-"))
        if asked and (isinstance(value, Global) or holds_objects(call, value)):
            return f"its class calls methods of {shown(str(key))} while it is loaded"
    if state.cut:
        return "its state has more attributes than can be checked"
    return carries(call, state)


# attributes whose methods a class calls when it gets its state → the package of the class: the version becomes part of
# a warning, groups get defaults (torch/optim, __setstate__), nodes a type (sklearn, TreePredictor)
_ASKED: Final = {
    "_sklearn_version": "sklearn.",
    "param_groups": "",
    "state": "torch.optim.",
    "nodes": "sklearn.ensemble.",
}
_HARMLESS_DUNDERS: Final = frozenset({"__doc__", "__name__", "__qualname__", "__module__", "__name"})


def _wrong_attribute(key: Value, denied: set[str]) -> str | None:
    if not isinstance(key, str):
        return None if isinstance(key, int | float | None) else "the name of an attribute is not text"
    if key in denied:
        return f"its state replaces {shown(key)}, which its class calls while it is loaded"
    if key.startswith("__") and key.endswith("__") and key not in _HARMLESS_DUNDERS:
        return f"its state sets {shown(key)}, which changes what the object is"
    return None
