"""Read the addresses that may be asked: absolute http and https URLs, strictly (RFC 3986, RFC 9110 section 4.2).

What other programs read in two ways is refused, not repaired: user information, backslashes, control
characters, spaces, other alphabets in host names, numbers that some resolvers take for IPv4 addresses.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import unquote, urljoin

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL_CHARACTERS: Final = 8_192  # signed addresses of object stores have about 2,000
MAX_HOST_CHARACTERS: Final = 253  # RFC 1035, section 2.3.4
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.ASCII)
_AUTHORITY: Final = re.compile(r"(\[[^\[\]@]*\]|[^\[\]@:]*)(?::([0-9]{1,5}))?", re.ASCII)
_UNSAFE: Final = re.compile(r"[^\x21-\x7e]|[\\<>\"]")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class Origin(NamedTuple):
    """Whom a request goes to (RFC 6454): a credential belongs to exactly one."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The host, and the port unless it is the scheme's own; an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS[self.scheme] == self.port else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True, repr=False)
class Url:
    """An address in one spelling; made by ``parse_url`` only.

    ``str`` gives all of it; ``repr`` and ``shown`` leave out the query, which may be a signature.
    """

    origin: Origin
    path: str
    query: str  # with its question mark, or empty

    @property
    def target(self) -> str:
        """What stands in the request line."""
        return self.path + self.query

    @property
    def shown(self) -> str:
        """The address as it may appear in messages."""
        return shown(f"{self.origin}{self.path}")

    def __str__(self) -> str:
        return f"{self.origin}{self.path}{self.query}"

    def __repr__(self) -> str:
        return f"Url({self.shown!r})"


def parse_url(text: str) -> Url:
    """Return the address that ``text`` writes, without its fragment; raises DeniedError ``url_invalid``."""
    _check_characters(text)
    parts = _URL.fullmatch(text)
    if parts is None:
        raise _invalid("is not written as https://host/path")
    scheme = parts[1].lower()
    if scheme not in DEFAULT_PORTS:
        raise _invalid(f"begins with {shown(scheme)}:, where only https and http are known")
    path = parts[3] or "/"
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise _invalid("has a path with the segment . or ..")
    return Url(_read_origin(scheme, parts[2]), path, parts[4] or "")


def join_url(base: Url, location: str) -> Url:
    """Return where ``location``, absolute or relative, leads from ``base``; raises as ``parse_url``."""
    _check_characters(location)
    try:
        joined = urljoin(str(base), location)
    except ValueError as problem:  # brackets in the wrong places
        raise _invalid("is not written as https://host/path") from problem
    return parse_url(joined)


def parse_host(text: str) -> str:
    """Return the host in one spelling: a lower-case ASCII name, or an IP address without brackets.

    An IPv4 address in IPv6 clothes (RFC 4291, section 2.5.5.2) becomes that IPv4 address.
    Raises DeniedError ``url_invalid``.
    """
    _check_no_user(text)
    if text.startswith("[") and text.endswith("]"):
        return _read_ipv6(text[1:-1])
    name = text.lower()
    if not name.isascii():
        raise _invalid("has a host name outside ASCII: write the xn-- form, so that look-alikes show")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _read_ipv4(name)
    if len(name) > MAX_HOST_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(f"has {shown(repr(text))} for a host")
    return name


def address_of(host: str) -> Address | None:
    """Return the IP address that a parsed host is, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def parse_port(text: str) -> int:
    """Return the port, 1 to 65535; raises DeniedError ``url_invalid``."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 0xFFFF):
        raise _invalid(f"has {shown(repr(text))} for a port")
    return int(text)


def _check_characters(text: str) -> None:
    if len(text) > MAX_URL_CHARACTERS:
        raise _invalid(f"has more than {MAX_URL_CHARACTERS} characters")
    unsafe = _UNSAFE.search(text)
    if unsafe:
        raise _invalid(f"contains {shown(repr(unsafe[0]))}, which must be percent-encoded")


def _check_no_user(authority: str) -> None:
    if "@" in authority:
        raise _invalid("contains a user name or password; credentials belong in a file or variable")


def _read_origin(scheme: str, authority: str) -> Origin:
    _check_no_user(authority)
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or not parts[1]:
        raise _invalid("names no host, or one that is not a host")
    port = DEFAULT_PORTS[scheme] if parts[2] is None else parse_port(parts[2])
    return Origin(scheme, parse_host(parts[1]), port)


def _read_ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address("" if "%" in text else text)
    except ValueError as problem:
        raise _invalid(f"has {shown(repr(text))} for an IPv6 address") from problem
    return str(address.ipv4_mapped or address)


def _read_ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as problem:
        # 127.1, 0x7f.1, 017700000001 and 2130706433 are loopback to some resolvers
        raise _invalid(f"has {shown(repr(text))} for an IPv4 address, which is not four numbers") from problem


def _invalid(what: str) -> DeniedError:
    return DeniedError(
        "url_invalid",
        f"the address {what}",
        hint="an address looks like https://host/path, or http:// for hosts listed in `network.plain_http`",
    )
