"""The HTTP of the test hub: one small server a port, answers that can be changed before they are sent."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

IDLE_S = 20  # a connection that is kept open ends by itself


@dataclass
class Exchange:
    """A request and the answer to it; ``cut`` ends the connection after that many bytes of the body."""

    server: str
    method: str
    target: str
    asked: Mapping[str, str]  # the request's headers, names in lower case
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ranges: bool = False
    cut: int | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def send_json(self, value: Any) -> None:
        self.headers["Content-Type"] = "application/json; charset=utf-8"
        self.body = json.dumps(value).encode()

    def send_file(self, content: bytes) -> None:
        self.headers |= {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        self.body, self.ranges = content, True

    def redirect(self, status: int, location: str) -> None:
        self.status, self.body = status, f"Redirecting to {location}".encode()
        self.headers["Location"] = location

    def fail(self, status: int, message: str, *, code: str | None = None) -> None:
        self.status, self.ranges = status, False
        self.headers["X-Error-Message"] = message
        if code:
            self.headers["X-Error-Code"] = code
        self.send_json({"error": message})

    def narrow(self) -> None:
        """Answer with the range that was asked for (RFC 9110, section 14), if one was."""
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.asked.get("range", ""))
        if not self.ranges or self.status != 200 or match is None:
            return
        total, start = len(self.body), int(match[1])
        end = min(int(match[2]) if match[2] else total - 1, total - 1)
        if start > end:
            self.status, self.body = 416, b""
            self.headers["Content-Range"] = f"bytes */{total}"
            return
        self.status, self.body = 206, self.body[start : end + 1]
        self.headers["Content-Range"] = f"bytes {start}-{end}/{total}"


class HubServer:
    """A server on a free port of loopback; ``exchanges`` are those that were answered, oldest first."""

    def __init__(
        self,
        name: str,
        answer: Callable[[Exchange], None],
        alter: Callable[[Exchange], None],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.exchanges: list[Exchange] = []
        self._name, self._answer, self._alter, self._tls = name, answer, alter, tls
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(10)
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = IDLE_S
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                asked = {name.lower(): value for name, value in self.headers.items()}
                exchange = Exchange(outer._name, self.command, self.path, asked)
                outer._answer(exchange)
                outer._alter(exchange)
                exchange.narrow()
                outer.exchanges.append(exchange)
                with contextlib.suppress(ConnectionError):
                    _write(self, exchange)

            do_HEAD = do_GET  # noqa: N815  # the name that http.server looks for

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, peer = super().get_request()
        if self.tls:  # the handshake is for the connection's own thread
            connection.settimeout(IDLE_S)
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients of tests break connections on purpose."""


def _write(handler: BaseHTTPRequestHandler, exchange: Exchange) -> None:
    handler.send_response(exchange.status)
    for name, value in {"Content-Length": str(len(exchange.body)), **exchange.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(exchange.body[: exchange.cut])
    if exchange.cut is not None:
        handler.close_connection = True
