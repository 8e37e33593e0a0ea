"""Connections that wait for their next request."""

import threading
from collections.abc import Callable, Hashable
from typing import Final

from weighlock.transport.wire import Wire

MAX_IDLE: Final = (
    16  # for one origin; more than `pull.connections` by default, so that ranges find theirs again
)


class Pool:
    """Idle connections by key, the last used first; for any thread."""

    def __init__(self, idle_s: float, clock: Callable[[], float]) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._idle: dict[Hashable, list[Wire]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def take(self, key: Hashable, youngest_s: float | None = None) -> Wire | None:
        """Return a connection that was free for at most ``youngest_s`` and is quiet, or None.

        One that can be read from was closed by its server, or sends an answer to no question.
        """
        oldest = self._clock() - (self._idle_s if youngest_s is None else youngest_s)
        while True:
            with self._lock:
                wires = self._idle.get(key)
                if not wires:
                    return None
                wire = wires.pop()
            if wire.idle_since >= oldest and not wire.speaks():
                return wire
            wire.close()

    def put(self, key: Hashable, wire: Wire) -> None:
        """Keep a connection whose answer was read to its end."""
        wire.idle_since = self._clock()
        with self._lock:
            wires = self._idle.setdefault(key, [])
            if not self._closed and len(wires) < MAX_IDLE:
                wires.append(wire)
                return
        wire.close()

    def close(self) -> None:
        """Close what is idle now, and later what comes back."""
        with self._lock:
            self._closed = True
            wires = [wire for each in self._idle.values() for wire in each]
            self._idle.clear()
        for wire in wires:
            wire.close()
