"""A running server: its supervision, its relay and its end.

One thread for each server starts the guard, runs the relay and waits for the end. The
kernel ties a child's death signal to the *thread* that started it, so this thread lives
exactly as long as the server.
"""

import codecs
import contextlib
import os
import queue
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Final, Self

from weighlock.core.error import UndecidedError
from weighlock.core.text import shown
from weighlock.sandbox.capability import Capabilities, detect
from weighlock.sandbox.control import END_S, Guard, NotStartedError
from weighlock.sandbox.launch import Launch, Tier
from weighlock.sandbox.plan import layout, require
from weighlock.sandbox.relay import Relay
from weighlock.sandbox.report import Protection, Situation, report

DRAIN_S: Final = 2.0  # for clients to take the last bytes of a server that ended
TICK_S: Final = 1.0  # how often idle connections are looked at
PROBE_S: Final = 0.02  # between two looks whether the server is ready
LOG_BYTES: Final = 65536
TAIL_BYTES: Final = 1000
GRACE_S: Final = 10.0
BACKLOG: Final = 128

Output = Callable[[bytes], object]
Answer = queue.SimpleQueue[tuple[int, dict[str, Any]] | BaseException]


def start(
    launch: Launch,
    *,
    capabilities: Capabilities | None = None,
    minimum: Tier = Tier.LANDLOCK,
    tier: Tier | None = None,
    output: Output | None = None,
) -> "Server":
    """Start ``launch`` in the strongest tier there is and return it running; ``ready`` waits for its port.

    Args:
        launch: what to start.
        capabilities: of this machine; found out when None.
        minimum: the weakest tier to accept.
        tier: use this one instead of the strongest.
        output: called in another thread with what the server writes to its standard output
            and error; by default it goes to our standard error, made harmless if that is a terminal.

    Raises:
        UndecidedError: ``sandbox_too_weak`` if the machine offers less than ``minimum``, ``tier``
            or the launch needs; ``sandbox_failed`` if the set-up or the server's exec failed.
        UndecidedError: ``address_unusable`` if ``listen`` cannot be bound.
    """
    found = capabilities or detect()
    chosen = found.tier if tier is None else tier
    require(launch, min(found.tier, chosen), max(minimum, chosen))
    return Server(launch, chosen, found, output or _to_standard_error())


class Server:
    """A server in its sandbox; ``start`` makes it. Leaving it as a context manager stops it.

    Attributes:
        pid: of the server's first process, as seen from here.
        tier: in which it runs.
        protections: what holds and what does not.
        address: host and port outside, or None if nothing is relayed.
        model: where the server sees the model.
    """

    def __init__(self, launch: Launch, tier: Tier, capabilities: Capabilities, output: Output) -> None:
        self.tier = tier
        self.model: PurePosixPath = layout(launch, tier).model
        self._launch = launch
        self._output = output
        self._status: int | None = None
        self._ended = threading.Event()
        self._tail = b""  # the end of the output, which explains a failed start
        self._guard: Guard | None = None
        self._relay: Relay | None = None
        self._listener = _listen(launch)
        self.address: tuple[str, int] | None = self._listener.getsockname()[:2] if self._listener else None
        answer: Answer = queue.SimpleQueue()
        arguments = (answer, capabilities)
        threading.Thread(target=self._supervise, args=arguments, daemon=True, name="sandbox").start()
        started = answer.get()
        if isinstance(started, BaseException):
            raise started
        self.pid: int = started[0]
        situation = Situation(launch, tier, capabilities, own_proc=started[1]["own_proc"])
        self.protections: tuple[Protection, ...] = report(situation)

    def poll(self) -> int | None:
        """Return the exit status (negative: the signal that ended it), or None while the server runs."""
        return self._status if self._ended.is_set() else None

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the end of the server and all its processes; return as ``poll``."""
        self._ended.wait(timeout_s)
        return self.poll()

    def ready(self, timeout_s: float) -> bool:
        """Wait until the server accepts connections; False if it ended, relays nothing or the time is over."""
        deadline = time.monotonic() + timeout_s
        while self.address and time.monotonic() < deadline and not self._ended.wait(PROBE_S):
            with contextlib.suppress(OSError), socket.create_connection(self.address, PROBE_S) as client:
                client.recv(1)  # ends at once when the server refused
            if self._relay and self._relay.reached:
                return True
        return False

    def stop(self, grace_s: float = GRACE_S) -> int:
        """Ask the server to end, kill all that is left after ``grace_s``, and return its exit status."""
        if self._guard and not self._ended.is_set():
            self._guard.tell("T")
            if not self._ended.wait(grace_s):
                self._guard.tell("K")
                if not self._ended.wait(END_S):
                    self._guard.process.kill()  # a stopped guard: the kernel ends what depends on it
            self._ended.wait()
        return -signal.SIGKILL if self._status is None else self._status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- the supervising thread ---

    def _supervise(self, answer: Answer, capabilities: Capabilities) -> None:
        try:
            with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
                if self._listener:
                    stack.callback(self._listener.close)
                guard = self._guard = Guard(self._launch, self.tier, capabilities, self._open_log(stack))
                stack.callback(guard.end)
                started = guard.await_start()
                self._relay = relay = self._make_relay(selector, guard)
                stack.callback(relay.close)
                answer.put(started)
                self._run(selector, guard, relay)
        except NotStartedError as error:
            answer.put(error.explained(self._tail))
        except BaseException as error:
            if self._relay:  # it runs already: our own bug, which ends the server and is shown
                raise
            answer.put(error)
        finally:
            self._ended.set()

    def _open_log(self, stack: contextlib.ExitStack) -> int:
        """Return a descriptor for the server's output; a thread of its own passes it on until all have closed it."""
        source, sink = os.pipe()
        copier = threading.Thread(target=self._copy_log, args=(source,), daemon=True, name="sandbox-log")
        copier.start()
        stack.callback(copier.join, END_S)
        stack.callback(os.close, sink)
        return sink

    def _copy_log(self, source: int) -> None:
        with open(source, "rb", buffering=0) as pipe:
            while content := pipe.read(LOG_BYTES):
                self._tail = (self._tail + content)[-TAIL_BYTES:]
                self._output(content)

    def _make_relay(self, selector: selectors.BaseSelector, guard: Guard) -> Relay:
        """Return the relay; sockets to the server are made where the server is."""
        target = ("127.0.0.1", self._launch.port or 0)
        if self.tier >= Tier.NAMESPACES:
            return Relay(selector, self._listener, target, lambda: guard.tell("S"))
        relay = Relay(selector, self._listener, target, lambda: relay.provide(socket.socket()))
        return relay

    def _run(self, selector: selectors.BaseSelector, guard: Guard, relay: Relay) -> None:
        """Relay until the server has ended and its clients had time to take the last bytes."""
        guard.control.setblocking(True)
        selector.register(guard.control, selectors.EVENT_READ, lambda _: self._hear(selector, guard, relay))
        until: float | None = None
        while until is None or (relay.busy and time.monotonic() < until):
            for key, events in selector.select(TICK_S):
                key.data(events)
            relay.expire()
            if until is None and guard.control not in selector.get_map():
                until = time.monotonic() + DRAIN_S
                relay.close_listener()

    def _hear(self, selector: selectors.BaseSelector, guard: Guard, relay: Relay) -> None:
        message = guard.receive()
        if message is None or message.letter == "X":
            self._status = int(message.text) if message else -signal.SIGKILL
            selector.unregister(guard.control)
        elif message.socket is not None:
            relay.provide(message.socket)


def _listen(launch: Launch) -> socket.socket | None:
    if launch.port is None:
        return None
    host, port = launch.listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UndecidedError(
            "address_unusable",
            f"{shown(host)} port {port} cannot be listened on: {shown(str(error.strerror).partition(' (while')[0])}",
            hint="choose another address, or port 0 for any free one",
        ) from error


def _to_standard_error() -> Output:
    if not os.isatty(2):
        return _write_to_standard_error
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")  # a character may come in two pieces
    return lambda content: _write_to_standard_error(_harmless(decoder.decode(content)))


def _harmless(text: str) -> bytes:
    """Return lines in which nothing moves the cursor, forges a title or writes the clipboard."""
    lines = (line.replace("\t", "    ").removesuffix("\r") for line in text.split("\n"))
    return "\n".join(shown(line, limit=len(line) + 1) for line in lines).encode()


def _write_to_standard_error(content: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody reads our messages: the server shall go on
        os.write(2, content)
