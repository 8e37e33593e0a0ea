"""A store in memory, for tests and for work that leaves nothing behind."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator

from weighlock.core.chunk import ended
from weighlock.core.clock import Clock, system_clock
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.store.base import IndexedStore
from weighlock.store.index import Index
from weighlock.store.interface import Blob, BlobStream
from weighlock.store.resuming import complete
from weighlock.store.tally import Tally, check_algorithm


class MemoryStore(IndexedStore):
    """Blobs and index in dictionaries."""

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self.blobs: dict[Digest, bytes] = {}
        self._listed = Index({})
        self._mutex = threading.Lock()
        self._partials: dict[Digest, _Partial] = {}
        self._given_up = threading.Condition()

    def write_blob(
        self,
        chunks: Iterable[bytes | memoryview],
        *,
        expected: Digest | None = None,
        expected_size: int | None = None,
    ) -> Blob:
        """Store bytes under their digest."""
        tally = Tally("what was offered", expected=expected, expected_size=expected_size)
        data = bytearray()
        with ended(chunks):
            for chunk in chunks:
                tally.update(chunk)
                data += chunk
        blob = tally.finish()
        self.blobs.setdefault(blob.digest, bytes(data))
        return blob

    def resume_blob(
        self,
        expected: Digest,
        size: int,
        chunks_from: Callable[[int], Iterable[bytes | memoryview]],
        *,
        wait: bool = True,
    ) -> Blob | None:
        """Store the bytes of ``expected``, taking what a broken attempt left."""
        check_algorithm(expected)
        with self._given_up:
            partial = self._partials.setdefault(expected, _Partial())
            if partial.held and not wait:
                return None
            self._given_up.wait_for(lambda: not partial.held)
            partial.held = True
        try:
            if expected in self.blobs:
                return self._check_whole(expected, size)
            blob = complete(partial, expected, size, chunks_from)
            self.blobs[expected] = bytes(partial.data)
            partial.clear()
            return blob
        finally:
            with self._given_up:
                partial.held = False
                self._given_up.notify_all()

    def blob_size(self, digest: Digest) -> int:
        """Return the size in bytes of a blob."""
        return len(self._bytes(digest))

    def open_blob(self, digest: Digest) -> BlobStream:
        """Return the blob's bytes as a stream, unverified."""
        return io.BytesIO(self._bytes(digest))

    def _bytes(self, digest: Digest) -> bytes:
        check_algorithm(digest)
        if digest not in self.blobs:
            raise DeniedError("blob_missing", f"the store has no blob {digest}")
        return self.blobs[digest]

    def _index(self) -> Index:
        return self._listed

    def _change_index(self, change: Callable[[Index], Index], *, listed: Iterable[Digest] = ()) -> None:  # noqa: ARG002  # there are no leases
        with self._mutex:
            self._listed = change(self._listed)


class _Partial:
    """The first bytes of a blob, and whether somebody is fetching it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.held = False

    def kept(self) -> Iterator[bytes]:
        """Yield what is there."""
        yield bytes(self.data)

    def append(self, chunk: bytes | memoryview) -> None:
        """Add a chunk."""
        self.data += chunk

    def clear(self) -> None:
        """Throw away what is there."""
        self.data = bytearray()
