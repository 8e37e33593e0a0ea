"""Start the guard and talk with it; its side and the messages are in ``inside/guard.py``."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from weighlock.core.error import UndecidedError
from weighlock.core.text import shown
from weighlock.sandbox.bubblewrap import ETC, arguments, pass_content
from weighlock.sandbox.capability import Capabilities
from weighlock.sandbox.interpreter import command
from weighlock.sandbox.launch import Launch, Tier
from weighlock.sandbox.plan import layout, make_plan

START_S: Final = 30.0  # from the guard's start to the server's exec; usually a tenth of a second
END_S: Final = 10.0  # for the kernel to take down killed processes
MESSAGE_BYTES: Final = 4096
CREDENTIALS: Final = struct.Struct("=iII")  # struct ucred: pid, uid, gid


class NotStartedError(Exception):
    """The guard or the server did not start; the argument is the reason."""

    def explained(self, output: bytes) -> UndecidedError:
        """Return the error for a person, with the end of what was written to standard error."""
        said = output.decode(errors="replace").strip()
        reason = f"{self.args[0]}; {said}" if said else str(self.args[0])
        return UndecidedError(
            "sandbox_failed",
            f"The server could not be started in its sandbox: {shown(reason)}.",
            hint="Check that every path of the launch exists, that this user may read it, and that it is enough.",
        )


@dataclass(frozen=True, slots=True)
class Message:
    """What the guard said: one letter, its text, the pid it came from as seen here, and a socket perhaps."""

    letter: str
    text: str
    pid: int
    socket: socket.socket | None


class Guard:
    """The guard's process and the control socket to it.

    Args:
        launch: what it shall start.
        tier: how.
        capabilities: of this machine.
        log: a descriptor to which the guard and the server write; the caller closes it.
    """

    def __init__(self, launch: Launch, tier: Tier, capabilities: Capabilities, log: int) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        content: list[int] = []
        try:
            plan = make_plan(launch, tier, capabilities, theirs.fileno())
            boot = command(layout(launch, tier).guard, "guard")
            if tier is Tier.BUBBLEWRAP:
                boot, content = _in_bubblewrap(launch, str(capabilities.bubblewrap), boot)
            self.process = _spawn(boot, [theirs.fileno(), *content], log)
        except OSError as error:
            raise NotStartedError(str(error)) from error
        finally:
            theirs.close()
            for descriptor in content:
                os.close(descriptor)
        with contextlib.suppress(BrokenPipeError):  # it ended already: the control socket tells
            _give(self.process, json.dumps(plan).encode())

    def await_start(self) -> tuple[int, dict[str, Any]]:
        """Return the server's pid and the guard's facts once the server runs; raises NotStartedError."""
        self.control.settimeout(START_S)
        pid = 0
        while True:
            try:
                message = self.receive()
            except TimeoutError as error:
                raise NotStartedError(f"the guard did not answer within {START_S:.0f} s") from error
            if message is None:
                raise NotStartedError("the guard ended early")
            if message.letter == "P":
                pid = message.pid
            elif message.letter == "G":
                return pid, json.loads(message.text)
            else:
                raise NotStartedError(message.text)

    def receive(self) -> Message | None:
        """Return the next message, or None if the guard is gone. Raises TimeoutError."""
        room = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(4)
        try:
            content, ancillary, _, _ = self.control.recvmsg(MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return None
        if not content:
            return None
        pid, received = 0, None
        for _, kind, data in ancillary:
            if kind == socket.SCM_CREDENTIALS:
                pid = CREDENTIALS.unpack(data)[0]
            elif kind == socket.SCM_RIGHTS:
                received = socket.socket(fileno=struct.unpack("=i", data)[0])
        return Message(chr(content[0]), content[1:].decode(errors="replace"), pid, received)

    def tell(self, letter: str) -> None:
        """Send one message; nothing happens if the guard is gone."""
        with contextlib.suppress(OSError):
            self.control.send(letter.encode())

    def end(self) -> None:
        """Let go of the guard, which then ends everything, and wait until it has."""
        self.control.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:  # its processes have it as their death signal's parent
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def _spawn(boot: Sequence[str], passed: Sequence[int], log: int) -> "subprocess.Popen[bytes]":
    # its own session: the terminal's signals reach the supervisor only, which then decides
    return subprocess.Popen(
        boot,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=passed,
        env={},
        cwd="/",
        start_new_session=True,
    )


def _give(process: "subprocess.Popen[bytes]", plan: bytes) -> None:
    if process.stdin is None:
        raise TypeError
    with process.stdin as pipe:
        pipe.write(plan)


def _in_bubblewrap(launch: Launch, program: str, boot: list[str]) -> tuple[list[str], list[int]]:
    """Return the command that runs ``boot`` in bubblewrap, and the descriptors that it needs."""
    etc = {path: pass_content(content) for path, content in ETC.items()}
    # not on the command line, where the server would read the machine's paths in /proc/1/cmdline
    options = pass_content(b"".join(os.fsencode(option) + b"\0" for option in arguments(launch, etc)))
    return [program, "--args", str(options), "--", *boot], [options, *etc.values()]
