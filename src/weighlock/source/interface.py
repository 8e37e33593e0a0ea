"""The seam: resolve what a person named, then hand out its files, byte by byte."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from weighlock.core.digest import Digest
from weighlock.core.lock import Owner
from weighlock.core.progress import Progress


class SourceSpec(NamedTuple):
    """What a person named: ``scheme:location``."""

    scheme: str
    location: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.location}"


class Material(NamedTuple):
    """Something that the model was taken from, for its provenance; ``claims`` are its maker's words."""

    name: str
    digest: Digest
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A source that was found: nothing of it is fetched yet."""

    revision: str
    owner: Owner
    origin_confirmed: bool  # the digests come from the canonical origin, not from a mirror
    facts: Mapping[str, str] = field(default_factory=dict)  # what the lock keeps for this kind of source


class Item(NamedTuple):
    """A file that can be fetched: its path, its size in bytes, the digest that its source promises, if any."""

    path: str
    size: int
    promised: Digest | None = None


class Fetched(Protocol):
    """The files of a model, open to be read once."""

    @property
    def items(self) -> Sequence[Item]:
        """The files, in code-point order of their paths."""

    @property
    def materials(self) -> Sequence[Material]:
        """What they were taken from."""

    def chunks(self, path: str) -> Iterator[memoryview]:
        """Yield the bytes of one file, each chunk valid until the next; from any thread, one thread a file.

        Raises at the end, or before, if the bytes are not whole: ``file_changed``, ``archive_invalid``.
        """


class Source(Protocol):
    """One kind of place that models come from."""

    remote: bool  # whether looking again costs a download; a local source is compared at every pull

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return ``spec`` as the lock writes it, and the other methods take it; relative paths begin at ``base``.

        Raises UsageError ``source_invalid`` or DeniedError ``path_invalid``.
        """

    def name_of(self, spec: SourceSpec) -> str:
        """Return what a model from there is called unless the person says otherwise; it may be no valid name."""

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings trust ``spec``; raises DeniedError ``source_not_allowed``."""

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return what ``spec`` stands for now; ``locked`` are the facts that a lock demands, or empty.

        Raises UsageError ``source_invalid`` or ``source_missing``, DeniedError ``origin_unconfirmed``
        or ``digest_mismatch``, UndecidedError ``index_failed``.
        """

    def fetch(
        self, spec: SourceSpec, resolved: Resolved, progress: Progress
    ) -> AbstractContextManager[Fetched]:
        """Return the files; what was fetched to get at them is gone when the context ends."""
