"""The seam: what a store must be able to do, small enough for a registry to do it too."""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.limit import MAX_DOCUMENT_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress


class BlobStream(Protocol):
    """A blob's bytes, unverified, to be read once from the start: a file, memory or a connection."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from its start and return the number of bytes, 0 at the end."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return up to ``size`` bytes, all that is left if it is negative, nothing at the end."""

    def close(self) -> None:
        """Close the stream."""

    def __enter__(self) -> Self:
        """Return the stream."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close the stream."""


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

    def resume_blob(
        self,
        expected: Digest,
        size: int,
        chunks_from: Callable[[int], Iterable[bytes | memoryview]],
        *,
        wait: bool = True,
    ) -> Blob | None:
        """Store the ``size`` bytes of ``expected``, taking what a broken attempt left, and return them as a blob.

        ``chunks_from(start)`` yields the bytes from ``start`` on: it is asked once for what is missing, once
        more for everything if the digest is wrong after bytes of an earlier attempt, and not at all for a
        blob that is there whole, which is read and digested. Its own errors go through, and what came before
        them is left for the next attempt. Returns None, without ``wait`` only, where another process or
        thread is fetching the blob now; a thread that must notice Ctrl-C asks without ``wait`` and comes back.

        Raises DeniedError ``digest_mismatch``, ``size_mismatch`` and leaves nothing; UndecidedError ``io_failed``.
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

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return the bytes of a manifest, verified against ``digest``; raises as ``read_blob``."""
        ...

    def verify_blob(self, digest: Digest, *, progress: Progress = NO_PROGRESS) -> int:
        """Read the whole blob and return its size; raises DeniedError ``blob_missing``, ``digest_mismatch``."""
        ...

    def borrow_blob(self, blob: Descriptor, source: "Store") -> bool:
        """Take over a blob of ``source`` without its bytes passing here; return whether that was possible.

        The bytes are as unverified as in ``source``.
        """
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
        """Return the listed manifests of one type that are about no other, oldest first; the index's word."""
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
