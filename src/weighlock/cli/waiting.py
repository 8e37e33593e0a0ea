"""Tell the person whom a command waits for: several threads may wait for one host, and one line is enough."""

import threading
import time
from typing import Final

from weighlock.cli.output import Output
from weighlock.core.text import shown

MIN_TOLD_S: Final = 1.0  # nobody wonders about a shorter silence


class Waiting:
    """Says on a terminal which host makes it wait, for how long and why; a ``Notify``."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._mutex = threading.Lock()
        self._until: dict[str, float] = {}  # by host: the end of the wait that was told last

    def __call__(self, host: str, seconds: float, reason: str) -> None:
        """Say it, unless a wait for this host was told that is as long."""
        if seconds < MIN_TOLD_S or not self._output.talks:
            return
        until = time.monotonic() + seconds
        with self._mutex:
            if until < self._until.get(host, 0.0) + MIN_TOLD_S:
                return
            self._until[host] = until
        self._output.say(f"waiting {seconds:.0f} s: {shown(host)} {shown(reason)}")
