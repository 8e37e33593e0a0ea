"""Names of a Python file and what they stand for."""

import builtins
from typing import Final

from weighlock.inspection.python.value import NOTHING, Value, either

MAX_STARS: Final = 8  # modules that one file imports * from
_BUILTINS: Final = frozenset(dir(builtins)) | {"__builtins__", "execfile", "unicode"}


class Scope:
    """The names of a module, class or function body; ``key`` is the function that its code belongs to."""

    def __init__(
        self, key: str, parent: "Scope | None" = None, *, is_class: bool = False, path: str = "@"
    ) -> None:
        self.key = key
        self.parent = parent
        self.is_class = is_class
        self.path = path  # what the keys of functions that are defined here begin with
        self.names: dict[str, Value] = {}
        self.globals: set[str] = set()
        self.outer: set[str] = set()  # what nonlocal says
        self.stars: list[str] = []

    def bind(self, name: str, value: Value) -> None:
        """Let ``name`` stand for ``value`` besides what it stood for before."""
        scope = self.module() if name in self.globals else self
        while name in scope.outer and scope.parent is not None:
            scope = scope.parent
        held = scope.names.get(name)
        scope.names[name] = value if held is None else either(held, value)

    def module(self) -> "Scope":
        """Return the outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def look_up(self, name: str) -> Value:
        """Return what a name stands for; builtins are ``builtins.x``."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope.names[name]
            scope = scope.parent
        stars = tuple(f"{module}.{name}" for module in self.module().stars)
        if name in _BUILTINS:
            own = "builtins" if name == "__builtins__" else f"builtins.{name}"
            return Value((own, *stars))
        return Value(stars) if stars else NOTHING
