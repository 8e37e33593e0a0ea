"""Where containers lie while files are read out of them: as blobs of the store, which no manifest lists."""

from collections.abc import Callable, Iterable
from typing import BinaryIO, cast

from weighlock.core.digest import Digest
from weighlock.store.interface import Store


class StoreStaging:
    """A ``Staging`` of a store: the lease of the pull keeps the containers, and gc frees them afterwards."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        """Return the container's bytes, verified; what is there already is read again and not asked for.

        While another pull is fetching the same container, this one waits for it.
        """
        self._store.resume_blob(digest, size, chunks_from)
        return cast("BinaryIO", self._store.open_blob(digest))
