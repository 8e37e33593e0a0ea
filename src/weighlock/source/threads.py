"""Do the same with many files at once, until one fails."""

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int, stopped: threading.Event
) -> list[_Result]:
    """Return what ``work`` returns for each item, in their order; items are begun in that order too.

    When one fails, and on Ctrl-C, ``stopped`` is set, by which ``work`` should look from time to time,
    nothing else is begun, and the first error is raised.
    """
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait  # noqa: PLC0415  # 5 ms that small models need not pay

    with ThreadPoolExecutor(threads, thread_name_prefix="files") as pool:
        started = [pool.submit(work, item) for item in items]
        try:
            wait(started, return_when=FIRST_EXCEPTION)
            failed = (future for future in started if future.done() and future.exception())
            if (first := next(failed, None)) is not None:
                first.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in started]
