"""Properties of what reads addresses, hosts and heads: one meaning or none, whatever comes."""

import ipaddress
import socket
import string
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from weighlock.core.error import WeighlockError
from weighlock.transport.body import ChunkedReader
from weighlock.transport.credential import Secret
from weighlock.transport.head import MalformedError, read_framing, read_head, write_head
from weighlock.transport.host import HostRule, Hosts
from weighlock.transport.proxy import find_proxy
from weighlock.transport.timing import Timing
from weighlock.transport.url import Origin, Url, address_of, join_url, parse_host, parse_url
from weighlock.transport.wire import Wire

Made = TypeVar("Made")
PIECES = st.sampled_from(
    [
        *["http", "https", "file", ":", "/", "//", "@", "#", "?", "\\", "[", "]", "%", ".", "..", "*"],
        *[
            "%2e",
            "%00",
            "\r\n",
            "\t",
            " ",
            "\x00",
            "ü",
            "\u3002",
            "\uff10",
            "\u0660",
            "localhost",
            "a.example",
        ],
        *[
            "127.0.0.1",
            "0x7f",
            "0177",
            "2130706433",
            "::1",
            "::ffff:127.0.0.1",
            "fe80::1%1",
            "169.254.169.254",
        ],
        *[":80", ":443", ":0", ":65536", "user:s3cret@", "xn--", "-", "_"],
    ]
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(PIECES, max_size=8).map("".join),
    st.builds(
        "{}://{}{}".format,
        st.sampled_from(["http", "https"]),
        st.lists(PIECES, max_size=4).map("".join),
        PIECES,
    ),
)
V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
V6 = st.one_of(
    st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address),
    V4.map(lambda each: ipaddress.IPv6Address(f"::ffff:{each}")),
    V4.map(lambda each: ipaddress.IPv6Address((0x2002 << 112) | (int(each) << 80))),
    V4.map(lambda each: ipaddress.IPv6Address((0x64FF9B << 96) | int(each))),
)


def attempt(act: Callable[[], Made], *codes: str) -> Made | None:
    """Return what ``act`` makes, or None if it refuses with one of ``codes``; anything else is a bug."""
    try:
        return act()
    except WeighlockError as problem:
        if problem.code not in codes:
            raise
        return None


def parsed(text: str) -> Url | None:
    return attempt(lambda: parse_url(text), "url_invalid")


@given(TEXTS)
def test_an_address_has_one_meaning(text: str) -> None:
    url = parsed(text)
    if url is None:
        return
    again = str(url)
    assert parse_url(again) == url
    other = urlsplit(again)  # what another reader makes of it
    assert (other.scheme, other.hostname) == (url.origin.scheme, url.origin.host)
    assert (other.port or {"http": 80, "https": 443}[other.scheme]) == url.origin.port
    assert other.username is None
    assert "@" not in again.split("/")[2]
    assert again.isascii()
    assert not set(again) & set("\r\n\t \\\x00")
    assert again.isprintable()


@given(TEXTS, TEXTS)
def test_a_redirect_has_one_meaning(base: str, location: str) -> None:
    start = parsed(base) or parse_url("https://a.example/b/c")
    url = attempt(lambda: join_url(start, location), "url_invalid")
    if url is None:
        return
    assert parse_url(str(url)) == url
    if "//" not in location and ":" not in location:
        assert url.origin == start.origin, "a path leads nowhere else"


@given(TEXTS)
def test_no_host_is_an_address_to_the_system_and_a_name_to_us(text: str) -> None:
    host = attempt(lambda: parse_host(text), "url_invalid")
    if host is None:
        return
    assert parse_host(f"[{host}]" if ":" in host else host) == host
    try:
        packed = socket.inet_aton(host)  # takes 127.1, 0x7f.1 and 017700000001
    except OSError:
        return
    assert address_of(host) == ipaddress.IPv4Address(packed)


@given(st.one_of(V4, V6))
def test_every_spelling_of_an_address_is_the_same(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    spellings = [str(address)]
    if isinstance(address, ipaddress.IPv6Address):
        spellings = [f"[{address}]", f"[{address.exploded}]", f"[{str(address).upper()}]"]
    assert len({parse_host(spelling) for spelling in spellings}) == 1
    found = address_of(parse_host(spellings[0]))
    assert found in {address, getattr(address, "ipv4_mapped", None)}


@given(V4)
def test_no_clothes_make_an_address_public(address: ipaddress.IPv4Address) -> None:
    rule, explicit = HostRule("a.example", builtin=True), HostRule("a.example")
    dressed = [
        ipaddress.IPv6Address(f"::ffff:{address}"),
        ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80)),
        ipaddress.IPv6Address((0x64FF9B << 96) | int(address)),
        ipaddress.IPv6Address((0x20010000 << 96) | (int(address) << 64) | 0xF7F7_F7F7),  # teredo, server
        ipaddress.IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (int(address) ^ 0xFFFF_FFFF)),
    ]
    for each in dressed:
        if not rule.leads_to(address):
            assert not rule.leads_to(each), each
        if not explicit.leads_to(address):
            assert not explicit.leads_to(each), each
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not rule.leads_to(address)


@given(TEXTS)
def test_a_rule_covers_what_it_says_or_is_refused(text: str) -> None:
    hosts = attempt(lambda: Hosts.of([text]), "host_invalid")
    if hosts is None:
        return
    rule = hosts.rules[0]
    assert Hosts.of([str(rule)]) == hosts
    host = f"a.{rule.name}" if rule.wildcard else rule.name
    assert hosts.find(host, rule.port or 443) == rule
    assert hosts.find(f"x{rule.name}", rule.port or 443) is None
    assert hosts.find(f"{rule.name}.evil.example", rule.port or 443) is None


@given(st.binary(max_size=200), st.sampled_from(["GET", "HEAD"]))
def test_a_head_is_read_or_refused(raw: bytes, method: str) -> None:
    lines = b"HTTP/1.1 200 OK\r\n" + raw
    for each in (raw, lines):
        try:
            head = read_head(each)
            framing = read_framing(head, method)
        except MalformedError:
            continue
        assert 100 <= head.status < 600
        assert framing.length is None or 0 <= framing.length < 10**15
        assert not (framing.chunked and framing.length is not None)
        assert not any("\r" in value or "\n" in value for value in head.headers.values())


@given(
    st.lists(
        st.tuples(st.text(string.ascii_letters + "-\r\n: ", max_size=9), st.text(max_size=20).map(Secret)),
        max_size=4,
    )
)
def test_a_request_has_as_many_headers_as_were_given(headers: list[tuple[str, Secret]]) -> None:
    made = attempt(lambda: write_head("GET", "/", headers), "header_invalid")
    if made is None:
        return
    raw = bytes(made)
    assert raw.endswith(b"\r\n\r\n")
    lines = raw[:-4].split(b"\r\n")
    assert lines[0] == b"GET / HTTP/1.1"
    assert len(lines) == len(headers) + 1
    assert raw.count(b"\n") == raw.count(b"\r") == len(lines) + 1


CHUNKS = st.lists(
    st.sampled_from([b"1", b"5", b"0", b"\r\n", b"\n", b"a", b"hello", b";x", b"T: x", b"ffff", b"-"]),
    max_size=14,
)


@given(st.one_of(st.binary(max_size=60), CHUNKS.map(b"".join)))
def test_chunks_are_read_or_refused(raw: bytes) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(raw)
        far.close()
        reader = ChunkedReader(Wire(near, "a.example", Timing()))
        view = memoryview(bytearray(64))
        codes = ("body_truncated", "response_invalid", "response_too_large")
        total = 0
        while not reader.finished:
            count = attempt(lambda: reader.receive_into(view), *codes)
            if count is None:
                break
            total += count
        assert total <= len(raw)


@given(TEXTS, TEXTS, st.sampled_from(["a.example", "10.1.2.3", "fd00::1"]))
def test_variables_name_a_proxy_or_none_or_are_refused(proxy: str, excluded: str, host: str) -> None:
    environ = {"https_proxy": proxy, "no_proxy": excluded}
    found = attempt(lambda: find_proxy(Origin("https", host, 443), environ), "proxy_unsupported")
    if found is not None:
        assert parse_host(f"[{found.host}]" if ":" in found.host else found.host) == found.host
        assert not found.host.startswith(("user", "s3cret"))
