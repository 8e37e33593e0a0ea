"""Checks of functions that are given a class, or a model's bytes, and make an instance."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.pickle.check import (
    NOT_KNOWN,
    Call,
    attributes,
    carries,
    dotted,
    is_constant,
    is_plain_result,
    name_of,
    pairs_of,
)
from weighlock.inspection.pickle.table import TRUSTED, Tier
from weighlock.inspection.pickle.value import Data, Global, Made, Sequence, Value

_BASES: Final = {"dict": "dict", "list": "list", "tuple": "tuple", "set": "set", "frozenset": "frozenset"}
_TREE_WORDS: Final = ("Distance", "KDTree", "BallTree", "BinaryTree")
_INDEX_MODULES: Final = ("pandas", "pandas.core.indexes", "pandas.indexes")
_REBUILDS: Final = ("torch._utils", "torch._tensor")


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
            if name and name[0] == "builtins" and name[1] in {*_BASES, "str", "int", "float", "bytes"}:
                return carries(call, state)
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
    if all(is_constant(item) for item in items[1:]) and (
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
            return carries(call, state)
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
        case [int() | Made(), Made() as classes, int() | Made()] if is_plain_result(call, classes):
            return None
    return "a tree is made of something else than numbers and an array"


def new_index(call: Call) -> str | None:
    """Allow an index of pandas and the arguments of its __new__ by name."""
    match call.items():
        case [Global() as kind, Sequence(kind="dict") as state]:
            if not kind.module.startswith(_INDEX_MODULES) or not kind.name.endswith("Index"):
                return f"it makes an instance of {dotted(kind)}, which is no index"
            if any(not isinstance(key, str) or key.startswith("_") for key, _ in pairs_of(state)):
                return "an index is made with arguments that it does not have"
            return carries(call, state)
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


def parameter_with_state(call: Call) -> str | None:
    """Allow a tensor, a flag, hooks and a state of plain attributes."""
    items = call.items()
    if not items or len(items) != 4:
        return NOT_KNOWN
    return _tensor_state(call, items[3]) or carries(call, call.arguments)


def _tensor_state(call: Call, state: Value) -> str | None:
    parts = state.items if isinstance(state, Sequence) and state.kind == "tuple" else [state]
    for part in parts:
        wrong = attributes(call._replace(arguments=part))
        if wrong:
            return wrong
        for key, _ in pairs_of(part):
            if key in {"data", "grad_fn", "_backward_hooks", "_grad_fn"}:
                return f"its state sets {shown(str(key))} of a tensor"
    return None


def from_type(call: Call) -> str | None:
    """Allow torch's own ways of rebuilding a tensor, a class of the tables, and a state of plain attributes."""
    match call.items():
        case [Global() as function, Global() as kind, Sequence(kind="tuple") as arguments, state]:
            if (
                function.module not in _REBUILDS
                or not function.name.startswith("_rebuild_")
                or "from_type" in function.name
            ):
                return f"it calls {dotted(function)}"
            if call.entry(kind).tier in TRUSTED and not call.entry(kind).carried:
                return f"it makes a tensor of the class {dotted(kind)}"
            return carries(call, arguments) or _tensor_state(call, state)
    return "it calls a function that was computed"


def load_from_bytes(call: Call) -> str | None:
    """Allow bytes that stand in the pickle: they are examined as a file of their own."""
    match call.items():
        case [bytes() | Data(kind="bytes" | "bytearray")]:
            return None
        case [Made(target=Global() as target)] if name_of(target) == ("_codecs", "encode"):
            return None  # bytes as protocols below 3 write them
    return "it loads bytes that were computed"


def booster(call: Call) -> str | None:
    """Allow a model as bytes or text, never as a number: that would be an address in memory."""
    for key, value in pairs_of(call.arguments):
        if key in {"handle", "_handle"} and not (
            value is None or isinstance(value, str | bytes | Data) or is_plain_result(call, value)
        ):
            return "its state has an address in memory in place of a model"
    return attributes(call)


def catboost(call: Call) -> str | None:
    """Allow attributes of a CatBoost model, and the model as bytes."""
    state = call.arguments
    if not isinstance(state, Sequence) or state.kind != "dict":
        return "its state is not a dictionary of attributes"
    for key, value in pairs_of(state):
        if key == "__model" and not (isinstance(value, bytes | Data) or is_plain_result(call, value)):
            return "its model is not bytes"
    return attributes(call)
