"""From a launch and a tier to the plan that the guard carries out."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weighlock.core.error import UndecidedError
from weighlock.sandbox import landlock
from weighlock.sandbox.bubblewrap import ETC, GUARD_AT, SHARED_MEMORY_AT, SYSTEM_FILES
from weighlock.sandbox.capability import Capabilities
from weighlock.sandbox.filter import AF_INET, AF_INET6, AF_UNIX, Rules, assemble
from weighlock.sandbox.interpreter import INSIDE
from weighlock.sandbox.launch import TEMPORARY_AT, Launch, Tier
from weighlock.sandbox.syscall import architecture

# A pipe to a collector of core dumps ignores a limit of 0, but 1 stops pipes and files (fs/coredump.c).
NO_CORE_DUMP: Final = 1

DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# Of a /proc that shows the whole machine: what tells about it and not about its processes.
SHARED_PROC: Final = (
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/proc/sys/net/core/somaxconn",
)
# Files of the real /etc that libraries expect to be readable if they exist; none names a user.
SHARED_ETC: Final = (
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/mime.types",
    "/etc/ssl/openssl.cnf",
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are inside, and where the guard's files are."""

    model: PurePosixPath
    temporary: PurePosixPath
    guard: Path

    def fill(self, text: str, port: int | None) -> str:
        """Return ``text`` with the names in braces replaced."""
        text = text.replace("{model}", str(self.model)).replace("{temporary}", str(self.temporary))
        return text if port is None else text.replace("{port}", str(port))


def layout(launch: Launch, tier: Tier) -> Layout:
    """Return where ``launch`` sees its things in ``tier``."""
    if tier is Tier.BUBBLEWRAP:
        return Layout(model=launch.model_at, temporary=TEMPORARY_AT, guard=Path(GUARD_AT))
    return Layout(
        model=PurePosixPath(launch.model), temporary=PurePosixPath(launch.temporary), guard=INSIDE.parent
    )


def require(launch: Launch, tier: Tier, minimum: Tier) -> None:
    """Raise UndecidedError ``sandbox_too_weak`` if ``tier`` is not enough for ``launch`` or ``minimum``."""
    needs = [(minimum, "the required protection")]
    needs += [(Tier.NAMESPACES, "loopback connections between the server's processes")] * launch.loopback
    needs += [(Tier.BUBBLEWRAP, "private shared memory")] * (launch.shared_memory_bytes is not None)
    for needed, what in needs:
        if tier < max(needed, Tier.LANDLOCK):
            raise UndecidedError(
                "sandbox_too_weak",
                f"This machine offers the sandbox tier {tier.name.lower()}, and {what} "
                f"needs at least {max(needed, Tier.LANDLOCK).name.lower()}.",
                hint="Install bubblewrap, allow unprivileged user namespaces, or use a kernel with Landlock.",
            )


def make_plan(launch: Launch, tier: Tier, capabilities: Capabilities, control: int) -> dict[str, Any]:
    """Return the plan for the guard, ready for JSON; ``control`` is the number of its control socket."""
    place = layout(launch, tier)
    private = tier >= Tier.NAMESPACES
    machine = architecture(capabilities.machine)
    return {
        "control": control,
        "argv": [place.fill(text, launch.port) for text in launch.argv],
        "env": {name: place.fill(text, launch.port) for name, text in launch.env.items()},
        "work": str(place.temporary),
        "namespaces": tier is Tier.NAMESPACES,
        "private_processes": private,
        "map_nobody": private,
        "mounts": _mounts(launch, place, tier),
        "limits": list(_limits(launch)),
        "processes": launch.processes,
        "landlock": _landlock(launch, place, tier, capabilities.landlock_abi),
        "filter": assemble(machine, rules(launch, tier)).hex(),
        "execve": machine.number("execve"),
        "allow_exec": launch.allow_exec,
    }


def rules(launch: Launch, tier: Tier) -> Rules:
    """Return what the system call filter lets this server do.

    Without a file tree of its own, a path leads to the sockets and the file modes of
    the whole machine, which Landlock does not govern: there the filter takes them away.
    """
    own_tree = tier is Tier.BUBBLEWRAP
    internet = (AF_INET, AF_INET6) if launch.port is not None or launch.loopback else ()
    return Rules(
        families=(*internet, *((AF_UNIX,) if own_tree else ())),
        connect=own_tree or launch.loopback,
        outside=own_tree,
        memory_files=launch.allow_exec,
        execute=True,
        execute_again=launch.allow_exec,
    )


def _mounts(launch: Launch, place: Layout, tier: Tier) -> list[tuple[str, bool]]:
    if tier < Tier.NAMESPACES:
        return []
    mounts = [(str(place.model), False)]
    if not launch.allow_exec:
        mounts.append((str(place.temporary), True))
    if launch.shared_memory_bytes:
        mounts.append((str(SHARED_MEMORY_AT), True))
    return mounts


def _limits(launch: Launch) -> Iterator[tuple[int, int]]:
    yield resource.RLIMIT_CORE, NO_CORE_DUMP
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    yield resource.RLIMIT_NOFILE, min(launch.open_files, most) if most > 0 else launch.open_files
    if launch.memory_bytes is not None:
        yield resource.RLIMIT_AS, launch.memory_bytes


def _landlock(launch: Launch, place: Layout, tier: Tier, abi: int) -> dict[str, Any]:
    handled = landlock.handled(abi, network=not launch.loopback)
    files = [(str(path), landlock.RUN, False) for path in launch.read_only]
    files += [(str(place.model), landlock.READ, False), (str(place.temporary), landlock.WORK, False)]
    files += [(path, landlock.DEVICE, True) for path in DEVICES]
    files += [(str(path), landlock.DEVICE, False) for path in launch.devices]
    readable = (*SYSTEM_FILES, *(ETC if tier is Tier.BUBBLEWRAP else SHARED_ETC))
    files += [(path, landlock.READ, True) for path in readable]
    if launch.shared_memory_bytes:
        files.append((str(SHARED_MEMORY_AT), landlock.WORK, False))
    return {
        "handled": (handled.files, handled.network, handled.scoped),
        "attribute_bytes": handled.attribute_bytes,
        "paths": files,
        "own_proc": [("/proc", landlock.READ, False)],
        "shared_proc": [(path, landlock.READ, True) for path in SHARED_PROC],
        "ports": [(launch.port, landlock.BIND_TCP)] if handled.network and launch.port is not None else [],
    }
