"""One run of pip: bounded in what it says and in how long it does nothing, and ended with all that it started.

A large wheel on a slow line rightly takes hours, so there is no limit for the whole: pip goes on as long as files in
its folder change or it says something.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.core.error import UndecidedError

STILL_S: Final = (
    600.0  # pip itself gives up a silent server after 15 s, several times; digesting 100 GB takes less
)
LOOK_EVERY_S: Final = 0.2  # as often as a person sees a number change
MAX_OUTPUT_BYTES: Final = (
    16 * 1024 * 1024
)  # of either stream; a report has the readme of one wheel, and little else
_READ_BYTES: Final = 64 * 1024  # what a pipe holds


class Patience(NamedTuple):
    """When to give up: after ``still_s`` seconds by ``clock`` in which nothing happened."""

    still_s: float = STILL_S
    look_every_s: float = LOOK_EVERY_S
    clock: Callable[[], float] = time.monotonic


PATIENCE: Final = Patience()


class Ended(NamedTuple):
    """How pip ended: its exit status, and what it said on stdout and stderr."""

    status: int
    output: bytes
    errors: bytes


def run_pip(
    command: Sequence[str],
    environ: Mapping[str, str],
    folder: Path,
    *,
    look: Callable[[], None],
    patience: Patience,
) -> Ended:
    """Return how ``command`` ended; ``look`` is called every now and then, ``folder`` is where its files grow.

    Raises UndecidedError ``timed_out`` if nothing happens any more, ``index_failed`` if it says too much. However
    this ends, Ctrl-C included, neither pip nor what it started goes on.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        start_new_session=True,  # a group of its own, to be ended as a whole
    ) as process:
        try:
            output, errors = _listen(process, Stillness(folder, patience), look, patience.look_every_s)
            return Ended(process.wait(patience.still_s), output, errors)
        except subprocess.TimeoutExpired as error:  # it closed its output, and goes on
            raise _still(patience.still_s) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


class Stillness:
    """Notices when neither the files in ``folder`` nor what was said changes any more."""

    def __init__(self, folder: Path, patience: Patience) -> None:
        self._folder = folder
        self._patience = patience
        self._seen = (0, 0)
        self._since = patience.clock()

    def check(self, said_bytes: int) -> None:
        """Return unless nothing has changed for too long; raises UndecidedError ``timed_out``."""
        now, found = self._patience.clock(), (said_bytes, _total_bytes(self._folder))
        if found != self._seen:
            self._seen, self._since = found, now
        elif now - self._since >= self._patience.still_s:
            raise _still(self._patience.still_s)


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the sizes in bytes of all files below ``folder``, by path, while they come and go."""
    # os.walk passes over folders that are removed meanwhile; Path.rglob raises
    paths = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)  # noqa: PTH118  # one string
    return {path: _size(path) for path in paths}


def _listen(
    process: subprocess.Popen[bytes], stillness: Stillness, look: Callable[[], None], look_every_s: float
) -> tuple[bytes, bytes]:
    said = (bytearray(), bytearray())
    with selectors.DefaultSelector() as open_streams:
        for stream, heard in zip((process.stdout, process.stderr), said, strict=True):
            assert stream is not None  # noqa: S101  # both are pipes
            open_streams.register(stream, selectors.EVENT_READ, heard)
        while open_streams.get_map():
            for key, _ in open_streams.select(look_every_s):
                part = os.read(key.fd, _READ_BYTES)
                key.data.extend(part)
                if not part:
                    open_streams.unregister(key.fileobj)
                elif len(key.data) > MAX_OUTPUT_BYTES:
                    raise _too_much()
            look()
            stillness.check(sum(map(len, said)))
    return bytes(said[0]), bytes(said[1])


def _total_bytes(folder: Path) -> int:
    return sum(file_sizes(folder).values())


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116  # a string is what os.walk gives
    except OSError:
        return 0  # pip moved it


def _still(still_s: float) -> UndecidedError:
    return UndecidedError(
        "timed_out",
        f"pip did nothing for {still_s / 60:g} minutes, and was ended",
        hint="check the network, the proxy, and pip's own configuration (pip config list), and try again",
    )


def _too_much() -> UndecidedError:
    return UndecidedError(
        "index_failed",
        f"pip said more than {MAX_OUTPUT_BYTES // 1024**2} MiB, and was ended",
        hint="run `pip download NAME==VERSION` yourself to see what it says",
    )
