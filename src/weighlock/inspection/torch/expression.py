"""Tell expressions over sizes from any other Python code, in the strings that torch evaluates.

``torch.export.load`` gives size expressions to ``sympy.sympify``, and makes a function of the guards
(torch/_export/serde/serialize.py, torch/export/_unlift.py): both evaluate the text as Python. What torch writes are
numbers, symbols, operators, comparisons, calls of sympy's constructors, and in guards lookups in the inputs.
"""

import ast
import warnings
from typing import Final

MAX_CHARACTERS: Final = 20_000  # of one expression; torch simplifies before it writes

_CALLS: Final = frozenset(
    {
        # sympy's constructors, as its srepr writes them, and its functions
        "Abs", "Add", "And", "Eq", "Equality", "Float", "Ge", "GreaterThan", "Gt", "Integer", "Le", "LessThan", "Lt",
        "Max", "Min", "Mod", "Mul", "Ne", "Not", "Or", "Piecewise", "Pow", "Rational", "StrictGreaterThan",
        "StrictLessThan", "Symbol", "Unequality", "Xor", "ceiling", "exp", "floor", "log", "sqrt",
        # torch/utils/_sympy/functions.py
        "BitwiseFn_bitwise_and", "BitwiseFn_bitwise_or", "BitwiseFn_bitwise_xor", "CeilDiv", "CeilToInt", "CleanDiv",
        "FloatPow", "FloatTrueDiv", "FloorDiv", "FloorToInt", "Identity", "IntTrueDiv",
        "IsNonOverlappingAndDenseIndicator", "LShift", "ModularIndexing", "PowByNatural", "PythonMod", "RShift",
        "RoundDecimal", "RoundToInt", "ToFloat", "TruncToFloat", "TruncToInt", "Where",
        *(f"OpaqueUnaryFn_{name}" for name in ("acos", "asin", "atan", "cos", "cosh", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh")),
        # Python's own, in guards
        "abs", "bool", "float", "int", "len", "max", "min", "round",
    }
)  # fmt: skip
_METHODS: Final = frozenset(
    {"dim", "item", "numel", "size", "storage_offset", "stride"}
)  # of inputs, in guards
_MODULES: Final = {
    "math": frozenset({"ceil", "floor", "inf", "nan", "pow", "sqrt", "trunc"}),
    "torch": frozenset({"sym_float", "sym_int", "sym_max", "sym_min", "sym_not"}),
}
_OPERATORS: Final = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.operator, ast.unaryop, ast.boolop,
    ast.cmpop, ast.expr_context, ast.Tuple,
)  # fmt: skip


def is_expression(text: str, *, guard: bool = False) -> bool | None:
    """Return whether a text is an expression over sizes; None if it cannot be parsed or is too long to tell.

    A ``guard`` may look up inputs as well.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes and numbers, which only matter if the text is code
        try:
            tree = ast.parse(text, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return all(
        isinstance(node, _OPERATORS) or _is_size(node, called) or (guard and _is_lookup(node))
        for node in ast.walk(tree)
    )


def _is_size(node: ast.AST, called: set[int]) -> bool:
    """Whether a part is a number, a symbol, or a call of what makes or computes one."""
    match node:
        case ast.Constant(value=bool() | int() | float()) | ast.Call(func=ast.Name()):
            return True
        case ast.Constant(value=str(text)):
            return text.isidentifier()  # the name of a symbol: a text must not be evaluated again
        case ast.Name(id=name):
            return name in _CALLS if id(node) in called else not name.startswith("_")
        case ast.keyword(arg=str(), value=ast.Constant()):
            return True
    return False


def _is_lookup(node: ast.AST) -> bool:
    """Whether a part of a guard takes something from the inputs or from a module of functions over numbers."""
    match node:
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
            return name in _MODULES[module]
        case ast.Attribute(attr=name):
            return name in _METHODS
        case ast.Constant(value=str()) | ast.Call(func=ast.Attribute()):
            return True
        case ast.Subscript(slice=ast.Constant() | ast.UnaryOp()):
            return True
    return False
