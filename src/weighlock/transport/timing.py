"""How long is waited, for what, and how often something is tried again."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from weighlock.core.clock import Clock, system_clock

LEAST_BYTES_PER_S: Final = 1024  # a slower sender holds a place in the queue, and 1 GB would take 12 days
MAX_RETRY_AFTER_S: Final = 60.0  # a server that wants more time is reported instead of waited for


def pause(seconds: float) -> None:
    """Wait; tests put something quicker here."""
    time.sleep(seconds)


def _default_pause() -> Callable[[float], None]:
    return pause


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks, the patience and the luck of a client; tests bring their own.

    ``window_s`` is time spent waiting for a peer, not for the caller: in each window at least
    ``LEAST_BYTES_PER_S`` times its length must arrive.
    """

    connect_s: float = 15.0  # for one address, and for a TLS handshake
    silence_s: float = 60.0  # between two arrivals of bytes
    window_s: float = 30.0
    idle_s: float = 30.0  # how long an unused connection is kept
    attempts: int = 5
    first_delay_s: float = 0.25
    longest_delay_s: float = 20.0
    monotonic: Callable[[], float] = time.monotonic
    now: Clock = system_clock
    sleep: Callable[[float], None] = field(default_factory=_default_pause)
    random: Callable[[], float] = secrets.SystemRandom().random

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures: twice as long each time, between half and all of it."""
        longest = min(self.longest_delay_s, math.ldexp(self.first_delay_s, failures - 1))
        return longest * (0.5 + self.random() / 2)
