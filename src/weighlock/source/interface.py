"""The seam: resolve what a person named, then hand out its files, byte by byte."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from weighlock.core.digest import Digest
from weighlock.core.lock import LockedModel, Owner
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
    changed_at: dt.datetime | None = None  # when the origin says that this revision appeared, if it says so
    pinned: bool = False  # the person named the bytes themselves, by digest


class Item(NamedTuple):
    """A file that can be fetched: its path, its size in bytes, the digest that its source promises, if any.

    ``git_sha1`` is the name that git gives the bytes, 40 hex digits: held against them, but no proof alone.
    ``version_id`` is what an object store calls this version: the lock keeps it, so that the same is asked for again.
    """

    path: str
    size: int
    promised: Digest | None = None
    git_sha1: str | None = None
    version_id: str | None = None


class Staging(Protocol):
    """Where a source keeps a container, such as a layer with many files, while it reads the files out of it."""

    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        """Return the container's bytes, verified, to be closed by the caller.

        ``chunks_from(start)`` yields them from byte ``start`` on; what a broken pull left is not asked for
        again. Raises DeniedError ``digest_mismatch``, ``size_mismatch``; UndecidedError ``io_failed``.
        """


class Fetched(Protocol):
    """The files of a model, open to be read once."""

    @property
    def items(self) -> Sequence[Item]:
        """The files, in code-point order of their paths."""

    @property
    def materials(self) -> Sequence[Material]:
        """What they were taken from."""

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of one file from byte ``start`` on, each chunk valid until the next.

        To be called from any thread, one thread a file. Raises at the end, or before, if the bytes are not whole: ``file_changed``, ``archive_invalid``.
        """


class Ranges(Protocol):
    """Parts of one file that lies elsewhere."""

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes from ``begin`` to before ``end``; from any thread.

        Nothing proves them. Raises as ``Fetched.chunks``, and UndecidedError ``ranges_refused``.
        """


@runtime_checkable
class Ranged(Protocol):
    """``Fetched`` files of which parts can be read alone."""

    def ranges(self, path: str) -> Ranges | None:
        """Return what reads parts of one file; None if it lies inside something else."""


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

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return if ``resolved`` is a later revision of what is locked as ``before``, or the source has no history.

        Raises DeniedError ``revision_vanished``, ``history_rewritten``.
        """

    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> AbstractContextManager[Fetched]:
        """Return the files; what was fetched to get at them is gone when the context ends.

        With ``locked``, a source need not ask anybody which files there are: the lock says it.
        """
