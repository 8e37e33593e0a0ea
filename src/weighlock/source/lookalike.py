"""Notice a name that is nearly a trusted one: that is how people are led to somebody else's model."""

from collections.abc import Iterable, Sequence
from typing import Final

MAX_CHARACTERS: Final = 128  # longer names are not compared: the work grows with the square
_CONFUSED: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "-": "", "_": "", ".": ""})


def find_lookalike(parts: Sequence[str], trusted: Iterable[Sequence[str]]) -> str | None:
    """Return the trusted name of which ``parts``, or their beginning, differ in one component, and that slightly."""
    for known in trusted:
        pairs = zip(parts, known, strict=False)
        differing = [(part, other) for part, other in pairs if part != other]
        if len(known) <= len(parts) and len(differing) == 1 and is_close(*differing[0]):
            return "/".join(known)
    return None


def is_close(name: str, other: str) -> bool:
    """Return whether people could take one name for the other: one slip in a short name, two in a longer one."""
    one, two = _folded(name), _folded(other)
    if one == two:
        return name != other
    shorter = min(len(one), len(two))
    if not 2 < shorter <= max(len(one), len(two)) <= MAX_CHARACTERS:
        return False
    return count_slips(one, two) <= (1 if shorter < 8 else 2)


def count_slips(one: str, two: str) -> int:
    """Return how many letters have to be added, removed, replaced or swapped with the next to get ``two``."""
    # optimal string alignment: three rows of the table are enough
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        last, row, before = before, [i], row
        for j, other in enumerate(two, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]


def _folded(name: str) -> str:
    return name.lower().replace("rn", "m").replace("vv", "w").translate(_CONFUSED)
