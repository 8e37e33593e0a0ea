"""Attempt, for real, the five attacks that must always be blocked, in a scratch workspace.

Each drill also does the same thing untouched, and that must be allowed: a gate that
denies everything would pass every drill and protect nothing. An attempt is blocked only
if it is denied for the reason that the drill is about.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from weighlock.core.clock import Clock
from weighlock.core.error import WeighlockError
from weighlock.service import drill_case
from weighlock.service.drill_house import DrillHouse, scratch_folder
from weighlock.service.drill_result import Drill

_Work = Callable[[Drill, DrillHouse], None]
# title, what is done, and whether the model is released before
_DRILLS: Final[tuple[tuple[str, _Work, bool], ...]] = (
    ("checksum mismatch blocked", drill_case.mismatch, True),
    ("SBOM reviewed before promotion", drill_case.review, False),
    ("pinned digests only", drill_case.pinned, True),
    ("package drift detected", drill_case.drift, True),
    ("compromised model contained", drill_case.compromise, True),
)


def carry_out(
    clock: Clock, variables: Mapping[str, str], tell: Callable[[str], None] = lambda _: None
) -> list[Drill]:
    """Carry out the five drills and return what came of each.

    ``variables`` say where a scratch folder may be; ``tell`` hears what is done now. A drill that could
    not be carried out keeps its problem. Raises a WeighlockError if no workspace could be made.
    """
    drills = []
    with scratch_folder(variables) as folder:
        tell("making a scratch workspace")
        waiting = DrillHouse.build(Path(folder) / "waiting", clock)
        released = waiting.copy("released")
        released.release(released.request())
        for number, (title, work, after_release) in enumerate(_DRILLS, start=1):
            tell(f"drill {number} of {len(_DRILLS)}: {title}")
            drill = Drill(title)
            try:
                work(drill, (released if after_release else waiting).copy(f"drill-{number}"))
            except WeighlockError as error:
                drill.problem = error
            drills.append(drill)
    return drills
