"""Make connections: to an address that was checked, through a proxy where there is one, with TLS inside.

A name is resolved once, its addresses are held against the rule, and the socket is connected to one of
those very addresses: a second answer of the DNS can change nothing.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from weighlock.transport.credential import Secret
from weighlock.transport.failure import (
    address_refused,
    host_unreachable,
    response_invalid,
    status_error,
    timed_out,
)
from weighlock.transport.head import MalformedError, read_head, write_head
from weighlock.transport.host import HostRule
from weighlock.transport.proxy import Proxy
from weighlock.transport.timing import Timing
from weighlock.transport.tls import tls_failed
from weighlock.transport.url import Address, Origin, Url
from weighlock.transport.wire import Wire, reason_of

MAX_ADDRESSES: Final = (
    8  # tried of one name, each for as long as a connection may take; names have up to four of a kind
)
_PROXY: Final = "the proxy"
_AGAIN = frozenset({socket.EAI_AGAIN})  # other answers of the DNS do not change within seconds


def connect(origin: Origin, rule: HostRule, timing: Timing) -> socket.socket:
    """Return a connection to an address of ``origin`` that ``rule`` allows.

    Raises DeniedError ``address_refused``, UndecidedError ``host_unreachable``, ``timed_out``.
    """
    addresses = _resolve(origin.host, origin.port)
    allowed = [each for each in addresses if rule.leads_to(_address(each))]
    if not allowed:
        raise address_refused(origin.host, addresses[0][0])
    sock = _connect_one_of(allowed[:MAX_ADDRESSES], origin.host, timing)
    with _closed_on_error(sock):
        peer = _address(sock.getpeername())
        if not rule.leads_to(peer):
            raise address_refused(origin.host, str(peer))
    return sock


def connect_proxy(proxy: Proxy, timing: Timing) -> socket.socket:
    """Return a connection to ``proxy``, whose address the environment vouches for; raises as ``connect``."""
    addresses = _resolve(proxy.host, proxy.port, role=_PROXY)
    return _connect_one_of(addresses[:MAX_ADDRESSES], proxy.host, timing, role=_PROXY)


def open_tunnel(sock: socket.socket, origin: Origin, proxy: Proxy, timing: Timing) -> None:
    """Ask ``proxy`` to connect ``sock`` through to ``origin`` (RFC 9110, section 9.3.6).

    Raises UndecidedError ``access_refused``, ``host_unreachable``, ``timed_out``.
    """
    target = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
    headers = [("Host", Secret(target))]
    if proxy.authorization:
        headers.append(("Proxy-Authorization", proxy.authorization))
    wire = Wire(sock, proxy.host, timing)
    wire.send(write_head("CONNECT", target, headers))
    try:
        head = read_head(wire.read_head())
    except MalformedError as problem:
        raise response_invalid(proxy.host, str(problem)) from problem
    if head.status == 407:
        raise status_error(407, Url(Origin("http", proxy.host, proxy.port), "/", ""), "CONNECT", head.headers)
    if not 200 <= head.status < 300:
        why = f"the proxy {proxy.authority} answered {head.status}"
        raise host_unreachable(origin.host, why, passing=head.status in {502, 503, 504})
    if wire.speaks():
        raise response_invalid(proxy.host, "the proxy spoke before the tunnel was used")


def secure(sock: socket.socket, host: str, context: ssl.SSLContext, timing: Timing) -> ssl.SSLSocket:
    """Return ``sock`` with TLS to ``host``; raises UndecidedError ``tls_failed``, ``host_unreachable``, ``timed_out``."""
    sock.settimeout(timing.connect_s)
    with _closed_on_error(sock):
        try:
            # an end without close_notify is an error: else a cut body could look whole
            return context.wrap_socket(sock, server_hostname=host, suppress_ragged_eofs=False)
        except ssl.SSLEOFError as problem:
            raise host_unreachable(host, "the connection ended while TLS began") from problem
        except ssl.SSLError as problem:
            raise tls_failed(host, problem) from problem
        except TimeoutError as problem:
            raise timed_out(host, "does not finish the TLS handshake") from problem
        except OSError as problem:
            raise host_unreachable(host, f"the connection broke ({reason_of(problem)})") from problem


def _resolve(host: str, port: int, *, role: str = "") -> list[tuple[str, int]]:
    """Return the addresses of ``host``, each once, in the order of preference of this machine."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as problem:
        again = isinstance(problem, socket.gaierror) and problem.errno in _AGAIN
        raise host_unreachable(host, reason_of(problem), role=role, passing=again) from problem
    if not found:
        raise host_unreachable(host, "it has no address", role=role, passing=False)
    return list(dict.fromkeys((str(entry[4][0]), port) for entry in found))


def _address(where: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    return ipaddress.ip_address(where[0])


def _connect_one_of(
    addresses: list[tuple[str, int]], host: str, timing: Timing, *, role: str = ""
) -> socket.socket:
    failure: OSError | None = None
    for address in addresses:
        try:
            return _connect(address, timing)
        except OSError as problem:
            failure = problem
    if isinstance(failure, TimeoutError):
        raise timed_out(host, "does not accept a connection") from failure
    why = f"{reason_of(failure)}, at port {addresses[0][1]}" if failure else "it has no address"
    raise host_unreachable(host, why, role=role) from failure


def _connect(address: tuple[str, int], timing: Timing) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    with _closed_on_error(sock):
        sock.settimeout(timing.connect_s)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


@contextmanager
def _closed_on_error(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise
