"""What calls of a Python file give, and what they do."""

import ast
from typing import TYPE_CHECKING, Final

from weighlock.inspection.python.effect import (
    by_arguments,
    effect_of,
    is_risky_module,
    is_telling,
    names_credentials,
)
from weighlock.inspection.python.fold import fold_call, fold_method
from weighlock.inspection.python.reach import Call, attribute_of, line_of, note_passed, special
from weighlock.inspection.python.value import (
    DECODED,
    FETCHED,
    MADE,
    NOTHING,
    PRIVATE,
    UNKNOWN_NAME,
    Value,
    either,
    traits_of,
)

if TYPE_CHECKING:
    from weighlock.inspection.python.evaluate import Evaluator

_ALL_VARIABLES: Final = frozenset({"os.environ.copy", "os.environ.items", "os.environ.values"})
_RUNS_TEXT: Final = frozenset({"builtins.exec", "builtins.eval"})


def evaluate_call(evaluator: "Evaluator", node: ast.Call) -> Value:
    """Return what a call gives, and note what it does."""
    chain: list[ast.Call] = [node]
    while isinstance(chain[-1].func, ast.Call):  # f()()()…: as deep as it is long
        chain.append(chain[-1].func)
    function = chain[-1].func
    receiver = evaluator.evaluate(function.value) if isinstance(function, ast.Attribute) else NOTHING
    if isinstance(function, ast.Attribute):
        target = attribute_of(evaluator, receiver, function.attr, function)
    else:
        target = evaluator.evaluate(function)
    for each in reversed(chain):
        arguments = [evaluator.evaluate(argument) for argument in each.args]
        keywords = {word.arg or "**": evaluator.evaluate(word.value) for word in each.keywords}
        folded = None
        if isinstance(function, ast.Attribute):
            folded = fold_method(receiver, function.attr, arguments)
        call = Call(each, target, arguments, keywords)
        target = called(evaluator, call) if folded is None else evaluator.kept(folded)
        receiver, function = NOTHING, each
    return target


def called(evaluator: "Evaluator", call: Call) -> Value:
    """Return what a call gives, and note what it does."""
    target = call.target
    traits = set(traits_of(target, *call.values))
    if any("os.environ" in value.names for value in call.values) or _ALL_VARIABLES & set(target.names):
        traits.add(PRIVATE)
    for name in target.names:
        traits |= _note_call(evaluator, call, name)
    found = [value for name in target.names if (value := special(evaluator, call, name)) is not None]
    if found:
        return found[0] if len(found) == 1 else either(found[0], found[1])
    note_passed(evaluator, call.node, target, call.values)
    folded = _folded(target, call.arguments)
    if folded is not None:
        return evaluator.kept(folded).marked(frozenset(traits & {FETCHED, DECODED, PRIVATE}))
    result = target.called()
    own = tuple(each.replace("()", "") if each.startswith("@") else each for each in result.names)
    return Value(own, traits=frozenset(traits))


def _note_call(evaluator: "Evaluator", call: Call, name: str) -> set[str]:
    """Note what calling ``name`` does; returns the traits that its result has for that."""
    if name.startswith("@"):
        evaluator.function().calls.add(name)
        return set()
    if name.rpartition(".")[2] == UNKNOWN_NAME or is_telling(name) or _lists_a_module(name, call):
        evaluator.note("hidden", name, call.node)
    secret = next((value.text for value in call.values if value.text and names_credentials(value.text)), None)
    if secret:
        evaluator.note("secret", secret, call.node)
        return {PRIVATE}
    if "trust_remote_code" in call.keywords and call.keywords["trust_remote_code"].constant == 1:
        evaluator.note("remote", name, call.node)
    known = effect_of(name)
    effect = by_arguments(known[0], known[1], call.arguments, call.keywords) if known else None
    if known is None or effect is None:
        return set()
    if MADE in call.target.traits:
        evaluator.note("hidden", known[1], call.node)
    return _note_effect(evaluator, call, effect, known[1])


def _lists_a_module(name: str, call: Call) -> bool:
    """Return whether a call gives everything that a module which matters holds, to be chosen from."""
    if name == "inspect.getmembers":
        return any(map(is_risky_module, call.first.names))
    held, dictionary, method = name.partition(".__dict__.")
    return bool(dictionary) and method in {"items", "values", "copy"} and is_risky_module(held)


def _note_effect(evaluator: "Evaluator", call: Call, effect: str, what: str) -> set[str]:
    traits = traits_of(*call.values) | {PRIVATE for value in call.values if "os.environ" in value.names}
    held = call.first.constant
    if what in _RUNS_TEXT and isinstance(held, str | bytes):
        if DECODED in call.first.traits:
            evaluator.note("decoded", what, call.node)
        text = held if isinstance(held, str) else held.decode("utf-8", "replace")
        evaluator.nested.append((text, evaluator.scope))  # which is read as the code that it is
        return set()
    if effect in {"code", "compile"} and traits & {DECODED, FETCHED}:
        evaluator.note("decoded", what, call.node)
    elif effect == "network" and PRIVATE in traits:
        evaluator.note("exfiltration", what, call.node)
    elif effect == "unpickle" and isinstance(held, bytes):
        evaluator.payloads.append((held, line_of(call.node)))
    if effect not in {"compile", "marshal"}:
        evaluator.note(effect, what, call.node)
    return {"marshal": {DECODED}, "network": {FETCHED}, "download": {FETCHED}}.get(effect, set())


def _folded(target: Value, arguments: list[Value]) -> Value | None:
    """Return the constant that a call gives, where it is computed here."""
    for name in target.names:
        found = fold_call(name, arguments)
        if found is not None:
            return found
        if name == "builtins.compile" and arguments:
            return arguments[0]
        if name == "builtins.map" and len(arguments) == 2 and "builtins.chr" in arguments[0].names:
            items = [fold_call("builtins.chr", [item]) or NOTHING for item in arguments[1].items or ()]
            return Value(items=tuple(items), traits=frozenset({MADE}))
        if (
            name in {"builtins.list", "builtins.tuple", "builtins.bytes"}
            and arguments
            and arguments[0].items is not None
        ):
            return arguments[0]
    return None
