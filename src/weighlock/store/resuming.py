"""How a blob is completed from what a broken fetch left: one pass over the prefix and the rest."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from weighlock.core.chunk import ended
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.store.interface import Blob
from weighlock.store.tally import Tally

Chunks: TypeAlias = Iterable[bytes | memoryview]


class Partial(Protocol):
    """The first bytes of a blob, as they came: nobody has digested them."""

    def kept(self) -> Iterator[bytes | memoryview]:
        """Yield what is there, from the first byte on; each chunk is good until the next is asked for."""

    def append(self, chunk: bytes | memoryview) -> None:
        """Add a chunk to what is there; raises UndecidedError ``io_failed``."""

    def clear(self) -> None:
        """Throw away what is there."""


def complete(partial: Partial, expected: Digest, size: int, chunks_from: Callable[[int], Chunks]) -> Blob:
    """Return what ``partial`` is once it was completed by ``chunks_from``, its end so far, and verified.

    A wrong digest may be the prefix's fault: where there was one, all of it is asked for once more. Raises
    DeniedError ``digest_mismatch``, ``size_mismatch``, and then nothing is left in ``partial``; with any
    other error, such as those of ``chunks_from``, what came stays there.
    """
    while True:
        tally = Tally("what was offered", expected=expected, expected_size=size)
        start = _recount(partial, tally, size)
        if start < size:
            with ended(chunks_from(start)) as chunks:
                _append(partial, chunks, tally)
        try:
            return tally.finish()
        except DeniedError as error:
            partial.clear()
            if not start or error.code != "digest_mismatch":
                raise


def _recount(partial: Partial, tally: Tally, size: int) -> int:
    count = 0
    for chunk in partial.kept():
        count += len(chunk)
        if count > size:  # another size was promised then: whose bytes these are is unknown
            partial.clear()
            tally.reset()
            return 0
        tally.update(chunk)
    return count


def _append(partial: Partial, chunks: Chunks, tally: Tally) -> None:
    for chunk in chunks:
        try:
            tally.update(chunk)
        except DeniedError:
            partial.clear()
            raise
        partial.append(chunk)
