"""Checks of what is Python's own: attributes, partial functions, codecs, patterns."""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.pickle.check import (
    NOT_KNOWN,
    Call,
    carries,
    class_of,
    constants,
    dotted,
    is_constant,
    is_inert,
    name_of,
)
from weighlock.inspection.pickle.table import TRUSTED, Tier
from weighlock.inspection.pickle.value import Data, Global, Made, Sequence, Value

MAX_PATTERN_CHARACTERS: Final = 1000  # longer regular expressions take seconds to compile
_ORDINARY: Final = re.compile(r"[A-Za-z]\w*|_[a-z]\w*", re.ASCII)
# attributes that write files, run code or lead to the interpreter; also on harmless objects
_GRAVE_ATTRIBUTE: Final = re.compile(
    r"(?:to|save|load|dump|read|write|open|exec|eval|run|import|register|share|query|pipe|apply|map|call)(?:_|s?$)|"
    r"tofile|fromfile|from_file|system|popen|spawn|unlink|remove|mro$|format$|format_map|hub|(?:f|gi|cr|ag|tb|co|func)_",
    re.ASCII,
)
_GRAVE_WORDS: Final = frozenset(
    [
        "code",
        "ctypes",
        "download",
        "dump",
        "eval",
        "exec",
        "export",
        "file",
        "from",
        "globals",
        "hub",
        "module",
        "modules",
        "package",
        "path",
        "popen",
        "pretrained",
        "push",
        "save",
        "script",
        "system",
        "trace",
    ]
)  # wherever they stand


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


def getattr_(call: Call) -> str | None:
    """Allow an ordinary attribute of an allowed class or instance."""
    match call.items():
        case [Global() as owner, str(name), *rest] if all(is_constant(call, each) for each in rest):
            entry = call.entry(owner)
            if entry.tier in TRUSTED and entry.tier is not Tier.REFERENCE and entry.carried:
                return _attribute(name)
            return f"it takes an attribute of {dotted(owner)}"
        case [Made() as owner, str(name), *rest] if all(is_constant(call, each) for each in rest):
            kind = class_of(owner)
            if kind is None or not f"{kind.module}.".startswith(_BOUND):
                return "it takes an attribute of an object whose methods nobody has read"
            return _attribute(name)
    return "it takes an attribute by a name or of an object that was computed"


# packages whose methods compute, and do not reach code or files by attributes that a pickle may set
_BOUND: Final = ("numpy.random.", "scipy.", "sklearn.", "torch.nn.")
# packages whose classes compute, whatever their arguments are
_COMPUTING: Final = (
    "builtins.",
    "collections.",
    "numpy.",
    "scipy.",
    "sklearn.",
    "timm.layers.",
    "torch.",
    "torchvision.",
)


def _attribute(name: str) -> str | None:
    if not _ORDINARY.fullmatch(name):
        return f"it takes the attribute {shown(name)}"
    if _GRAVE_ATTRIBUTE.match(name) or not _GRAVE_WORDS.isdisjoint(name.lower().split("_")):
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
    return _may_be_called_with(call, items[0]) or next(
        filter(None, (carries(call, item) for item in items[1:])), None
    )


def _may_be_called_with(call: Call, value: Value) -> str | None:
    """Return why a value may not be called with arguments of the pickle's choice."""
    if not isinstance(value, Global) or call.entry(value).tier is not Tier.CLASS:
        return may_be_called_later(call, value)
    if f"{value.module}.".startswith(_COMPUTING):
        return None
    return f"it would call {dotted(value)} with arguments, which nobody has read"


def partial_state(call: Call) -> str | None:
    """Allow (function, arguments, keywords, attributes)."""
    items = call.items()
    if not items or len(items) != 4:
        return "its state is not that of a partial function"
    return _may_be_called_with(call, items[0]) or carries(call, call.arguments)


def factory(call: Call) -> str | None:
    """Allow nothing, or a function that a model may keep, and items."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    if not items:
        return None
    if not all(is_inert(call, item) for item in items[1:]):
        return "one of its arguments is an object that it would ask for more"
    return may_be_called_later(call, items[0]) or next(
        filter(None, (carries(call, item) for item in items[1:])), None
    )


def counter(call: Call) -> str | None:
    """Allow a dictionary or list that the pickle made."""
    items = call.items()
    if items is None or not all(isinstance(item, Sequence) or is_constant(call, item) for item in items):
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
        case [value] if is_constant(call, value) and not isinstance(value, Sequence):
            return None
    return "it makes a class, or takes that of an object"


def array_reconstructor(call: Call) -> str | None:
    """Allow array.array, a type code, a machine code and bytes."""
    match call.items():
        case [Global() as kind, str(), int(), value] if name_of(kind) == ("array", "array") and (
            is_constant(call, value) or is_inert(call, value)
        ):
            return None
    return "it makes something else than an array"


def bytes_io(call: Call) -> str | None:
    """Allow the state of io.BytesIO: bytes, a position, no attributes."""
    match call.items():
        case [bytes() | Data(), int(), None]:
            return None
    return "its state is not that of bytes in memory"
