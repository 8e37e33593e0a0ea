"""An OCI registry on loopback for tests: strict about what it is sent, and faulty where a test says so.

    with RegistryServer() as registry:
        registry.content.put_blob("org/model", b"weights")
        Repository(client, registry.name, "org/model", ...)

Source: OCI distribution-spec v1.1, and the token flow of the Docker registry. Everything is in memory.
"""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any, Self

from registry_access import Access
from registry_api import Handler, Recorded, Switches
from registry_content import Content


@dataclass
class _Fault:
    method: str
    path: re.Pattern[str]
    times: int
    act: "Callable[[Handler], bool]"


class RegistryServer:
    """A running registry; ``name`` is host and port as references write them."""

    def __init__(self, *, access: Access | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.content = Content()
        self.switches = Switches()
        self.access = access or Access()
        self.requests: list[Recorded] = []
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        handler = type("BoundHandler", (Handler,), {"registry": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.name = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{'http' if tls is None else 'https'}://{self.name}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._thread.join(10)

    def record(self, request: Recorded) -> None:
        """Remember a request."""
        with self._lock:
            self.requests.append(request)

    def asked(self, method: str, path: str = "") -> list[Recorded]:
        """Return the requests of that method whose path matches the pattern ``path``."""
        with self._lock:
            return [each for each in self.requests if each.method == method and re.search(path, each.path)]

    def answer(
        self,
        method: str,
        path: str,
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        times: int = 1,
    ) -> None:
        """Answer the next ``times`` requests that match like this."""

        def act(handler: "Handler") -> bool:
            handler.drain()
            handler.reply(status, body, headers or {})
            return True

        self._add(method, path, times, act)

    def break_off(self, method: str, path: str, body: bytes, media_type: str, *, times: int = 1) -> None:
        """Answer the next ``times`` requests that match with ``body``, saying that one byte more follows."""

        def act(handler: "Handler") -> bool:
            handler.drain()
            handler.send_response(200)
            handler.send_header("Content-Type", media_type)
            handler.send_header("Content-Length", str(len(body) + 1))
            handler.end_headers()
            handler.wfile.write(body)
            handler.close_connection = True
            return True

        self._add(method, path, times, act)

    def before(self, method: str, path: str, call: Callable[[], object], *, times: int = 1) -> None:
        """Call ``call`` before the next ``times`` requests that match are carried out."""

        def act(_: "Handler") -> bool:
            call()
            return False

        self._add(method, path, times, act)

    def cut(self, method: str, path: str, *, after: int, times: int = 1) -> None:
        """Close the connection when ``after`` bytes of the body came; they are kept."""

        def act(handler: "Handler") -> bool:
            handler.cut_after = after
            return False

        self._add(method, path, times, act)

    def _add(self, method: str, path: str, times: int, act: "Callable[[Handler], bool]") -> None:
        with self._lock:
            self._faults.append(_Fault(method, re.compile(path), times, act))

    def fault(self, handler: "Handler") -> bool:
        """Carry out the first fault that fits; return whether it answered."""
        with self._lock:
            for fault in self._faults:
                if fault.times and fault.method == handler.command and fault.path.search(handler.path):
                    fault.times -= 1
                    break
            else:
                return False
        return fault.act(handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # clients with many threads would wait a second for another try

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of a server."""

    def close_connections(self) -> None:
        """End the connections that clients keep alive."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
