"""The seccomp program: an allow-list of system calls, assembled here (linux/filter.h, linux/seccomp.h).

What is not on the list answers ENOSYS, as on a kernel that never had it, so that
libraries take their older way. A foreign architecture kills the process. This
module does no I/O; ``guard`` loads the program.
"""

import errno
import signal
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from weighlock.sandbox.syscall import (
    CHECKED,
    FILES,
    MEMORY,
    OUTSIDE,
    PROCESS,
    SOCKETS,
    WAITING,
    Architecture,
)

# linux/bpf_common.h: class | size | mode
LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_GREATER_EQUAL: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K
MAX_INSTRUCTIONS: Final = 4096  # BPF_MAXINSNS
MAX_JUMP: Final = 255  # jt and jf are bytes

# linux/seccomp.h: return values and the layout of struct seccomp_data
RET_KILL_PROCESS: Final = 0x8000_0000
RET_ERRNO: Final = 0x0005_0000
RET_ALLOW: Final = 0x7FFF_0000
NUMBER_AT: Final = 0
AUDIT_ARCH_AT: Final = 4
ARGUMENTS_AT: Final = 16
X32_BIT: Final = 0x4000_0000  # __X32_SYSCALL_BIT: the same audit value, another ABI

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCK_STREAM, SOCK_SEQPACKET, SOCK_TYPE_MASK = 1, 5, 0xF
TCP_PROTOCOLS: Final = (0, 6)  # Landlock governs TCP only: not MPTCP (262), SCTP (132), SMC (256)
MSG_FASTOPEN: Final = 0x2000_0000  # connects inside sendto(), which Landlock does not see
# linux/sched.h, in this order: mount, cgroup, UTS, IPC, user, process and network namespaces
NAMESPACE_FLAGS: Final = (
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000
)
TERMINAL_INPUT: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: both type into a terminal
PR_SET_PDEATHSIG: Final = 1

Instruction = tuple[int, int, int, int]  # code, jt, jf, k
Block = list[Instruction]


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between tiers and servers.

    Args:
        families: the address families of which stream sockets may be made.
        connect: whether ``connect`` exists.
        outside: whether the calls of ``OUTSIDE`` exist.
        memory_files: whether ``memfd_create`` exists (a file in memory can hold a library).
        execute: whether ``execve`` exists; ``guard`` narrows it to one single call.
        execute_again: whether ``execveat`` exists too.
    """

    families: tuple[int, ...]
    connect: bool = False
    outside: bool = False
    memory_files: bool = False
    execute: bool = True
    execute_again: bool = False


def assemble(architecture: Architecture, rules: Rules) -> bytes:
    """Return the program as an array of ``struct sock_filter`` in the machine's byte order."""
    code = [
        (LOAD_WORD, 0, 0, AUDIT_ARCH_AT),
        (JUMP_EQUAL, 1, 0, architecture.audit),
        _give(RET_KILL_PROCESS),
        (LOAD_WORD, 0, 0, NUMBER_AT),
        (JUMP_GREATER_EQUAL, 0, 1, X32_BIT),
        _refuse(errno.ENOSYS),
    ]
    code += _dispatch(architecture, rules)
    code += [_refuse(errno.ENOSYS)]
    if len(code) > MAX_INSTRUCTIONS:
        raise ValueError(len(code))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _dispatch(architecture: Architecture, rules: Rules) -> Block:
    code: Block = []
    for name, body in _checked(rules).items():
        number = architecture.number(name)
        if number is not None:
            code += _when(number, body)
    plain = [FILES, MEMORY, PROCESS, WAITING, SOCKETS, *([OUTSIDE] if rules.outside else [])]
    for first, last in _runs(number for table in plain for number in architecture.numbers(table)):
        code += [(JUMP_GREATER_EQUAL, 0, 2, first), (JUMP_GREATER_EQUAL, 1, 0, last + 1), _give(RET_ALLOW)]
    return code


def _checked(rules: Rules) -> dict[str, Block]:
    """Return for every call of ``CHECKED`` the block that decides about it; each ends in a return."""
    allowed, missing = [_give(RET_ALLOW)], [_refuse(errno.ENOSYS)]
    bodies = {
        "ioctl": _argument(1, [*_each(TERMINAL_INPUT, [_refuse(errno.EPERM)]), *allowed]),
        "socket": _socket(rules.families),
        "socketpair": _socketpair(),
        "connect": allowed if rules.connect else [_refuse(errno.EPERM)],
        "sendto": _unless_bits(3, MSG_FASTOPEN),
        "sendmsg": _unless_bits(2, MSG_FASTOPEN),
        "sendmmsg": _unless_bits(3, MSG_FASTOPEN),
        "clone": _unless_bits(0, NAMESPACE_FLAGS),
        # its flags are behind a pointer that a filter cannot follow; libc falls back to clone
        "clone3": missing,
        "prctl": _prctl(),
        "prlimit64": _argument(0, [*_when(0, allowed), _refuse(errno.EPERM)]),
        "setrlimit": allowed,
        "execve": allowed if rules.execute else [_refuse(errno.EPERM)],
        "execveat": allowed if rules.execute_again else [_refuse(errno.EPERM)],
        "memfd_create": allowed if rules.memory_files else missing,
    }
    if bodies.keys() != CHECKED.keys():
        raise ValueError(bodies.keys() ^ CHECKED.keys())
    return bodies


def _socket(families: tuple[int, ...]) -> Block:
    allowed, refused = [_give(RET_ALLOW)], [_refuse(errno.EPERM)]
    protocol = _argument(2, [*_each(TCP_PROTOCOLS, allowed), *refused])
    stream = _argument(1, [(AND, 0, 0, SOCK_TYPE_MASK), *_when(SOCK_STREAM, protocol), *refused])
    return _argument(0, [*_each(families, stream), _refuse(errno.EAFNOSUPPORT)])


def _socketpair() -> Block:
    # a datagram socket of a pair could still send to any socket by its path
    types = _each((SOCK_STREAM, SOCK_SEQPACKET), [_give(RET_ALLOW)])
    pair = _argument(1, [(AND, 0, 0, SOCK_TYPE_MASK), *types, _refuse(errno.EPERM)])
    return _argument(0, [*_when(AF_UNIX, pair), _refuse(errno.EAFNOSUPPORT)])


def _prctl() -> Block:
    # taking the death signal back would let a server outlive its guard
    keep = _argument(1, [*_when(signal.SIGKILL, [_give(RET_ALLOW)]), _refuse(errno.EPERM)])
    return _argument(0, [*_when(PR_SET_PDEATHSIG, keep), _give(RET_ALLOW)])


def _unless_bits(argument: int, bits: int) -> Block:
    return _argument(argument, [(AND, 0, 0, bits), *_when(0, [_give(RET_ALLOW)]), _refuse(errno.EPERM)])


def _argument(index: int, then: Block) -> Block:
    # the kernel reads ints, flags and ioctl requests of 32 bits: so must we, or high bits slip past
    return [(LOAD_WORD, 0, 0, ARGUMENTS_AT + 8 * index), *then]


def _each(values: Iterable[int], body: Block) -> Block:
    return [instruction for value in values for instruction in _when(value, body)]


def _when(value: int, body: Block) -> Block:
    if len(body) > MAX_JUMP:
        raise ValueError(len(body))
    return [(JUMP_EQUAL, 0, len(body), value), *body]


def _give(verdict: int) -> Instruction:
    return (RETURN, 0, 0, verdict)


def _refuse(number: int) -> Instruction:
    return _give(RET_ERRNO | number)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return ``numbers`` as ranges, both ends included."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
