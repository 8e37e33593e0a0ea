"""One request and its answer, over a connection that is new or was kept."""

import ssl
import threading
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from weighlock import __version__
from weighlock.core.chunk import ended
from weighlock.core.error import DeniedError
from weighlock.core.text import shown
from weighlock.transport.body import Body, reader_for
from weighlock.transport.credential import Secret
from weighlock.transport.dial import connect, connect_proxy, open_tunnel, secure
from weighlock.transport.failure import (
    PassingError,
    address_refused,
    response_invalid,
)
from weighlock.transport.head import Head, MalformedError, read_framing, read_head, write_head
from weighlock.transport.message import Incoming, Response
from weighlock.transport.network import Network
from weighlock.transport.pool import Pool
from weighlock.transport.proxy import Proxy
from weighlock.transport.redirect import Hop
from weighlock.transport.timing import Timing
from weighlock.transport.url import Origin, address_of
from weighlock.transport.wire import Wire

USER_AGENT: Final = f"weighlock/{__version__}"
MAX_INFORMATIONAL: Final = 8  # 102 and 103 before an answer; honest servers send one
ONE_PIECE_BYTES: Final = (
    64 * 1024
)  # sent with the head, and before looking whether the server answers already
FRESH_S: Final = (
    5.0  # a request that must not be sent twice goes over a connection used just now, or a new one
)


class _Key(NamedTuple):
    """Which requests may share a connection; an explicit rule opens addresses that another must not use."""

    origin: Origin
    proxy: Proxy | None
    explicit: bool


class Exchange:
    """Sends requests and reads the heads of answers; keeps connections; for any thread."""

    def __init__(self, network: Network, timing: Timing) -> None:
        self._network = network
        self._timing = timing
        self._pool = Pool(timing.idle_s, timing.monotonic)
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def ask(self, hop: Hop, *, may_repeat: bool, answer_s: float | None) -> Response:
        """Return the answer, whatever its status.

        Raises DeniedError ``address_refused``, ``response_invalid``, ``response_too_large``, ``header_invalid``;
        UndecidedError ``host_unreachable``, ``tls_failed``, ``timed_out``, ``access_refused`` (by a proxy).
        """
        proxy = self._network.proxy_for(hop.url.origin)
        key = _Key(hop.url.origin, proxy, hop.rule.explicit)
        kept = self._pool.take(key, None if may_repeat else FRESH_S)
        if kept is not None:
            try:
                return self._ask_over(kept, key, hop, answer_s)
            except PassingError as problem:
                # closed by the server just when it was taken: says nothing about the server, so not a failure
                if kept.answered or not may_repeat or problem.code != "host_unreachable":
                    raise
        return self._ask_over(self._dial(key, hop), key, hop, answer_s)

    def close(self) -> None:
        """Close the connections that wait."""
        self._pool.close()

    def _dial(self, key: _Key, hop: Hop) -> Wire:
        origin = key.origin
        if key.proxy is None:
            sock = connect(origin, hop.rule, self._timing)
        else:
            _check_literal(hop)
            sock = connect_proxy(key.proxy, self._timing)
        try:
            if origin.scheme == "https":
                if key.proxy is not None:
                    open_tunnel(sock, origin, key.proxy, self._timing)
                sock = secure(sock, origin.host, self._tls_context(), self._timing)
            return Wire(sock, origin.host, self._timing)
        except BaseException:
            sock.close()
            raise

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = self._network.tls_context()
            return self._context

    def _ask_over(self, wire: Wire, key: _Key, hop: Hop, answer_s: float | None) -> Response:
        wire.begin()
        try:
            whole = _send(wire, key, hop)
            head = _receive_head(wire, answer_s)
            try:
                framing = read_framing(head, hop.method)
            except MalformedError as problem:
                raise response_invalid(wire.host, str(problem)) from problem
        except BaseException:
            wire.close()
            raise
        reader = reader_for(wire, framing)
        keep = whole and head.persistent

        def release() -> None:
            if keep:
                self._pool.put(key, wire)
            else:
                wire.close()

        return Response(head.status, head.headers, hop.url, framing.length, Incoming(reader, release, wire))


def _send(wire: Wire, key: _Key, hop: Hop) -> bool:
    """Send the request; returns False if the server answered before it had all."""
    head = write_head(hop.method, _target(key, hop), _headers(key, hop))
    if isinstance(hop.body, bytes) and len(hop.body) <= ONE_PIECE_BYTES:
        wire.send(memoryview(bytes(head) + hop.body))
        return True
    wire.send(head)
    if hop.body is None:
        return True
    if isinstance(hop.body, bytes):
        return _send_pieces(wire, _cut(hop.body), len(hop.body))
    with ended(hop.body.open()) as pieces:
        return _send_pieces(wire, pieces, hop.body.size)


def _cut(body: bytes) -> Iterator[memoryview]:
    view = memoryview(body)
    return (view[start : start + ONE_PIECE_BYTES] for start in range(0, len(body), ONE_PIECE_BYTES))


def _send_pieces(wire: Wire, pieces: Iterable[bytes | memoryview], size: int) -> bool:
    sent = 0
    for piece in pieces:
        if wire.speaks():
            return False
        sent += len(piece)
        if sent > size:
            break
        try:
            wire.send(memoryview(piece).cast("B"))
        except PassingError:
            # who refuses a body answers and closes: the answer says more than the broken connection
            if wire.speaks():
                return False
            raise
    if sent != size:
        raise DeniedError(
            "size_mismatch",
            f"what is sent to {shown(wire.host)} has {'more' if sent > size else 'fewer'} than {size} bytes",
            hint="a file changed while it was sent; begin again",
        )
    return True


def _size(body: bytes | Body) -> int:
    return len(body) if isinstance(body, bytes) else body.size


def _target(key: _Key, hop: Hop) -> str:
    """Return what the request line names: all of the address to a proxy (RFC 9112, section 3.2.2)."""
    return str(hop.url) if key.proxy is not None and key.origin.scheme == "http" else hop.url.target


def _headers(key: _Key, hop: Hop) -> list[tuple[str, Secret]]:
    """Return what is sent, all of it as secrets: nobody knows what a caller's own headers hold."""
    given = {name: Secret(value) for name, value in hop.headers.items()}
    if hop.credential is not None:
        given |= {name: Secret(value) for name, value in hop.credential.headers_for(key.origin).items()}
    names = {name.lower() for name in given}
    ours = {
        "Host": key.origin.authority,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
    }
    if hop.body is not None:
        ours["Content-Length"] = str(_size(hop.body))
    elif hop.method in {"POST", "PUT", "PATCH"}:
        ours["Content-Length"] = "0"
    headers = [(name, Secret(value)) for name, value in ours.items() if name.lower() not in names]
    if key.proxy is not None and key.proxy.authorization is not None and key.origin.scheme == "http":
        headers.append(("Proxy-Authorization", key.proxy.authorization))
    return [*headers, *given.items()]


def _receive_head(wire: Wire, answer_s: float | None) -> Head:
    for _ in range(MAX_INFORMATIONAL + 1):
        try:
            head = read_head(wire.read_head(answer_s))
        except MalformedError as problem:
            raise response_invalid(wire.host, str(problem)) from problem
        if head.status == 101:
            raise response_invalid(wire.host, "it changes to another protocol")
        if head.status >= 200:
            return head
    raise response_invalid(wire.host, f"more than {MAX_INFORMATIONAL} heads come before the answer")


def _check_literal(hop: Hop) -> None:
    """Refuse an address written in the URL; where a name leads is the proxy's knowledge."""
    address = address_of(hop.url.origin.host)
    if address is not None and not hop.rule.leads_to(address):
        raise address_refused(hop.url.origin.host, str(address))
