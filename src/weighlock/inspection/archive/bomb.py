"""What grows out of all proportion when it is unpacked."""

from typing import Final, TypeVar

from weighlock.inspection.file import File
from weighlock.inspection.span import Reading, Unexamined

_T = TypeVar("_T")

MAX_RATIO: Final = 100  # weights shrink by less than 10; zeros that a budget can hold may shrink by more


def check_growth(file: File, packed: int, reading: Reading[_T]) -> Reading[_T]:
    """Run a reading that unpacks ``packed`` bytes; if it uses up the budget with little, it is a bomb.

    Raises Unexamined as the reading does.
    """
    before = file.budget.expanded_bytes
    try:
        return (yield from reading)
    except Unexamined:
        if file.budget.expanded_bytes < 0 and before - file.budget.expanded_bytes > packed * MAX_RATIO:
            file.report.find(
                "archive-bomb", f"{packed} bytes grow to more than {before} bytes when they are unpacked"
            )
        raise
