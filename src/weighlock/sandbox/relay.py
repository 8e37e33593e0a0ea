"""Carry bytes between clients outside and the one port inside, in one thread with a selector.

A connection has two directions, each with one buffer: a side is read only while its
buffer is empty, so a slow reader slows the writer down and memory stays bounded. What
was read is sent on at once. The end of one direction is passed on as such (half-close).
"""

import contextlib
import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

CHUNK_BYTES: Final = 256 * 1024
MAX_CONNECTIONS: Final = 256  # two descriptors each; a process has 1024 by default
IDLE_S: Final = 900.0  # a long prompt may take minutes until its first token
IDLE_WHEN_FULL_S: Final = 30.0  # kept-alive connections give way to new clients

Now = Callable[[], float]


@dataclass(slots=True, eq=False)
class _Flow:
    """One direction: what was read and not yet sent, and what has ended."""

    source: socket.socket
    sink: socket.socket
    pending: memoryview = field(default_factory=lambda: memoryview(b""))
    source_ended: bool = False
    sink_ended: bool = False

    def move(self) -> None:
        """Read and send what is possible without waiting; raises OSError if a side is broken."""
        with contextlib.suppress(BlockingIOError):
            if not self.pending and not self.source_ended:
                self.pending = memoryview(self.source.recv(CHUNK_BYTES))
                self.source_ended = not self.pending
            if self.pending:
                self.pending = self.pending[self.sink.send(self.pending) :]
        if self.source_ended and not self.pending and not self.sink_ended:
            self.sink_ended = True
            self.sink.shutdown(socket.SHUT_WR)


@dataclass(slots=True, eq=False)
class _Link:
    """A client's connection and the one to the server."""

    inward: _Flow
    outward: _Flow
    connected: bool = False
    moved_at: float = 0.0

    @property
    def sockets(self) -> tuple[socket.socket, socket.socket]:
        return self.inward.source, self.inward.sink

    def wanted(self, side: socket.socket) -> int:
        """Return the selector events for which ``side`` waits."""
        if not self.connected:
            return selectors.EVENT_WRITE if side is self.inward.sink else 0
        events = 0
        for flow in (self.inward, self.outward):
            if flow.source is side and not flow.pending and not flow.source_ended:
                events |= selectors.EVENT_READ
            if flow.sink is side and flow.pending:
                events |= selectors.EVENT_WRITE
        return events


class Relay:
    """The relay of one server; every method is called by the thread that runs the selector.

    Args:
        selector: shared with the owner; the relay registers callables as data.
        listener: a listening socket, or None to relay nothing.
        target: where the server listens inside.
        request: asks for a socket made inside; it arrives through ``provide``.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        listener: socket.socket | None,
        target: tuple[str, int],
        request: Callable[[], None],
        now: Now = time.monotonic,
    ) -> None:
        self._selector = selector
        self._listener = listener
        self._target = target
        self._request = request
        self._now = now
        self._links: set[_Link] = set()
        self._waiting: deque[socket.socket] = deque()
        self._listening = False
        self.reached = False  # whether the server ever accepted a connection
        if listener is not None:
            listener.setblocking(False)
            self._listen(wanted=True)

    @property
    def busy(self) -> bool:
        """Return whether any connection is open."""
        return bool(self._links or self._waiting)

    @property
    def _full(self) -> bool:
        return len(self._links) + len(self._waiting) >= MAX_CONNECTIONS

    def provide(self, inner: socket.socket) -> None:
        """Connect ``inner``, a fresh socket, for the client that waits longest."""
        if not self._waiting:
            inner.close()
            return
        outer = self._waiting.popleft()
        for side in (outer, inner):
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(inward=_Flow(outer, inner), outward=_Flow(inner, outer), moved_at=self._now())
        self._links.add(link)
        if inner.connect_ex(self._target) in {0, errno.EINPROGRESS}:
            self._watch(link)
        else:  # nobody listens yet: the client learns it as a closed connection
            self._close(link)

    def expire(self) -> None:
        """Close connections that were idle for too long, sooner when all places are taken."""
        limit = IDLE_WHEN_FULL_S if self._full else IDLE_S
        for link in [link for link in self._links if self._now() - link.moved_at > limit]:
            self._close(link)
        self._listen(wanted=not self._full)

    def close_listener(self) -> None:
        """Accept nobody from now on; open connections go on."""
        self._listen(wanted=False)
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """Close everything."""
        self.close_listener()
        for link in list(self._links):
            self._close(link)
        while self._waiting:
            self._waiting.popleft().close()

    def _listen(self, *, wanted: bool) -> None:
        if self._listener is None or wanted == self._listening:
            return
        self._listening = wanted
        if wanted:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        else:
            self._selector.unregister(self._listener)

    def _accept(self, _: int) -> None:
        if self._listener is None:
            return
        try:
            outer, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):  # the client is gone already
            return
        except OSError:  # out of descriptors or memory: the next expire() tries again
            self._listen(wanted=False)
            return
        self._waiting.append(outer)
        self._listen(wanted=not self._full)
        self._request()

    def _ready(self, link: _Link) -> None:
        if link not in self._links:  # closed by an earlier event of the same round
            return
        try:
            if not link.connected:
                failed = link.inward.sink.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if failed:
                    raise OSError(failed, "the server refuses connections")
                link.connected = self.reached = True
            link.inward.move()
            link.outward.move()
        except OSError:
            self._close(link)
            return
        link.moved_at = self._now()
        if link.inward.sink_ended and link.outward.sink_ended:
            self._close(link)
        else:
            self._watch(link)

    def _watch(self, link: _Link) -> None:
        for side in link.sockets:
            wanted, registered = link.wanted(side), self._selector.get_map().get(side)
            if registered is None:
                if wanted:
                    self._selector.register(side, wanted, lambda _: self._ready(link))
            elif not wanted:
                self._selector.unregister(side)
            elif wanted != registered.events:
                self._selector.modify(side, wanted, registered.data)

    def _close(self, link: _Link) -> None:
        self._links.discard(link)
        for side in link.sockets:
            with contextlib.suppress(KeyError):
                self._selector.unregister(side)
            side.close()
        self._listen(wanted=True)
