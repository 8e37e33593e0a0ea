"""The seam: what a store must be able to do, small enough for a registry to do it too."""

import io
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, TypeAlias

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.limit import MAX_DOCUMENT_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress

BlobStream: TypeAlias = io.FileIO | io.BytesIO


class Blob(NamedTuple):
    """Bytes in a store: their SHA-256 digest and their size in bytes."""

    digest: Digest
    size: int


class Entry(NamedTuple):
    """A manifest that the store lists: what it is, its names, and what it is evidence about, if it is."""

    descriptor: Descriptor
    names: tuple[str, ...] = ()
    subject: Digest | None = None


class Store(Protocol):
    """Blobs by digest, manifests by digest and name, referrers by subject."""

    def write_blob(
        self,
        chunks: Iterable[bytes | memoryview],
        *,
        expected: Digest | None = None,
        expected_size: int | None = None,
    ) -> Blob:
        """Store the bytes of ``chunks`` under their digest and return it; nothing appears unless they match.

        A chunk is used before the next is asked for, so one buffer can serve for all of them.
        Raises DeniedError ``digest_mismatch``, ``size_mismatch``; UndecidedError ``io_failed``.
        """
        ...

    def blob_size(self, digest: Digest) -> int:
        """Return the size in bytes of a blob, unread; raises DeniedError ``blob_missing``."""
        ...

    def open_blob(self, digest: Digest) -> BlobStream:
        """Return the blob's bytes as a stream, *unverified*: digest what is read from it.

        Raises DeniedError ``blob_missing``.
        """
        ...

    def read_blob(self, digest: Digest, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the blob's bytes, verified against ``digest``.

        Raises DeniedError ``blob_missing``, ``blob_too_large`` (over ``limit`` bytes), ``digest_mismatch``.
        """
        ...

    def verify_blob(self, digest: Digest, *, progress: Progress = NO_PROGRESS) -> int:
        """Read the whole blob and return its size; raises DeniedError ``blob_missing``, ``digest_mismatch``."""
        ...

    def put_manifest(self, raw: bytes, *, name: str | None = None) -> Descriptor:
        """Store a manifest or an index, list it and return its descriptor; ``name`` moves if another had it.

        Raises DeniedError ``manifest_invalid``, ``blob_missing``, ``size_mismatch`` (a blob that it lists),
        ``child_missing`` (a manifest that an index lists), ``subject_missing``; UsageError ``name_invalid``.
        """
        ...

    def tag(self, digest: Digest, name: str) -> None:
        """Give a listed manifest a name; raises UsageError ``name_invalid``, ``artifact_unknown``."""
        ...

    def untag(self, name: str) -> None:
        """Take a name away; the manifest stays. Raises UsageError ``artifact_unknown``."""
        ...

    def delete(self, digest: Digest) -> None:
        """Unlist a manifest and all evidence about it; gc then frees the bytes.

        Raises UsageError ``artifact_unknown``.
        """
        ...

    def resolve(self, text: str) -> Descriptor:
        """Return the manifest that a digest, a name or at least 12 hex digits stand for.

        Raises UsageError ``artifact_unknown``, ``artifact_ambiguous``, ``name_invalid``.
        """
        ...

    def entries(self) -> list[Entry]:
        """Return all listed manifests, oldest first. Names and subjects are the index's word, unverified."""
        ...

    def find(self, artifact_type: str) -> list[Digest]:
        """Return the listed manifests of one type, oldest first; the type is the index's word."""
        ...

    def attach(
        self,
        subject: Descriptor,
        artifact_type: str,
        payload: bytes,
        payload_media_type: str,
        annotations: Mapping[str, str] | None = None,
    ) -> Descriptor:
        """Store ``payload`` as a referrer of ``subject`` and return the referrer's descriptor.

        Raises DeniedError ``subject_missing``.
        """
        ...

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return the manifests that name ``subject``, oldest first, each read and verified.

        Raises DeniedError ``digest_mismatch``, ``blob_missing`` or ``index_damaged``: evidence that cannot
        be read may be a revocation, so it is never skipped.
        """
        ...
