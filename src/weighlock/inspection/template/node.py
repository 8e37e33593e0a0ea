"""The syntax tree of a Jinja template: what `parser` makes and every rule walks.

Chains of operators of one level and of `elif` are flat, so that a walk is as deep as the brackets of the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

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
