"""Where containers lie while files are read out of them: blobs that no manifest lists, or a temporary file."""

from collections.abc import Callable, Iterable
from typing import BinaryIO, cast

from weighlock.core.digest import Digest
from weighlock.store.base import IndexedStore
from weighlock.store.interface import Store
from weighlock.store.tally import Tally


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
        # a registry could serve other bytes the next time
        if not isinstance(self._store, IndexedStore):
            return _stage_in_file(digest, size, chunks_from(0))
        self._store.resume_blob(digest, size, chunks_from)
        return cast("BinaryIO", self._store.open_blob(digest))


def _stage_in_file(digest: Digest, size: int, chunks: Iterable[memoryview]) -> BinaryIO:
    import tempfile  # noqa: PLC0415  # 5 ms that a folder's store need not pay

    tally = Tally(f"the container {digest.short}", expected=digest, expected_size=size)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        for chunk in chunks:
            tally.update(chunk)
            file.write(chunk)
        tally.finish()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return cast("BinaryIO", file)
