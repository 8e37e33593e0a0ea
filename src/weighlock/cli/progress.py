"""Draw progress on a terminal: what, how much, rate, remaining time; beneath, the largest files under way."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Never

from weighlock.cli.output import Output
from weighlock.core.progress import NO_PROGRESS, Part, Progress
from weighlock.core.text import shown

if TYPE_CHECKING:
    from tqdm import tqdm

MAX_PARTS: Final = 4  # bars beneath the total: more would fill a small terminal
MIN_PART_BYTES: Final = 16_000_000  # a smaller file is done before its bar could be read
LABEL_CHARACTERS: Final = 32


class _Drawn:
    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._lock = threading.RLock()
        self._parts: dict[int, _DrawnPart] = {}  # by the line beneath the total

    def begin(self, label: str, total_bytes: int) -> None:
        """Draw a new bar."""
        with self._lock:
            self.end()
            self._bar = _new_bar(label, total_bytes, line=0)

    def advance(self, size_bytes: int) -> None:
        """Move the bar."""
        with self._lock:
            if self._bar is not None:
                self._bar.update(size_bytes)

    def end(self) -> None:
        """Take the bar and its parts away."""
        with self._lock:
            for part in list(self._parts.values()):
                part.end()
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def write(self, line: str) -> None:
        """Write a line above the bars."""
        from tqdm import tqdm

        tqdm.write(line, file=sys.stderr)

    def part(self, label: str, total_bytes: int) -> Part:
        """Draw a bar for a large file, if a line is free; callers begin the largest first."""
        with self._lock:
            free = next((line for line in range(1, MAX_PARTS + 1) if line not in self._parts), None)
            if self._bar is None or free is None or total_bytes < MIN_PART_BYTES:
                return _DrawnPart(self, None, None)
            name = shown(label)
            if len(name) > LABEL_CHARACTERS:
                name = "…" + name[1 - LABEL_CHARACTERS :]
            made = self._parts[free] = _DrawnPart(self, free, _new_bar(f"  {name}", total_bytes, line=free))
            return made

    def move(self, bar: "tqdm[Never] | None", size_bytes: int) -> None:
        """Move a part's bar and the total."""
        with self._lock:
            if bar is not None and not bar.disable:
                bar.update(size_bytes)
            self.advance(size_bytes)

    def drop(self, line: int | None, bar: "tqdm[Never] | None") -> None:
        """Take a part's bar away and free its line."""
        with self._lock:
            if line is not None and bar is not None and self._parts.pop(line, None) is not None:
                bar.close()


class _DrawnPart:
    def __init__(self, drawn: _Drawn, line: int | None, bar: "tqdm[Never] | None") -> None:
        self._drawn = drawn
        self._line = line
        self._bar = bar
        self._ended = False

    def advance(self, size_bytes: int) -> None:
        """Move the bar of the part, if it has one, and the total."""
        self._drawn.move(None if self._ended else self._bar, size_bytes)

    def end(self) -> None:
        """Take the bar away."""
        if not self._ended:
            self._ended = True
            self._drawn.drop(self._line, self._bar)


def _new_bar(label: str, total_bytes: int, *, line: int) -> "tqdm[Never]":
    from tqdm import tqdm

    return tqdm(
        total=total_bytes,
        desc=label,
        unit="B",
        unit_scale=True,
        leave=False,
        miniters=1,
        dynamic_ncols=True,
        position=line,
    )


@contextlib.contextmanager
def progress_for(output: Output) -> Iterator[Progress]:
    """Yield where to report progress to: bars on a terminal, else nothing."""
    if not output.draws:
        yield NO_PROGRESS
        return
    drawn = _Drawn()
    output.above = drawn.write
    try:
        yield drawn
    finally:
        output.above = None
        drawn.end()
