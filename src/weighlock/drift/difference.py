"""The noun of this package: one way in which an installation differs from its baseline."""

import enum
from typing import NamedTuple


class DriftKind(enum.StrEnum):
    """What kind of difference it is."""

    MISSING = "missing"  # locked, not installed
    ADDED = "added"  # installed, not locked
    VERSION = "version"  # installed in another version
    DUPLICATE = "duplicate"  # installed more than once
    FILE_CHANGED = "file changed"
    FILE_MISSING = "file missing"
    FILE_ADDED = "file added"
    FILES_UNKNOWN = "files unknown"  # no digest says what they should be
    UNAPPROVED = "not as approved"  # the same version, other bytes than people approved
    FINDING = "finding"  # the installation itself is not as installers leave it


class Drift(NamedTuple):
    """One difference. ``expected`` and ``observed`` are versions, digests or, of a finding, a sentence."""

    kind: DriftKind
    package: str
    expected: str = ""
    observed: str = ""
    path: str = ""

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.package, self.path)))
        change = " → ".join(filter(None, (self.expected, self.observed)))
        return f"{self.kind}: {what}{f' ({change})' if change else ''}"

    def to_json(self) -> dict[str, str]:
        """Return the JSON object."""
        return {
            "kind": self.kind.value,
            "package": self.package,
            "expected": self.expected,
            "observed": self.observed,
            "path": self.path,
        }
