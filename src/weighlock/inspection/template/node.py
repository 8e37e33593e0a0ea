"""The syntax tree of a Jinja template: what `parser` makes and every rule walks.

Chains of operators of one level and of `elif` are flat, so that a walk is as deep as the brackets of the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from weighlock.inspection.span import Unexamined

MAX_ALIASES: Final = 200  # variables of one value; real templates have a few
Constant: TypeAlias = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A part of the template; ``line`` is where it begins, from 1."""

    line: int


@dataclass(slots=True)
class Expression(Node):
    """A part that has a value."""


@dataclass(slots=True)
class Statement(Node):
    """A part that emits text or sets something."""


Body: TypeAlias = list[Statement]


@dataclass(slots=True)
class Const(Expression):
    """A literal, with escapes decoded."""

    value: Constant


@dataclass(slots=True)
class Name(Expression):
    """A variable."""

    name: str


@dataclass(slots=True)
class Sequence(Expression):
    """A list or a tuple (``kind``)."""

    kind: str
    items: list[Expression]


@dataclass(slots=True)
class Dict(Expression):
    """A mapping; keys and values in order."""

    keys: list[Expression]
    values: list[Expression]


@dataclass(slots=True)
class Attribute(Expression):
    """An attribute: ``of.name``."""

    of: Expression
    name: str


@dataclass(slots=True)
class Item(Expression):
    """A subscript: ``of[key]``."""

    of: Expression
    key: Expression


@dataclass(slots=True)
class Slice(Expression):
    """The key of an Item: ``start:stop:step``."""

    start: Expression | None
    stop: Expression | None
    step: Expression | None


@dataclass(slots=True)
class Arguments(Node):
    """What a call, filter or test is given."""

    positional: list[Expression] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    values: list[Expression] = field(default_factory=list)
    star: Expression | None = None
    double_star: Expression | None = None

    def keyword(self, name: str) -> Expression | None:
        """Return the argument of this name, if there is one."""
        return self.values[self.names.index(name)] if name in self.names else None


@dataclass(slots=True)
class Call(Expression):
    """A call: ``target(arguments)``."""

    target: Expression
    arguments: Arguments


@dataclass(slots=True)
class Filter(Expression):
    """A filter: ``of | name(arguments)``; ``of`` is None where a block is filtered."""

    of: Expression | None
    name: str
    arguments: Arguments


@dataclass(slots=True)
class Test(Expression):
    """A test: ``of is name(arguments)``."""

    of: Expression
    name: str
    arguments: Arguments


@dataclass(slots=True)
class Unary(Expression):
    """A value with ``not``, ``-`` or ``+`` before it."""

    operator: str
    of: Expression


@dataclass(slots=True)
class Operation(Expression):
    """Operands with the operators between them, all of one level; applied from the left."""

    operators: list[str]
    operands: list[Expression]


@dataclass(slots=True)
class Conditional(Expression):
    """A choice: ``then if test else otherwise``."""

    test: Expression
    then: Expression
    otherwise: Expression | None


@dataclass(slots=True)
class Text(Statement):
    """What stands outside of tags: emitted as it is."""

    text: str


@dataclass(slots=True)
class Output(Statement):
    """An emitted value: ``{{ value }}``."""

    value: Expression


@dataclass(slots=True)
class Branch(Node):
    """A test of an If, and what it guards."""

    test: Expression
    body: Body


@dataclass(slots=True)
class If(Statement):
    """``if`` with its ``elif`` branches and ``else``."""

    branches: list[Branch]
    otherwise: Body


@dataclass(slots=True)
class For(Statement):
    """A loop; ``test`` filters what is iterated."""

    target: Expression
    iterated: Expression
    test: Expression | None
    recursive: bool
    body: Body
    otherwise: Body


@dataclass(slots=True)
class Set(Statement):
    """An assignment: ``set target = value``; ``with`` too, once for each variable."""

    target: Expression
    value: Expression


@dataclass(slots=True)
class SetBlock(Statement):
    """An assignment of a rendered body, through ``filter``."""

    target: Expression
    filter: Expression | None
    body: Body


@dataclass(slots=True)
class Macro(Statement):
    """A macro, or the body of a ``call`` block (named ``caller``)."""

    name: str
    parameters: list[str]
    defaults: list[Expression]
    body: Body


@dataclass(slots=True)
class CallBlock(Statement):
    """A ``call`` block: the call, and the body that it gets as a macro."""

    call: Expression
    caller: Macro


@dataclass(slots=True)
class Scope(Statement):
    """A tag around a body that changes nothing for the rules: ``word`` is its name."""

    word: str
    arguments: list[Expression]
    body: Body


@dataclass(slots=True)
class Reads(Statement):
    """Another template: ``include``, ``import``, ``from`` or ``extends``."""

    word: str
    template: Expression
    names: list[str]


@dataclass(slots=True)
class Jump(Statement):
    """A ``break`` or ``continue``."""

    word: str


def children(node: Node) -> Iterator[Node]:
    """Return the parts of a node, in the order of the text."""
    for kind in reversed(type(node).__mro__):
        for name in kind.__dict__.get("__slots__", ()):
            value = getattr(node, name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, list):
                yield from (item for item in value if isinstance(item, Node))


def walk(root: Node | Body) -> Iterator[Node]:
    """Return a node and all below it, each before its parts, in the order of the text."""
    waiting: list[Node] = list(reversed(root)) if isinstance(root, list) else [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(children(node))))


def macros(nodes: list[Node]) -> dict[str, list[Macro]]:
    """Return the macros by name, of which there may be several; raises Unexamined for very many."""
    found: dict[str, list[Macro]] = {}
    for node in nodes:
        if isinstance(node, Macro):
            same = found.setdefault(node.name, [])
            same.append(node)
            if len(same) > MAX_ALIASES and node.name != "caller":
                raise Unexamined(f"more than {MAX_ALIASES} macros have one name")
    return found


def handed_on(nodes: list[Node], macros: dict[str, list[Macro]]) -> set[str]:
    """Return the macros that are named without being called: then any call may be theirs."""
    called = {id(node.target) for node in nodes if isinstance(node, Call)}
    return {node.name for node in nodes if isinstance(node, Name) and id(node) not in called} & macros.keys()


def aliases(nodes: list[Node], macros: dict[str, list[Macro]]) -> dict[str, set[str]]:
    """Return for each variable those that may hold the same list, by assignment or call; raises Unexamined."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        pairs = [(node.target, node.value)] if isinstance(node, Set) else []
        if isinstance(node, Call) and isinstance(node.target, Name):
            for macro in macros.get(node.target.name, ()):
                parameters = [Name(0, name) for name in macro.parameters]
                pairs += zip(parameters, node.arguments.positional, strict=False)
        for one, other in pairs:
            if isinstance(one, Name) and isinstance(other, Name):
                same = found.setdefault(one.name, {one.name}) | found.setdefault(other.name, {other.name})
                if len(same) > MAX_ALIASES:
                    raise Unexamined(f"more than {MAX_ALIASES} variables of the template may be one")
                found.update(dict.fromkeys(same, same))
    return found


def bodies(node: Node) -> list[Body]:
    """Return the bodies right inside a statement."""
    match node:
        case If():
            return [*(branch.body for branch in node.branches), node.otherwise]
        case For():
            return [node.body, node.otherwise]
        case SetBlock() | Macro() | Scope():
            return [node.body]
        case CallBlock():
            return [node.caller.body]
    return []
