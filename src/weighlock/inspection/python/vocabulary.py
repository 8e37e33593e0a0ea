"""Which names and texts the code of a Python source file can hold once it is compiled, by any version of Python."""

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from weighlock.inspection.summary import MAX_NAMES

# what the compiler adds: to classes, to modules, for assertions, for functions within functions
_IMPLICIT: Final = frozenset(
    {"__name__", "__module__", "__qualname__", "__doc__", "__annotations__", "__class__", "__classcell__", "__classdict__",
     "__build_class__", "__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__", "__debug__",
     "__type_params__", "__conditional_annotations__", "__classdictcell__", "__orig_bases__", "__format__", "AssertionError",
     "NotImplementedError", "return", "format", "value", "Generic", "type_params", "generic_base", "defaults", "kwdefaults",
     "TypeVar", "TypeVarTuple", "ParamSpec", "<locals>", "<lambda>", "<module>", "<listcomp>", "<setcomp>", "<dictcomp>",
     "<genexpr>"}
)  # fmt: skip
_CONVERSION: Final = re.compile(r"%[-+ #]*([0-9.]*)[a-zA-Z]")
_PERCENT: Final = "\ufdd0"  # no character, and so in no source
MAX_TERMS: Final = 40  # of a sum of texts; every sum within it is looked at, which must stay linear
MAX_FOLDED: Final = 4096  # characters: the compiler computes shorter texts


def comparable(names: Iterable[str]) -> set[str]:
    """Return names and texts without what compilers change: white space, and the dots of qualified names."""
    found: set[str] = set()
    for name in names:
        packed = "".join(name.split())
        found.update(packed.split(".") if " " not in name else [packed])
    return found - _IMPLICIT - {""}


def names_of_source(tree: ast.Module) -> set[str]:
    """Return every name and text that the compiled code may have, to be ``comparable``."""
    found: set[str] = set()
    classes: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            classes.append(node.name.lstrip("_"))
        found.update(_texts_of(node))
    private = [name for name in found if name.startswith("__") and not name.endswith("__")]
    mangled = (f"_{owner}{name}" for owner in classes for name in private)
    found.update(islice(mangled, MAX_NAMES + 1))  # more, and there is no summary
    if any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body):
        found.update(ast.unparse(note) for note in _annotations(tree))
    return found


def _texts_of(node: ast.AST) -> Iterator[str]:
    for _, value in ast.iter_fields(node):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield from _pieces(item)
    if isinstance(node, ast.BinOp):
        yield from _pieces(_folded(node))


def _pieces(text: str) -> Iterator[str]:
    """Yield a text, and what the compiler makes of it before a ``%``: pieces, and texts of the widths."""
    yield text
    if "%" in text:
        pieces = _CONVERSION.split(text.replace("%%", _PERCENT))
        yield from (piece.replace(_PERCENT, "%") for piece in pieces)


def _folded(node: ast.expr, depth: int = 0) -> str:
    """Return the text that the compiler makes of constants; an empty one if it makes none."""
    if depth > MAX_TERMS:
        return ""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _folded(node.left, depth + 1), _folded(node.right, depth + 1)
        return left + right if left and right and len(left) + len(right) <= MAX_FOLDED else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        text = _folded(node.left, depth + 1) or _folded(node.right, depth + 1)
        count = next((each.value for each in (node.left, node.right) if isinstance(each, ast.Constant)
                      and isinstance(each.value, int)), 0)  # fmt: skip
        return text * count if 0 < count * len(text) <= MAX_FOLDED else ""
    return ""


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            note = getattr(node, name, None)
            if isinstance(note, ast.expr):
                yield note
