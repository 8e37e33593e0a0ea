"""Which protections hold for a running server, each with the reason: the honest account."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from weighlock.sandbox.capability import Capabilities
from weighlock.sandbox.landlock import NETWORK_ABI, SCOPE_ABI, TRUNCATE_ABI
from weighlock.sandbox.launch import Launch, Tier


@dataclass(frozen=True, slots=True)
class Protection:
    """One thing that the server cannot do, or can.

    Args:
        name: a stable name, for policies and tests.
        holds: whether the server is kept from it.
        reason: one sentence: by what, or why not.
    """

    name: str
    holds: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What the report is derived from: what was asked for, what the machine can, what the guard did."""

    launch: Launch
    tier: Tier
    capabilities: Capabilities
    own_proc: bool

    @property
    def private(self) -> bool:
        """Return whether the server has network, processes and mounts of its own."""
        return self.tier >= Tier.NAMESPACES

    @property
    def own_tree(self) -> bool:
        """Return whether the server has a file tree of its own."""
        return self.tier is Tier.BUBBLEWRAP

    def has_abi(self, version: int) -> bool:
        """Return whether Landlock is at least of ``version``."""
        return self.capabilities.landlock_abi >= version


def report(situation: Situation) -> tuple[Protection, ...]:
    """Return every protection, in a fixed order."""
    parts = (_privileges, _files, _code, _network, _processes, _limits)
    return tuple(protection for part in parts for protection in part(situation))


def _privileges(now: Situation) -> Iterator[Protection]:
    yield Protection(
        "no_new_privileges", True, "No program that the server starts gains rights (no_new_privs)."
    )
    yield Protection("no_capabilities", True, "It has no capability and can gain none.")
    yield Protection(
        "system_calls",
        True,
        "Only listed system calls exist: no ptrace, mounts, namespaces, keyrings, BPF, io_uring, modules (seccomp).",
    )
    environment = "The environment is exactly the given one, and no descriptor is inherited."
    yield Protection("clean_environment", True, environment)
    if now.private:
        yield Protection(
            "unprivileged_user", True, "Inside, the server is the user nobody of an own user namespace."
        )
    else:
        root = os.geteuid() == 0
        reason = (
            "Root without capabilities still owns root's files."
            if root
            else "The server is the caller's user."
        )
        yield Protection("unprivileged_user", False, reason + " Namespaces are missing.")


def _files(now: Situation) -> Iterator[Protection]:
    how = "shown (bubblewrap) and readable (Landlock)" if now.own_tree else "readable (Landlock)"
    yield Protection("files", True, f"Nothing but the named paths and facts about the machine is {how}.")
    if now.own_tree:
        yield Protection("file_names", True, "The file tree holds nothing else (bubblewrap).")
    else:
        yield Protection(
            "file_names",
            False,
            "Landlock hides contents; whether a path exists, its size and owner can be seen.",
        )
    if now.private:
        reason = "The model is mounted read only, and Landlock denies writing."
    elif now.has_abi(TRUNCATE_ABI):
        reason = "Landlock denies writing and truncating, seccomp the change of modes and owners."
    else:
        reason = f"Landlock ABI {now.capabilities.landlock_abi} does not stop truncation; that needs 3 or a namespace."
    yield Protection("model_read_only", now.private or now.has_abi(TRUNCATE_ABI), reason)


def _code(now: Situation) -> Iterator[Protection]:
    if now.launch.allow_exec:
        yield Protection("no_exec", False, "The launch allows programs to be started.")
        yield Protection(
            "no_new_code", False, "The launch allows programs, so writable folders may hold code."
        )
        return
    yield Protection("no_exec", True, "After the server's own start no exec succeeds (seccomp).")
    if now.private:
        reason = (
            "Writable folders are mounted noexec, files in memory cannot be made; anonymous memory still can."
        )
    else:
        reason = "Without a mount namespace a library in the temporary folder can be loaded."
    yield Protection("no_new_code", now.private, reason)


def _network(now: Situation) -> Iterator[Protection]:
    no_tcp = "The network namespace is empty." if now.private else "No connect call exists (seccomp)."
    yield Protection(
        "no_outgoing", True, f"{no_tcp} Only TCP sockets can be made: no UDP, raw, MPTCP, netlink."
    )
    if now.private:
        yield Protection(
            "one_port", True, "Only the relay reaches into the network namespace, and only to one port."
        )
    else:
        limited = (
            "Landlock lets it bind one port only" if now.has_abi(NETWORK_ABI) else "It may bind any port"
        )
        reason = (
            f"{limited}, but listening without bind takes a free port, and other users reach the inner port."
        )
        yield Protection("one_port", False, reason)
    if now.own_tree:
        reason = "No socket file is in the tree; abstract sockets belong to the network namespace."
    else:
        reason = "No UNIX socket can be made but connected pairs (seccomp)."
    yield Protection("no_unix_sockets_outside", True, reason)


def _processes(now: Situation) -> Iterator[Protection]:
    scoped = now.has_abi(SCOPE_ABI)
    yield Protection(
        "no_foreign_memory", True, "ptrace and its kin do not exist (seccomp); Landlock guards /proc."
    )
    if now.private:
        reason = "Other processes do not exist in the process namespace."
    elif scoped:
        reason = "Landlock denies signals to processes outside."
    else:
        reason = (
            f"Landlock ABI {now.capabilities.landlock_abi} lets signals to the user's other processes pass."
        )
    yield Protection("no_foreign_signals", now.private or scoped, reason)
    if now.private:
        reason = "The process namespace ends with its first process, which ends with the supervisor."
    else:
        reason = "The guard ends all descendants when the supervisor is gone" + (
            "." if scoped else ", but the server may kill the guard."
        )
    yield Protection("dies_with_supervisor", now.private or scoped, reason)
    own = now.private and now.own_proc
    yield Protection(
        "process_list",
        own,
        "/proc shows the server's processes only." if own else "That other processes exist can be found out.",
    )


def _limits(now: Situation) -> Iterator[Protection]:
    yield Protection("no_core_dump", True, "Core dumps are off (RLIMIT_CORE).")
    memory, processes = now.launch.memory_bytes, now.launch.processes
    reason = f"Each process may map {memory} bytes (RLIMIT_AS)." if memory else "No limit was asked for."
    yield Protection("memory_limit", bool(memory), reason)
    root = os.geteuid() == 0
    if not processes:
        reason = "No limit was asked for."
    else:
        reason = (
            "The kernel exempts root."
            if root
            else f"At most {processes} processes and threads (RLIMIT_NPROC)."
        )
    yield Protection("process_limit", bool(processes) and not root, reason)
    yield Protection(
        "total_memory", False, "No control group is set up; run in a service or container that has one."
    )
