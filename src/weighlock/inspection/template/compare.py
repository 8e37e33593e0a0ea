"""Compare two templates by their syntax trees: which texts and which conditions one has and the other has not.

White space, the names of variables' quotes and the order of parts do not count. This is how a change that was slipped
into the template of a model that is otherwise its base shows.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from weighlock.inspection.template import node as n
from weighlock.inspection.template.parser import parse_template

MAX_SHOWN: Final = 200  # of each kind; a template that differs more is another one
_SIGNED: Final = {"not": "not ", "-": "-", "+": "+"}


@dataclass(frozen=True, slots=True)
class TemplateDifference:
    """What ``other`` has and ``base`` has not (added), and the reverse (removed), in the order of the text."""

    added_texts: tuple[str, ...] = ()
    removed_texts: tuple[str, ...] = ()
    added_conditions: tuple[str, ...] = ()
    removed_conditions: tuple[str, ...] = ()
    added_values: tuple[str, ...] = ()
    removed_values: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return self != TemplateDifference()


def compare_templates(base: str, other: str) -> TemplateDifference:
    """Return how the template ``other`` differs from ``base``. Raises TemplateError and Unexamined (`parse_template`)."""
    first, second = parse_template(base), parse_template(other)
    differences = [
        part
        for parts in (_texts, _conditions, _values)
        for before, after in [(parts(first), parts(second))]
        for part in (_more(after, before), _more(before, after))
    ]
    return TemplateDifference(*differences)


def _more(one: list[str], other: list[str]) -> tuple[str, ...]:
    left = Counter(other)
    found: list[str] = []
    for each in one:
        if left[each]:
            left[each] -= 1
        else:
            found.append(each)
    return tuple(found[:MAX_SHOWN])


def _texts(body: n.Body) -> list[str]:
    """Return what is emitted or kept for it, but for the names that lookups and conditions use."""
    used: set[int] = set()
    for node in n.walk(body):
        if isinstance(node, n.Item):
            used.add(id(node.key))
        elif isinstance(node, n.Branch | n.Conditional | n.For) and node.test is not None:
            used.update(map(id, n.walk(node.test)))
        elif isinstance(node, n.Arguments):
            used.update(map(id, (*node.positional, *node.values)))
    texts = [_text(node) for node in n.walk(body) if id(node) not in used]
    return [text for text in texts if text]


def _text(node: n.Node) -> str:
    text = node.text if isinstance(node, n.Text) else node.value if isinstance(node, n.Const) else ""
    return " ".join(text.split()) if isinstance(text, str) else ""


def _conditions(body: n.Body) -> list[str]:
    found: list[str] = []
    for node in n.walk(body):
        if isinstance(node, n.Branch | n.Conditional):
            found.append(write(node.test))
        elif isinstance(node, n.For):
            over = f"for {write(node.target)} in {write(node.iterated)}"
            found.append(f"{over} if {write(node.test)}" if node.test else over)
    return found


def _values(body: n.Body) -> list[str]:
    found: list[str] = []
    for node in n.walk(body):
        if isinstance(node, n.Output) and not isinstance(node.value, n.Const):
            found.append(write(node.value))
        elif isinstance(node, n.Set):
            found.append(f"{write(node.target)} = {write(node.value)}")
    return found


def write(node: n.Node | None) -> str:
    """Return an expression as text, in one way whatever its spacing and quotes were."""
    return "" if node is None else _WRITERS[type(node)](node)


def _item(node: n.Item) -> str:
    if isinstance(node.key, n.Const) and isinstance(node.key.value, str) and node.key.value.isidentifier():
        return f"{write(node.of)}.{node.key.value}"  # message['role'] is message.role
    return f"{write(node.of)}[{write(node.key)}]"


def _slice(node: n.Slice) -> str:
    bounds = (node.start, node.stop) if node.step is None else (node.start, node.stop, node.step)
    return ":".join(write(each) for each in bounds)


def _dict(node: n.Dict) -> str:
    pairs = zip(node.keys, node.values, strict=True)
    return "{" + ", ".join(f"{write(key)}: {write(value)}" for key, value in pairs) + "}"


def _operation(node: n.Operation) -> str:
    rest = zip(node.operators, node.operands[1:], strict=True)
    return "(" + write(node.operands[0]) + "".join(f" {sign} {write(each)}" for sign, each in rest) + ")"


_WRITERS: Final[dict[type[n.Node], Callable[..., str]]] = {
    n.Const: lambda node: repr(node.value),
    n.Name: lambda node: str(node.name),
    n.Attribute: lambda node: f"{write(node.of)}.{node.name}",
    n.Item: _item,
    n.Slice: _slice,
    n.Unary: lambda node: f"{_SIGNED[node.operator]}{write(node.of)}",
    n.Sequence: lambda node: "[" + ", ".join(map(write, node.items)) + "]",
    n.Dict: _dict,
    n.Operation: _operation,
    n.Conditional: lambda node: f"({write(node.then)} if {write(node.test)} else {write(node.otherwise)})",
    n.Call: lambda node: f"{write(node.target)}({_arguments(node.arguments)})",
    n.Filter: lambda node: f"{write(node.of)} | {node.name}({_arguments(node.arguments)})",
    n.Test: lambda node: f"{write(node.of)} is {node.name}({_arguments(node.arguments)})",
}


def _arguments(arguments: n.Arguments) -> str:
    named = zip(arguments.names, arguments.values, strict=True)
    written = [*map(write, arguments.positional), *(f"{name}={write(value)}" for name, value in named)]
    if arguments.star:
        written.append(f"*{write(arguments.star)}")
    if arguments.double_star:
        written.append(f"**{write(arguments.double_star)}")
    return ", ".join(written)
