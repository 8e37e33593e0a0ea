"""What TorchScript code reaches, by its syntax tree.

TorchScript is written as Python and read by a parser of PyTorch's own; its language has no imports, no exec and no
objects of Python. What code can reach are operators: ``torch.x`` (operators of ``aten``), ``ops.namespace.x``, methods
of values (``aten`` again), and classes that libraries register. Source: torch/csrc/jit/serialization/import_source.cpp
and torch/csrc/jit/frontend/ir_emitter.cpp.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Final

from weighlock.inspection.archive.member import Member
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.torch.layout import Layout
from weighlock.inspection.torch.operator import find_class, find_operator, reserved_methods

MAX_CODE_BYTES: Final = 32 * 1024 * 1024  # of one member; a traced model of thousands of layers has a few
MAX_BLOCK_BYTES: Final = (
    512 * 1024
)  # one class or function, parsed at once: its tree takes a hundred times as much
_BLOCK: Final = re.compile(r"^(?=(?:class|def)\s)", re.MULTILINE)
_SPACES: Final = frozenset({"ops", "torch"})  # names under which the importer offers operators
_CLASSES: Final = "__torch__.torch.classes."


def examine_code(layout: Layout, code: list[Member]) -> Reading[None]:
    """Report what every module of TorchScript reaches that is not harmless."""
    lines = 0
    for member in code:
        data = yield from layout.read(member, MAX_CODE_BYTES)
        if data is None:
            continue
        report = layout.file.report.member(member.name)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            report.not_examined("the TorchScript code is not UTF-8")
            continue
        lines += text.count("\n")
        _examine_text(report, text)
    layout.file.report.fact("TorchScript", f"{len(code)} modules of {lines} lines")


def _examine_text(report: Report, text: str) -> None:
    """Parse a module one class or function at a time, because trees are large."""
    first = 1
    for block in _BLOCK.split(text):
        if len(block) > MAX_BLOCK_BYTES:
            report.not_examined(f"a class or function of {len(block)} characters is over the limit")
            return
        tree = _parse(block)
        if tree is None:
            report.not_examined("the TorchScript code is not what torch writes")
            return
        _Block(report, tree, first - 1).examine()
        first += block.count("\n")


def _parse(block: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes, which TorchScript's own parser takes
        try:
            return ast.parse(block)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


class _Block:
    """One class or function. ``before`` is the number of lines in front of it."""

    def __init__(self, report: Report, tree: ast.Module, before: int) -> None:
        self.report = report
        self.tree = tree
        self.before = before
        self.inner: set[int] = set()  # expressions that are part of a longer name

    def examine(self) -> None:
        declared = frozenset(_declared(self.tree))
        for node in ast.walk(self.tree):  # from the outside in, so that the longest name comes first
            if isinstance(node, ast.ImportFrom | ast.AsyncFunctionDef | ast.Await | ast.Lambda):
                self.hidden(node, "it has a statement that TorchScript does not")
            reached = _attribute(node)
            if reached is not None:
                self.attribute(node, reached, declared)
            elif isinstance(node, ast.Name) and node.id in _SPACES and id(node) not in self.inner:
                self.hidden(node, f"it uses {node.id!r} as a value")

    def attribute(self, node: ast.AST, reached: tuple[ast.expr, str], declared: frozenset[str]) -> None:
        if id(node) in self.inner:
            return
        path, root = self.path(reached)
        if isinstance(root, ast.Name) and root.id in _SPACES:
            self.operator(node, root.id, path)
        elif isinstance(root, ast.Name) and root.id == "__torch__":
            self.name(node, ".".join(["__torch__", *path]))
        elif not isinstance(getattr(node, "ctx", None), ast.Store):
            self.method(node, root, path, declared)

    def path(self, reached: tuple[ast.expr, str]) -> tuple[list[str], ast.expr]:
        """Return the names from the root of an attribute chain outwards, and the root."""
        path: list[str] = []
        step: tuple[ast.expr, str] | None = reached
        root = reached[0]
        while step is not None:
            root, name = step
            path.append(name)
            self.inner.add(id(root))
            step = _attribute(root)
        return path[::-1], root

    def operator(self, node: ast.AST, root: str, path: list[str]) -> None:
        wanted = 1 if root == "torch" else 2
        if len(path) != wanted:
            self.hidden(node, f"it uses {'.'.join([root, *path])!r}, which is no operator")
        elif root == "torch":
            find_operator(self.report, "aten", path[0], line=self.line(node))
        else:
            find_operator(self.report, path[0], path[1], line=self.line(node))

    def name(self, node: ast.AST, qualified: str) -> None:
        if qualified.startswith(_CLASSES):
            find_class(self.report, qualified.removeprefix(_CLASSES), line=self.line(node))

    def method(self, node: ast.AST, root: ast.expr, path: list[str], declared: frozenset[str]) -> None:
        """Report a method that any value has from ``aten``, unless it is one of the class itself."""
        own = isinstance(root, ast.Name) and root.id == "self" and path[0] in declared
        for name in path[1:] if own else path:
            if name in reserved_methods():
                find_operator(self.report, "aten", name, line=self.line(node))

    def hidden(self, node: ast.AST, message: str) -> None:
        self.report.find("torchscript-hidden-operator", message, line=self.line(node))

    def line(self, node: ast.AST) -> int:
        return self.before + getattr(node, "lineno", 1)


def _attribute(node: ast.AST) -> tuple[ast.expr, str] | None:
    """Return the object and the name, if the node takes an attribute; getattr with a constant does too."""
    match node:
        case ast.Attribute(value=value, attr=name):
            return value, name
        case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), *_]):
            return value, name
    return None


def _declared(tree: ast.Module) -> Iterator[str]:
    """Return the attributes and methods that a class declares."""
    for block in tree.body:
        if not isinstance(block, ast.ClassDef):
            continue
        for statement in block.body:
            match statement:
                case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                    yield name
