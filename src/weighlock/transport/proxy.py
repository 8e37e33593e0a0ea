"""Which proxy a request goes through, as the environment says it.

The variables are those that other programs read: http_proxy, https_proxy, all_proxy and no_proxy,
lower case before upper case.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.text import shown
from weighlock.transport.credential import Secret, basic_value
from weighlock.transport.url import Origin, address_of, parse_url

_PROXY: Final = re.compile(r"(?:([a-z0-9+.-]+)://)?(?:([^/@]*)@)?([^/@?#]+)/?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy over plain http, and the credential that it alone gets."""

    host: str
    port: int
    authorization: Secret | None = None

    @property
    def authority(self) -> str:
        """Host and port, for messages."""
        return Origin("http", self.host, self.port).authority


def find_proxy(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for ``origin``, or None; raises UsageError ``proxy_unsupported``.

    This machine itself is never asked through a proxy: to the proxy, that would be another one.
    """
    if _is_local(origin.host) or _is_excluded(origin, _variable(environ, "no_proxy")):
        return None
    name = f"{origin.scheme}_proxy"
    text = _variable(environ, name)
    if not text and name not in environ:
        name, text = "all_proxy", _variable(environ, "all_proxy")
    return _read_proxy(name, text.strip()) if text.strip() else None


def _variable(environ: Mapping[str, str], name: str) -> str:
    if name in environ:
        return environ[name]
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        return ""  # under CGI a client's header Proxy becomes HTTP_PROXY (CVE-2016-5385)
    return environ.get(name.upper(), "")


def _is_local(host: str) -> bool:
    address = address_of(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_excluded(origin: Origin, text: str) -> bool:
    return any(_excludes(entry.lower(), origin) for entry in re.split(r"[,\s]+", text) if entry)


def _excludes(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    address = address_of(origin.host)
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False  # an entry that says nothing excludes nothing
    name, port = _split_port(entry)
    if port and port != str(origin.port):
        return False
    if address is not None:
        return address_of(name.strip("[]")) == address
    suffix = name.removeprefix("*").removeprefix(".")
    return bool(suffix) and (origin.host == suffix or origin.host.endswith(f".{suffix}"))


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry.partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _read_proxy(variable: str, text: str) -> Proxy:
    parts = _PROXY.fullmatch(text)
    if parts is None:
        raise _unsupported(variable, "is not written as http://host:port")
    scheme = (parts[1] or "http").lower()
    if scheme != "http":
        raise _unsupported(variable, f"names a {shown(scheme)}: proxy")
    try:
        origin = parse_url(f"http://{parts[3]}").origin
    except DeniedError as problem:
        raise _unsupported(variable, problem.message.removeprefix("the address ")) from problem
    if not parts[2]:
        return Proxy(origin.host, origin.port)
    user, _, password = parts[2].partition(":")
    return Proxy(origin.host, origin.port, basic_value(unquote(user), unquote(password)))


def _unsupported(variable: str, why: str) -> UsageError:
    return UsageError(
        "proxy_unsupported",
        f"the variable {variable} {why}",
        hint="proxies are asked over plain http, as in http://proxy:3128 (https inside is still end to end);"
        " a host that needs none is listed in no_proxy",
    )
