"""A store in memory, for tests and for work that leaves nothing behind."""

import io
import threading
from collections.abc import Callable, Iterable

from weighlock.core.clock import Clock, system_clock
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.store.base import IndexedStore
from weighlock.store.index import Index
from weighlock.store.interface import Blob, BlobStream
from weighlock.store.tally import Tally, check_algorithm


class MemoryStore(IndexedStore):
    """Blobs and index in dictionaries."""

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self.blobs: dict[Digest, bytes] = {}
        self._listed = Index({})
        self._mutex = threading.Lock()

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
        for chunk in chunks:
            tally.update(chunk)
            data += chunk
        blob = tally.finish()
        self.blobs.setdefault(blob.digest, bytes(data))
        return blob

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
