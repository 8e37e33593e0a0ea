"""Move the files of a source to where they are kept, many at a time, each digested in the same pass.

What a file must be is known before its first byte wherever somebody said it: the lock, or
else the source. Then what an earlier pull left of it is read and not fetched again, and two
pulls of one model share the work. The steps for each file:

1. what the lock demands and what the source says agree
2. the bytes pass: size, SHA-256, git's name and the kind that its name promises
3. it is kept under its digest, or nothing of it is
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.limit import MAX_FILES
from weighlock.core.path import check_paths
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.service.crew import Crew
from weighlock.service.sink import Sink
from weighlock.service.transfer_file import FileTransfer
from weighlock.source.interface import Fetched, Item
from weighlock.store.interface import Blob

NETWORK_THREADS: Final = 8  # small files wait for the network, not for a core: 8 answers hide 7 round trips


class Traffic(NamedTuple):
    """Where the bytes of a pull came from, in bytes: the source, a broken pull before, the store."""

    fetched: int = 0
    resumed: int = 0
    present: int = 0

    def plus(self, other: "Traffic") -> "Traffic":
        """Return the sum."""
        return Traffic(*(mine + others for mine, others in zip(self, other, strict=True)))


MIRROR: Final = "mirror"  # the scheme of a demand that only the lock has a say in
NO_TRAFFIC: Final = Traffic()
_WRONG_HINT: Final = frozenset({"git_mismatch", "digest_mismatch"})


class Memory(Protocol):
    """What an earlier pull of this very revision found out: a hint, which is verified again."""

    def recall(self, item: Item) -> Digest | None:
        """Return the digest that the file had."""

    def note(self, item: Item, digest: Digest) -> None:
        """Keep the digest of a file that was held against git's name."""


class _NoMemory:
    def recall(self, item: Item) -> Digest | None:
        """Know nothing."""

    def note(self, item: Item, digest: Digest) -> None:
        """Keep nothing."""


NO_MEMORY: Final[Memory] = _NoMemory()


@dataclass(frozen=True, slots=True)
class Demand:
    """What the files are held against; ``scheme`` is that of the source, which may promise digests itself."""

    scheme: str
    locked: Mapping[str, ArtifactFile] | None = None
    memory: Memory = NO_MEMORY


class Transfer:
    """The files of one model on their way.

    ``interrupt`` ends what is being read from afar, for good; None for files of this machine.

    Raises DeniedError ``artifact_empty``, ``artifact_too_many_files``, ``path_invalid``, ``path_collision``,
    and ``files_differ`` if a lock says that there are others.
    """

    def __init__(
        self,
        fetched: Fetched,
        sink: Sink,
        demand: Demand,
        progress: Progress,
        *,
        interrupt: Callable[[], None] | None,
    ) -> None:
        check_items(fetched.items, demand.locked)
        self._fetched = fetched
        self._sink = sink
        self._demand = demand
        self._progress = progress
        self._remote = interrupt is not None
        self._interrupt = interrupt or _nothing
        self._stopped = threading.Event()
        self._mutex = threading.Lock()
        self._files: dict[str, ArtifactFile] = {}
        self._traffic = NO_TRAFFIC

    @property
    def files(self) -> dict[str, ArtifactFile]:
        """The files that arrived, in code-point order of their paths."""
        return dict(sorted(self._files.items()))

    @property
    def traffic(self) -> Traffic:
        """Where their bytes came from."""
        return self._traffic

    def known(self, item: Item) -> Digest | None:
        """Return a file's digest, if it arrived or if lock, source or memory say it.

        Raises DeniedError ``digest_mismatch``, ``size_mismatch`` if lock and source disagree.
        """
        arrived = self._files.get(item.path)
        return arrived.digest if arrived else self._demanded(item) or self._demand.memory.recall(item)

    def move(self, items: Iterable[Item]) -> None:
        """Move some of the files, the largest first.

        Raises DeniedError ``digest_mismatch``, ``record_mismatch``, ``size_mismatch``, ``git_mismatch`` or
        ``archive_disguised``, naming the file, and the errors of source and sink. After the first error
        nothing else is begun.
        """
        largest_first = sorted(items, key=lambda item: item.size, reverse=True)
        if not largest_first:
            return
        threads = NETWORK_THREADS if self._remote else len(os.sched_getaffinity(0))
        self._progress.begin("pulling", sum(item.size for item in largest_first))
        try:
            crew = Crew(self._move, largest_first, stopped=self._stopped, interrupt=self._interrupt)
            for file in crew.run(threads):
                self._files[file.path] = file
        finally:
            self._progress.end()

    def _move(self, item: Item) -> ArtifactFile | None:
        demanded = self._demanded(item)
        hint = None if demanded else self._remembered(item)
        if hint is not None:
            try:
                return self._bring(item, hint)
            except DeniedError as error:
                if error.code not in _WRONG_HINT:
                    raise
        return self._bring(item, demanded)

    def _bring(self, item: Item, expected: Digest | None) -> ArtifactFile | None:
        passing = FileTransfer(item, self._fetched, self._progress, self._stopped)
        try:
            blob = self._put(item, expected, passing)
            if blob is None:
                return None
            passing.finish(self._sink.read(blob.digest))
        except WeighlockError as error:
            error.details.setdefault("file", item.path)
            raise
        finally:
            passing.end()
        if expected is None:
            self._demand.memory.note(item, blob.digest)
        present = 0 if passing.fetched_bytes or passing.resumed_bytes else blob.size
        with self._mutex:
            self._traffic = self._traffic.plus(Traffic(passing.fetched_bytes, passing.resumed_bytes, present))
        return ArtifactFile(item.path, blob.digest, blob.size)

    def _demanded(self, item: Item) -> Digest | None:
        locked = self._demand.locked.get(item.path) if self._demand.locked else None
        if locked is None:
            return item.promised
        if item.promised not in {None, locked.digest}:
            raise self._mismatch(item, locked.digest, str(item.promised))
        if self._remote and locked.size != item.size:
            raise _wrong_size(item, f"{item.size} bytes at its source, and the lock demands {locked.size}")
        return locked.digest

    def _remembered(self, item: Item) -> Digest | None:
        digest = self._demand.memory.recall(item)
        # what is there is read again, and held against git's name again
        return digest if digest is not None and self._sink.has(digest, item.size) else None

    def _put(self, item: Item, expected: Digest | None, passing: FileTransfer) -> Blob | None:
        try:
            return self._sink.put(item, expected, passing.chunks_from)
        except DeniedError as error:
            if error.code == "size_mismatch" and self._remote:
                raise _wrong_size(item, f"other than the {item.size} bytes that its source lists") from error
            if error.code != "digest_mismatch" or expected is None:
                raise
            raise self._mismatch(item, expected, str(error.details.get("found"))) from error

    def _mismatch(self, item: Item, expected: Digest, found: str) -> DeniedError:
        promised = self._demand.locked is None
        in_record = promised and self._demand.scheme == "pypi"
        by = "the lock demands"
        if promised:
            by = "the wheel's RECORD promises" if in_record else "its source promised"
        hint = (
            "nothing of it was kept; report it to whoever published the model, or to who runs the mirror"
            if promised
            else "the mirror is damaged: fill a new one where there is a network, `weighlock mirror FOLDER`, and "
            "bring it here; if `weighlock fsck` finds the file damaged, it is this store"
            if self._demand.scheme == MIRROR
            else "nothing was changed; see what is different with `weighlock pull --update --dry-run`"
        )
        return DeniedError(
            "record_mismatch" if in_record else "digest_mismatch",
            f"the file {shown(item.path)!r} has the digest {found}, and {by} {expected}",
            hint=hint,
            details={"file": item.path, "expected": str(expected), "found": found},
        )


def check_items(items: Sequence[Item], locked: Mapping[str, ArtifactFile] | None) -> None:
    """Return if a model can have these files, and they are those of the lock; nothing is fetched before.

    Raises DeniedError ``artifact_empty``, ``artifact_too_many_files``, ``path_invalid``, ``path_collision``,
    ``files_differ``.
    """
    if len(items) > MAX_FILES:
        raise DeniedError(
            "artifact_too_many_files", f"the source lists {len(items)} files; the limit is {MAX_FILES}"
        )
    if not items:
        raise DeniedError(
            "artifact_empty", "the model has no files", hint="check the folder, the pattern or the source"
        )
    there = {item.path for item in items}
    if len(there) != len(items):
        raise DeniedError("path_collision", "the source lists a file name twice")
    check_paths(there)
    if locked is None:
        return
    missing, extra = sorted(locked.keys() - there), sorted(there - locked.keys())
    if missing or extra:
        path = (missing or extra)[0]
        what = "is locked and no longer there" if missing else "is there and not locked"
        raise DeniedError(
            "files_differ",
            f"the file {shown(path)!r} {what}",
            hint="see what changed with `weighlock pull --update --dry-run`",
            details={"missing": missing, "extra": extra},
        )


def _nothing() -> None:
    """Do nothing."""


def _wrong_size(item: Item, what: str) -> DeniedError:
    return DeniedError(
        "size_mismatch",
        f"the file {shown(item.path)!r} has {what}",
        hint="nothing of it was kept; see what the source lists with `weighlock pull --update --dry-run`",
        details={"file": item.path},
    )
