"""What every store with blobs and an index has in common; a subclass says where these are."""

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from weighlock.core.clock import Clock, write_time
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_DOCUMENT_BYTES, MAX_MANIFEST_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.store_reference import check_name
from weighlock.store.folder import read_chunks
from weighlock.store.index import Index
from weighlock.store.interface import Blob, BlobStream, Entry, Store
from weighlock.store.manifest import EMPTY, EMPTY_DESCRIPTOR, Manifest, read_manifest, write_referrer
from weighlock.store.tally import Tally

CREATED_ANNOTATION: Final = "org.opencontainers.image.created"


class IndexedStore(abc.ABC):
    """A ``Store``: see ``interface.py`` for what each method promises."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @abc.abstractmethod
    def write_blob(
        self,
        chunks: Iterable[bytes | memoryview],
        *,
        expected: Digest | None = None,
        expected_size: int | None = None,
    ) -> Blob:
        """Store bytes under their digest."""

    @abc.abstractmethod
    def resume_blob(
        self,
        expected: Digest,
        size: int,
        chunks_from: Callable[[int], Iterable[bytes | memoryview]],
        *,
        wait: bool = True,
    ) -> Blob | None:
        """Store the bytes of ``expected``, taking what a broken attempt left."""

    @abc.abstractmethod
    def blob_size(self, digest: Digest) -> int:
        """Return the size in bytes of a blob."""

    @abc.abstractmethod
    def open_blob(self, digest: Digest) -> BlobStream:
        """Return the blob's bytes as a stream, unverified."""

    @abc.abstractmethod
    def _index(self) -> Index:
        """Return the index as it is now."""

    @abc.abstractmethod
    def _change_index(self, change: Callable[[Index], Index], *, listed: Iterable[Digest] = ()) -> None:
        """Replace the index by what ``change`` makes of it, alone and atomically; ``listed`` need no lease now."""

    def read_blob(self, digest: Digest, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the blob's bytes, verified."""
        with self.open_blob(digest) as stream:
            raw = b"".join(map(bytes, read_chunks(_Limited(stream, limit + 1), size=min(limit + 1, 1 << 16))))
        if len(raw) > limit:
            raise DeniedError("blob_too_large", f"the blob {digest} is larger than {limit} bytes")
        Tally(f"the blob {digest.short}", expected=digest).update(raw).finish()
        return raw

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return the bytes of a manifest, verified: a blob like any other."""
        return self.read_blob(digest, limit=MAX_MANIFEST_BYTES)

    def verify_blob(self, digest: Digest, *, progress: Progress = NO_PROGRESS) -> int:
        """Read the whole blob and return its size."""
        tally = Tally(f"the blob {digest.short}", expected=digest)
        with self.open_blob(digest) as stream:
            for chunk in read_chunks(stream):
                tally.update(chunk)
                progress.advance(len(chunk))
        return tally.finish().size

    def _check_whole(self, expected: Digest, size: int) -> Blob:
        """Return a blob that is there already, after reading it; raises DeniedError ``digest_mismatch``, ``size_mismatch``."""
        found = self.blob_size(expected)
        if found != size:
            raise DeniedError(
                "size_mismatch",
                f"the store holds {found} bytes as {expected}, and {size} were promised",
                hint="`weighlock fsck` says whether the store is damaged; else ask whoever promised the size",
            )
        return Blob(expected, self.verify_blob(expected))

    def borrow_blob(self, blob: Descriptor, source: Store) -> bool:  # noqa: ARG002  # a registry can do it
        """Return False: the bytes pass here, and are digested then."""
        return False

    def put_manifest(self, raw: bytes, *, name: str | None = None) -> Descriptor:
        """Store and list a manifest."""
        manifest = Manifest.parse(raw)
        if name is not None:
            check_name(name)
        self._require(manifest, self._index())  # before anything is written; and again under the lock
        self.write_blob([raw], expected=manifest.digest)
        subject = manifest.subject.digest if manifest.subject else None

        def change(index: Index) -> Index:
            self._require(manifest, index)
            return index.add(manifest.descriptor, name=name, subject=subject)

        children = (child.descriptor.digest for child in manifest.children)
        listed = (manifest.digest, *(blob.digest for blob in manifest.blobs), *children)
        self._change_index(change, listed=listed)
        return manifest.descriptor

    def tag(self, digest: Digest, name: str) -> None:
        """Give a manifest a name."""
        check_name(name)
        self._change_index(lambda index: index.tag(digest, name))

    def untag(self, name: str) -> None:
        """Take a name away."""
        self._change_index(lambda index: index.untag(name))

    def delete(self, digest: Digest) -> None:
        """Unlist a manifest and all evidence about it."""
        self._change_index(lambda index: index.delete(digest))

    def resolve(self, text: str) -> Descriptor:
        """Return the manifest that ``text`` stands for."""
        return self._index().resolve(text).descriptor

    def entries(self) -> list[Entry]:
        """Return all listed manifests."""
        return list(self._index().by_digest.values())

    def find(self, artifact_type: str) -> list[Digest]:
        """Return the listed manifests of one type, evidence apart."""
        entries = self._index().by_digest.values()
        return [
            entry.descriptor.digest
            for entry in entries
            if entry.subject is None and entry.descriptor.artifact_type == artifact_type
        ]

    def attach(
        self,
        subject: Descriptor,
        artifact_type: str,
        payload: bytes,
        payload_media_type: str,
        annotations: Mapping[str, str] | None = None,
    ) -> Descriptor:
        """Store ``payload`` as a referrer of ``subject``; it says when, unless ``annotations`` do."""
        _require_subject(subject, self._index())
        blob = self.write_blob([payload])
        self.write_blob([EMPTY], expected=EMPTY_DESCRIPTOR.digest)
        layer = Descriptor(payload_media_type, blob.digest, blob.size)
        made = {CREATED_ANNOTATION: write_time(self._clock()), **(annotations or {})}
        return self.put_manifest(write_referrer(subject, artifact_type, layer, made))

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return the manifests that name ``subject``, each verified."""
        return [
            self._verified(entry, subject)
            for entry in self._index().by_digest.values()
            if entry.subject == subject
        ]

    def _verified(self, entry: Entry, subject: Digest) -> Descriptor:
        manifest = read_manifest(self, entry.descriptor.digest)
        if manifest.subject is None or manifest.subject.digest != subject:
            raise DeniedError(
                "index_damaged",
                f"the index lists {manifest.digest} as evidence about {subject}, and it is not",
                hint="somebody edited index.json; `weighlock fsck` says what else is damaged",
            )
        return manifest.descriptor

    def _require(self, manifest: Manifest, index: Index) -> None:
        for blob in manifest.blobs:
            size = self.blob_size(blob.digest)
            if size != blob.size:
                raise DeniedError(
                    "size_mismatch", f"the blob {blob.digest} has {size} bytes; the manifest says {blob.size}"
                )
        for child in manifest.children:
            _require_child(child.descriptor, index)
        if manifest.subject is not None:
            _require_subject(manifest.subject, index)


class _Limited:
    """The first bytes of a stream."""

    def __init__(self, stream: BlobStream, limit: int) -> None:
        self._stream = stream
        self._rest = limit

    def readinto(self, buffer: memoryview) -> int:
        """Read into ``buffer`` what is still allowed."""
        count = self._stream.readinto(buffer[: self._rest]) or 0
        self._rest -= count
        return count


def _require_child(child: Descriptor, index: Index) -> None:
    entry = index.by_digest.get(child.digest)
    if entry is None or not describes(child, entry.descriptor):
        raise child_missing(child)


def _require_subject(subject: Descriptor, index: Index) -> None:
    entry = index.by_digest.get(subject.digest)
    if entry is None or not describes(subject, entry.descriptor):
        raise subject_missing(subject)


def describes(claim: Descriptor, manifest: Descriptor) -> bool:
    """Return whether a manifest is what another one says of it."""
    return (claim.digest, claim.size, claim.media_type) == (
        manifest.digest,
        manifest.size,
        manifest.media_type,
    )


def child_missing(child: Descriptor) -> DeniedError:
    """Return the error for an index that lists what the store does not have."""
    return DeniedError(
        "child_missing",
        f"the store has no manifest {child.digest} as the index describes it",
        hint="an index needs the manifests of all its platforms; copy it as a whole",
    )


def subject_missing(subject: Descriptor) -> DeniedError:
    """Return the error for evidence about what the store does not have."""
    return DeniedError(
        "subject_missing",
        f"the store has no manifest {subject.digest} that something could be said about",
        hint="evidence lies beside what it is about: pull or copy that first",
    )
