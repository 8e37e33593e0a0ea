"""Checks of functions that are given a class, or a model's bytes, and make an instance."""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.pickle.check import (
    NOT_KNOWN,
    Call,
    attributes,
    carries,
    class_of,
    dotted,
    is_bytes,
    is_constant,
    is_filled,
    is_inert,
    name_of,
    pairs_of,
)
from weighlock.inspection.pickle.table import TRUSTED, Tier
from weighlock.inspection.pickle.value import Global, Made, Sequence

_BASES: Final = {"dict": "dict", "list": "list", "tuple": "tuple", "set": "set", "frozenset": "frozenset"}
_NUMBERS: Final = frozenset({"str", "int", "float", "bytes"})
_TREE_WORDS: Final = ("Distance", "KDTree", "BallTree", "BinaryTree")
_INDEX_MODULES: Final = ("pandas", "pandas.core.indexes", "pandas.indexes")


def reconstructor(call: Call) -> str | None:
    """Allow copyreg._reconstructor of an allowed class over object, or over a container and its items."""
    match call.items():
        case [Global() as kind, Global() as base, state]:
            wrong = _instantiated(call, kind)
            if wrong:
                return wrong
            name = name_of(base)
            if name == ("builtins", "object"):
                return None if state is None else "it hands a value to object.__new__"
            if name and name[0] == "builtins" and name[1] in {*_BASES, *_NUMBERS}:
                if is_constant(call, state) or (is_inert(call, state) and name[1] in _BASES):
                    return carries(call, state)
                return f"it hands an object to {dotted(base)}, which asks it for more"
            return f"it makes an instance over {dotted(base)}"
    return "it makes an instance of a class that was computed"


def _instantiated(call: Call, kind: Global) -> str | None:
    entry = call.entry(kind)
    if entry.tier not in TRUSTED:
        return None  # the name has its own finding
    if entry.tier in {Tier.ANY, Tier.CLASS} or "new" in entry.words:
        return None
    return f"it makes an instance of {dotted(kind)}, of which none is made in this way"


def newobj(call: Call) -> str | None:
    """Allow copyreg.__newobj__ of an allowed class with what its row allows."""
    items = call.items()
    if not items or not isinstance(items[0], Global):
        return "it makes an instance of a class that was computed"
    entry = call.entry(items[0])
    wrong = _instantiated(call, items[0])
    if wrong or entry.tier is Tier.ANY:
        return wrong
    if all(is_constant(call, item) for item in items[1:]) and (
        len(items) == 1 or entry.words.get("new") in {"constants", "values"}
    ):
        return None
    return f"it hands arguments to the class {dotted(items[0])}"


def compiled(call: Call) -> str | None:
    """Allow Cython's __pyx_unpickle_X: a class of the tables, a number, and no state or one of plain values."""
    match call.items():
        case [Global() as kind, int(), state]:
            entry = call.entry(kind)
            if entry.tier in TRUSTED and not entry.carried:
                return f"it makes an instance of {dotted(kind)}"
            return carries(call, state) or table(call._replace(arguments=state))
    return "it makes an instance of a class that was computed"


def new_object(call: Call) -> str | None:
    """Allow newObj of scikit-learn's compiled modules: a distance or a search tree."""
    match call.items():
        case [Global() as kind] if any(word in kind.name for word in _TREE_WORDS) and kind.module.startswith(
            "sklearn."
        ):
            return None
    return "it makes an instance of another class than a distance or a search tree"


def tree(call: Call) -> str | None:
    """Allow sklearn's Tree(features, classes for each output, outputs): two numbers and an array."""
    match call.items():
        case [int() | Made(), Made() as classes, int() | Made()] if is_inert(call, classes):
            return None
    return "a tree is made of something else than numbers and an array"


def table(call: Call) -> str | None:
    """Allow parts of pandas' tables: data, arrays, its own objects and their types, and nothing that could be called.

    pandas asks what it is given for attributes and calls them, so an object with attributes of the pickle's choice
    must not be among it.
    """
    waiting = [call.arguments, call.keywords if is_filled(call.keywords) else None]
    seen = call.seen.parts
    while waiting:
        each = waiting.pop()
        if isinstance(each, Sequence):
            if each.hides:
                return "a part of a table cannot be read"
            if id(each) not in seen:
                seen.add(id(each))
                waiting += each.items
        elif isinstance(each, Global) and call.entry(each).tier in _CALLABLE:
            return f"a part of a table is {dotted(each)}"
        elif isinstance(each, Made) and not _part_of_table(call, each):
            return "a part of a table is an object of something else"
    return None


_CALLABLE: Final = frozenset({Tier.CLASS, Tier.REFERENCE})
_TIMES: Final = ("pandas", "pytz", "zoneinfo", "dateutil")


def _part_of_table(call: Call, value: Made) -> bool:
    kind = class_of(value)
    return kind is not None and (kind.module.partition(".")[0] in _TIMES or is_inert(call, value))


def new_index(call: Call) -> str | None:
    """Allow an index of pandas and the arguments of its __new__ by name."""
    match call.items():
        case [Global() as kind, Sequence(kind="dict") as state]:
            if not kind.module.startswith(_INDEX_MODULES) or not kind.name.endswith("Index"):
                return f"it makes an instance of {dotted(kind)}, which is no index"
            if any(not isinstance(key, str) or key.startswith("_") for key, _ in pairs_of(state)):
                return "an index is made with arguments that it does not have"
            return table(call._replace(arguments=state))
    return "it makes an index of a class that was computed"


def generator(call: Call) -> str | None:
    """Allow NumPy's generators of random numbers, by name or class."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    for item in items:
        if isinstance(item, Global):
            if not item.module.startswith("numpy.random."):
                return f"it calls {dotted(item)}"
        elif isinstance(item, Made):
            if not isinstance(item.target, Global) or not item.target.module.startswith("numpy.random."):
                return "it makes a generator of something else than a generator"
        elif not isinstance(item, str):
            return "it makes a generator of something else than a name"
    return None


def booster(call: Call) -> str | None:
    """Allow a model as bytes or text, never as a number: that would be an address in memory."""
    for key, value in pairs_of(call.arguments):
        if key in {"handle", "_handle"} and not (value is None or isinstance(value, str) or is_bytes(value)):
            return "its state has an address in memory in place of a model"
    return attributes(call)


def catboost(call: Call) -> str | None:
    """Allow attributes of a CatBoost model, and the model as bytes."""
    state = call.arguments
    if not isinstance(state, Sequence) or state.kind != "dict":
        return "its state is not a dictionary of attributes"
    for key, value in pairs_of(state):
        if key == "__model" and not (is_bytes(value)):
            return "its model is not bytes"
    return attributes(call)


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
