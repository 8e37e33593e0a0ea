"""Compute constants as Python would, for the few operations by which code hides a name or a text.

Nothing of the file runs: these are our own calls of pure functions on constants, with bounded results.
"""

import ast
import base64
import binascii
import codecs
import zlib
from collections.abc import Callable
from typing import Any, Final

from weighlock.inspection.python.value import DECODED, MADE, MAX_ITEMS, MAX_TEXT, NOTHING, Value, traits_of

_MADE: Final = frozenset({MADE})
_DECODED: Final = frozenset({DECODED, MADE})
_CODECS: Final = frozenset({"rot13", "rot_13", "hex", "hex_codec", "base64", "base64_codec"})
_TEXT_CODECS: Final = frozenset({"utf-8", "utf8", "ascii", "latin-1", "latin1", "utf_8"})
_METHODS: Final = frozenset(
    {"lower", "upper", "title", "capitalize", "swapcase", "strip", "lstrip", "rstrip", "replace", "removeprefix",
     "removesuffix", "encode", "decode", "hex", "zfill"}
)  # fmt: skip


def fold_binary(node: ast.BinOp, left: Value, right: Value) -> Value:
    """Return ``left + right`` and the like where both are constants; else what traits the result has."""
    traits = traits_of(left, right)
    a, b = left.constant, right.constant
    if isinstance(node.op, ast.Add) and isinstance(a, str | bytes) and type(a) is type(b):
        return _bounded(a + b, traits | _MADE)  # type: ignore[operator]  # both of one type, as just checked
    if isinstance(node.op, ast.Add | ast.Sub | ast.BitXor) and type(a) is int and type(b) is int:
        return _number(node.op, a, b, traits)
    if isinstance(node.op, ast.Mult) and isinstance(a, str | bytes) and type(b) is int and 0 <= b <= MAX_TEXT:
        return _bounded(a * b, traits | _MADE) if len(a) * b <= MAX_TEXT else Value(traits=traits)
    if isinstance(node.op, ast.Mod) and isinstance(a, str):
        return _formatted(a, right, traits)
    if isinstance(node.op, ast.Add) and left.items is not None and right.items is not None:
        return Value(items=(left.items + right.items)[:MAX_ITEMS], traits=traits)
    return Value(traits=traits)


def _number(operator: ast.operator, a: int, b: int, traits: frozenset[str]) -> Value:
    made = a + b if isinstance(operator, ast.Add) else a - b if isinstance(operator, ast.Sub) else a ^ b
    return Value(constant=made, traits=traits) if abs(made) < 1 << 64 else Value(traits=traits)


def _formatted(pattern: str, right: Value, traits: frozenset[str]) -> Value:
    parts = right.items if right.items is not None else (right,)
    texts = [part.text for part in parts]
    if pattern.count("%") != pattern.count("%s") or pattern.count("%s") != len(texts) or None in texts:
        return Value(traits=traits)
    return _bounded(pattern % tuple(texts), traits | _MADE)


def fold_joined(parts: list[Value]) -> Value:
    """Return the text of an f-string whose parts are known."""
    traits = traits_of(*parts)
    texts = [str(part.constant) if isinstance(part.constant, str | int) else None for part in parts]
    known = [text for text in texts if text is not None]
    return _bounded("".join(known), traits | _MADE) if len(known) == len(texts) else Value(traits=traits)


def fold_slice(base: Value, node: ast.expr, index: Value) -> Value:
    """Return ``base[index]`` of a constant or a list; a reversed text is the usual trick."""
    held: Any = base.items if base.items is not None else base.constant
    if isinstance(held, int) or held is None:
        return Value(traits=base.traits)
    if isinstance(node, ast.Slice):
        bounds = [_whole(part) for part in (node.lower, node.upper, node.step)]
        if None in bounds or bounds[2] == (0,):
            return Value(traits=base.traits)
        cut = held[slice(*(bound[0] for bound in bounds if bound is not None))]
        return (
            Value(items=cut, traits=base.traits)
            if base.items is not None
            else _bounded(cut, base.traits | _MADE)
        )
    at = index.constant
    if type(at) is not int or not -len(held) <= at < len(held):
        return Value(traits=base.traits)
    item = held[at]
    return item if isinstance(item, Value) else Value(constant=item, traits=base.traits | _MADE)


def _whole(node: ast.expr | None) -> tuple[int | None] | None:
    """Return (number or None,) for a bound that is written out, None for another."""
    if node is None:
        return (None,)
    sign = -1 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    if isinstance(inner, ast.Constant) and type(inner.value) is int:
        return (sign * inner.value,)
    return None


def fold_method(base: Value, name: str, arguments: list[Value]) -> Value | None:
    """Return what a method of a constant text gives; None if it is not one that is computed here."""
    held = base.constant
    if name == "join" and isinstance(held, str | bytes) and arguments:
        return _join(held, arguments[0], base)
    if name == "format" and isinstance(held, str):
        return _format(held, arguments, base)
    if (
        name == "fromhex"
        and base.names == ("builtins.bytes",)
        and arguments
        and arguments[0].text is not None
    ):
        return _call(lambda: bytes.fromhex(arguments[0].text or ""), traits_of(*arguments) | _DECODED)
    return _plain_method(held, name, arguments, base) if isinstance(held, str | bytes) else None


def _plain_method(held: str | bytes, name: str, arguments: list[Value], base: Value) -> Value | None:
    constants: list[Any] = [argument.constant for argument in arguments]
    first = str(constants[0]).lower() if constants else ""
    if name in {"decode", "encode"} and first and first not in _TEXT_CODECS:
        return _codec(held, first) if first in _CODECS else None
    zeros = name == "zfill" and not (
        type(constants[0]) is int and 0 <= constants[0] <= 1000 if constants else False
    )
    method = getattr(held, name, None)
    if name not in _METHODS or None in constants or zeros or method is None:
        return None
    return _call(lambda: method(*constants), traits_of(base, *arguments) | _MADE)


def _join(glue: str | bytes, argument: Value, base: Value) -> Value:
    traits = traits_of(base, argument) | _MADE
    if isinstance(argument.constant, str) and isinstance(glue, str):
        return _bounded(glue.join(argument.constant), traits)
    parts = [item.constant for item in argument.items or ()]
    if argument.items is None or any(type(part) is not type(glue) for part in parts):
        return Value(traits=traits)
    return _call(lambda: glue.join(parts), traits)  # type: ignore[arg-type]  # all of the glue's type


def _format(pattern: str, arguments: list[Value], base: Value) -> Value:
    traits = traits_of(base, *arguments)
    texts = [argument.text for argument in arguments]
    if None in texts or pattern.count("{") != pattern.count("{}") or pattern.count("{}") > len(texts):
        return Value(traits=traits)
    return _call(lambda: pattern.format(*texts), traits | _MADE)


def _codec(held: str | bytes, name: str) -> Value:
    data: Any = held  # text or bytes, by the codec
    return _call(lambda: codecs.decode(data, name), _DECODED)


def _b64(data: Any) -> bytes:
    return base64.b64decode(data)


def _inflate(data: Any, bits: int) -> bytes:
    return zlib.decompressobj(bits).decompress(data, MAX_TEXT)


_DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "base64.b64decode": _b64,
    "base64.standard_b64decode": _b64,
    "base64.decodebytes": _b64,
    "base64.urlsafe_b64decode": base64.urlsafe_b64decode,
    "base64.b32decode": base64.b32decode,
    "base64.b16decode": base64.b16decode,
    "base64.b85decode": base64.b85decode,
    "base64.a85decode": base64.a85decode,
    "binascii.a2b_base64": binascii.a2b_base64,
    "binascii.unhexlify": binascii.unhexlify,
    "binascii.a2b_hex": binascii.unhexlify,
    "zlib.decompress": lambda data: _inflate(data, 15),
    "gzip.decompress": lambda data: _inflate(data, 31),
}


def fold_call(name: str, arguments: list[Value]) -> Value | None:
    """Return what a function gives for constants; None if it is not one that is computed here."""
    first = arguments[0] if arguments else NOTHING
    traits = traits_of(*arguments)
    held = first.constant
    decoder = _DECODERS.get(name)
    if name == "codecs.decode" and len(arguments) == 2 and str(arguments[1].constant).lower() in _CODECS:
        decoder = lambda data: codecs.decode(data, str(arguments[1].constant))  # noqa: E731  # one of the decoders
    if decoder is not None:
        known = isinstance(held, str | bytes)
        return _call(lambda: decoder(held), traits | _DECODED) if known else Value(traits=traits | _DECODED)
    return _fold_builtin(name, first, traits)


def _fold_builtin(name: str, first: Value, traits: frozenset[str]) -> Value | None:
    held = first.constant
    if name == "builtins.chr" and type(held) is int:
        return _call(lambda: chr(held), traits | _MADE)
    if name in {"builtins.bytes", "builtins.bytearray"} and first.items is not None:
        numbers = [item.constant for item in first.items]
        return _call(lambda: bytes(numbers), traits | _MADE)  # type: ignore[arg-type]  # TypeError is expected here
    if name == "builtins.str" and isinstance(held, str):
        return first
    if name == "builtins.reversed" and isinstance(held, str):
        return Value(constant=held[::-1], traits=traits | _MADE)
    return None


def _call(make: Callable[[], Any], traits: frozenset[str]) -> Value:
    """Return the constant that ``make`` gives, or only the traits if the operation refuses these constants."""
    try:
        return _bounded(make(), traits)
    except (ValueError, TypeError, IndexError, zlib.error, OverflowError, LookupError):
        return Value(traits=traits)


def _bounded(made: object, traits: frozenset[str]) -> Value:
    if not isinstance(made, str | bytes) or len(made) > MAX_TEXT:
        return Value(traits=traits)
    return Value(constant=made, traits=traits)
