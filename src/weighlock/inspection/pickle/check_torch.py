"""Checks of torch's functions that rebuild tensors."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.pickle.check import (
    NOT_KNOWN,
    Call,
    attributes,
    carries,
    dotted,
    holds_objects,
    is_inert,
    name_of,
    pairs_of,
)
from weighlock.inspection.pickle.table import TRUSTED
from weighlock.inspection.pickle.value import Data, Global, Made, Sequence, Value

_REBUILDS: Final = ("torch._utils", "torch._tensor")


def tensor(call: Call) -> str | None:
    """Allow a tensor or a storage and what else a tensor has: torch calls methods of the first argument."""
    items = call.items()
    if not items:
        return NOT_KNOWN
    if not is_inert(call, items[0]) and not isinstance(items[0], Global):
        return "it is given an object that is no tensor, and calls its methods"
    wrong = carries(call, call.arguments)
    if wrong or not holds_objects(call, *items[1:]):
        return wrong
    return "it is given an object that is no part of a tensor"


def parameter_with_state(call: Call) -> str | None:
    """Allow a tensor, a flag, hooks and a state of plain attributes."""
    items = call.items()
    if not items or len(items) != 4:
        return NOT_KNOWN
    first = Sequence("tuple", items[:3])
    return tensor(call._replace(arguments=first)) or _tensor_state(call, items[3])


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
            check = parameter_with_state if function.name.endswith("_with_state") else tensor
            return check(call._replace(arguments=arguments)) or _tensor_state(call, state)
    return "it calls a function that was computed"


def load_from_bytes(call: Call) -> str | None:
    """Allow bytes that stand in the pickle: they are examined as a file of their own."""
    match call.items():
        case [bytes() | Data(kind="bytes" | "bytearray")]:
            return None
        case [Made(target=Global() as target)] if name_of(target) == ("_codecs", "encode"):
            return None  # bytes as protocols below 3 write them
    return "it loads bytes that were computed"
