"""Where the bytes of a pull go: into a store, or, where nothing is to be kept, through a digest only."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.text import shown
from weighlock.source.interface import Item
from weighlock.store.folder import read_chunks
from weighlock.store.interface import Blob, Store
from weighlock.store.tally import Tally

ChunksFrom: TypeAlias = Callable[[int], Iterable[memoryview]]


class Sink(Protocol):
    """What a transfer needs of the place where files go."""

    def put(self, item: Item, expected: Digest | None, chunks_from: ChunksFrom) -> Blob | None:
        """Return what the file is, once it is kept; None while somebody else is fetching the same bytes.

        ``chunks_from(start)`` is asked only for what is not there yet.
        Raises DeniedError ``digest_mismatch``, ``size_mismatch``; UndecidedError ``io_failed``.
        """

    def has(self, digest: Digest, size: int) -> bool:
        """Return whether such bytes seem to be there, unread."""

    def read(self, digest: Digest) -> Iterator[memoryview]:
        """Yield the bytes that ``put`` kept, unverified."""


class StoreSink:
    """Keep the files as blobs of a store.

    Args:
        store: where to.
        resume: whether what an earlier pull left is read instead of the source. Not where the source is to
            be compared: the bytes of a folder are read again at every pull.
    """

    def __init__(self, store: Store, *, resume: bool) -> None:
        self._store = store
        self._resume = resume

    def put(self, item: Item, expected: Digest | None, chunks_from: ChunksFrom) -> Blob | None:
        """Store a file; it can resume only where the digest is known before."""
        if expected is None or not self._resume:
            size = item.size if self._resume else None  # a local source says itself that a file changed
            return self._store.write_blob(chunks_from(0), expected=expected, expected_size=size)
        return self._store.resume_blob(expected, item.size, chunks_from, wait=False)

    def has(self, digest: Digest, size: int) -> bool:
        """Return whether the store has a blob of that digest and size."""
        return holds(self._store, digest, size)

    def read(self, digest: Digest) -> Iterator[memoryview]:
        """Yield a blob's bytes."""
        with self._store.open_blob(digest) as stream:
            yield from read_chunks(stream)


def holds(store: Store, digest: Digest, size: int) -> bool:
    """Return whether a store has a blob of that digest and size, unread; raises the store's other errors."""
    try:
        return store.blob_size(digest) == size
    except DeniedError as error:
        if error.code != "blob_missing":
            raise
        return False


class LookingSink:
    """Digest the files and keep none, except in memory the small ones that are to be shown.

    Args:
        is_shown: whether a file, by path and size in bytes, is kept in memory.
    """

    def __init__(self, is_shown: Callable[[str, int], bool]) -> None:
        self._is_shown = is_shown
        self._kept: dict[Digest, bytes] = {}

    def put(self, item: Item, expected: Digest | None, chunks_from: ChunksFrom) -> Blob:
        """Return what the bytes are."""
        tally = Tally(f"the file {shown(item.path)!r}", expected=expected)
        kept: list[bytes] | None = [] if self._is_shown(item.path, item.size) else None
        for chunk in chunks_from(0):
            tally.update(chunk)
            if kept is not None:
                kept.append(bytes(chunk))
        blob = tally.finish()
        if kept is not None:
            self._kept[blob.digest] = b"".join(kept)
        return blob

    def has(self, digest: Digest, size: int) -> bool:
        """Return that it is not there."""
        del digest, size
        return False

    def read(self, digest: Digest) -> Iterator[memoryview]:
        """Yield the bytes of a file that is to be shown; raises DeniedError ``blob_missing`` for another."""
        if digest not in self._kept:
            raise DeniedError("blob_missing", f"the bytes of {digest} were not kept")
        yield memoryview(self._kept[digest])
