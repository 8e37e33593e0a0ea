"""What keeps the renderer busy: endless recursion, huge ranges and texts, and texts that double in a loop."""

import re
from collections.abc import Iterator
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.template import node as n
from weighlock.inspection.template.evaluate import Evaluator
from weighlock.inspection.template.lookup import Hit

MAX_RANGE: Final = 100_000  # the limit of Jinja's sandbox; other engines have none
MAX_TURNS: Final = 1_000_000  # of loops in each other; real templates loop over messages and tools
MAX_WIDTH: Final = 10_000  # characters of padding, or copies of a text
_WIDTHS: Final = frozenset({"center", "indent", "wordwrap", "truncate", "batch", "slice", "round", "ljust", "rjust", "zfill"})  # fmt: skip
# a width or precision of five digits and more: Python's string formatting, both kinds
_SPECIFIED: Final = re.compile(r"%[-+ #0]*(?:\d{0,4}\.)?\d{5}|\{[^{}:]*:[^{}]*?\d{5}")
_RULE: Final = "template-exhaustion"


def examine_effort(body: n.Body, values: Evaluator) -> Iterator[Hit]:
    """Return what makes rendering take unreasonable time or memory."""
    yield from _loops(body, values, 1)
    for node in n.walk(body):
        if isinstance(node, n.Operation):
            yield from _operation(node, values)
        elif isinstance(node, n.Call):
            yield from _call(node, values)
        elif isinstance(node, n.Filter):
            yield from _filter(node, values)
        elif isinstance(node, n.For):
            yield from _doubling(node)
            yield from _endless(node)
    yield from _recursion(body)


def _call(node: n.Call, values: Evaluator) -> Iterator[Hit]:
    if _range(node, values) > MAX_RANGE:
        yield Hit(_RULE, "counts up to a huge number", node.line)
    if isinstance(node.target, n.Attribute):
        if node.target.name in _WIDTHS:
            yield from _width(node.arguments, values)
        elif node.target.name == "format":
            yield from _specified(node.target.of, values)


def _filter(node: n.Filter, values: Evaluator) -> Iterator[Hit]:
    if node.name in _WIDTHS:
        yield from _width(node.arguments, values)
    elif node.name == "format" and node.of is not None:
        yield from _specified(node.of, values)


def _largest(values: Evaluator, expression: n.Expression) -> float:
    return max((each for each in values.value(expression).known if isinstance(each, int | float)), default=0)


def _range(node: n.Expression, values: Evaluator) -> float:
    """Return how long a range of constants is; 0 for what is none."""
    if not (isinstance(node, n.Call) and isinstance(node.target, n.Name) and node.target.name == "range"):
        return 0
    bounds = [_largest(values, each) for each in node.arguments.positional]
    return max(map(abs, bounds[:2]), default=0) / max(1, abs(bounds[2]) if len(bounds) > 2 else 1)


def _loops(body: n.Body, values: Evaluator, turns: float) -> Iterator[Hit]:
    for node in body:
        inside = turns
        if isinstance(node, n.For):
            inside *= max(1, _range(node.iterated, values))
            if inside > MAX_TURNS:
                yield Hit(_RULE, "loops within loops, a million times and more", node.line)
                return
        for inner in n.bodies(node):
            yield from _loops(inner, values, inside)


def _operation(node: n.Operation, values: Evaluator) -> Iterator[Hit]:
    numbers = [_largest(values, each) for each in node.operands]
    if "*" in node.operators:
        texts = any(
            isinstance(each, str | tuple) for part in node.operands for each in values.value(part).known
        )
        if texts and max(numbers) > MAX_WIDTH:
            yield Hit(_RULE, "repeats a text many times", node.line)
    if "**" in node.operators and (len(node.operators) > 1 or max(numbers[1:]) > MAX_WIDTH):
        yield Hit(_RULE, "computes a power without end", node.line)
    if "%" in node.operators:
        yield from _specified(node.operands[0], values)


def _width(arguments: n.Arguments, values: Evaluator) -> Iterator[Hit]:
    if any(_largest(values, each) > MAX_WIDTH for each in (*arguments.positional, *arguments.values)):
        yield Hit(_RULE, "pads a text without end", arguments.line)


def _specified(text: n.Expression, values: Evaluator) -> Iterator[Hit]:
    """A format may ask for any width, and text of that width is made."""
    if any(isinstance(each, str) and _SPECIFIED.search(each) for each in values.value(text).known):
        yield Hit(_RULE, "formats to a huge width", text.line)


def _endless(loop: n.For) -> Iterator[Hit]:
    """A recursive loop over what it was given itself never ends; real ones go on with a part of their item."""
    name = _path(loop.iterated)
    for node in n.walk(loop.body) if loop.recursive and name else ():
        if not (isinstance(node, n.Call) and _path(node.target) == "loop"):
            continue
        if any(_path(each) == name for each in node.arguments.positional):
            yield Hit(_RULE, "has a loop that goes on with what it loops over", node.line)


def _doubling(loop: n.For) -> Iterator[Hit]:
    """A text that is set to itself twice grows to any size in few turns."""
    for node in n.walk(loop.body):
        if isinstance(node, n.Set) and isinstance(node.value, n.Operation):
            target = _path(node.target)
            twice = [each for each in node.value.operands if _path(each) == target]
            if target and len(twice) > 1:
                yield Hit(_RULE, "doubles a text in a loop", node.line)


def _path(expression: n.Expression) -> str:
    match expression:
        case n.Name():
            return expression.name
        case n.Attribute(of=n.Name(name=name)):
            return f"{name}.{expression.name}"
    return ""


def _recursion(body: n.Body) -> Iterator[Hit]:
    """Macros that call each other whatever they are given never end; under a condition, as for schemas, they may."""
    macros = {node.name: node for node in n.walk(body) if isinstance(node, n.Macro)}
    calls = {name: _always_called(macro.body) & macros.keys() for name, macro in macros.items()}
    callers: dict[str, list[str]] = {name: [] for name in macros}
    for name, called in calls.items():
        for each in called:
            callers[each].append(name)
    ending = [name for name, called in calls.items() if not called]
    while ending:  # a macro ends if all that it always calls do
        for caller in callers[ended := ending.pop()]:
            calls[caller].discard(ended)
            if not calls[caller]:
                ending.append(caller)
    for name, called in calls.items():
        if called:
            yield Hit(_RULE, f"has a macro, {shown(name)}, that always calls itself", macros[name].line)


def _always_called(body: n.Body) -> set[str]:
    found: set[str] = set()
    for node in body:
        if isinstance(node, n.Output | n.Set):
            found.update(_calls(node.value))
        elif isinstance(node, n.Scope | n.SetBlock):
            found.update(_always_called(node.body))
        elif isinstance(node, n.If):
            found.update(_calls(node.branches[0].test))
    return found


def _calls(expression: n.Expression) -> Iterator[str]:
    waiting: list[n.Node] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, n.Conditional):
            waiting.append(node.test)
            continue
        if isinstance(node, n.Operation) and node.operators[0] in {"and", "or"}:
            waiting.append(node.operands[0])
            continue
        if isinstance(node, n.Call) and isinstance(node.target, n.Name):
            yield node.target.name
        waiting.extend(n.children(node))
