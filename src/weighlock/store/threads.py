"""Do the same for many things at once: ask where each answer waits for a network, write where each waits for a disk."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

MAX_THREADS: Final = 8  # what takes is the way there and back; servers limit how many they answer at a time
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def in_order(
    ask: Callable[[_Item], _Answer], items: Iterable[_Item], *, threads: int = MAX_THREADS
) -> list[_Answer]:
    """Return the answers in the order of the items, several asked at a time; raises the first error."""
    listed = list(items)
    if len(listed) < 2:
        return [ask(item) for item in listed]
    pool = ThreadPoolExecutor(min(threads, len(listed)))
    try:
        return list(pool.map(ask, listed))
    finally:
        pool.shutdown(cancel_futures=True)
