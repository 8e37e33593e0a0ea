"""Own namespaces, for machines without bubblewrap, and mounts that execute nothing."""

import fcntl
import os
import socket
import struct

from .kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    LIBC,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    PR_SET_PDEATHSIG,
    check,
    close_from,
    prctl,
)

NOBODY = 65534  # the overflow user: what a user without a mapping is called anyway
SIGKILL = 9
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # linux/sockios.h, linux/if.h


def enter_namespaces() -> bool:
    """Go on as process 1 of new namespaces; return whether /proc could be made to show only these.

    The calling process stays outside, waits and ends as its child does.
    """
    new_user(0, CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
    socket.sethostname("server")
    check("private mounts", LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    child = os.fork()
    if child:
        close_from(0)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    check("death signal", prctl(PR_SET_PDEATHSIG, SIGKILL))
    # refused where parts of /proc are masked, as in most containers
    return bool(LIBC.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None) == 0)


def new_user(inside: int, more: int = 0) -> None:
    """Enter a new user namespace (and those of the flags ``more``) in which the present user is ``inside``."""
    user, group = os.geteuid(), os.getegid()
    check("user namespace", LIBC.unshare(CLONE_NEWUSER | more))
    for name, text in (
        ("setgroups", "deny"),  # else the kernel refuses an unprivileged gid_map
        ("uid_map", f"{inside} {user} 1"),
        ("gid_map", f"{inside} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def shut_mount(path: str, *, writable: bool) -> None:
    """Make ``path`` a mount from which nothing is executed or mapped executable; raises StepError."""
    place = os.fsencode(path)
    check("bind mount", LIBC.mount(place, place, None, MS_BIND | MS_REC, None))
    # flags that the parent namespace locked must be repeated; ST_* equal MS_* for these four
    flags = os.statvfs(path).f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    flags |= MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC | (0 if writable else MS_RDONLY)
    check("noexec mount", LIBC.mount(None, place, None, flags, None))
