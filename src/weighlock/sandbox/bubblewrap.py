"""The command line of bubblewrap for a launch (bwrap(1))."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from weighlock.sandbox.interpreter import INSIDE, own_interpreter, python_files
from weighlock.sandbox.launch import TEMPORARY_AT, Launch

GUARD_AT: Final = PurePosixPath("/run/weighlock")
SHARED_MEMORY_AT: Final = PurePosixPath("/dev/shm")  # noqa: S108 - a mount point inside the sandbox

# What libraries look up about the machine. The real files would tell who its users are.
ETC: Final = {
    "/etc/passwd": b"server:x:65534:65534::/tmp:/nonexistent\n",
    "/etc/group": b"server:x:65534:\n",
    "/etc/hosts": b"127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}
SYSTEM_FILES: Final = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)


def arguments(launch: Launch, etc: dict[str, int]) -> list[str]:
    """Return bubblewrap's options, without the program and the command to run in it.

    Args:
        launch: what to start.
        etc: for each path of ``ETC`` an open descriptor with its content.
    """
    # for the guard alone, which gives them up: uid 0 and CAP_SYS_ADMIN make mounts noexec, and
    # CAP_SETFCAP is asked of whoever maps uid 0 to another user (user_namespaces(7))
    own = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    own += [
        "--unshare-cgroup-try",
        "--uid",
        "0",
        "--gid",
        "0",
        "--cap-drop",
        "ALL",
        "--cap-add",
        "CAP_SYS_ADMIN",
    ]
    own += ["--cap-add", "CAP_SETFCAP"]
    own += ["--die-with-parent", "--new-session", "--hostname", "server", "--clearenv"]
    # first, since what is named may lie in the /tmp outside
    shown = ["--bind", str(launch.temporary), str(TEMPORARY_AT)]
    shown += ["--proc", "/proc", "--dev", "/dev", *_read_only(launch)]
    for path, descriptor in etc.items():
        shown += ["--ro-bind-data", str(descriptor), path]
    for path in SYSTEM_FILES:
        shown += ["--ro-bind-try", path, path]
    shown += ["--ro-bind", str(launch.model), str(launch.model_at)]
    if launch.shared_memory_bytes:
        shown += ["--size", str(launch.shared_memory_bytes), "--tmpfs", str(SHARED_MEMORY_AT)]
    for device in launch.devices:
        shown += ["--dev-bind", str(device), str(device)]
    return [*own, *shown, "--remount-ro", "/", "--chdir", "/"]


def _read_only(launch: Launch) -> Iterator[str]:
    guard = python_files(Path(own_interpreter()))
    paths = sorted({*launch.read_only, *guard}, key=lambda path: len(path.parts))
    mounted: list[Path] = []
    for path in paths:
        if not any(path.is_relative_to(folder) for folder in mounted):
            yield from ("--ro-bind", str(path), str(path))
            mounted.append(path)
    yield from ("--ro-bind", str(INSIDE), str(GUARD_AT / INSIDE.name))


def pass_content(content: bytes) -> int:
    """Return a descriptor from which a child process can read ``content``."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
