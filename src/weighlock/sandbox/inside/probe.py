"""Try each protection in a child of its own, and print what worked as JSON."""

import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from .confine import restrict_paths_and_ports
from .kernel import PR_SET_NO_NEW_PRIVS, StepError, check, landlock_abi, load_filter, prctl
from .namespace import enter_namespaces

PR_GET_NO_NEW_PRIVS = 39
WORKED, FAILED = 0, 1


def main() -> None:
    """Read what to try from standard input and print the results."""
    trial: dict[str, Any] = json.load(sys.stdin.buffer)
    tries: dict[str, Callable[[], bool]] = {
        "no_new_privileges": set_no_new_privileges,
        "landlock": lambda: landlock_denies(trial["handled"]),
        "seccomp": lambda: seccomp_denies(trial["filter"]),
        "namespaces": own_namespaces,
    }
    results: dict[str, object] = {name: works(attempt) for name, attempt in tries.items()}
    print(json.dumps(results | {"landlock_abi": landlock_abi()}))  # noqa: T201 - its one answer


def works(attempt: Callable[[], bool]) -> bool:
    """Return whether ``attempt`` returned True in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(WORKED if attempt() else FAILED)
        except (StepError, OSError):
            os._exit(FAILED)
        finally:  # whatever else went wrong, this process must not go on as the prober
            os._exit(FAILED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == WORKED


def set_no_new_privileges() -> bool:
    """Return whether the kernel says that no new privileges are to be had."""
    check("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1))
    return prctl(PR_GET_NO_NEW_PRIVS) == 1


def landlock_denies(files: int) -> bool:
    """Return whether a domain without any rule makes the root folder unreadable."""
    check("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1))
    nothing: dict[str, object] = {"handled": (files, 0, 0), "attribute_bytes": 8, "paths": [], "ports": []}
    os.listdir("/")
    restrict_paths_and_ports({"landlock": nothing})
    try:
        os.listdir("/")
    except PermissionError:
        return True
    return False


def seccomp_denies(program: str) -> bool:
    """Return whether the product's own filter makes a namespace impossible."""
    if not program:
        return False
    check("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1))
    load_filter(bytes.fromhex(program))
    try:
        os.chroot("/")
    except OSError as error:
        return error.errno == errno.ENOSYS
    return False


def own_namespaces() -> bool:
    """Return whether new namespaces can be entered, with one process in it that sees itself as the first."""
    enter_namespaces()
    return os.getpid() == 1
