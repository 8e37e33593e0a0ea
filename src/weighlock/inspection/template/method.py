"""The filters and methods of texts and lists, computed on constants: attacks make names with them."""

from collections.abc import Callable
from typing import Final

from weighlock.inspection.template.value import (
    Constant,
    Mapping,
    Uncomputable,
    as_text,
    brace_format,
    percent_format,
)

NUMBERS: Final = frozenset(
    {"length", "count", "int", "float", "abs", "round", "sum", "wordcount", "find", "rfind", "index", "startswith",
     "endswith", "isdigit", "isalpha", "isspace", "isupper", "islower", "index0", "revindex", "revindex0", "depth"}
)  # fmt: skip
# what these return holds the same words, and nothing that the template chose
SAME: Final = frozenset(
    {"lower", "upper", "trim", "strip", "lstrip", "rstrip", "title", "capitalize", "string", "safe", "list", "first",
     "last", "reverse", "sort", "unique", "items", "dictsort", "keys", "values", "tojson", "select", "reject",
     "selectattr", "rejectattr", "batch", "slice", "min", "max", "random", "split", "rsplit", "splitlines", "copy",
     "escape", "e", "groupby", "pop", "removeprefix", "removesuffix", "swapcase", "casefold", "strip_accents"}
)  # fmt: skip
FILLED: Final = frozenset({"batch", "slice", "groupby", "pop"})  # may return an argument
DATES: Final = frozenset({"date_string", "current_date"})  # variables that hold the date
PRESENCE: Final = frozenset(
    {"defined", "undefined", "none", "string"}
)  # tests that ask whether there is a value
# methods that put their arguments into the list or mapping
CHANGING: Final = frozenset({"append", "insert", "extend", "update", "setdefault", "add", "appendleft"})


def apply(name: str, *arguments: Constant) -> Constant:
    """Return what the filter or method ``name`` makes of its first argument and the others; raises Uncomputable."""
    found = _FUNCTIONS.get(name)
    if found is None:
        raise Uncomputable
    return found(*arguments)


def _text(value: Constant) -> str:
    if isinstance(value, str):
        return value
    raise Uncomputable


def _of_text(function: Callable[..., str]) -> Callable[..., Constant]:
    return lambda value, *rest: function(_text(value), *(_text(each) for each in rest))


def _items(value: Constant) -> tuple[Constant, ...]:
    if isinstance(value, Mapping):
        return value.keys
    if isinstance(value, str | tuple):
        return tuple(value)  # type: ignore[arg-type]  # of constants
    raise Uncomputable


def _joined(value: Constant, separator: Constant = "") -> str:
    return _text(separator).join(as_text(each) for each in _items(value))


def _reversed(value: Constant) -> Constant:
    return value[::-1] if isinstance(value, str) else tuple(reversed(_items(value)))


def _replaced(value: Constant, old: Constant, new: Constant, count: Constant = -1) -> str:
    if not isinstance(count, int) or len(_text(value)) * (1 + len(_text(new))) > 1 << 20:
        raise Uncomputable
    return _text(value).replace(_text(old), _text(new), count)


def _split(value: Constant, separator: Constant = None, count: Constant = -1) -> tuple[str, ...]:
    if not isinstance(count, int):
        raise Uncomputable
    return tuple(_text(value).split(None if separator is None else _text(separator), count))


def _at(position: int) -> Callable[[Constant], Constant]:
    return lambda value: _items(value)[position]


def _whole(value: Constant, *_: Constant) -> int:
    if isinstance(value, str | int | float) and len(str(value)) <= 40:
        return int(value)
    raise Uncomputable


_FUNCTIONS: Final[dict[str, Callable[..., Constant]]] = {
    "lower": _of_text(str.lower),
    "upper": _of_text(str.upper),
    "title": _of_text(str.title),
    "capitalize": _of_text(str.capitalize),
    "swapcase": _of_text(str.swapcase),
    "casefold": _of_text(str.casefold),
    "trim": _of_text(str.strip),
    "strip": _of_text(str.strip),
    "lstrip": _of_text(str.lstrip),
    "rstrip": _of_text(str.rstrip),
    "removeprefix": _of_text(str.removeprefix),
    "removesuffix": _of_text(str.removesuffix),
    "safe": lambda value: value,
    "string": as_text,
    "join": _joined,
    "reverse": _reversed,
    "replace": _replaced,
    "split": _split,
    "list": _items,
    "first": _at(0),
    "last": _at(-1),
    "int": _whole,
    "length": lambda value: len(_items(value)),
    "count": lambda value: len(_items(value)),
    "keys": _items,
    "values": lambda value: value.values if isinstance(value, Mapping) else _items(value),
}


def format_filter(text: Constant, *items: Constant) -> Constant:
    """Return what the filter ``format`` makes: Python's ``%``."""
    return percent_format(_text(text), items)


def format_method(text: Constant, *items: Constant) -> Constant:
    """Return what the method ``format`` makes: Python's braces."""
    return brace_format(_text(text), *items)


def method_join(separator: Constant, items: Constant) -> Constant:
    """Return ``separator.join(items)``."""
    return _joined(items, _text(separator))


def item_of(of: Constant, key: Constant) -> Constant:
    """Return ``of[key]``; raises Uncomputable."""
    if isinstance(of, Mapping):
        return of.values[of.keys.index(key)]
    if isinstance(of, str | tuple) and isinstance(key, int):
        return of[key]  # type: ignore[return-value]  # of constants
    raise Uncomputable


def slice_of(of: Constant, *bounds: Constant) -> Constant:
    """Return ``of[start:stop:step]``; raises Uncomputable."""
    if isinstance(of, Mapping) or not isinstance(of, str | tuple):
        raise Uncomputable
    start, stop, step = (each if isinstance(each, int) else None for each in bounds)
    return of[slice(start, stop, step)]
