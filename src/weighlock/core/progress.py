"""How long work tells how far it is. The CLI draws it; everything below only reports."""

from typing import Protocol


class Progress(Protocol):
    """Told about bytes as they are done, from any thread."""

    def begin(self, label: str, total_bytes: int) -> None:
        """Start a stretch of work of ``total_bytes``."""

    def advance(self, size_bytes: int) -> None:
        """Add ``size_bytes`` to what is done."""

    def end(self) -> None:
        """Finish the stretch, done or not."""


class _Silent:
    def begin(self, label: str, total_bytes: int) -> None:
        """Draw nothing."""

    def advance(self, size_bytes: int) -> None:
        """Draw nothing."""

    def end(self) -> None:
        """Draw nothing."""


NO_PROGRESS: Progress = _Silent()
