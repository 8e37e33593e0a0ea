"""What a project adds to the rules of inspection for its people: names, and reviewed waivers.

Promotion takes both from the policy instead, whose digest approvals sign. Nothing that lies in
what is inspected is listened to: a downloaded model would excuse itself.
"""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.core.text import shown
from weighlock.inspection.options import Options

if TYPE_CHECKING:
    from weighlock.core.waiver import Waiver
    from weighlock.inspection.result import InspectionResult
    from weighlock.settings import Settings


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """What is added, and sentences about what was not listened to."""

    options: Options = field(default_factory=Options)
    waivers: "tuple[Waiver, ...]" = ()
    notes: tuple[str, ...] = ()

    def apply(self, result: "InspectionResult", today: dt.date) -> "tuple[InspectionResult, list[str]]":
        """Return the result with waived findings set apart, and a sentence for each waiver that does nothing."""
        if not self.waivers:
            return result, []
        from weighlock.inspection.waiver import apply_waivers  # noqa: PLC0415  # few projects have any

        return apply_waivers(result, self.waivers, today)


def read_project_rules(
    settings: "Settings | None", waivers: Path | None, targets: list[Path], *, named: bool
) -> ProjectRules:
    """Return what the settings and the file ``waivers`` add for an inspection of ``targets``.

    ``named`` says that a person named the settings file, so that it counts wherever it lies. Raises UsageError ``waivers_invalid``, ``source_missing`` if the file was named and is not there.
    """
    from weighlock.core.pickle_name import read_allowed  # noqa: PLC0415  # as above

    options, notes = Options(), []
    waivers_named = waivers is not None
    if (
        settings is not None
        and settings.file is not None
        and not named
        and _is_inside(settings.file, targets)
    ):
        notes.append(
            f"{shown(str(settings.file))} is not listened to: it is part of what is inspected (name it with -C)"
        )
    elif settings is not None:
        options = Options(dict(map(read_allowed, settings.names("inspection.allow"))))
        waivers = waivers or settings.file_of("inspection.waivers")
    if waivers is None or not (waivers_named or waivers.is_file()):
        return ProjectRules(options, notes=tuple(notes))
    if not waivers_named and not named and _is_inside(waivers, targets):
        notes.append(
            f"{shown(str(waivers))} is not listened to: it is part of what is inspected (name it with --waivers)"
        )
        return ProjectRules(options, notes=tuple(notes))
    from weighlock.inspection.waiver import read_waivers  # noqa: PLC0415  # as above
    from weighlock.service.file import read_limited  # noqa: PLC0415  # as above
    from weighlock.yamltext import MAX_YAML_BYTES  # noqa: PLC0415  # as above

    raw = read_limited(waivers, MAX_YAML_BYTES, missing="source_missing")
    return ProjectRules(options, read_waivers(raw, file=waivers), tuple(notes))


def _is_inside(file: Path, targets: list[Path]) -> bool:
    """Return whether a file is in a target, or beside one that is a file: both may have come in one download."""
    real = file.resolve()
    for target in targets:
        place = target.resolve()
        if real.is_relative_to(place) or (place.is_file() and real.parent == place.parent):
            return True
    return False
