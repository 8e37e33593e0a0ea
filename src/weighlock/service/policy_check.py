"""Check of a policy what its own module cannot know: whether the formats that it forbids exist."""

import difflib

from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.inspection.archive.kind import READERS
from weighlock.inspection.catalogue import EXAMINATIONS
from weighlock.policy.document import Policy


def check_formats(policy: Policy, *, file: object) -> None:
    """Raise UsageError ``policy_invalid`` if a forbidden format is none: the line would forbid nothing."""
    known = EXAMINATIONS.keys() | READERS.keys()
    for name in sorted(policy.forbidden_formats - known):
        close = difflib.get_close_matches(name, known, n=1)
        near = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(
            "policy_invalid",
            f"{shown(str(file))}: inspection knows no format {shown(name)}{near}",
            hint="docs/inspection.md lists the formats",
        )
