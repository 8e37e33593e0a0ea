"""Calls of the Linux kernel that Python's standard library does not offer, through ctypes."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]

# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 28, 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
# linux/capability.h, linux/securebits.h
CAPABILITY_VERSION_3 = 0x2008_0522
CAPABILITIES = 64
SECUREBITS = 0b1110_1111  # no root, no set-uid fix-up, no keep-caps, no ambient raise; all locked
# linux/sched.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER = 0x0002_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000
CLONE_NEWPID, CLONE_NEWNET = 0x2000_0000, 0x4000_0000
# linux/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
# linux/landlock.h; since Linux 5.9 new calls have one number on every architecture
CLOSE_RANGE = 436
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH, RULE_NET_PORT = 1, 2
# linux/seccomp.h, linux/filter.h
SECCOMP_MODE_FILTER = 2
INSTRUCTION_BYTES = 8
# asm-generic/mman-common.h
PROT_READ_WRITE = 3
MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE = 0x02, 0x20, 0x10_0000


class StepError(Exception):
    """A step of the set-up failed; the arguments are its name and the system's reason."""


class SockFprog(ctypes.Structure):
    """``struct sock_fprog`` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def check(step: str, result: int) -> int:
    """Return ``result`` of a C call, or raise StepError if it is -1."""
    if result == -1:
        raise StepError(step, os.strerror(ctypes.get_errno()))
    return result


def prctl(option: int, first: int = 0, second: int = 0) -> int:
    """Change something about this process and return the kernel's answer; -1 is an error."""
    unsigned = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    return int(LIBC.prctl(option, *unsigned))


def drop_privileges() -> None:
    """Give up every capability for good, and raise StepError if one is left."""
    check("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1))
    # these four need CAP_SETPCAP; who lacks it has nothing to give up, which the end checks
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    prctl(PR_SET_SECUREBITS, SECUREBITS)
    for capability in range(CAPABILITIES):
        prctl(PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    check("drop capabilities", LIBC.capset(header, (ctypes.c_uint32 * 6)()))
    left = (ctypes.c_uint32 * 6)()
    check("read capabilities", LIBC.capget(header, left))
    if any(left):
        raise StepError("drop capabilities", "some capabilities are left")


def load_filter(program: bytes) -> None:
    """Load a seccomp program (an array of ``struct sock_filter``) for this process for good."""
    described = SockFprog(len(program) // INSTRUCTION_BYTES, program)
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    check("seccomp", LIBC.prctl(PR_SET_SECCOMP, mode, ctypes.byref(described)))


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel offers, 0 if none."""
    version = LIBC.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_CREATE_RULESET_VERSION)
    return max(0, int(version))


def close_from(first: int) -> None:
    """Close every descriptor from ``first`` on."""
    check("close descriptors", LIBC.syscall(CLOSE_RANGE, first, ctypes.c_uint(0xFFFF_FFFF), 0))
