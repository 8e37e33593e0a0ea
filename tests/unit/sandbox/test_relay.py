"""The relay alone, over real sockets, with the clock in our hand."""

import selectors
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from weighlock.sandbox import relay as module
from weighlock.sandbox.relay import CHUNK_BYTES, IDLE_S, IDLE_WHEN_FULL_S, Relay

pytestmark = pytest.mark.enable_socket
WAIT_S = 10
KERNEL_BUFFERS_BYTES = 64 << 20  # far more than four socket buffers may hold


@dataclass
class Scene:
    """A relay in front of a listening server, moved on by hand."""

    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.relay = Relay(
            self.selector,
            self.listener,
            self.server.getsockname(),
            lambda: self.relay.provide(socket.socket()),
            lambda: self.seconds,
        )

    def turn(self, wait_s: float = WAIT_S) -> bool:
        """Handle what is ready, waiting for something to be; return whether anything was."""
        ready = self.selector.select(wait_s)
        for key, events in ready:
            key.data(events)
        return bool(ready)

    def busy(self) -> bool:
        return self.relay.busy

    def settle(self) -> None:
        while self.turn(0.05):
            pass

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Return a client and the server's side of its connection."""
        client = socket.create_connection(self.listener.getsockname(), WAIT_S)
        self.turn()
        inner, _ = self.server.accept()
        self.settle()
        inner.settimeout(WAIT_S)
        return client, inner


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.relay.close()
    made.server.close()
    made.selector.close()


def test_slow_reader_stops_the_writer(scene: Scene) -> None:
    client, inner = scene.connect()
    inner.setblocking(False)
    sent = 0
    try:
        while sent < KERNEL_BUFFERS_BYTES:
            sent += inner.send(bytes(CHUNK_BYTES))
            scene.settle()
    except BlockingIOError:
        pass
    assert sent < KERNEL_BUFFERS_BYTES  # somebody said stop
    inner.close()
    received = 0
    while received < sent:
        scene.turn(0)
        received += len(client.recv(CHUNK_BYTES))
    assert received == sent
    client.close()


def test_halves_close_apart(scene: Scene) -> None:
    client, inner = scene.connect()
    client.sendall(b"question")
    client.shutdown(socket.SHUT_WR)
    scene.settle()
    assert inner.recv(100) == b"question"
    assert inner.recv(100) == b""
    inner.sendall(b"answer")
    scene.settle()
    assert client.recv(100) == b"answer"
    assert scene.busy()
    inner.close()
    scene.settle()
    assert client.recv(100) == b""
    assert not scene.busy()
    client.close()


def test_idle_connection_is_closed(scene: Scene) -> None:
    client, inner = scene.connect()
    scene.seconds = IDLE_S
    scene.relay.expire()
    assert scene.busy()
    scene.seconds += 1
    scene.relay.expire()
    assert not scene.busy()
    assert client.recv(1) == b""
    assert inner.recv(1) == b""
    client.close()
    inner.close()


def test_full_relay_waits_and_gives_idle_places_away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    pairs = [scene.connect() for _ in range(2)]
    third = socket.create_connection(scene.listener.getsockname(), WAIT_S)  # waits in the kernel
    assert not scene.turn(0.05)
    scene.seconds = IDLE_WHEN_FULL_S + 1
    scene.relay.expire()
    scene.turn()
    inner, _ = scene.server.accept()
    third.sendall(b"x")
    scene.settle()
    assert inner.recv(1) == b"x"
    for side in (third, inner, *(side for pair in pairs for side in pair)):
        side.close()


def test_refused_connection_ends_the_client(scene: Scene) -> None:
    scene.server.close()
    client = socket.create_connection(scene.listener.getsockname(), WAIT_S)
    scene.settle()
    assert client.recv(1) == b""
    assert not scene.relay.reached
    client.close()


def test_reset_client_frees_the_server(scene: Scene) -> None:
    client, inner = scene.connect()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    scene.settle()
    assert not scene.busy()
    assert inner.recv(1) == b""
    inner.close()


def test_socket_that_nobody_asked_for_is_closed(scene: Scene) -> None:
    stray = socket.socket()
    scene.relay.provide(stray)
    assert stray.fileno() == -1
