"""Start the process that parses untrusted files; imported before anything else, so it imports little.

The worker is our interpreter with ``-I -S``: no user's or site's start-up code runs beside untrusted
bytes. It has an empty environment, /dev/null for input and output, a channel to us, and a pipe for its
last words. It is in a group of its own, so that Ctrl-C in a terminal reaches only us, who kill it.
"""

import fcntl
import os
import socket
import sys
from typing import Final, NamedTuple

import weighlock

MAX_MEMORY_BYTES: Final = (
    300_000_000  # address space, so that no file makes us need more (docs/inspection.md)
)
CHANNEL: Final = 3  # the worker's descriptor of the channel
_FREE_FROM: Final = 10  # our ends stay clear of the numbers that the worker's get

# our package comes last on the path: nothing beside it takes the place of a module of the standard library
_PROGRAM: Final = (
    "import gc, sys; gc.disable(); sys.path.append(sys.argv[1]); "  # the collector would run a dozen times in imports
    "from weighlock.service.inspection_worker import main; main()"
)


class Started(NamedTuple):
    """A running worker: its process, the channel, and the end of its standard error."""

    pid: int
    channel: socket.socket
    errors: int


_early: list[Started] = []


def start_early() -> None:
    """Start a worker that the first ``take_worker`` of this process will have; its start-up runs beside ours.

    Where none can be started nothing is said: whoever needs one tries again, and tells people.
    """
    try:
        _early.append(start_worker(MAX_MEMORY_BYTES))
    except OSError:
        return


def take_worker(memory_bytes: int) -> Started:
    """Return a worker with ``memory_bytes`` of address space: the one started early, if it is such a one."""
    if _early and memory_bytes == MAX_MEMORY_BYTES:
        return _early.pop()
    return start_worker(memory_bytes)


def start_worker(memory_bytes: int) -> Started:
    """Start a worker; raises OSError."""
    mine, theirs = socket.socketpair()
    last_words, errors = os.pipe2(os.O_CLOEXEC)
    given = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _FREE_FROM) for number in (theirs.fileno(), errors)]
    theirs.close()
    os.close(errors)
    root = os.path.dirname(os.path.dirname(os.path.abspath(weighlock.__file__)))
    arguments = [sys.executable, "-I", "-S", "-B", "-c", _PROGRAM, root, str(memory_bytes), str(os.getpid())]
    try:
        pid = os.posix_spawn(
            sys.executable,
            arguments,
            {},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, given[1], 2),
                (os.POSIX_SPAWN_DUP2, given[0], CHANNEL),
            ],
            setpgroup=0,
            setsigmask=[],
        )
    except OSError:
        mine.close()
        os.close(last_words)
        raise
    finally:
        for number in given:
            os.close(number)
    return Started(pid, mine, last_words)
