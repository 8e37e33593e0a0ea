"""What the expressions of a Python file stand for, and what their calls do."""

import ast
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from weighlock.inspection.python.call import called, evaluate_call
from weighlock.inspection.python.fold import fold_binary, fold_joined
from weighlock.inspection.python.graph import MODULE, Event, Function, Graph
from weighlock.inspection.python.reach import Call, evaluate_attribute, evaluate_subscript, note_kept
from weighlock.inspection.python.scope import Scope
from weighlock.inspection.python.value import (
    MADE,
    MAX_ITEMS,
    NOTHING,
    Value,
    either,
    traits_of,
)

MAX_FOLDED: Final = 8 << 20  # characters of made constants in one file; ordinary code makes some thousand
_NODE_COST: Final = 64  # characters that the evaluation of a node again counts for


Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Evaluator:
    """Evaluates expressions in a scope; events go to the graph, nested code to ``nested``, pickles to ``payloads``."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.scope = Scope(MODULE)
        self.members: dict[str, Value] = {}  # attributes of the file's own classes, by dotted name
        self.pending: deque[tuple[Definition, Scope]] = (
            deque()
        )  # function bodies, which are read after the module's
        self.nested: list[tuple[str, Scope]] = []  # constant texts that the file runs as code
        self.payloads: list[tuple[bytes, int]] = []  # constant bytes that the file loads as pickles
        self.folded = 0
        self._kinds: Final[dict[type[ast.AST], Callable[[Any], Value]]] = {
            ast.Name: lambda node: self.scope.look_up(node.id),
            ast.Constant: _constant,
            ast.Attribute: lambda node: evaluate_attribute(self, node),
            ast.Call: lambda node: evaluate_call(self, node),
            ast.Subscript: lambda node: evaluate_subscript(self, node),
            ast.BinOp: self._binary,
            ast.JoinedStr: lambda node: self.kept(fold_joined([self.evaluate(part) for part in node.values])),
            ast.FormattedValue: self._formatted,
            ast.Yield: self._yielded,
            ast.YieldFrom: self._yielded,
            ast.Tuple: self._items,
            ast.List: self._items,
            ast.Set: self._items,
            ast.Dict: self._dict,
            ast.IfExp: self._if,
            ast.BoolOp: self._either,
            ast.NamedExpr: self._named,
            ast.Lambda: self._lambda,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.Starred: lambda node: self.evaluate(node.value),
            ast.Await: lambda node: self.evaluate(node.value),
        }

    def evaluate(self, node: ast.AST | None) -> Value:
        """Return what an expression stands for; None stands for nothing."""
        if node is None:
            return NOTHING
        kind = self._kinds.get(type(node))
        if kind:
            return kind(node)
        return Value(traits=traits_of(*[self.evaluate(child) for child in ast.iter_child_nodes(node)]))

    def note(self, effect: str, what: str, node: ast.AST) -> None:
        """Add an event of the function whose code this is."""
        self.graph.note(self.scope.key, Event(effect, what, getattr(node, "lineno", 1)))

    def function(self) -> Function:
        """Return the function whose code is being read."""
        return self.graph.functions[self.scope.key]

    def called(self, call: Call) -> Value:
        """Return what a call gives, and note what it does."""
        return called(self, call)

    def kept(self, value: Value) -> Value:
        """Return a made constant while the file has not made too many."""
        if isinstance(value.constant, str | bytes):
            self.folded += len(value.constant)
        self.folded += len(value.items or ())
        return Value(value.names, traits=value.traits) if self.folded > MAX_FOLDED else value

    def _binary(self, node: ast.BinOp) -> Value:
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):  # a + b + c + …: as deep as it is long
            spine.append(spine[-1].left)
        value = self.evaluate(spine[-1].left)
        for each in reversed(spine):
            value = self.kept(fold_binary(each, value, self.evaluate(each.right)))
        return value

    def _formatted(self, node: ast.FormattedValue) -> Value:
        self.evaluate(node.format_spec)
        return self.evaluate(node.value)

    def _yielded(self, node: ast.Yield | ast.YieldFrom) -> Value:
        note_kept(self, node, self.evaluate(node.value))
        return NOTHING

    def _items(self, node: ast.Tuple | ast.List) -> Value:
        items = tuple(self.evaluate(each) for each in node.elts)
        for item in items:
            note_kept(self, node, item)
        self.folded += len(items)
        return Value(items=items[:MAX_ITEMS], traits=traits_of(*items))

    def _dict(self, node: ast.Dict) -> Value:
        keys = [self.evaluate(key) for key in node.keys]
        items = tuple(self.evaluate(value) for value in node.values)
        for item in items:
            note_kept(self, node, item)
        self.folded += len(items)
        return Value(items=items[:MAX_ITEMS], traits=traits_of(*keys, *items))

    def _if(self, node: ast.IfExp) -> Value:
        self.evaluate(node.test)
        return either(self.evaluate(node.body), self.evaluate(node.orelse))

    def _either(self, node: ast.BoolOp) -> Value:
        found = self.evaluate(node.values[0])
        for each in node.values[1:]:
            found = either(found, self.evaluate(each))
        return found

    def _named(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.scope.bind(node.target.id, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return self.defined(node, f"lambda:{node.lineno}:{node.col_offset}")

    def defined(self, node: Definition, name: str) -> Value:
        """Return the function that is defined here; its body is read later."""
        key = f"{self.scope.path}{name}"
        self.graph.functions.setdefault(key, Function())
        inner = Scope(key, self.scope, path=f"{key}.")
        self._bind_parameters(node.args, inner)
        self.pending.append((node, inner))
        return Value((key,))

    def _bind_parameters(self, arguments: ast.arguments, inner: Scope) -> None:
        """Let parameters stand for their defaults, which are evaluated here and now, and ``self`` for the class."""
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = zip(reversed(positional), reversed(arguments.defaults), strict=False)
        for parameter, default in (*defaults, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
            inner.bind(parameter.arg, self.evaluate(default))
        for each in (*positional, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if each is not None:
                inner.names.setdefault(each.arg, NOTHING)
        if self.scope.is_class and positional:
            inner.bind(positional[0].arg, Value((self.scope.path.removesuffix("."),)))

    def _comprehension(self, node: Any) -> Value:
        held = NOTHING
        for at, each in enumerate(node.generators):
            found = self.evaluate(each.iter)
            held = found if at == 0 else held
            for name in ast.walk(each.target):
                if isinstance(name, ast.Name):
                    self.scope.bind(name.id, Value(traits=found.traits))
            for condition in each.ifs:
                self.evaluate(condition)
        if isinstance(node, ast.DictComp):
            return Value(traits=traits_of(self.evaluate(node.key), self.evaluate(node.value)))
        return self._spelled(node, held) or Value(traits=self.evaluate(node.elt).traits)

    def _spelled(self, node: Any, held: Value) -> Value | None:
        """Return the texts of ``[chr(n) for n in (1, 2)]``: a name written as numbers."""
        target = node.generators[0].target
        sequence = held.items or _characters(held.constant)
        if (
            len(node.generators) != 1
            or node.generators[0].ifs
            or not sequence
            or not isinstance(target, ast.Name)
        ):
            return None
        cost = _NODE_COST * len(sequence) * sum(1 for _ in ast.walk(node.elt))
        if self.folded + cost > MAX_FOLDED:
            return None
        self.folded += cost
        outer, self.scope = self.scope, Scope(self.scope.key, self.scope, path=self.scope.path)
        made = []
        for item in sequence:
            self.scope.names[target.id] = item
            made.append(self.evaluate(node.elt))
        self.scope = outer
        return Value(items=tuple(made), traits=traits_of(*made) | {MADE})


def _characters(held: object) -> tuple[Value, ...]:
    return tuple(Value(constant=one) for one in held[:MAX_ITEMS]) if isinstance(held, str | bytes) else ()


def _constant(node: ast.Constant) -> Value:
    return Value(constant=node.value) if isinstance(node.value, str | bytes | int) else NOTHING
