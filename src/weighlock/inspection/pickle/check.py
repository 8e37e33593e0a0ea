"""Checks of calls and states: what a name of the tables may be called with.

A check gets a ``Call`` and returns None, or why the call is not harmless as a clause for people.
Values only grow while a stream is read, so what a check sees holds all that the reader will see.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from weighlock.core.text import shown
from weighlock.inspection.pickle.python2 import renamed
from weighlock.inspection.pickle.table import TRUSTED, Entry, Tier, current_name, entry_of
from weighlock.inspection.pickle.value import Data, Global, Made, Persistent, Sequence, Unknown, Value

MAX_PARTS: Final = 20_000  # values looked at in one call; what lies deeper was made by calls of its own
MAX_PATTERN_CHARACTERS: Final = 1000  # longer regular expressions take seconds to compile
_ORDINARY: Final = re.compile(r"[A-Za-z]\w*|_[a-z]\w*", re.ASCII)
# attributes that write files, run code or lead to the interpreter; also on harmless objects
_GRAVE_ATTRIBUTE: Final = re.compile(
    r"(?:to|save|load|dump|read|write|open|exec|eval|run|import|register|share|query|pipe|apply|map|call)(?:_|s?$)|"
    r"tofile|fromfile|from_file|system|popen|spawn|unlink|remove|mro$|format$|format_map|hub|(?:f|gi|cr|ag|tb|co|func)_",
    re.ASCII,
)


class Call(NamedTuple):
    """A call or a state to be checked: of what, with what, by whose policy."""

    target: Global
    arguments: Value
    keywords: Value
    words: Mapping[str, str]
    allow: Mapping[tuple[str, str], str]
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


def is_constant(value: Value) -> bool:
    """Return whether a value is data: a constant, or a container of such that is fully known."""
    if not isinstance(value, Sequence):
        return not isinstance(value, Global | Made | Persistent | Unknown)
    waiting: list[Value] = [value]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, Sequence):
            if each.cut or len(seen) > MAX_PARTS:
                return False
            if id(each) not in seen:
                seen.add(id(each))
                waiting += each.items
        elif isinstance(each, Global | Made | Persistent | Unknown):
            return False
    return True


def pairs_of(value: Value) -> Iterator[tuple[Value, Value]]:
    """Yield the keys and values of a dictionary."""
    if isinstance(value, Sequence) and value.kind == "dict":
        yield from zip(value.items[::2], value.items[1::2], strict=False)  # a pickle may end between the two


def carries(call: Call, value: Value) -> str | None:
    """Return why a value may not be kept by a model: it holds a function that must not be called unchecked.

    Items that are not kept are not seen; the judge also asks whether such a function is called at all.
    """
    waiting = [value]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_PARTS:
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


def may_be_called_later(call: Call, value: Value) -> str | None:
    """Return why a value may not be a function that something calls later."""
    if value is None:
        return None
    if isinstance(value, Global):
        entry = call.entry(value)
        # what is not trusted has its own finding
        return (
            None
            if entry.carried or entry.tier not in TRUSTED
            else f"it would call {dotted(value)}: {entry.reason}"
        )
    if isinstance(value, Made) and name_of(value.target) in {
        ("functools", "partial"),
        ("builtins", "getattr"),
    }:
        return None
    if isinstance(value, Made):
        return None  # an instance: its class has a row, or a finding
    return "what it would call is not known"


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
    if is_constant(call.arguments) and (isinstance(call.keywords, Unknown) or is_constant(call.keywords)):
        return None
    items = call.items()
    if items is None:
        return NOT_KNOWN
    for item in items:
        if not is_constant(item) and not is_plain_result(call, item):
            return "one of its arguments is not plain data"
    return None


def is_plain_result(call: Call, value: Value) -> bool:
    """Return whether a value is the result of a checked call that makes data."""
    return (
        isinstance(value, Made)
        and isinstance(value.target, Global)
        and call.entry(value.target).tier
        in {
            Tier.ANY,
            Tier.CHECKED,
        }
    )


def values(call: Call) -> str | None:
    """Allow whatever a model may keep."""
    return carries(call, call.arguments) or carries(call, call.keywords)


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
    if isinstance(state, Made) and name_of(state.target) == ("collections", "OrderedDict"):
        return None
    if not isinstance(state, Sequence) or state.kind != "dict":
        return "its state is not a dictionary of attributes"
    denied = set(call.words.get("deny", "").split(","))
    for key, _ in pairs_of(state):
        wrong = _wrong_attribute(key, denied)
        if wrong:
            return wrong
    if state.cut:
        return "its state has more attributes than can be checked"
    return carries(call, state)


_HARMLESS_DUNDERS: Final = frozenset({"__doc__", "__name__", "__qualname__", "__module__", "__name"})


def _wrong_attribute(key: Value, denied: set[str]) -> str | None:
    if not isinstance(key, str):
        return None if isinstance(key, int | float | None) else "the name of an attribute is not text"
    if key in denied:
        return f"its state replaces {shown(key)}, which its class calls while it is loaded"
    if key.startswith("__") and key.endswith("__") and key not in _HARMLESS_DUNDERS:
        return f"its state sets {shown(key)}, which changes what the object is"
    return None


def getattr_(call: Call) -> str | None:
    """Allow an ordinary attribute of an allowed class or instance."""
    match call.items():
        case [Global() as owner, str(name), *rest] if all(map(is_constant, rest)):
            entry = call.entry(owner)
            if entry.tier in TRUSTED and entry.tier is not Tier.REFERENCE and entry.carried:
                return _attribute(name)
            return f"it takes an attribute of {dotted(owner)}"
        case [Made(), str(name), *rest] if all(map(is_constant, rest)):
            return _attribute(name)
    return "it takes an attribute by a name or of an object that was computed"


def _attribute(name: str) -> str | None:
    if not _ORDINARY.fullmatch(name):
        return f"it takes the attribute {shown(name)}"
    if _GRAVE_ATTRIBUTE.match(name):
        return f"it takes the attribute {shown(name)}, which reaches files or code"
    return None


def attrgetter(call: Call) -> str | None:
    """Allow ordinary attributes, one step each."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    for item in items:
        if not isinstance(item, str):
            return "it takes an attribute by a name that was computed"
        wrong = next(filter(None, map(_attribute, item.split("."))), None)
        if wrong:
            return wrong
    return None


def partial(call: Call) -> str | None:
    """Allow a function that a model may keep."""
    items = call.items()
    if not items:
        return NOT_KNOWN
    return may_be_called_later(call, items[0]) or next(
        filter(None, (carries(call, item) for item in items[1:])), None
    )


def partial_state(call: Call) -> str | None:
    """Allow (function, arguments, keywords, attributes)."""
    items = call.items()
    if not items or len(items) != 4:
        return "its state is not that of a partial function"
    return may_be_called_later(call, items[0]) or carries(call, call.arguments)


def factory(call: Call) -> str | None:
    """Allow nothing, or a function that a model may keep, and items."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    if not items:
        return None
    return may_be_called_later(call, items[0]) or next(
        filter(None, (carries(call, item) for item in items[1:])), None
    )


def counter(call: Call) -> str | None:
    """Allow a dictionary or list that the pickle made."""
    items = call.items()
    if items is None or not all(isinstance(item, Sequence) or is_constant(item) for item in items):
        return "it counts what was computed"
    return carries(call, call.arguments)


def encode(call: Call) -> str | None:
    """Allow text as latin1, as protocols below 3 write bytes."""
    match call.items():
        case [str() | Data(kind="str"), "latin1" | "latin-1"]:
            return None
    return "it runs a codec that is not latin1"


_CODECS: Final = frozenset({"latin1", "latin-1", "utf-8", "utf8", "ascii"})


def bytes_(call: Call) -> str | None:
    """Allow data, and harmless encodings of text."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    if len(items) > 1 and (not isinstance(items[1], str) or items[1].lower() not in _CODECS):
        return "it runs a codec"
    return constants(call)


def regex(call: Call) -> str | None:
    """Allow a pattern of bounded length and flags."""
    match call.items():
        case [str() | bytes() as pattern, int()] if len(pattern) <= MAX_PATTERN_CHARACTERS:
            return None
    return "it compiles a pattern that is long or was computed"


def type_of_constant(call: Call) -> str | None:
    """Allow the type of None and other constants."""
    match call.items():
        case [value] if is_constant(value) and not isinstance(value, Sequence):
            return None
    return "it makes a class, or takes that of an object"


def array_reconstructor(call: Call) -> str | None:
    """Allow array.array, a type code, a machine code and bytes."""
    match call.items():
        case [Global() as kind, str(), int(), value] if name_of(kind) == ("array", "array") and (
            is_constant(value) or is_plain_result(call, value)
        ):
            return None
    return "it makes something else than an array"


def bytes_io(call: Call) -> str | None:
    """Allow the state of io.BytesIO: bytes, a position, no attributes."""
    match call.items():
        case [bytes() | Data(), int(), None]:
            return None
    return "its state is not that of bytes in memory"


def scipy_distribution(call: Call) -> str | None:
    """Allow the template of code that SciPy writes for a distribution, and no other: the class runs it.

    Source: scipy/stats/_distn_infrastructure.py, parse_arg_template and rv_generic._attach_argparser_methods.
    """
    for key, value in pairs_of(call.arguments):
        if key == "_parse_arg_template" and not (isinstance(value, str) and _TEMPLATE.fullmatch(value)):
            return "its state has a template of code that SciPy did not write, and the class runs it"
        if isinstance(key, str) and key.startswith(("_attach", "_construct", "_updated")):
            return f"its state replaces {shown(key)}, which its class calls while it is loaded"
    return attributes(call)


_SHAPES: Final = r"(?:[A-Za-z_][A-Za-z0-9_]*, )*"
_IN: Final = r"(?:loc=0, scale=1|loc=0)"
_OUT: Final = r"(?:loc, scale|loc, 1)"
_TEMPLATE: Final = re.compile(
    rf"\ndef _parse_args\(self, {_SHAPES} {_IN}\):\n"
    rf"    return \({_SHAPES}\), {_OUT}\n\n"
    rf"def _parse_args_rvs\(self, {_SHAPES} {_IN}, size=None\):\n"
    rf"    return self\._argcheck_rvs\({_SHAPES} {_OUT}, size=size\)\n\n"
    rf"def _parse_args_stats\(self, {_SHAPES} {_IN}, moments='mv'\):\n"
    rf"    return \({_SHAPES}\), {_OUT}, moments\n",
    re.ASCII,
)
