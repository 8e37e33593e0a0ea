"""The bytes that a reader of scattered parts holds: little after a jump, more and more while it goes straight on."""

from typing import Final

from weighlock.inspection.span import Reading, read

FIRST_BYTES: Final = 4096  # after a jump: the description of a tensor before its data has some hundred bytes
LAST_BYTES: Final = 256 * 1024  # large enough that requests do not show


class Skimmer:
    """``data`` are the bytes from ``base`` on; ``size`` is where the file ends."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.base = 0
        self.data = b""
        self._step = FIRST_BYTES

    def held(self, at: int) -> int:
        """Return how many bytes are held from ``at`` on."""
        inside = self.base <= at
        return max(0, self.base + len(self.data) - at) if inside else 0

    def hold(self, at: int, length: int) -> Reading[None]:
        """Hold ``length`` bytes from ``at`` on, which lie inside the file, and what goes with them."""
        if self.held(at) >= length:
            return
        straight = self.base <= at <= self.base + len(self.data)
        self._step = min(self._step * 2, LAST_BYTES) if straight else FIRST_BYTES
        kept = self.data[at - self.base :] if straight else b""
        wanted = min(max(length, self._step), self.size - at) - len(kept)
        self.data = kept + (yield from read(at + len(kept), wanted))
        self.base = at
