"""Do the same with many items at once; an item that somebody else is at goes back to the end of the queue."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

BUSY_S: Final = 0.1  # between two looks whether another process is done with the items that are left
GRACE_S: Final = 2.0  # how long an error or Ctrl-C waits for the other threads to notice

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Crew(Generic[_Item, _Result]):
    """Threads that share one queue. ``stopped`` is set as soon as one fails: ``work`` looks at it from time to time.

    ``work`` returns None for an item that is busy elsewhere; such items are tried again, and waited for
    only when nothing else is left. ``interrupt`` then ends what threads may hang in, such as a read from a network.
    """

    def __init__(
        self,
        work: Callable[[_Item], _Result | None],
        items: Sequence[_Item],
        *,
        stopped: threading.Event,
        interrupt: Callable[[], None],
    ) -> None:
        self._work = work
        self._ready = deque(items)
        self._busy: deque[_Item] = deque()
        self._results: list[_Result] = []
        self._error: BaseException | None = None
        self._working = 0
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._stopped = stopped
        self._interrupt = interrupt

    def run(self, threads: int) -> list[_Result]:
        """Return the results in the order in which they came; raises the first error, and ``KeyboardInterrupt``.

        A thread that hangs in a read for longer than ``GRACE_S`` after that is left behind: it is a daemon,
        and what it was writing has no final name.
        """
        self._working = max(1, min(threads, len(self._ready)))
        team = [threading.Thread(target=self._serve, name="files", daemon=True) for _ in range(self._working)]
        try:
            for thread in team:
                thread.start()
            self._ended.wait()
        finally:
            if self._error is not None or not self._ended.is_set():
                self._stopped.set()
                self._interrupt()
            deadline = time.monotonic() + GRACE_S
            for thread in team:
                if thread.ident is not None:
                    thread.join(max(0.0, deadline - time.monotonic()))
        if self._error is not None:
            raise self._error
        return self._results

    def _serve(self) -> None:
        try:
            while not self._stopped.is_set() and (taken := self._take()) is not None:
                result = self._work(taken[0])
                with self._mutex:
                    if result is None:
                        self._busy.append(taken[0])
                    else:
                        self._results.append(result)
        except BaseException as error:  # noqa: BLE001  # of any kind: ``run`` raises it again, in its caller's thread
            self._fail(error)
        finally:
            with self._mutex:
                self._working -= 1
                if not self._working:
                    self._ended.set()

    def _take(self) -> tuple[_Item] | None:
        with self._mutex:
            if self._ready:
                return (self._ready.popleft(),)
            if not self._busy:
                return None
            item = self._busy.popleft()
        if self._stopped.wait(BUSY_S):
            return None
        return (item,)

    def _fail(self, error: BaseException) -> None:
        with self._mutex:
            if self._error is None:
                self._error = error
        self._stopped.set()
        self._ended.set()
