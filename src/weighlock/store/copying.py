"""Copy artifacts from one store to another: how promotion, push and fetch move bytes.

1. plan: read every manifest that belongs to it, verified: children before their index, a subject
   before what refers to it
2. the blobs, several at a time, each digested in the pass that copies it
3. the manifests in the plan's order, the name with the first one asked for

Until step 3 nothing is listed, so what breaks off leaves no half of an artifact.
"""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from weighlock.core.artifact import annotated_path
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.store.folder import read_chunks
from weighlock.store.interface import BlobStream, Store
from weighlock.store.manifest import Manifest, read_manifest
from weighlock.store.threads import in_order

MAX_THREADS: Final = 4  # blobs at a time; two saturate a core with digesting, more hide a network's delay
MAX_MANIFESTS: Final = 20_000  # of one copy; a model with ten years of weekly evidence has 5,000
MAX_PLAN_BYTES: Final = (
    64 * 1024 * 1024
)  # of manifests, which take up to eight times that in memory; 10,000 files: 4 MB
MAX_PLAN_BLOBS: Final = 200_000  # that they list, a kilobyte each in memory; 20 platforms of 10,000 files
MAX_DEPTH: Final = 8  # an index in an index; evidence about evidence about evidence


@dataclass(frozen=True, slots=True)
class Plan:
    """What a copy consists of: manifests in the order in which they can be put, and each blob once."""

    root: Manifest
    manifests: tuple[Manifest, ...]
    referrers: int

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The distinct blobs, the largest first."""
        blobs = {blob.digest: blob for manifest in self.manifests for blob in manifest.blobs}
        return tuple(sorted(blobs.values(), key=lambda blob: blob.size, reverse=True))

    @property
    def size(self) -> int:
        """The blobs' size in bytes."""
        return sum(blob.size for blob in self.blobs)


class Amount(NamedTuple):
    """Some blobs and their bytes."""

    blobs: int
    size: int

    def plus(self, size: int) -> "Amount":
        """Return the amount with one blob more."""
        return Amount(self.blobs + 1, self.size + size)


NOTHING: Final = Amount(0, 0)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to: which blobs were sent, which the target took over by itself, which it had already."""

    descriptor: Descriptor
    manifests: int
    referrers: int
    sent: Amount
    mounted: Amount
    present: Amount


def copy_artifact(
    source: Store,
    target: Store,
    digest: Digest,
    *,
    with_referrers: bool = False,
    name: str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Descriptor:
    """Copy a manifest, all it consists of and, if asked, all that refers to it; return its descriptor.

    Every byte is digested in the pass that copies it; a blob that ``target`` has already is read and
    digested there. ``progress`` is advanced only. Raises DeniedError ``digest_mismatch``,
    ``size_mismatch``, ``blob_missing``, and what ``plan_copy`` raises.
    """
    plan = plan_copy(source, digest, with_referrers=with_referrers)
    return carry_out(plan, source, target, name=name, progress=progress).descriptor


def copy_referrers(source: Store, target: Store, subject: Digest) -> None:
    """Copy all that refers to a manifest which ``target`` has already; raises as ``copy_artifact``."""
    for referrer in source.referrers(subject):
        copy_artifact(source, target, referrer.digest, with_referrers=True)


def plan_copy(source: Store, digest: Digest, *, with_referrers: bool) -> Plan:
    """Return what belongs to a manifest; raises DeniedError ``copy_too_large``, and as ``read_manifest``."""
    planner = _Planner(source, with_referrers=with_referrers)
    planner.add(digest, depth=0)
    found = planner.found
    return Plan(found[digest], tuple(found.values()), planner.referrers)


def carry_out(
    plan: Plan,
    source: Store,
    target: Store,
    *,
    name: str | None = None,
    reread: bool = True,
    progress: Progress = NO_PROGRESS,
) -> Copied:
    """Copy what is planned and return what that came to.

    ``reread`` also reads and digests blobs that were in ``target`` already; where that costs a download,
    it can be left to whoever uses them, who digests them anyway. Raises as ``copy_artifact``.
    """
    work = _Work(source, target, reread=reread, progress=progress)
    work.copy_blobs(plan.blobs)
    for manifest in plan.manifests:
        target.put_manifest(manifest.raw, name=name if manifest is plan.root else None)
    return Copied(
        plan.root.descriptor, len(plan.manifests), plan.referrers, work.sent, work.mounted, work.present
    )


def would_copy(plan: Plan, target: Store) -> Copied:
    """Return what ``carry_out`` would come to, nothing being read or written; mounting is not tried."""
    missing, present = NOTHING, NOTHING
    for blob, there in zip(
        plan.blobs, in_order(lambda each: has_blob(target, each), plan.blobs), strict=True
    ):
        missing, present = (missing, present.plus(blob.size)) if there else (missing.plus(blob.size), present)
    return Copied(plan.root.descriptor, len(plan.manifests), plan.referrers, missing, NOTHING, present)


def missing_blobs(plan: Plan, target: Store) -> Amount:
    """Return what would have to be sent to ``target``, nothing being read."""
    return would_copy(plan, target).sent


def has_blob(store: Store, blob: Descriptor) -> bool:
    """Return whether a store has a blob, unread; raises DeniedError ``size_mismatch`` if it has another size."""
    try:
        size = store.blob_size(blob.digest)
    except DeniedError as error:
        if error.code != "blob_missing":
            raise
        return False
    if size != blob.size:
        raise DeniedError(
            "size_mismatch", f"the blob {blob.digest} has {size} bytes there; the manifest says {blob.size}"
        )
    return True


def skip(stream: BlobStream, size: int) -> None:
    """Leave out the first ``size`` bytes of a stream that was not read yet."""
    if isinstance(stream, io.FileIO | io.BytesIO):
        stream.seek(size)
        return
    rest = size
    while rest and (skipped := stream.read(min(rest, READ_BYTES))):
        rest -= len(skipped)


class _Planner:
    """Collects manifests, each once, in an order in which they can be put."""

    def __init__(self, source: Store, *, with_referrers: bool) -> None:
        self.found: dict[Digest, Manifest] = {}
        self.referrers = 0
        self._source = source
        self._with_referrers = with_referrers
        self._size = 0
        self._blobs = 0

    def add(self, digest: Digest, *, depth: int) -> None:
        if digest in self.found:
            return
        if depth > MAX_DEPTH:
            raise _too_large(f"it nests deeper than {MAX_DEPTH}")
        manifest = read_manifest(self._source, digest)
        for blob in manifest.blobs:
            annotated_path(blob)  # raises where a file has two names
        self._size += len(manifest.raw)
        self._blobs += len(manifest.blobs)
        if self._size > MAX_PLAN_BYTES or len(self.found) >= MAX_MANIFESTS:
            raise _too_large(f"it has more than {MAX_MANIFESTS} manifests or {MAX_PLAN_BYTES} bytes of them")
        if self._blobs > MAX_PLAN_BLOBS:
            raise _too_large(f"its manifests list more than {MAX_PLAN_BLOBS} blobs")
        for child in manifest.children:
            self.add(child.descriptor.digest, depth=depth + 1)
        self.found[digest] = manifest
        if self._with_referrers:
            for referrer in self._source.referrers(digest):
                self.referrers += referrer.digest not in self.found
                self.add(referrer.digest, depth=depth + 1)


@dataclass
class _Work:
    """What the threads share."""

    source: Store
    target: Store
    reread: bool
    progress: Progress
    sent: Amount = NOTHING
    mounted: Amount = NOTHING
    present: Amount = NOTHING
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def copy_blobs(self, blobs: tuple[Descriptor, ...]) -> None:
        """Copy them all; the first error ends it."""
        pool = ThreadPoolExecutor(max_workers=MAX_THREADS)
        try:
            for future in [pool.submit(self._copy, blob) for blob in blobs]:
                future.result()
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)

    def _copy(self, blob: Descriptor) -> None:
        if has_blob(self.target, blob):
            self._reread(blob)
            with self._mutex:
                self.present = self.present.plus(blob.size)
        elif self.target.borrow_blob(blob, self.source):
            self._reread(blob)
            with self._mutex:
                self.mounted = self.mounted.plus(blob.size)
        else:
            self._send(blob)
            with self._mutex:
                self.sent = self.sent.plus(blob.size)

    def _reread(self, blob: Descriptor) -> None:
        if self.reread:
            self.target.verify_blob(blob.digest, progress=self.progress)
        else:
            self.progress.advance(blob.size)

    def _send(self, blob: Descriptor) -> None:
        self.target.resume_blob(blob.digest, blob.size, lambda start: self._chunks(blob, start))

    def _chunks(self, blob: Descriptor, start: int) -> Iterator[memoryview]:
        self.progress.advance(start)  # what an earlier attempt left
        with self.source.open_blob(blob.digest) as stream:
            skip(stream, start)
            for chunk in read_chunks(stream, size=blob.size - start):
                if self._stopped.is_set():
                    raise CancelledError  # another blob failed; its error is the one that is told
                self.progress.advance(len(chunk))
                yield chunk


def _too_large(why: str) -> DeniedError:
    return DeniedError(
        "copy_too_large",
        f"what is to be copied is refused: {why}",
        hint="find out who attached that much; copy without it: --no-referrers",
    )
