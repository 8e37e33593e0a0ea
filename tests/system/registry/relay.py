"""A relay that breaks connections, between a client and a real server."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Relay:
    """Passes bytes on to a server; ``cuts`` are the numbers of bytes after which the next connections break."""

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts: list[int] = []
        self.passed = 0  # bytes from the client
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                threading.Thread(target=self._upwards, args=(client, server), daemon=True).start()
                threading.Thread(target=self._downwards, args=(server, client), daemon=True).start()

    def close(self) -> None:
        """Stop taking connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        count = 0
        with client, server, contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
                count += len(data)
                with self._lock:
                    self.passed += len(data)
                    if self.cuts and count > self.cuts[0]:
                        del self.cuts[0]
                        break
            for each in (client, server):
                each.shutdown(socket.SHUT_RDWR)

    def _downwards(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)


@contextlib.contextmanager
def relay_to(server: str) -> Iterator[Relay]:
    """Yield a relay to ``host:port``."""
    relay = Relay(server)
    thread = threading.Thread(target=relay.serve, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join(10)
