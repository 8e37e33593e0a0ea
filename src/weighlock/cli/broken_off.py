"""What is told when something that can be taken up again is broken off: by the person, or by the network."""

import contextlib
from collections.abc import Iterator
from typing import Final

from weighlock.cli.output import Output
from weighlock.core.error import UndecidedError

PASSING: Final = frozenset(
    {"body_truncated", "host_unreachable", "rate_limited", "server_failed", "timed_out", "tls_failed"}
)  # what may be over when it is tried again


@contextlib.contextmanager
def told_to_go_on(output: Output, how: str) -> Iterator[None]:
    """Say on the way out that the same command goes on; ``how`` says with what."""
    try:
        yield
    except (KeyboardInterrupt, UndecidedError) as error:
        if isinstance(error, KeyboardInterrupt) or error.code in PASSING:
            output.note(f"run the same command again: {how}")
        raise
