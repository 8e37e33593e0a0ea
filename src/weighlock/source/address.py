"""Addresses as people write them: ``https://host[:port][/path]``, in one spelling.

RFC 3986, section 6.2.2: scheme and host in lower case, an encoding of a character that needs
none is undone, hexadecimal digits are upper case. What two readers could read differently is
refused: ``..`` however encoded, empty components, user information, hosts as odd numbers.
"""

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass
from typing import Final, Self

PORTS: Final = {"https": 443, "http": 80}
MAX_ADDRESS_CHARACTERS: Final = (
    2048  # what proxies and servers accept at least (RFC 9110, section 4.1, asks for 8000)
)
_ADDRESS: Final = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#(.*))?", re.ASCII | re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # as a last label: browsers and C read a number
_ENCODED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*", re.ASCII)  # section 3.3
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is: ``components`` are the path's, percent-encoded, without the slashes."""

    scheme: str
    host: str
    port: int
    components: tuple[str, ...] = ()
    fragment: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that ``text`` writes; a slash at its end means nothing.

        Raises ValueError with a sentence in which no text is shown that could be a credential.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or len(text) > MAX_ADDRESS_CHARACTERS:
            raise ValueError("it is not written as https://host[:port]/path")
        scheme, authority, path, query, fragment = match.groups()
        if "@" in authority:
            raise ValueError("it has a user or password in it, which belongs in ~/.netrc")
        if query is not None:
            raise ValueError("it has a query (`?…`), which may be a credential")
        host, port = _read_authority(authority, scheme.lower())
        return cls(scheme.lower(), host, port, _read_path(path), fragment)

    @property
    def authority(self) -> str:
        """Host, and port if it is not the scheme's own."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """What is asked for: no fragment."""
        return "/".join([self.origin, *self.components])

    @property
    def names(self) -> tuple[str, ...]:
        """The path's components as they read: decoded."""
        return tuple(map(urllib.parse.unquote, self.components))


def _read_authority(authority: str, scheme: str) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(authority)
    port = int(match[2]) if match and match[2] else PORTS[scheme]
    if match is None or not 0 < port < 65536:
        raise ValueError("its host is not a name or IP address with an optional port, in ASCII")
    return check_host(match[1]), port


def check_host(text: str) -> str:
    """Return a host in lower case; raises ValueError unless it is a DNS name or a plain IP address."""
    host = text.lower()
    labels = host.split(".")
    try:
        if host.startswith("["):
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        if _NUMBER.fullmatch(labels[-1]):
            return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise ValueError("its host is a number that is no plain IP address") from error
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("its host is not a DNS name")
    return host


def _read_path(path: str) -> tuple[str, ...]:
    if not _PATH.fullmatch(path):
        raise ValueError("its path has a character that must be percent-encoded")
    parts = path.removeprefix("/").removesuffix("/")
    components = tuple(map(_normalise, parts.split("/"))) if parts else ()
    for component in components:
        _check_component(component)
    return components


def _normalise(component: str) -> str:
    def once(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.fullmatch(character) else match[0].upper()

    return _ENCODED.sub(once, component)


def _check_component(component: str) -> None:
    try:
        name = urllib.parse.unquote(component, errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("its path is not percent-encoded UTF-8") from error
    if name in {"", ".", ".."}:
        raise ValueError("its path has an empty component, `.` or `..`")
    if "/" in name or "\\" in name or not name.isprintable():
        raise ValueError("its path has an encoded slash, backslash or invisible character")
