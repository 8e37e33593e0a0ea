"""What an expression of a template can be: the constants it may have, and where the rest comes from.

Nothing is rendered. Where all operands are constants the result is computed, within small limits, so that a name in
pieces is seen whole; a text that depends on anything else is "made", and a rule may refuse it as a name.
"""

import re
from collections.abc import Callable
from itertools import islice, product
from typing import Final, NamedTuple, TypeAlias

MAX_CONSTANTS: Final = 16  # that one expression may have; real templates have one or two
MAX_TEXT: Final = 4096  # characters of a text that is computed; names are shorter
HUGE: Final = 10**40  # numbers above it are infinite: nothing counts that far


class Mapping(NamedTuple):
    """A mapping of constants."""

    keys: "tuple[Constant, ...]"
    values: "tuple[Constant, ...]"


Constant: TypeAlias = "str | int | float | bool | tuple[object, ...] | Mapping | None"


class Value(NamedTuple):
    """What a value may be: any of ``known``, and what the flags say."""

    known: tuple[Constant, ...] = ()
    data: bool = False  # comes from whoever renders the template: messages, tools
    made: bool = False  # a text that the template makes and that was not computed
    number: bool = False  # a number or a truth value that was not computed
    content: bool = False  # holds words of a message
    date: bool = False  # depends on the time

    @property
    def text(self) -> str | None:
        """The text that the value is for certain; None if it may be something else."""
        only = self.known[0] if len(self.known) == 1 and not (self.data or self.made or self.number) else None
        return only if isinstance(only, str) else None


DATA: Final = Value(data=True)
MADE: Final = Value(made=True)
NUMBER: Final = Value(number=True)


class Uncomputable(Exception):  # noqa: N818  # not an error: the result is only known to be made
    """An operation on constants is not computed here."""


def known(*constants: Constant) -> Value:
    """Return the value that is one of these constants."""
    return Value(known=constants)


def join(*values: Value) -> Value:
    """Return what is any of these values."""
    constants: list[Constant] = []
    for value in values:
        constants += [each for each in value.known if not _among(each, constants)]
    too_many = len(constants) > MAX_CONSTANTS
    counted = all(isinstance(each, int | float) for each in constants)
    return Value(
        () if too_many else tuple(constants),
        any(value.data for value in values),
        (too_many and not counted) or any(value.made for value in values),
        (too_many and counted) or any(value.number for value in values),
        any(value.content for value in values),
        any(value.date for value in values),
    )


def _among(constant: Constant, others: list[Constant]) -> bool:
    # True equals 1, and neither is the other
    return any(type(each) is type(constant) and each == constant for each in others)


def combine(function: Callable[..., Constant], *values: Value) -> Value:
    """Return what ``function`` makes of every choice of constants; what is not computed is made."""
    flags = join(*(value._replace(known=()) for value in values))
    if any(not value.known for value in values):
        return flags._replace(made=True, number=False)
    results: list[Value] = []
    for choice in islice(product(*(value.known for value in values)), MAX_CONSTANTS + 1):
        try:
            results.append(known(_bounded(function(*choice))))
        except (Uncomputable, TypeError, ValueError, ArithmeticError, LookupError):
            results.append(MADE)
    texts = any(not isinstance(each, int | float) for result in results for each in result.known)
    unsure = flags.data or flags.number  # then there are results that were not computed, of the same kind
    return join(
        *results,
        flags._replace(made=flags.made or (unsure and texts), number=flags.number or (unsure and not texts)),
    )


def _bounded(result: Constant) -> Constant:
    if isinstance(result, str | tuple) and len(result) > MAX_TEXT:
        raise Uncomputable
    if isinstance(result, int) and abs(result) > HUGE:
        return float("inf")
    return result


def operate(operator: str, left: Value, right: Value) -> Value:
    """Return the result of an operator that makes a text or a number."""
    if operator == "~" or (left.known and right.known):
        return combine(_OPERATORS[operator], left, right)
    both = (left, right)
    flags = join(*(each._replace(known=()) for each in both))
    texts = any(isinstance(each, str) for value in both for each in value.known)
    if texts or flags.made:
        return flags._replace(made=True)
    lists = any(isinstance(each, tuple) for value in both for each in value.known)
    numbers = operator != "+" or (not lists and any(value.known or value.number for value in both))
    return flags._replace(number=True, data=False, content=False) if numbers else flags


def _add(left: Constant, right: Constant) -> Constant:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if type(left) is tuple and type(right) is tuple:
        return left + right
    return _number(left) + _number(right)


def _number(value: Constant) -> int | float:
    if isinstance(value, int | float):
        return value
    raise Uncomputable


def _multiply(left: Constant, right: Constant) -> Constant:
    for repeated, times in ((left, right), (right, left)):
        if isinstance(repeated, str | tuple) and not isinstance(repeated, Mapping):
            if isinstance(times, int) and len(repeated) * times <= MAX_TEXT:
                return repeated * times
            raise Uncomputable
    return _number(left) * _number(right)


def _power(left: Constant, right: Constant) -> Constant:
    base, exponent = _number(left), _number(right)
    if abs(exponent) > 1000 or abs(base) > HUGE:
        return float("inf")
    result = base**exponent
    return result if isinstance(result, int | float) else float("inf")


def _modulo(left: Constant, right: Constant) -> Constant:
    if isinstance(left, str):
        items = right if type(right) is tuple else (right,)
        return percent_format(left, items)
    return _number(left) % _number(right)


_OPERATORS: Final[dict[str, Callable[[Constant, Constant], Constant]]] = {
    "+": _add,
    "~": lambda left, right: as_text(left) + as_text(right),
    "*": _multiply,
    "**": _power,
    "%": _modulo,
    "-": lambda left, right: _number(left) - _number(right),
    "/": lambda left, right: _number(left) / _number(right),
    "//": lambda left, right: _number(left) // _number(right),
}
ARITHMETIC: Final = frozenset(_OPERATORS)


def as_text(value: object) -> str:
    """Return what a constant looks like when it is emitted; raises Uncomputable for lists and mappings."""
    if isinstance(value, tuple):
        raise Uncomputable
    return str(value)


_PERCENT: Final = re.compile(r"%(.)", re.DOTALL)
_BRACES: Final = re.compile(r"\{(\d{0,3})\}")


def percent_format(text: str, items: tuple[object, ...]) -> str:
    """Return ``text % items`` for directives without width; raises Uncomputable for the rest."""
    waiting = list(items)

    def one(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter == "%":
            return "%"
        if not waiting:
            raise Uncomputable
        item = waiting.pop(0)
        if letter == "c":
            return item[:1] if isinstance(item, str) else chr(int(_number(item)))  # type: ignore[arg-type]  # a constant
        if letter == "x" and isinstance(item, int):
            return f"{item:x}"
        if letter in "sd":
            return as_text(item)
        raise Uncomputable

    return _PERCENT.sub(one, text)


def brace_format(text: str, *items: object) -> str:
    """Return ``text.format(*items)`` for fields without attribute, conversion or width; raises Uncomputable."""
    bare = _BRACES.sub("", text)
    if "{" in bare or "}" in bare:
        raise Uncomputable
    automatic = iter(range(len(items)))
    return _BRACES.sub(lambda m: as_text(items[int(m.group(1)) if m.group(1) else next(automatic)]), text)
