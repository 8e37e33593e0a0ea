"""What a worker gives up before it reads the first untrusted byte, with the kernel's help where there is one.

Landlock leaves it our own modules, the standard library and the libraries of the system, all read-only: they are
imported when a format needs them. The filter of system calls leaves it what reading, thinking and answering take:
no sockets, no programs, no signals to others, no names changed. Where the kernel has neither, the result says so.
"""

import os
import resource
import stat
import struct
import sys
from collections.abc import Iterator
from typing import Final

from weighlock.sandbox.inside.kernel import (
    LANDLOCK_ADD_RULE,
    LANDLOCK_CREATE_RULESET,
    LANDLOCK_RESTRICT_SELF,
    LIBC,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    RULE_PATH_BENEATH,
    StepError,
    check,
    landlock_abi,
    load_filter,
    prctl,
)
from weighlock.sandbox.landlock import READ, READ_FILE, handled
from weighlock.sandbox.syscall import ARCHITECTURES, CHECKED, FILES, MEMORY, PROCESS, SOCKETS, WAITING

MAX_DESCRIPTORS: Final = 64  # a batch of files, the standard streams, the channel, a module being read
_SIGKILL: Final = 9
_LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_ALLOWED: Final = frozenset({
    *("read", "readv", "pread64", "write", "writev", "close", "lseek", "fcntl", "ioctl", "dup"),
    *("open", "openat", "stat", "fstat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2"),
    *("readlink", "readlinkat", "getcwd", "getdents", "getdents64", "fadvise64", "close_range"),
    *("mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "membarrier"),
    *("sendto", "sendmsg", "recvfrom", "recvmsg", "getsockname", "getsockopt", "poll", "ppoll", "select", "pselect6"),
    *("futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit", "exit_group"),
    *("getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "getrusage"),
    *("clock_gettime", "clock_getres", "gettimeofday", "time", "sched_getaffinity", "sched_yield", "sysinfo"),
    *("uname", "getrlimit", "restart_syscall", "rseq", "set_robust_list"),
})  # fmt: skip


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends."""
    prctl(PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:  # it ended before that call
        os._exit(1)


def confine(memory_bytes: int) -> list[str]:
    """Give up all that parsing does not need; return the words for what holds: limits, landlock, seccomp."""
    _limit(memory_bytes)
    holding = ["limits"]
    if prctl(PR_SET_NO_NEW_PRIVS, 1) != 0:
        return holding
    for name, step in (("landlock", _leave_files), ("seccomp", _leave_calls)):
        try:
            step()
        except (StepError, OSError):
            continue  # not this kernel, or forbidden here: the result lacks the word
        holding.append(name)
    return holding


def _limit(memory_bytes: int) -> None:
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _leave_files() -> None:
    taken = handled(abi := landlock_abi())
    if not abi:
        raise StepError("landlock", "this kernel has none")
    attribute = struct.pack("=QQQ", taken.files, taken.network, taken.scoped)
    ruleset = check("landlock", _call(LANDLOCK_CREATE_RULESET, attribute, taken.attribute_bytes, 0))
    try:
        for place in _readable():
            _allow(ruleset, place)
        check("landlock", _call(LANDLOCK_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _readable() -> Iterator[str]:
    yield os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # our own package
    yield from (
        place for place in sys.path[:-1] if os.path.exists(place)
    )  # the last one is beside our package
    yield from (place for place in _LIBRARIES if os.path.exists(place))


def _allow(ruleset: int, place: str) -> None:
    descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = READ if stat.S_ISDIR(os.fstat(descriptor).st_mode) else READ_FILE
        rule = struct.pack("=Qi", rights, descriptor)
        check("landlock", _call(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: int | bytes) -> int:
    return int(LIBC.syscall(number, *arguments))


def _leave_calls() -> None:
    machine = ARCHITECTURES.get(os.uname().machine)
    if machine is None:
        raise StepError("seccomp", "not on this machine")
    tables = (FILES, MEMORY, PROCESS, WAITING, SOCKETS, CHECKED)
    numbers = sorted(
        number
        for table in tables
        for name in _ALLOWED & table.keys()
        if (number := machine.number(name, table)) is not None
    )
    load_filter(program(machine.audit, numbers))


def program(audit: int, numbers: list[int]) -> bytes:
    """Return a seccomp program that allows the system calls ``numbers`` of one architecture; others do not exist."""
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, audit), (0x06, 0, 0, 0x8000_0000)]  # a foreign architecture: killed
    code += [(0x20, 0, 0, 0)]  # the number; that of the x32 ABI has a bit more, so it is none of ours
    code += [(0x15, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    code += [(0x06, 0, 0, 0x0005_0000 | 38), (0x06, 0, 0, 0x7FFF_0000)]  # ENOSYS, or allowed
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
