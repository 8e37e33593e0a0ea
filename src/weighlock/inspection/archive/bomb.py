"""What grows out of all proportion when it is unpacked."""

from typing import Final, TypeVar

from weighlock.inspection.file import Budget
from weighlock.inspection.span import FormatError, Reading, Unexamined

_T = TypeVar("_T")

ORDINARY_BYTES: Final = 64 * 1024 * 1024  # a small file may be all zeros
MAX_RATIO: Final = 2000  # deflate reaches 1032 with zeros; weights shrink by less than ten
MAX_LARGE_RATIO: Final = 100  # of what uses up the budget


def check_ratio(packed: int, made: int) -> None:
    """Return if ``packed`` bytes may grow to ``made``; raises FormatError ``archive-bomb``."""
    if made > ORDINARY_BYTES and made > packed * MAX_RATIO:
        raise FormatError("archive-bomb", f"{packed} bytes grow to more than {made} when they are unpacked")


def check_growth(budget: Budget, packed: int, reading: Reading[_T]) -> Reading[_T]:
    """Run a reading that unpacks ``packed`` bytes; if it uses up the budget with little, they are a bomb.

    Raises FormatError ``archive-bomb``, and Unexamined as the reading does.
    """
    before = budget.expanded_bytes
    try:
        return (yield from reading)
    except Unexamined as limit:
        made = before - budget.expanded_bytes
        if budget.expanded_bytes < 0 and made > packed * MAX_LARGE_RATIO:
            raise FormatError(
                "archive-bomb", f"{packed} bytes grow to more than {made} when they are unpacked"
            ) from limit
        raise
