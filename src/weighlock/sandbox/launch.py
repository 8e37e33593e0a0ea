"""What to start and how strongly to shut it in: the words of this package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path, PurePosixPath
from typing import Final

from weighlock.core.error import UsageError
from weighlock.core.text import shown

MAX_OPEN_FILES: Final = 4096  # a model server holds hundreds of connections, not tens of thousands
TEMPORARY_AT: Final = PurePosixPath("/tmp")  # noqa: S108 - a mount point inside the sandbox, not a shared folder
MODEL_AT: Final = PurePosixPath("/model")


class Tier(IntEnum):
    """How the server is shut in; each tier adds to the one below it."""

    NONE = 0
    LANDLOCK = 1  # Landlock rules, a seccomp allow-list, no new privileges
    NAMESPACES = 2  # and own user, network, process, IPC and mount namespaces
    BUBBLEWRAP = 3  # and a file tree that holds nothing else


@dataclass(frozen=True, slots=True)
class Launch:
    """A server to start.

    In ``argv`` and in the values of ``env`` the texts ``{model}``, ``{temporary}`` and
    ``{port}`` stand for where these are inside: only the bubblewrap tier has a file
    tree of its own, so only there can the paths be the fixed ones.

    Args:
        argv: the command line; the first element is an absolute path.
        env: the whole environment of the server.
        read_only: files and folders that the server may read and execute.
        model: the private copy of the model, a file or a folder; read only inside.
        temporary: a private folder, writable inside, and the working directory.
        port: the TCP port on which the server listens on 127.0.0.1 inside, if any.
        listen: host and port outside that the relay serves; port 0 means any free one.
        model_at: where the model is shown in the bubblewrap tier.
        allow_exec: whether the server may start programs (needed to compile at run time).
        loopback: whether the server's processes talk to each other over TCP on 127.0.0.1.
        shared_memory_bytes: size of a private /dev/shm, if the server needs one.
        devices: device files, for example of a GPU.
        memory_bytes: greatest address space of each process.
        processes: greatest number of processes and threads.
        open_files: greatest number of open descriptors of each process.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    read_only: tuple[Path, ...]
    model: Path
    temporary: Path
    port: int | None = None
    listen: tuple[str, int] = ("127.0.0.1", 0)
    model_at: PurePosixPath = MODEL_AT
    allow_exec: bool = False
    loopback: bool = False
    shared_memory_bytes: int | None = None
    devices: tuple[Path, ...] = field(default=())
    memory_bytes: int | None = None
    processes: int | None = None
    open_files: int = MAX_OPEN_FILES

    def __post_init__(self) -> None:
        """Raise UsageError ``sandbox_invalid`` if a value makes no sense."""
        if not self.argv or not self.argv[0].startswith("/"):
            raise _invalid("the command must be an absolute path")
        texts = (*self.argv, *self.env.keys(), *self.env.values())
        if any("\0" in text for text in texts) or any(not name or "=" in name for name in self.env):
            raise _invalid("an argument or environment variable is malformed")
        paths = (*self.read_only, self.model, self.temporary, *self.devices, self.model_at)
        for path in paths:
            if not path.is_absolute() or ".." in path.parts:
                raise _invalid(f"the path {shown(str(path))} is not absolute")
        for path in self.read_only:
            if self.temporary.is_relative_to(path) or TEMPORARY_AT.is_relative_to(path):
                raise _invalid(f"{shown(str(path))} shall be read only, but holds the temporary folder")
        if self.model.is_relative_to(self.temporary) or self.temporary.is_relative_to(self.model):
            raise _invalid("the model and the temporary folder must not lie in each other")
        if self.port is not None and not 0 < self.port <= 0xFFFF:
            raise _invalid(f"{self.port} is not a port")
        if min(self.open_files, *(n for n in self._limits() if n is not None)) <= 0:
            raise _invalid("a limit must be greater than zero")

    def _limits(self) -> tuple[int | None, ...]:
        return (self.memory_bytes, self.processes, self.shared_memory_bytes, 1)


def _invalid(message: str) -> UsageError:
    return UsageError(
        "sandbox_invalid", f"The server cannot be started: {message}.", hint="Correct the launch."
    )
