"""How a command ends. Findings win over not examined; both deny."""

import enum
from collections.abc import Iterable


class Outcome(enum.IntEnum):
    """The exit status of a command (DESIGN: outcomes)."""

    CLEAN = 0  # allowed, or nothing found
    FINDINGS = 1  # denied, or something found
    USAGE = 2  # the command line or the settings are wrong
    UNDECIDED = 3  # not examined, or could not decide: a gate denies


_WORST_FIRST = (Outcome.USAGE, Outcome.FINDINGS, Outcome.UNDECIDED, Outcome.CLEAN)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of a whole from its parts; of no parts, UNDECIDED: nothing was examined."""
    found = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in found), Outcome.UNDECIDED)
