"""Start, ask and kill the process that parses untrusted files.

One process serves a whole run, because starting one costs more than most files. Each file
has a deadline; a process that misses it or dies is replaced, and its file was not examined.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import weighlock
from weighlock.core.finding import Examined
from weighlock.core.text import shown
from weighlock.inspection.result import InspectedFile, examined_from
from weighlock.service.inspection_worker import LENGTH_BYTES, MAX_MEMORY_BYTES, MAX_MESSAGE_BYTES

DEADLINE_S: Final = 60.0  # for one file; 10 million pickle operations take about 20
GRACE_S: Final = 2.0  # for a worker that broke off to say why; then it is killed
_MAX_ERROR_CHARACTERS: Final = 200  # of the last line of a traceback, for people

# -I and -S: no user's or site's start-up code runs beside untrusted bytes, and start-up is quick
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from weighlock.service.inspection_worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


class InspectionProcess:
    """A worker that is started when the first file comes. Use as a context manager: it is killed at the end."""

    def __init__(self, *, deadline_s: float = DEADLINE_S, memory_bytes: int = MAX_MEMORY_BYTES) -> None:
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def examine(self, path: str, size: int, descriptor: int) -> InspectedFile:
        """Return what the open file holds; never raises for what happens to the worker."""
        try:
            reply = self._ask({"path": path, "size": size}, descriptor)
            return InspectedFile(examined_from(reply["examined"]), size, int(reply["bytesRead"]))
        except TimeoutError:
            self._end()
            return not_examined(path, size, f"its examination took longer than {self._deadline_s:g} s")
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            # whatever came back is not a result; why the worker died is said, and the next file gets a new one
            return not_examined(path, size, f"its examination broke off: {self._end(grace_s=GRACE_S)}")

    def _ask(self, request: dict[str, Any], descriptor: int) -> dict[str, Any]:
        channel = self._channel or self._start()
        channel.settimeout(self._deadline_s)
        raw = json.dumps(request).encode()
        message = len(raw).to_bytes(LENGTH_BYTES, "little") + raw
        sent = socket.send_fds(channel, [message], [descriptor])
        channel.sendall(message[sent:])
        until = time.monotonic() + self._deadline_s
        length = int.from_bytes(_receive(channel, LENGTH_BYTES, until), "little")
        if length > MAX_MESSAGE_BYTES:
            raise ValueError("the reply is too long")
        reply: dict[str, Any] = json.loads(_receive(channel, length, until))
        return reply

    def _start(self) -> socket.socket:
        mine, theirs = socket.socketpair()
        root = str(Path(weighlock.__file__).resolve().parent.parent)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    "-c",
                    _PROGRAM,
                    root,
                    str(theirs.fileno()),
                    str(self._memory_bytes),
                ],
                pass_fds=[theirs.fileno()],
                env={"PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self._channel = mine
        return mine

    def _end(self, *, grace_s: float = 0.0) -> str:
        """Kill the worker, if there is one and ``grace_s`` is over, and return how it ended, for people."""
        process, channel = self._process, self._channel
        self._process = self._channel = None
        if channel is not None:
            channel.close()
        if process is None:
            return "it was not started"
        try:
            _, errors = process.communicate(timeout=grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
        last = (errors.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        return (
            f"the worker ended with status {process.returncode}: {shown(last, limit=_MAX_ERROR_CHARACTERS)}"
        )


def _receive(channel: socket.socket, length: int, until: float) -> bytes:
    data = bytearray()
    while len(data) < length:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        channel.settimeout(left)
        part = channel.recv(min(length - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def not_examined(path: str, size: int, reason: str) -> InspectedFile:
    """Return the result for a file that could not be examined."""
    return InspectedFile(Examined(path, "unknown", not_examined=reason), size, 0)


def open_regular(location: Path) -> int:
    """Return a descriptor of a file for reading, without following a last link or blocking on a FIFO."""
    return os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
