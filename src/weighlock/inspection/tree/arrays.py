"""Lists of numbers in a model, whatever wrote them: as arrays, so that large models take little memory."""

from array import array
from collections.abc import Sequence
from typing import Any

from weighlock.core.jsontext import distinct_keys


class Counted:
    """An array whose numbers are not kept: only how many there are."""

    __slots__ = ("_count",)

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


def compact_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of ``pairs``, its lists of numbers as arrays if it is a tree of XGBoost. A hook for ``json.loads``.

    Raises ValueError for a key that occurs twice.
    """
    made = distinct_keys(pairs)
    if "left_children" in made:
        for key, value in made.items():
            if isinstance(value, list) and value:
                made[key] = _packed(value)
    return made


def _packed(value: list[Any]) -> Any:
    for code in "id":
        try:
            return array(code, value)
        except (TypeError, OverflowError):  # another kind of number, or no number at all
            continue
    return value


def whole_numbers(value: object) -> Sequence[int] | None:
    """Return a list of whole numbers; None if it is none."""
    if isinstance(value, array) and value.typecode not in "fd":
        return value
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        return value
    return None


def length_of(value: object) -> int:
    """Return how many items a list has; -1 if it is none."""
    return len(value) if isinstance(value, list | array | Counted) else -1
