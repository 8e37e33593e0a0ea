"""What attributes, subscripts and lookups by text of a Python file stand for."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from weighlock.inspection.python.effect import effect_of, is_risky_module
from weighlock.inspection.python.fold import fold_slice
from weighlock.inspection.python.value import (
    DECODED,
    FETCHED,
    MADE,
    MAX_NAMES,
    NOTHING,
    UNKNOWN_NAME,
    Value,
    either,
    traits_of,
)

if TYPE_CHECKING:
    from weighlock.inspection.python.evaluate import Evaluator

# handed to something that may call it, these count as called
_STRONG: Final = frozenset({"process", "code", "native", "unpickle", "unmarshal"})
_WHOLE: Final = frozenset({"os", "subprocess", "posix", "pty", "builtins"})
_WALKS: Final = frozenset(
    {"__subclasses__", "__builtins__", "f_globals", "f_builtins", "gi_frame", "cr_frame"}
)
_PATCHED: Final = re.compile(
    r"(?:torch|transformers|builtins|pickle|safetensors|huggingface_hub|requests|urllib|ssl|socket|os|json|subprocess|"
    r"importlib|numpy|tokenizers|vllm|diffusers|accelerate|peft|io|shutil)\.[\w.]*$"
)
_IMPORTERS: Final = frozenset(
    {
        "builtins.__import__",
        "importlib.import_module",
        "importlib.__import__",
        "importlib._bootstrap._gcd_import",
    }
)
_CALLS_ITS_ARGUMENTS: Final = ("builtins.", "threading.", "multiprocessing.", "functools.", "atexit.", "concurrent.",
                               "itertools.", "_thread.", "signal.", "asyncio.", "contextlib.", "weakref.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what is called, with what."""

    node: ast.AST
    target: Value
    arguments: list[Value]
    keywords: dict[str, Value]

    @property
    def first(self) -> Value:
        """The first argument, if there is one."""
        return self.arguments[0] if self.arguments else NOTHING

    @property
    def values(self) -> list[Value]:
        """All arguments."""
        return [*self.arguments, *self.keywords.values()]


def evaluate_attribute(evaluator: "Evaluator", node: ast.Attribute) -> Value:
    """Return what ``base.name`` stands for."""
    chain = [node]
    while isinstance(chain[-1].value, ast.Attribute):  # a.b.c…: as deep as it is long
        chain.append(chain[-1].value)
    value = evaluator.evaluate(chain[-1].value)
    for each in reversed(chain):
        value = attribute_of(evaluator, value, each.attr, each)
    return value


def attribute_of(evaluator: "Evaluator", base: Value, name: str, node: ast.AST) -> Value:
    """Return what an attribute of a value stands for, and note walks to Python's internals."""
    if name in _WALKS and (name != "__subclasses__" or _is_object(base)):
        evaluator.note("walk", name, node)
    found = base.attribute(name)
    own = [each.replace("()", "") for each in found.names if each.startswith("@")]
    known = [evaluator.members[each] for each in own if each in evaluator.members]
    names = (*(each for each in found.names if not each.startswith("@")), *own)
    for value in known:
        names = (*names, *value.names)
    if name in {"__class__", "__mro__", "__base__", "__bases__"} and not names:
        names = (f"{UNKNOWN_NAME}.{name}",)
    evaluator.function().calls.update(own)  # be it a property, or a method that somebody else then calls
    return Value(tuple(dict.fromkeys(names))[:MAX_NAMES], traits=found.traits | traits_of(*known))


def _is_object(base: Value) -> bool:
    ends = ("__base__", "__mro__", "__bases__", "builtins.object", "__class__", "builtins.type")
    return any(each.endswith(ends) for each in base.names)


def evaluate_subscript(evaluator: "Evaluator", node: ast.Subscript) -> Value:
    """Return what ``base[index]`` stands for: an item of a constant, of a namespace, of ``sys.modules``."""
    base, index = evaluator.evaluate(node.value), evaluator.evaluate(node.slice)
    space = namespace(evaluator, base, index, node)
    if space is not None:
        return space
    if base.items is not None and type(index.constant) is not int and not isinstance(node.slice, ast.Slice):
        names = dict.fromkeys(name for item in base.items for name in item.names)
        return Value(tuple(names)[:MAX_NAMES], traits=base.traits)
    if base.constant is not None or base.items is not None:
        return evaluator.kept(fold_slice(base, node.slice, index))
    walked = tuple(each for each in base.names if each.endswith(("__mro__", "__bases__", "__subclasses__()")))
    return Value(walked, traits=base.traits)


def assign_attribute(evaluator: "Evaluator", base: Value, name: str, value: Value, node: ast.AST) -> None:
    """Note that ``base.name`` becomes ``value``: of the file's own classes, or of other people's modules."""
    for each in base.names:
        if each.startswith("@"):
            held = evaluator.members.get(f"{each}.{name}", NOTHING)
            evaluator.members[f"{each}.{name}"] = either(held, value)
        elif _PATCHED.match(f"{each}.") and _is_code(value, each):
            evaluator.note("patch", f"{each}.{name}", node)
    if name.startswith("__"):  # an operator then calls it
        strangers = tuple(each for each in value.names if not each.startswith("@"))
        note_passed(evaluator, node, Value(("builtins.",)), [Value(strangers)])


def _is_code(value: Value, base: str) -> bool:
    """Return whether a value is a function or class of the file, or one that matters; anything is in ``builtins``."""
    own = any(name.startswith("@") for name in value.names)
    return base == "builtins" or own or any((effect_of(name) or ("",))[0] in _STRONG for name in value.names)


def line_of(node: ast.AST) -> int:
    """Return the line of a node, from 1."""
    return int(getattr(node, "lineno", 1))


def namespace(evaluator: "Evaluator", base: Value, index: Value, node: ast.AST) -> Value | None:
    """Return what is looked up in ``globals()``, ``x.__dict__``, ``vars(x)``, ``sys.modules``; None for others."""
    for each in base.names:
        if each in {"builtins.globals()", "builtins.locals()", "builtins.vars()"}:
            return evaluator.scope.look_up(index.text) if index.text is not None else NOTHING
        if each == "sys.modules":
            return Value((index.text or UNKNOWN_NAME,), traits=index.traits)
        if each == "builtins" or each.endswith((".__dict__", ".__builtins__")):
            held = each.removesuffix(".__dict__")
            return looked_up(evaluator, Value((held,), traits=base.traits), index, node)
    return None


def looked_up(evaluator: "Evaluator", base: Value, index: Value, node: ast.AST) -> Value:
    """Return the attribute that a text names; of a module that matters, a text that is computed is noted when called."""
    if index.text is None:
        built = (base.traits | index.traits) & {MADE, DECODED, FETCHED}
        risky = tuple(
            f"{each}.{UNKNOWN_NAME}"
            for each in base.names
            if is_risky_module(each) or (each == UNKNOWN_NAME and built)
        )
        return Value(risky, traits=base.traits | index.traits)
    found = base
    for part in index.text.split("."):
        found = attribute_of(evaluator, found, part, node)
    if not base.names:
        found = Value((f"{UNKNOWN_NAME}.{index.text}",)) if MADE in index.traits else NOTHING
    return found.marked(index.traits)


def note_passed(evaluator: "Evaluator", node: ast.AST, target: Value, values: list[Value]) -> None:
    """Note functions that are handed to a call: the file's own, and those that matter whoever calls them."""
    function = evaluator.function()
    for value in values:
        for name in value.names:
            if any(each.startswith("@") for each in target.names):
                note_whole(evaluator, node, value)
            if name.startswith("@"):
                calls = any(each.startswith(_CALLS_ITS_ARGUMENTS) for each in target.names)
                (function.calls if calls else function.passes).add(name)
            elif not name.endswith(")") and (known := effect_of(name)) and known[0] in _STRONG:
                evaluator.note(known[0], known[1], node)


def note_kept(evaluator: "Evaluator", node: ast.AST, value: Value) -> None:
    """Note a function that starts programs or runs text, put where it is not followed: whoever takes it out calls it."""
    for name in value.names:
        known = None if name.endswith(")") else effect_of(name)
        if known and known[0] in {"process", "code"}:
            evaluator.note(known[0], known[1], node)


def note_whole(evaluator: "Evaluator", node: ast.AST, value: Value) -> None:
    """Note a module that starts programs or runs text, handed on as a whole to code that calls what it likes of it."""
    for name in value.names:
        if name in _WHOLE:
            evaluator.note("process", f"{name}, handed on as a whole", node)


def special(evaluator: "Evaluator", call: Call, name: str) -> Value | None:
    """Return what the functions give by which code reaches names (getattr, __import__, partial …); None for others."""
    handler = _SPECIAL.get(name)
    if handler is None and name.startswith("operator."):
        handler = next((each for start, each in _GETTERS.items() if name.startswith(start)), None)
    if handler is None and call.arguments:
        handler = next((each for ends, each in _BY_END.items() if name.endswith(ends)), None)
    return handler(evaluator, call, name) if handler else None


def _getattr(evaluator: "Evaluator", call: Call, _: str) -> Value | None:
    if len(call.arguments) < 2:
        return None
    found = looked_up(evaluator, call.first, call.arguments[1], call.node)
    return found if len(call.arguments) == 2 else either(found, call.arguments[2])


def _setattr(evaluator: "Evaluator", call: Call, _: str) -> Value | None:
    if len(call.arguments) == 3:
        name = call.arguments[1].text or UNKNOWN_NAME
        assign_attribute(evaluator, call.first, name, call.arguments[2], call.node)
    return None


def _imported(evaluator: "Evaluator", call: Call, name: str) -> Value:
    first = call.first
    if first.text is None:
        if name in _IMPORTERS and not first.names and MADE in first.traits:
            evaluator.note("import", name, call.node)
        return Value((UNKNOWN_NAME,), traits=first.traits)
    whole = first.text if name != "builtins.__import__" else first.text.partition(".")[0]
    return Value((whole,) if whole and not whole.startswith(".") else (), traits=first.traits)


def _partial(evaluator: "Evaluator", call: Call, _: str) -> Value | None:
    note_passed(evaluator, call.node, Value(("functools.",)), call.arguments[1:])
    return call.first if call.first.names else None


def _vars(_: "Evaluator", call: Call, __: str) -> Value | None:
    held = tuple(f"{each}.__dict__" for each in call.first.names)
    return Value(held, traits=call.first.traits) if call.arguments else None


def _getter(_: "Evaluator", call: Call, name: str) -> Value:
    return Value((f"{name}().{call.first.text or UNKNOWN_NAME}",), traits=call.first.traits)


def _got(evaluator: "Evaluator", call: Call, name: str) -> Value:
    wanted = name.partition("().")[2]
    text = Value(traits=frozenset({MADE})) if wanted == UNKNOWN_NAME else Value(constant=wanted)
    return looked_up(evaluator, call.first, text, call.node)


def _got_and_called(evaluator: "Evaluator", call: Call, name: str) -> Value:
    method = _got(evaluator, call, name).marked(call.target.traits)
    return evaluator.called(Call(call.node, method, [], {}))


def _item(evaluator: "Evaluator", call: Call, name: str) -> Value | None:
    held = Value((name.rpartition(".")[0],), traits=call.target.traits)
    return namespace(evaluator, held, call.first, call.node)


def _attribute(evaluator: "Evaluator", call: Call, name: str) -> Value | None:
    held = Value((name.rpartition(".")[0],), traits=call.target.traits)
    return looked_up(evaluator, held, call.arguments[-1], call.node)


_Handler: TypeAlias = Callable[["Evaluator", Call, str], Value | None]
_SPECIAL: Final[dict[str, _Handler]] = {
    "builtins.getattr": _getattr,
    "inspect.getattr_static": _getattr,
    "builtins.object.__getattribute__": _getattr,
    "builtins.setattr": _setattr,
    "builtins.object.__setattr__": _setattr,
    "builtins.vars": _vars,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "operator.attrgetter": _getter,
    "operator.methodcaller": _getter,
    **dict.fromkeys(_IMPORTERS, _imported),
}
_GETTERS: Final[dict[str, _Handler]] = {
    "operator.attrgetter().": _got,
    "operator.methodcaller().": _got_and_called,
}
_BY_END: Final[dict[tuple[str, ...], _Handler]] = {
    (".load_module", ".find_module"): _imported,
    (".get", ".__getitem__", ".pop"): _item,
    (".__getattribute__",): _attribute,
}
