"""A proxy on loopback for tests: CONNECT and absolute addresses, with names of its own.

with ProxyHouse({"hub.test": house.port}) as proxy:
    Client(Network(environ={"https_proxy": proxy.url()}))
    proxy.requests                       # what it was asked: CONNECT hub.test:443, GET http://hub.test/
"""

import contextlib
import socket
import threading
from collections.abc import Mapping
from typing import BinaryIO

from http_house import LOOPBACK, Answer, Asked, House, read_head


class ProxyHouse(House):
    """The proxy: a host name leads to a port of this machine; ``authorization`` is the header that it wants."""

    def __init__(self, names: Mapping[str, int], *, authorization: str | None = None) -> None:
        super().__init__()
        self.refusal: Answer | None = None
        self._names = names
        self._authorization = authorization

    def proxy_url(self, user: str = "") -> str:
        return f"http://{user}{'@' if user else ''}{self.host}"

    def converse(self, sock: socket.socket, reader: BinaryIO, number: int) -> bool:
        head = read_head(reader)
        if head is None:
            return False
        method, target, headers = head
        self.requests.append(Asked(method, target, headers, b"", number))
        if self._authorization and headers.get("proxy-authorization") != self._authorization:
            return self._say(sock, b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        if self.refusal is not None:
            return self._say(sock, self.refusal.raw or b"")
        authority = target if method == "CONNECT" else target.split("/")[2]
        name = authority.partition(":")[0]
        if name not in self._names:
            return self._say(sock, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        with socket.create_connection((LOOPBACK, self._names[name])) as onward:
            if method == "CONNECT":
                sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                path = "/" + target.split("/", 3)[3]
                onward.sendall(
                    f"{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode()
                )
            back = threading.Thread(target=_pump, args=(onward, sock), daemon=True)
            back.start()
            if method == "CONNECT":
                _pump(sock, onward)
            back.join(20)
        return False

    def _say(self, sock: socket.socket, raw: bytes) -> bool:
        sock.sendall(raw)
        return True


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
