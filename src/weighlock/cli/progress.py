"""Draw progress on a terminal: what, how much, rate, remaining time."""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Never

from weighlock.cli.output import Output
from weighlock.core.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from tqdm import tqdm


class _Drawn:
    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._lock = threading.Lock()

    def begin(self, label: str, total_bytes: int) -> None:
        """Draw a new bar."""
        from tqdm import tqdm

        self.end()
        self._bar = tqdm(
            total=total_bytes,
            desc=label,
            unit="B",
            unit_scale=True,
            leave=False,
            miniters=1,
            dynamic_ncols=True,
        )

    def advance(self, size_bytes: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            with self._lock:
                self._bar.update(size_bytes)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextlib.contextmanager
def progress_for(output: Output) -> Iterator[Progress]:
    """Yield where to report progress to: a bar on a terminal, else nothing."""
    if not output.draws:
        yield NO_PROGRESS
        return
    drawn = _Drawn()
    try:
        yield drawn
    finally:
        drawn.end()
