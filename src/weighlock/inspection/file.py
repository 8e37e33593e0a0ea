"""A file under examination, or a part of one that is examined as a file of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from weighlock.inspection.options import Options
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, Unexamined, drive, fetch_from, shifted

__all__ = ["MAX_DEPTH", "MAX_EXPANDED_BYTES", "MAX_PARTS", "Budget", "File", "Options"]

MAX_DEPTH: Final = 5  # files in files: a wheel with a compressed NumPy archive of pickles has four
# decompressed in one file, all parts together; large content is unpacked twice
MAX_EXPANDED_BYTES: Final = 4 << 30
MAX_PARTS: Final = 20_000  # examined in one file: a large checkpoint archive has some thousand members


@dataclass(slots=True)
class Budget:
    """What one file may cost, shared by all of its parts; using it up is "not examined"."""

    expanded_bytes: int = MAX_EXPANDED_BYTES
    parts: int = MAX_PARTS

    def expand(self, count: int) -> None:
        """Account for ``count`` decompressed bytes; raises Unexamined."""
        self.expanded_bytes -= count
        if self.expanded_bytes < 0:
            raise Unexamined(f"more than {MAX_EXPANDED_BYTES} bytes would be decompressed")

    def enter(self) -> None:
        """Account for one part; raises Unexamined."""
        self.parts -= 1
        if self.parts < 0:
            raise Unexamined(f"the file has more than {MAX_PARTS} parts")


@dataclass(frozen=True, slots=True)
class File:
    """What an examination gets: where to report, the name, the size in bytes, and how to examine a part.

    An examination is a generator over spans (``span``); byte 0 is the beginning of this file or part.
    """

    report: Report
    path: str
    size: int
    examine: Callable[["File"], Reading[None]]
    depth: int = 0
    budget: Budget = field(default_factory=Budget)
    options: Options = field(default_factory=Options)

    def part(self, name: str, offset: int, size: int) -> Reading[None]:
        """Examine the ``size`` bytes from ``offset`` on as a file named ``name``; never raises for what it holds."""
        inner = self.inner(name, size)
        if inner is not None:
            yield from shifted(offset, self.examine(inner))

    def unpacked(self, name: str, data: bytes) -> None:
        """Examine ``data``, which was decompressed or decoded from this file, as a file named ``name``."""
        inner = self.inner(name, len(data))
        if inner is not None:
            drive(self.examine(inner), fetch_from(data))

    def inner(self, name: str, size: int) -> "File | None":
        """Return the file that a part is; None, and reported, if files nest too deep or there are too many parts."""
        report = self.report.member(name)
        try:
            if self.depth >= MAX_DEPTH:
                raise Unexamined(f"files nest deeper than {MAX_DEPTH}")
            self.budget.enter()
        except Unexamined as limit:
            report.not_examined(limit.reason)
            return None
        return replace(self, report=report, path=name, size=size, depth=self.depth + 1)
