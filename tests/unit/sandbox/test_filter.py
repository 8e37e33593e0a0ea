"""The system call filter, run by a small interpreter of classic BPF, for both architectures."""

import errno
import struct

import pytest

from weighlock.core.error import UndecidedError
from weighlock.sandbox.filter import (
    AND,
    JUMP_EQUAL,
    JUMP_GREATER_EQUAL,
    LOAD_WORD,
    MAX_INSTRUCTIONS,
    RET_ALLOW,
    RET_ERRNO,
    RET_KILL_PROCESS,
    RETURN,
    Rules,
    assemble,
)
from weighlock.sandbox.inside.confine import only_these_pointers
from weighlock.sandbox.syscall import ARCHITECTURES, CHECKED, FILES, OUTSIDE, Architecture, architecture

SHUT = Rules(families=(2, 10))
OPEN = Rules(families=(1, 2, 10), connect=True, outside=True, memory_files=True, execute_again=True)
UDP, RAW, STREAM, DATAGRAM, SEQPACKET = 2, 3, 1, 2, 5
CLOEXEC, NONBLOCK = 0x80000, 0x800
HIGHEST_NUMBER = 600  # well above what any kernel has


def run(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """Return the verdict of ``program``; the kernel's rules for the five instructions that we use."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, audit, 0, *padded)
    code = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == RETURN:
            return int(value)
        if operation == LOAD_WORD:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif operation == AND:
            accumulator &= value
        elif operation == JUMP_EQUAL:
            at += if_true if accumulator == value else if_false
        elif operation == JUMP_GREATER_EQUAL:
            at += if_true if accumulator >= value else if_false
        else:
            raise AssertionError(operation)


@pytest.fixture(params=list(ARCHITECTURES.values()), ids=list(ARCHITECTURES))
def machine(request: pytest.FixtureRequest) -> Architecture:
    found: Architecture = request.param
    return found


def judge(machine: Architecture, rules: Rules, name: str, *arguments: int) -> int:
    number = machine.number(name)
    assert number is not None
    return run(assemble(machine, rules), machine.audit, number, *arguments)


def refused(number: int) -> int:
    return RET_ERRNO | number


def test_program_fits(machine: Architecture) -> None:
    assert len(assemble(machine, OPEN)) // 8 < MAX_INSTRUCTIONS


def test_another_architecture_is_killed(machine: Architecture) -> None:
    program = assemble(machine, SHUT)
    foreign = {0x4000_0003, 0x4000_0028, *(other.audit for other in ARCHITECTURES.values())} - {machine.audit}
    assert {run(program, audit, 0) for audit in foreign} == {RET_KILL_PROCESS}


def test_exactly_the_listed_calls_exist(machine: Architecture) -> None:
    program = assemble(machine, SHUT)
    checked = set(machine.numbers(CHECKED))
    verdicts = {
        number: run(program, machine.audit, number)
        for number in range(HIGHEST_NUMBER)
        if number not in checked
    }
    assert set(verdicts.values()) == {RET_ALLOW, refused(errno.ENOSYS)}
    allowed = {number for number, verdict in verdicts.items() if verdict == RET_ALLOW}
    assert set(machine.numbers(FILES)) <= allowed
    assert not allowed & set(machine.numbers(OUTSIDE))


def test_calls_that_reach_outside_exist_only_in_an_own_tree(machine: Architecture) -> None:
    program = assemble(machine, OPEN)
    assert {run(program, machine.audit, number) for number in machine.numbers(OUTSIDE)} == {RET_ALLOW}


@pytest.mark.parametrize("number", [0x4000_0000, 0x4000_0000 | 39, 0xFFFF_FFFF])
def test_x32_calls_do_not_exist(number: int) -> None:
    x86 = ARCHITECTURES["x86_64"]
    assert run(assemble(x86, OPEN), x86.audit, number) == refused(errno.ENOSYS)


@pytest.mark.parametrize("name", ["ptrace", "mount", "unshare", "setns", "bpf", "keyctl", "io_uring_setup"])
def test_names_outside_the_tables_have_no_number(name: str, machine: Architecture) -> None:
    with pytest.raises(KeyError):
        machine.number(name)


@pytest.mark.parametrize(
    ("rules", "family", "kind", "protocol", "verdict"),
    [
        (SHUT, 2, STREAM, 0, RET_ALLOW),
        (SHUT, 10, STREAM | CLOEXEC | NONBLOCK, 6, RET_ALLOW),
        (SHUT, 2, STREAM, 262, refused(errno.EPERM)),  # MPTCP
        (SHUT, 2, STREAM, 132, refused(errno.EPERM)),  # SCTP
        (SHUT, 2, UDP | CLOEXEC, 0, refused(errno.EPERM)),
        (SHUT, 2, RAW, 1, refused(errno.EPERM)),
        (SHUT, 1, STREAM, 0, refused(errno.EAFNOSUPPORT)),
        (OPEN, 1, STREAM, 0, RET_ALLOW),
        (OPEN, 1, DATAGRAM, 0, refused(errno.EPERM)),
        (OPEN, 16, RAW, 0, refused(errno.EAFNOSUPPORT)),  # netlink
        (OPEN, 17, RAW, 0, refused(errno.EAFNOSUPPORT)),  # packet
        (OPEN, 40, STREAM, 0, refused(errno.EAFNOSUPPORT)),  # vsock
        (OPEN, 38, SEQPACKET, 0, refused(errno.EAFNOSUPPORT)),  # kernel crypto
        (Rules(families=()), 2, STREAM, 0, refused(errno.EAFNOSUPPORT)),
    ],
)
def test_sockets(
    rules: Rules, family: int, kind: int, protocol: int, verdict: int, machine: Architecture
) -> None:
    assert judge(machine, rules, "socket", family, kind, protocol) == verdict
    # the kernel reads 32 bits, so must the filter
    assert judge(machine, rules, "socket", family | 1 << 32, kind | 1 << 40, protocol | 1 << 33) == verdict


@pytest.mark.parametrize(
    ("name", "arguments", "verdict"),
    [
        ("socketpair", (1, STREAM | CLOEXEC), RET_ALLOW),
        ("socketpair", (1, SEQPACKET), RET_ALLOW),
        ("socketpair", (1, DATAGRAM), refused(errno.EPERM)),
        ("connect", (3,), refused(errno.EPERM)),
        ("sendto", (3, 0, 0, 0x4000), RET_ALLOW),
        ("sendto", (3, 0, 0, 0x2000_4000), refused(errno.EPERM)),
        ("sendmsg", (3, 0, 0x2000_0000), refused(errno.EPERM)),
        ("sendmmsg", (3, 0, 0, 0x2000_0000), refused(errno.EPERM)),
        ("clone", (0x0100_0000 | 17,), RET_ALLOW),
        *[
            ("clone", (flag | 17,), refused(errno.EPERM))
            for flag in (1 << 17, *(1 << n for n in range(25, 31)))
        ],
        ("clone3", (0,), refused(errno.ENOSYS)),
        ("ioctl", (0, 0x5401), RET_ALLOW),
        ("ioctl", (0, 0x5412), refused(errno.EPERM)),
        ("ioctl", (0, 1 << 32 | 0x5412), refused(errno.EPERM)),
        ("ioctl", (0, 0x541C), refused(errno.EPERM)),
        ("prctl", (1, 9), RET_ALLOW),
        ("prctl", (1, 0), refused(errno.EPERM)),
        ("prctl", (15, 0), RET_ALLOW),
        ("prlimit64", (0, 7), RET_ALLOW),
        ("prlimit64", (1, 7), refused(errno.EPERM)),
        ("execveat", (0,), refused(errno.EPERM)),
        ("memfd_create", (0,), refused(errno.ENOSYS)),
    ],
)
def test_arguments(name: str, arguments: tuple[int, ...], verdict: int, machine: Architecture) -> None:
    assert judge(machine, SHUT, name, *arguments) == verdict


def test_exec_is_let_through_with_the_secret_pointers_only(machine: Architecture) -> None:
    number = machine.number("execve")
    assert number is not None
    secret = (0x12_3456_7898, 0x2A_0000_0008, 0x3F_FFFF_FFF0)
    program = only_these_pointers(number, secret)
    assert run(program, machine.audit, number, *secret) == RET_ALLOW
    assert run(program, machine.audit, number + 1) == RET_ALLOW
    for index in range(3):
        for bit in range(64):
            wrong = list(secret)
            wrong[index] ^= 1 << bit
            assert run(program, machine.audit, number, *wrong) == refused(errno.EPERM)


def test_unknown_machine_is_too_weak() -> None:
    with pytest.raises(UndecidedError, match="riscv64") as caught:
        architecture("riscv64")
    assert caught.value.code == "sandbox_too_weak"
