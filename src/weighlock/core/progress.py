"""How long work tells how far it is, and what it waits for. The CLI draws it; everything below only reports."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

# told about a host, the seconds until it is asked again, and why: "HOST " may stand before it
Notify: TypeAlias = Callable[[str, float, str], None]


def tell_nobody(host: str, seconds: float, reason: str) -> None:
    """Say nothing."""


class Part(Protocol):
    """One file of a stretch of work, told about by the thread that works on it."""

    def advance(self, size_bytes: int) -> None:
        """Add to what is done of the part and of the stretch; a negative number takes back what must be done again."""

    def end(self) -> None:
        """Finish the part, done or not."""


class Progress(Protocol):
    """Told about bytes as they are done, from any thread."""

    def begin(self, label: str, total_bytes: int) -> None:
        """Start a stretch of work of ``total_bytes``."""

    def advance(self, size_bytes: int) -> None:
        """Add ``size_bytes`` to what is done."""

    def end(self) -> None:
        """Finish the stretch, done or not."""

    def part(self, label: str, total_bytes: int) -> Part:
        """Begin a part of the stretch; ``label`` is untrusted text."""


class _Silent:
    def begin(self, label: str, total_bytes: int) -> None:
        """Draw nothing."""

    def advance(self, size_bytes: int) -> None:
        """Draw nothing."""

    def end(self) -> None:
        """Draw nothing."""

    def part(self, label: str, total_bytes: int) -> Part:
        """Draw nothing."""
        del label, total_bytes
        return self


NO_PROGRESS: Progress = _Silent()
