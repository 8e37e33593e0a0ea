"""The server's own process, from fork to exec: it shuts itself in, then becomes the server."""

import ctypes
import os
import resource
import signal
import stat
import struct
from typing import Any, NoReturn

from .kernel import (
    INSTRUCTION_BYTES,
    LANDLOCK_ADD_RULE,
    LANDLOCK_CREATE_RULESET,
    LANDLOCK_RESTRICT_SELF,
    LIBC,
    MAP_ANONYMOUS,
    MAP_FIXED_NOREPLACE,
    MAP_PRIVATE,
    PR_SET_PDEATHSIG,
    PROT_READ_WRITE,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
    StepError,
    check,
    load_filter,
    prctl,
)

FILE_RIGHTS = 0b1100_0000_0000_0111  # of all Landlock rights, those that mean something for a file
PAGE_BYTES = 65536  # the largest page size of the two architectures
ADDRESS_BITS = 38  # every kernel configuration has at least this many for a process
ATTEMPTS = 100

Plan = dict[str, Any]  # what plan.py writes


def become_server(plan: Plan, guard: int) -> NoReturn:
    """Confine this process and execute the server; raises StepError or OSError if a step fails."""
    os.setpgid(0, 0)
    check("death signal", prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    if os.getppid() != guard:
        os._exit(1)
    for name in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would keep that
        signal.signal(name, signal.SIG_DFL)
    os.chdir(plan["work"])
    os.umask(0o077)
    for limit, value in plan["limits"]:
        resource.setrlimit(limit, (value, value))
    restrict_paths_and_ports(plan)
    load_filter(bytes.fromhex(plan["filter"]))
    execute(plan)


def restrict_paths_and_ports(plan: Plan) -> None:
    """Enter a Landlock domain with the plan's rules."""
    rights = plan["landlock"]
    attribute = struct.pack("=QQQ", *rights["handled"])
    size = ctypes.c_size_t(rights["attribute_bytes"])
    ruleset = check("landlock", LIBC.syscall(LANDLOCK_CREATE_RULESET, attribute, size, 0))
    for path, allowed, optional in rights["paths"]:
        try:
            add_path(ruleset, path, allowed & rights["handled"][0])
        except FileNotFoundError:
            if not optional:
                raise
    for port, allowed in rights["ports"]:
        rule = struct.pack("=QQ", allowed, port)
        check("landlock port", LIBC.syscall(LANDLOCK_ADD_RULE, ruleset, RULE_NET_PORT, rule, 0))
    check("landlock", LIBC.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def add_path(ruleset: int, path: str, allowed: int) -> None:
    """Grant ``allowed`` on ``path`` and all beneath it."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        allowed &= FILE_RIGHTS
    rule = struct.pack("=Qi", allowed, descriptor)
    check(f"landlock {path}", LIBC.syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0))
    os.close(descriptor)


def execute(plan: Plan) -> NoReturn:
    """Execute the server; unless the plan lets it start programs, so that no later exec can succeed.

    A second filter lets execve through only with three pointers that were drawn at
    random here. They are gone with this process image, and a filter cannot be read
    back, so the server would have to guess more than a hundred bits.
    """
    argv = [os.fsencode(text) for text in plan["argv"]]
    env = [os.fsencode(f"{name}={value}") for name, value in plan["env"].items()]
    number = plan["execve"]
    if plan["allow_exec"]:
        os.execve(argv[0], argv, plan["env"])  # noqa: S606 - becoming the server is the purpose
    path = place_secretly(argv[0] + b"\0")
    buffers = [ctypes.create_string_buffer(text) for text in (*argv, *env)]
    addresses = [ctypes.addressof(buffer) for buffer in buffers]
    arguments = place_secretly(pointers(addresses[: len(argv)]))
    environment = place_secretly(pointers(addresses[len(argv) :]))
    load_filter(only_these_pointers(number, (path, arguments, environment)))
    secret = [ctypes.c_void_p(address) for address in (path, arguments, environment)]
    check("execute", LIBC.syscall(number, *secret))
    raise StepError("execute", "returned")


def pointers(addresses: list[int]) -> bytes:
    """Return a C array of ``addresses`` that ends with NULL."""
    return struct.pack(f"={len(addresses) + 1}Q", *addresses, 0)


def place_secretly(content: bytes) -> int:
    """Return a random address in fresh memory that holds ``content``."""
    for _ in range(ATTEMPTS):
        drawn = int.from_bytes(os.urandom(8), "little") % (1 << ADDRESS_BITS)
        page, offset = drawn - drawn % PAGE_BYTES, drawn % PAGE_BYTES & ~7
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
        if page and LIBC.mmap(page, offset + len(content), PROT_READ_WRITE, flags, -1, 0) == page:
            ctypes.memmove(page + offset, content, len(content))
            return page + offset
    raise StepError("memory for exec", "no free place found")


def only_these_pointers(number: int, values: tuple[int, ...]) -> bytes:
    """Return a seccomp program that refuses system call ``number`` unless its first arguments are ``values``."""
    words = [
        (16 + 8 * index + 4 * half, value >> 32 * half & 0xFFFF_FFFF)  # struct seccomp_data, args
        for index, value in enumerate(values)
        for half in (0, 1)
    ]
    code = [(0x20, 0, 0, 0), (0x15, 0, 2 * len(words) + 2, number)]  # load the number; another call: the end
    for index, (at, word) in enumerate(words):
        to_refusal = 2 * (len(words) - index) - 1
        code += [(0x20, 0, 0, at), (0x15, 0, to_refusal, word)]
    code += [(0x06, 0, 0, 0x7FFF_0000), (0x06, 0, 0, 0x0005_0001), (0x06, 0, 0, 0x7FFF_0000)]
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    if len(program) != INSTRUCTION_BYTES * len(code):
        raise StepError("filter for exec", "has a wrong size")
    return program
