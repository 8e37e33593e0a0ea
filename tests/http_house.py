"""A loopback HTTP and HTTPS server that does what it is told, right or wrong, and remembers what it was asked.

    with House() as house:                      # House(tls=Authority()) for https
        house.put("/a", b"bytes")               # with ranges, ETag and HEAD
        house.put("/b", Answer(503, headers={"Retry-After": "1"}), Answer(200, b"at last"))
        house.put("/c", lambda asked: Answer(200, asked.body))
        house.url("/a"), house.host             # http://127.0.0.1:PORT/a, 127.0.0.1:PORT
        house.requests                          # every Asked, in order

Several answers are given one after the other, the last for ever. What stands in ``Answer`` beside
status, body and headers are the misbehaviours.
"""

import contextlib
import datetime as dt
import gzip
import hashlib
import http.client
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeAlias
from urllib.parse import parse_qsl

import pytest

import pki
from web_authority import Authority
from weighlock.transport.timing import Timing

LOOPBACK: Final = "127.0.0.1"
_PATIENCE_S: Final = 20.0  # a connection that a test forgot ends by itself
_MAX_HEAD: Final = 1 << 16


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int  # which connection it came over, counted from 1

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """What to answer, and how to do it wrongly.

    length: what Content-Length says (None: the truth; -1: no such header, the body ends with the connection)
    chunked: send the body in chunks of this many bytes
    cut: end the connection after so many bytes of the body;  reset: end it with a reset
    drip: send byte after byte, with so many seconds in between;  drip_head: the head, too
    silent: never answer;  raw: send exactly these bytes instead, and end the connection
    before: send these bytes before the head;  close: end the connection after the answer
    early: answer before the request's body was read;  wait: only answer after this event was set
    """

    status: int = 200
    body: bytes | memoryview = b""
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    length: int | None = None
    chunked: int = 0
    cut: int | None = None
    reset: bool = False
    drip: float = 0.0
    drip_head: bool = False
    silent: bool = False
    raw: bytes | None = None
    before: bytes = b""
    early: bool = False
    close: bool = False
    wait: threading.Event | None = field(default=None, compare=False)


Handler: TypeAlias = Callable[[Asked], Answer]
Route: TypeAlias = Answer | Handler | bytes


def redirect(to: str, status: int = 302, **changes: Any) -> Answer:
    """Return an answer that sends the asker on."""
    return Answer(status, headers={"Location": to}, **changes)


def compressed(body: bytes) -> Answer:
    """Return an answer that is compressed though nobody asked for it."""
    return Answer(200, gzip.compress(body), {"Content-Encoding": "gzip"})


def content(
    body: bytes | memoryview,
    *,
    ranges: bool = True,
    etag: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Handler:
    """Return a handler that serves ``body`` as good servers do: HEAD, Range, If-Range, ETag."""
    tag = etag or f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    view = memoryview(body)
    common = {"ETag": tag, "Accept-Ranges": "bytes" if ranges else "none", **(headers or {})}

    def serve(asked: Asked) -> Answer:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if not (ranges and wanted) or asked.headers.get("if-range", tag) != tag:
            return Answer(200, view, common)
        start = int(wanted[1])
        end = min(int(wanted[2] or len(body) - 1), len(body) - 1)
        if start > end:
            return Answer(416, headers={**common, "Content-Range": f"bytes */{len(body)}"})
        span = f"bytes {start}-{end}/{len(body)}"
        return Answer(206, view[start : end + 1], {**common, "Content-Range": span})

    return serve


class House:
    """The server; a context manager. It ends by itself, and with it every connection."""

    def __init__(
        self, *, tls: Authority | ssl.SSLContext | None = None, names: Sequence[str] = (LOOPBACK, "localhost")
    ) -> None:
        self.requests: list[Asked] = []
        self.connections = 0
        self.scheme = "https" if tls else "http"
        self._tls = tls.context(*names) if isinstance(tls, Authority) else tls
        self._routes: dict[str, list[Route]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((LOOPBACK, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.host = f"{LOOPBACK}:{self.port}"

    def url(self, path: str = "/", name: str = LOOPBACK) -> str:
        return f"{self.scheme}://{name}:{self.port}{path}"

    def put(self, path: str, *routes: Route) -> None:
        """Serve ``path`` (without a query; or with it, for that query alone), any method."""
        with self._lock:
            self._routes[path] = [content(route) if isinstance(route, bytes) else route for route in routes]

    def asked(self, path: str) -> list[Asked]:
        """Return the requests for ``path``, whatever their query."""
        return [each for each in self.requests if each.path == path]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        with self._lock:
            still_open = list(self._open)
        for sock in still_open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                stack.callback(sock.close)
            with self._lock:
                self._open.add(sock)
            stack.callback(self._open.discard, sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = stack.enter_context(sock.makefile("rb"))
            while not self._stopping.is_set() and self.converse(sock, reader, number):
                pass

    def converse(self, sock: socket.socket, reader: BinaryIO, number: int) -> bool:
        """Answer one request; return whether another may follow."""
        head = read_head(reader)
        if head is None:
            return False
        method, target, headers = head
        route = self._next_route(target)
        body = b""
        if not (isinstance(route, Answer) and route.early):
            body = reader.read(int(headers.get("content-length", "0")))
        asked = Asked(method, target, headers, body, number)
        with self._lock:
            self.requests.append(asked)
        answer = route if isinstance(route, Answer) else route(asked)
        return _Speaker(sock, self._stopping).answer(asked, answer)

    def _next_route(self, target: str) -> Answer | Handler:
        path = target if target in self._routes else target.partition("?")[0]
        with self._lock:
            routes = self._routes.get(path)
            if not routes:
                return Answer(404, b"nothing here")
            chosen = routes.pop(0) if len(routes) > 1 else routes[0]
        assert not isinstance(chosen, bytes)
        return chosen


def read_head(reader: BinaryIO) -> tuple[str, str, dict[str, str]] | None:
    """Return method, target and headers of the next request, or None at the end."""
    words = reader.readline(_MAX_HEAD).split()
    if len(words) != 3:
        return None
    headers: dict[str, str] = {}
    while line := reader.readline(_MAX_HEAD).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return words[0].decode(), words[1].decode(), headers


@dataclass
class _Speaker:
    """Sends one answer, as rightly or wrongly as it says."""

    sock: socket.socket
    stopping: threading.Event

    def answer(self, asked: Asked, answer: Answer) -> bool:
        if answer.wait is not None:
            answer.wait.wait(_PATIENCE_S)
        if answer.silent:
            self._wait_for_end()
            return False
        if answer.raw is not None:
            self.sock.sendall(answer.raw)
            self._end_politely()
            return False
        self.sock.sendall(answer.before)
        self._send(_write_head(answer), answer.drip if answer.drip_head else 0.0)
        if asked.method != "HEAD":
            self._send_body(answer)
        if answer.cut is not None or answer.reset:
            self._break_off(answer)
            return False
        if answer.close or answer.length is not None or asked.headers.get("connection") == "close":
            self._end_politely()
            return False
        return True

    def _send_body(self, answer: Answer) -> None:
        body = memoryview(answer.body)[: answer.cut]
        if not answer.chunked:
            self._send(body, answer.drip)
            return
        for start in range(0, len(body), answer.chunked):
            chunk = body[start : start + answer.chunked]
            self._send(b"%x\r\n%b\r\n" % (len(chunk), bytes(chunk)), answer.drip)
        if answer.cut is None:
            self._send(b"0\r\n\r\n", answer.drip)

    def _send(self, data: bytes | memoryview, drip: float) -> None:
        if not drip:
            self.sock.sendall(data)
            return
        for byte in bytes(data):
            if self.stopping.wait(drip):
                raise OSError("the house is closed")
            self.sock.sendall(bytes([byte]))

    def _break_off(self, answer: Answer) -> None:
        if answer.reset:
            # a socket that lingers for no time at all is reset when it is closed
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        self._end_politely()

    def _end_politely(self) -> None:
        """End the connection so that all that was sent arrives: closing with unread input would reset it."""
        self.sock.shutdown(socket.SHUT_WR)
        self._wait_for_end()

    def _wait_for_end(self) -> None:
        self.sock.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError):
            while self.sock.recv(1 << 16):
                pass


def _write_head(answer: Answer) -> bytes:
    given = answer.headers.items() if isinstance(answer.headers, Mapping) else answer.headers
    lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in given]
    if answer.chunked:
        lines.append("Transfer-Encoding: chunked")
    elif answer.length != -1 and answer.status not in {204, 304}:
        lines.append(f"Content-Length: {len(answer.body) if answer.length is None else answer.length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give the certificate authority of the tests; import the fixture where it is needed."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def house() -> Iterator[House]:
    with House() as made:
        yield made


@pytest.fixture
def safe_house(authority: Authority) -> Iterator[House]:
    with House(tls=authority) as made:
        yield made


class ManualTime:
    """A clock that stands still but for sleeps, which take no time; ``slept`` lists them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def timing(self, **changes: Any) -> Timing:
        """Return a ``Timing`` by this clock, without luck; sockets still wait for real."""
        standard = Timing(
            monotonic=lambda: self.seconds,
            now=lambda: pki.NOW + dt.timedelta(seconds=self.seconds),
            sleep=self.sleep,
            random=lambda: 1.0,
        )
        return replace(standard, **changes)
