"""Walk the statements of a Python file in the order in which they run."""

import ast
from collections.abc import Callable, Iterable
from typing import Any, Final

from weighlock.inspection.python.effect import effect_of
from weighlock.inspection.python.evaluate import Evaluator
from weighlock.inspection.python.fold import fold_binary
from weighlock.inspection.python.graph import Function, Graph
from weighlock.inspection.python.reach import Call, assign_attribute, note_kept, note_whole
from weighlock.inspection.python.scope import MAX_STARS, Scope
from weighlock.inspection.python.source import parse
from weighlock.inspection.python.value import MADE, NOTHING, Value, either

MAX_NESTED: Final = 50  # constant texts that one file runs as code
SCRIPT: Final = "@__main__"  # the key of what runs only when the file is the program
# what these variables of the environment say decides which code the next import or program loads
_STEERING: Final = frozenset(
    {"LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "HF_ENDPOINT", "PATH", "PYTHONHOME",
     "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "GIT_SSH_COMMAND", "BROWSER", "PIP_INDEX_URL"}
)  # fmt: skip


class Walk:
    """Reads a module; afterwards ``graph`` has what each function does, ``imports`` the own files that it imports."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.evaluator = Evaluator(self.graph)
        self.imports: dict[tuple[int, str], None] = {}  # (dots, module)
        self._module = self.evaluator.scope
        self._loops = 0
        self._kinds: Final[dict[type[ast.stmt], Callable[[Any], None]]] = {
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.If: self._if,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Match: self._match,
            ast.Global: lambda node: self._scope().globals.update(node.names),
            ast.Nonlocal: lambda node: self._scope().outer.update(node.names),
            ast.Return: self._return,
        }

    def run(self, tree: ast.Module) -> None:
        """Read the module, then the bodies of its functions, then the texts that it runs as code."""
        self._block(tree.body)
        self._bodies()
        done = 0
        while self.evaluator.nested and done < MAX_NESTED:
            text, scope = self.evaluator.nested.pop()
            done += 1
            self.evaluator.scope = scope
            inner = parse(text)
            if inner is not None:
                self._block(inner.body)
                self._bodies()

    def left_behind(self) -> tuple[dict[str, Value], dict[str, Value]] | None:
        """Return module variables and attributes if any of them is a function that does something; else None."""
        names, members = self._module.names, self.evaluator.members
        for value in (*names.values(), *members.values()):
            if any(effect_of(name) for name in value.names):
                return names, members
        return None

    def begin_with(self, names: dict[str, Value], members: dict[str, Value]) -> None:
        """Let variables and attributes stand from the beginning for what they stood for at the end of another walk."""
        self._module.names.update({name: value for name, value in names.items() if value.names})
        self.evaluator.members.update(members)

    def _bodies(self) -> None:
        while self.evaluator.pending:
            node, scope = self.evaluator.pending.popleft()
            self.evaluator.scope = scope
            if isinstance(node, ast.Lambda):
                self.evaluator.evaluate(node.body)
            else:
                self._block(node.body)

    def _scope(self) -> Scope:
        return self.evaluator.scope

    def _block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            kind = self._kinds.get(type(statement))
            if kind:
                kind(statement)
            else:
                for child in ast.iter_child_nodes(statement):
                    self.evaluator.evaluate(child)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            self._scope().bind(alias.asname or whole, Value((whole,)))
            self.imports[0, alias.name] = None

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                stars = self._scope().module().stars
                if len(stars) < MAX_STARS and not node.level:
                    stars.append(module)
            else:
                joined = f"{module}{alias.name}" if module.endswith(".") else f"{module}.{alias.name}"
                self._scope().bind(alias.asname or alias.name, Value((joined,)))
            if node.module is None:
                self.imports[node.level, alias.name] = None
        if node.module is not None:
            self.imports[node.level, node.module] = None

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        for annotation in (*(each.annotation for each in every if each), node.returns):
            self.evaluator.evaluate(annotation)
        made = self.evaluator.defined(node, node.name)
        decorated = self._decorated(node.decorator_list, made)
        self._scope().bind(node.name, made if decorated is NOTHING else decorated)

    def _decorated(self, decorators: list[ast.expr], made: Value) -> Value:
        for each in reversed(decorators):
            target = self.evaluator.evaluate(each)
            # what other people's decorators are handed they seldom call; these are called with it
            self.evaluator.called(Call(each, target, [NOTHING], {}))
        return made

    def _class(self, node: ast.ClassDef) -> None:
        outer = self._scope()
        key = f"{outer.path}{node.name}"
        bases = [self.evaluator.evaluate(each) for each in node.bases]
        own = [name for base in bases for name in base.names if name.startswith("@")]
        self.graph.classes.setdefault(key, []).extend(own)
        for word in node.keywords:  # a metaclass is called, and handed the class
            metaclass = self.evaluator.evaluate(word.value)
            self.evaluator.function().calls.update(name for name in metaclass.names if name.startswith("@"))
        inner = Scope(outer.key, outer, is_class=True, path=f"{key}.")
        self.evaluator.scope = inner
        self._block(node.body)
        self.evaluator.scope = outer
        for name, value in inner.names.items():
            assign_attribute(self.evaluator, Value((key,)), name, value, node)
        self._decorated(node.decorator_list, Value((key,)))
        outer.bind(node.name, Value((key,)))

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluator.evaluate(node.value)
        for target in node.targets:
            self._bind(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        self.evaluator.evaluate(node.annotation)
        if node.value is not None:
            self._bind(node.target, self.evaluator.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        right = self.evaluator.evaluate(node.value)
        if not isinstance(node.target, ast.Name):
            self.evaluator.evaluate(node.target)
            return
        name = node.target.id
        held = self._scope().look_up(name)
        step = ast.BinOp(node.target, node.op, node.value)
        made = self.evaluator.kept(fold_binary(step, held, right))
        if self._loops:
            made = Value(held.names, traits=made.traits | {MADE})
        self._scope().names[name] = made

    def _bind(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            if target.id in self._scope().outer:  # whose code was read before
                note_kept(self.evaluator, target, value)
            self._scope().bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            known = value.items if value.items is not None and len(value.items) == len(target.elts) else None
            for at, each in enumerate(target.elts):
                self._bind(each, known[at] if known else Value(traits=value.traits))
        elif isinstance(target, ast.Starred):
            self._bind(target.value, Value(traits=value.traits))
        elif isinstance(target, ast.Attribute):
            assign_attribute(
                self.evaluator, self.evaluator.evaluate(target.value), target.attr, value, target
            )
        elif isinstance(target, ast.Subscript):
            self._set_item(target, value)

    def _set_item(self, target: ast.Subscript, value: Value) -> None:
        base, index = self.evaluator.evaluate(target.value), self.evaluator.evaluate(target.slice)
        note_kept(self.evaluator, target, value)
        for name in base.names:
            own = isinstance(target.slice, ast.Name) and target.slice.id == "__name__"
            if (name == "sys.modules" and not own) or (name == "os.environ" and index.text in _STEERING):
                self.evaluator.note("interpreter", name, target)
            if name == "builtins.globals()" and index.text:
                self._scope().module().bind(index.text, value)
            if name.endswith(".__dict__") and index.text:
                held = Value((name.removesuffix(".__dict__"),))
                assign_attribute(self.evaluator, held, index.text, value, target)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        held = self.evaluator.evaluate(node.iter)
        item = Value(traits=held.traits)
        for each in held.items or ():
            item = either(item, each) if item != Value(traits=held.traits) else each
        self._bind(node.target, item)
        self._loop((*node.body, *node.orelse))

    def _while(self, node: ast.While) -> None:
        self.evaluator.evaluate(node.test)
        self._loop((*node.body, *node.orelse))

    def _loop(self, body: Iterable[ast.stmt]) -> None:
        self._loops += 1
        self._block(body)
        self._loops -= 1

    def _if(self, node: ast.If) -> None:
        here: ast.stmt = node
        while isinstance(here, ast.If):
            self._branch(here)
            if len(here.orelse) != 1 or not isinstance(here.orelse[0], ast.If):
                self._block(here.orelse)
                return
            here = here.orelse[0]  # elif: as deep as there are branches

    def _branch(self, node: ast.If) -> None:
        scope = self._scope()
        key = scope.key
        if _asks_for_program(node.test) and "__name__" not in scope.module().names:
            self.graph.functions.setdefault(SCRIPT, Function())
            scope.key = SCRIPT
        else:
            self.evaluator.evaluate(node.test)
        self._block(node.body)
        scope.key = key

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.evaluator.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, value)
        self._block(node.body)

    def _try(self, node: Any) -> None:
        self._block(node.body)
        for handler in node.handlers:
            self.evaluator.evaluate(handler.type)
            self._block(handler.body)
        self._block(node.orelse)
        self._block(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        subject = self.evaluator.evaluate(node.subject)
        for case in node.cases:
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    self._scope().bind(name, subject)
            self.evaluator.evaluate(case.guard)
            self._block(case.body)

    def _return(self, node: ast.Return) -> None:
        value = self.evaluator.evaluate(node.value)
        note_kept(self.evaluator, node, value)
        note_whole(self.evaluator, node, value)
        inner = [each for each in value.names if each.startswith("@")]
        self.evaluator.function().passes.update(inner)  # a wrapper: whoever gets it calls it
        name = self._scope().key.rpartition(".")[2]
        if name in {"__reduce__", "__reduce_ex__"}:  # whoever unpickles an instance calls what is returned
            for each in (value, *(value.items or ())):
                self.evaluator.called(Call(node, each, [NOTHING], {}))


def _asks_for_program(test: ast.expr) -> bool:
    """Return whether a condition is ``__name__ == "__main__"``."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, test.comparators[0])
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return named and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
