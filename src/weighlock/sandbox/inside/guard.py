"""The guard: a small process between the supervisor and the server.

It gets a plan (JSON, made by ``plan``) on standard input. The order of its work:

1. enter own namespaces, if the plan says so (with bubblewrap it starts inside some);
2. make writable mounts noexec, leave the mapped root user, drop every capability;
3. fork the server's process, which shuts itself in (``confine``) and becomes the server;
4. hand out sockets of its own network namespace, watch, and end everything when the
   server ends, when told to, or when the supervisor is gone.

Messages on the control socket, one byte and a body. From the supervisor: ``S`` a
socket please, ``T`` terminate the server, ``K`` kill everything. To it: ``P`` sent by
the server's process (its credentials carry the pid), ``G`` running (JSON facts), ``S``
with a descriptor, ``X`` ended (status), ``E`` failed (the reason).
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Iterator

from .confine import Plan, become_server
from .kernel import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    StepError,
    check,
    close_from,
    drop_privileges,
    prctl,
)
from .namespace import NOBODY, enter_namespaces, new_user, shut_mount

MESSAGE_BYTES = 64


def main() -> None:
    """Read the plan, start the server and guard it until its end."""
    plan: Plan = json.load(sys.stdin.buffer)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(plan["control"], 3, inheritable=False)
    close_from(4)
    control = socket.socket(fileno=3)
    try:
        facts = shut_in(plan)
        server = start_server(plan, control)
    except (StepError, OSError) as error:
        control.send(b"E" + reason(error).encode())
        os._exit(1)
    control.send(b"G" + json.dumps(facts).encode())
    status = watch(server, control)
    status = finish(server, status, private_processes=plan["private_processes"])
    with contextlib.suppress(OSError):  # the supervisor may be gone, which may be why we end
        control.send(b"X" + str(status).encode())


def shut_in(plan: Plan) -> dict[str, bool]:
    """Carry out steps 1 and 2; return what came of those that may fail."""
    own_processes_shown = plan["private_processes"]
    if plan["namespaces"]:
        own_processes_shown = enter_namespaces()
    for path, writable in plan["mounts"]:
        shut_mount(path, writable=writable)
    if plan["map_nobody"]:
        new_user(NOBODY)
    drop_privileges()
    check("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1))
    check("not dumpable", prctl(PR_SET_DUMPABLE, 0))  # the server's user is ours: keep it out of our /proc
    plan["landlock"]["paths"] += plan["landlock"]["own_proc" if own_processes_shown else "shared_proc"]
    return {"own_proc": own_processes_shown}


def start_server(plan: Plan, control: socket.socket) -> int:
    """Fork the server's process and return its pid once it runs the server; raises StepError."""
    plan["limits"] += [[resource.RLIMIT_NPROC, limit] for limit in process_limit(plan)]
    guard = os.getpid()
    failure, report = os.pipe()  # closed by the exec itself when that succeeds
    server = os.fork()
    if server == 0:
        try:
            control.send(b"P")
            control.close()
            become_server(plan, guard)
        except (StepError, OSError) as error:
            os.write(report, reason(error).encode())
        os._exit(1)
    os.close(report)
    with open(failure, "rb") as pipe:
        message = pipe.read()
    if message:
        raise StepError(message.decode())
    hold_proc(plan, server)
    return server


def reason(error: StepError | OSError) -> str:
    """Return what went wrong as one line."""
    return str(error) if isinstance(error, OSError) else ": ".join(error.args)


def hold_proc(plan: Plan, server: int) -> None:
    """Keep open what the server's rules name in a shared /proc.

    The kernel may drop an unused entry of /proc and make a new one later, which the
    rule, bound to the old one, would no longer cover.
    """
    for path, _, _ in plan["landlock"]["paths"]:
        if path.startswith("/proc/"):
            with contextlib.suppress(OSError):
                os.open(path.replace("/proc/self", f"/proc/{server}"), os.O_PATH | os.O_CLOEXEC)


def process_limit(plan: Plan) -> Iterator[int]:
    """Yield the process limit if there is one, with what the user already runs where that counts too."""
    if plan["processes"] is not None:
        already = 0 if plan["private_processes"] else sum(1 for _ in threads_of_user())
        yield plan["processes"] + already


def threads_of_user() -> Iterator[str]:
    """Yield one item for every thread of our user on this machine."""
    for process in numbers_in_proc():
        with contextlib.suppress(OSError):  # it ended meanwhile
            if os.stat(f"/proc/{process}").st_uid == os.getuid():
                yield from os.listdir(f"/proc/{process}/task")


def watch(server: int, control: socket.socket) -> int | None:
    """Serve the supervisor until the server ends (return its status) or everything shall end (None)."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(control, select.POLLIN)
    while True:
        status = reap(server)
        if status is not None:
            return status
        for descriptor, _ in poll.poll():
            if descriptor == wake:
                os.read(wake, MESSAGE_BYTES)
            elif not obey(control, server):
                return None


def obey(control: socket.socket, server: int) -> bool:
    """Carry out one message; return False if everything shall end."""
    try:
        message = control.recv(MESSAGE_BYTES)
    except ConnectionError:
        return False
    if message == b"S":
        with socket.socket() as fresh:
            socket.send_fds(control, [b"S"], [fresh.fileno()])
    elif message == b"T":
        os.kill(server, signal.SIGTERM)
    else:  # kill, or nothing: the supervisor is gone
        return False
    return True


def reap(server: int) -> int | None:
    """Collect every ended child; return the server's exit status (negative: a signal) if it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == server:
                found = os.waitstatus_to_exitcode(ended[1])
    return found


def finish(server: int, status: int | None, *, private_processes: bool) -> int:
    """Kill whatever is left, wait for it, and return the server's exit status."""
    while True:
        kill_everything() if private_processes else kill_descendants()
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            return -signal.SIGKILL if status is None else status
        if pid == server:
            status = os.waitstatus_to_exitcode(ended)


def kill_everything() -> None:
    """Kill every process of our own process namespace but process 1 and ourselves."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def kill_descendants() -> None:
    """Kill all that descend from us; who loses its parent meanwhile becomes our child (subreaper)."""
    parents = {}
    for process in numbers_in_proc():
        with contextlib.suppress(OSError), open(f"/proc/{process}/stat", "rb") as file:
            parents[process] = int(file.read().rpartition(b")")[2].split()[1])
    ours = {os.getpid()}
    while grown := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= grown
    for process in ours - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def numbers_in_proc() -> list[int]:
    """Return the pids that /proc shows."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
