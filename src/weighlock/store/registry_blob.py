"""The blobs of a repository: uploaded while they are digested, read as they come."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Self

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.limit import MAX_DOCUMENT_BYTES, READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.store.folder import read_chunks
from weighlock.store.interface import Blob, BlobStream, Store
from weighlock.store.registry_manifest import Manifests, missing
from weighlock.store.tally import Tally, check_algorithm
from weighlock.transport.download import Downloader
from weighlock.transport.registry.repository import Repository

MAX_KEPT_BYTES: Final = 64 * 1024 * 1024  # of small blobs; a release with its evidence has 100 KB
SMALL_BYTES: Final = 1 << 20  # kept in memory, to ask whether it is there already before it is sent


class RegistryStream:
    """A ``BlobStream`` over chunks, each good until the next is asked for; closing it ends the download."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview | bytearray, /) -> int:
        """Fill the buffer from its start and return the number of bytes, 0 at the end."""
        if not self._rest and len(buffer):
            self._rest = next(self._chunks, self._rest)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, all that is left if it is negative, nothing at the end."""
        found = bytearray()
        while size < 0 or len(found) < size:
            piece = bytearray(READ_BYTES if size < 0 else min(READ_BYTES, size - len(found)))
            count = self.readinto(piece)
            if not count:
                break
            found += piece[:count]
        return bytes(found)

    def close(self) -> None:
        """Let go of the connection."""
        self._rest = memoryview(b"")
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RegistryBlobs:
    """What of a ``Store`` is about blobs. For any thread."""

    def __init__(self, repository: Repository, downloader: Downloader) -> None:
        self.repository = repository
        self.manifests = Manifests(repository)
        self._downloader = downloader
        # What the registry said of a blob: its size, or that it has none, which is good for one writing.
        self._said: dict[Digest, int | None] = {}
        self._read_before: dict[Digest, bytes] = {}
        self._kept_bytes = 0
        self._keeping = threading.Lock()

    def write_blob(
        self,
        chunks: Iterable[bytes | memoryview],
        *,
        expected: Digest | None = None,
        expected_size: int | None = None,
    ) -> Blob:
        """Upload bytes under their digest, unless the registry has them; they are digested in any case."""
        counted = Tally("what was offered", expected=expected, expected_size=expected_size)
        source, head = iter(chunks), bytearray()
        for chunk in source:
            counted.count(len(chunk))
            head += chunk
            if len(head) > SMALL_BYTES:
                break
        else:
            data = bytes(head)
            digested = Tally("what was offered", expected=expected, expected_size=expected_size)
            return self._write_small(data, digested.update(data).finish())
        rest = _counting(counted, head, source)
        if expected is not None and self.known_size(expected) is not None:
            digested = Tally("what was offered", expected=expected, expected_size=expected_size)
            for chunk in rest:
                digested.update(chunk)
            return digested.finish()  # nothing has to be sent
        done = self.repository.upload(rest, digest=expected, size=expected_size)
        return self._note(Blob(done.digest, done.size))

    def resume_blob(
        self,
        expected: Digest,
        size: int,
        chunks_from: Callable[[int], Iterable[bytes | memoryview]],
        *,
        wait: bool = True,  # noqa: ARG002  # two uploads of one blob do not disturb each other
    ) -> Blob:
        """Upload a blob whose bytes can be had again from anywhere, unless the registry has it: then read that."""
        check_algorithm(expected)
        there = self.known_size(expected)
        if there is not None:
            self.check_size(expected, size, there)
            return Blob(expected, self.verify_blob(expected))
        if size <= SMALL_BYTES:
            return self.write_blob(chunks_from(0) if size else (), expected=expected, expected_size=size)
        done = self.repository.upload_from(chunks_from, digest=expected, size=size)
        return self._note(Blob(done.digest, done.size))

    def blob_size(self, digest: Digest) -> int:
        """Return the size in bytes of a blob or manifest, as the registry says it."""
        check_algorithm(digest)
        size = self._ask_size(digest)
        if size is None:
            size = self.repository.has_manifest(digest)
        if size is None:
            raise missing(digest)
        return size

    def known_size(self, digest: Digest) -> int | None:
        """Return the size in bytes of a blob, as the registry says or said it, or None if it has none."""
        with self._keeping:
            known, size = digest in self._said, self._said.get(digest)
            if size is None:
                self._said.pop(digest, None)
        return size if known else self._ask_size(digest)

    def open_blob(self, digest: Digest) -> BlobStream:
        """Return the bytes of a blob or manifest as a stream, unverified."""
        check_algorithm(digest)
        size = self._promised_size(digest)
        if size is None:
            manifest = self.manifests.find(digest)
            if manifest is None:
                raise missing(digest)
            return io.BytesIO(manifest.raw)
        return RegistryStream(self._chunks(digest, size))

    def read_blob(self, digest: Digest, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the bytes of a blob or manifest, verified."""
        check_algorithm(digest)
        raw = self._read(digest, limit)
        if raw is None:
            raise missing(digest)
        if len(raw) > limit:
            raise _too_large(digest, limit)
        return raw

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return the bytes of a manifest, verified."""
        check_algorithm(digest)
        raw = self.manifests.bytes_of(digest)
        if raw is None:
            raise missing(digest)
        return raw

    def verify_blob(self, digest: Digest, *, progress: Progress = NO_PROGRESS) -> int:
        """Read the whole blob and return its size."""
        tally = Tally(f"the blob {digest.short}", expected=digest)
        with self.open_blob(digest) as stream:
            for chunk in read_chunks(stream):
                tally.update(chunk)
                progress.advance(len(chunk))
        return tally.finish().size

    def borrow_blob(self, blob: Descriptor, source: Store) -> bool:
        """Have the registry take over a blob of another of its repositories."""
        if not isinstance(source, RegistryBlobs):
            return False
        other = source.repository
        if other.endpoint.origin != self.repository.endpoint.origin or other.name == self.repository.name:
            return False
        mounted = self.repository.mount(blob.digest, other.name)
        if mounted:
            self._said[blob.digest] = blob.size
        return mounted

    def check_size(self, digest: Digest, promised: int, found: int) -> None:
        """Return if the registry has a blob of the promised size; raises DeniedError ``size_mismatch``."""
        if promised != found:
            raise DeniedError(
                "size_mismatch", f"the blob {digest} has {found} bytes; {promised} were promised"
            )

    def _write_small(self, data: bytes, blob: Blob) -> Blob:
        if self.known_size(blob.digest) is None:
            self.repository.upload([data], digest=blob.digest, size=blob.size)
        return self._note(blob)

    def _note(self, blob: Blob) -> Blob:
        self._said[blob.digest] = blob.size
        return blob

    def _ask_size(self, digest: Digest) -> int | None:
        size = self._said[digest] = self.repository.has_blob(digest)
        return size

    def _promised_size(self, digest: Digest) -> int | None:
        """Return the size of a blob as a manifest has it, else as the registry says; None if it has none."""
        if self.manifests.kept(digest) is not None:
            return None
        promised = self.manifests.blob_size(digest)
        return self._ask_size(digest) if promised is None else promised

    def _chunks(self, digest: Digest, size: int) -> Iterator[memoryview]:
        try:
            yield from self._downloader.chunks(self.repository.blob(digest, size))
        except UsageError as error:
            if error.code != "remote_missing":
                raise
            raise missing(digest) from error

    def _read(self, digest: Digest, limit: int) -> bytes | None:
        kept = self.manifests.kept(digest)
        if kept is not None:
            return kept.raw
        before = self._read_before.get(digest)
        if before is not None:
            return before
        try:
            return self._keep(digest, self.repository.read_blob(digest, limit_bytes=limit))
        except UsageError as error:
            if error.code != "remote_missing":
                raise
            return self.manifests.bytes_of(digest)
        except DeniedError as error:
            if error.code != "response_too_large":
                raise
            raise _too_large(digest, limit) from error

    def _keep(self, digest: Digest, raw: bytes) -> bytes:
        """Keep a verified record or bundle: a gate that looks every few seconds reads each once."""
        if len(raw) <= SMALL_BYTES:
            with self._keeping:
                if self._kept_bytes > MAX_KEPT_BYTES:
                    self._read_before, self._kept_bytes = {}, 0
                self._read_before[digest] = raw
                self._kept_bytes += len(raw)
        return raw


def _counting(
    tally: Tally, head: bytearray, rest: Iterator[bytes | memoryview]
) -> Iterator[bytes | memoryview]:
    """Yield a large blob, whose first bytes were counted; ends as soon as there are too many."""
    yield memoryview(head)
    for chunk in rest:
        tally.count(len(chunk))
        yield chunk


def _too_large(digest: Digest, limit: int) -> DeniedError:
    return DeniedError("blob_too_large", f"the blob {digest} is larger than {limit} bytes")
