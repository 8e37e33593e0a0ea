"""What a pull is asked for, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeAlias

from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.lock import LockedModel, Owner
from weighlock.service.transfer import NO_TRAFFIC, Traffic
from weighlock.source.interface import SourceSpec


class Mode(StrEnum):
    """What may happen to the lock."""

    NORMAL = "normal"  # a new model is added; a locked one must be byte-exact
    LOCKED = "locked"  # nothing is added
    UPDATE = "update"  # the entry follows the source


class Status(StrEnum):
    """What a pull came to."""

    PULLED = "pulled"  # new in the lock
    VERIFIED = "verified"  # fetched, and as locked
    PRESENT = (
        "present"  # from afar, locked, and every byte of it was in the store already: nothing was fetched
    )
    UPDATED = "updated"  # the lock follows the source now
    UNCHANGED = "unchanged"  # an update found nothing new
    DECLINED = "declined"  # an update was shown, and not wanted: nothing was changed


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull: a source, or with None all that is locked, or the one that is locked as ``name``."""

    lock_file: Path
    source: str | None = None
    name: str | None = None
    mode: Mode = Mode.NORMAL
    dry_run: bool = False
    offline: bool = False  # from the store and the mirror alone
    mirror: str | None = None  # instead of the settings'


@dataclass(frozen=True, slots=True)
class Task:
    """One model of a request: where it is from and what is locked."""

    spec: SourceSpec
    name: str
    entry: LockedModel | None


class PulledFile(NamedTuple):
    """A file and its size in bytes; its digest is unknown where nobody said it and nothing was fetched."""

    path: str
    size: int
    digest: Digest | None

    @classmethod
    def of(cls, file: ArtifactFile) -> "PulledFile":
        """Return a file that arrived."""
        return cls(file.path, file.size, file.digest)


class FileChange(NamedTuple):
    """How one file differs from the lock: what it was and what it is; None where it is not."""

    path: str
    before: PulledFile | None
    after: PulledFile | None

    @property
    def kind(self) -> str:
        """``added``, ``removed``, ``changed``, or ``unknown`` where nobody told a digest to compare."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        unknown = self.after.digest is None and self.after.size == self.before.size
        return "unknown" if unknown else "changed"


class TextDifference(NamedTuple):
    """What differs in a text that says how a model is used. ``lines`` are untrusted; ``omitted`` more were cut."""

    path: str
    lines: Sequence[str]
    omitted: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an update would change, before it changes anything."""

    name: str
    before: LockedModel
    source: str
    revision: str
    owner: Owner
    changes: Sequence[FileChange]
    texts: Sequence[TextDifference]

    @property
    def size_before(self) -> int:
        """The size in bytes of the files that change or go."""
        return sum(change.before.size for change in self.changes if change.before)

    @property
    def size_after(self) -> int:
        """The size in bytes of the files that come or have changed."""
        return sum(change.after.size for change in self.changes if change.after)


Confirm: TypeAlias = Callable[[Preview], bool]


@dataclass(frozen=True, slots=True)
class Pulled:
    """One model that was pulled, or with ``dry_run`` would have been.

    ``manifest`` is None where a dry run could not know all digests; ``changes`` and ``texts`` are against
    the lock as it was, empty for a new model. ``before`` is the entry that an update is about.
    """

    name: str
    source: str
    revision: str
    owner: Owner
    origin_confirmed: bool
    manifest: Digest | None
    files: Sequence[PulledFile]
    status: Status
    facts: Mapping[str, str] = field(default_factory=dict)
    changes: Sequence[FileChange] = ()
    texts: Sequence[TextDifference] = ()
    before: LockedModel | None = None
    signed: bool = False
    dry_run: bool = False
    traffic: Traffic = NO_TRAFFIC
    seconds: float = 0.0

    @property
    def size(self) -> int:
        """The files' total size in bytes."""
        return sum(file.size for file in self.files)
