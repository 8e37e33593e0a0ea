"""Who may be asked: rules about host names, and about the addresses that the names lead to.

A name says nothing about where it leads: whoever holds it can point it at this machine, at the
house's network or at the metadata service of a cloud. So the address is checked too, the one
that the connection really goes to.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.text import shown
from weighlock.transport.url import DEFAULT_PORTS, Address, address_of, parse_host, parse_port

# Metadata services that are not link-local: whoever reaches one gets the machine's own credentials.
_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: an operator's own translation
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")  # RFC 4291, section 2.5.5.1, deprecated
_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")  # RFC 1122: Linux connects 0.0.0.0 to itself
_WILDCARD: Final = "*."
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class HostRule:
    """One host, or the hosts under one suffix; without a port, the ports of http and https."""

    name: str
    port: int | None = None
    wildcard: bool = False
    builtin: bool = False

    @property
    def explicit(self) -> bool:
        """Whether a person wrote this very host, and so knows where it leads."""
        return not (self.wildcard or self.builtin)

    def covers(self, host: str, port: int) -> bool:
        """Return whether the rule is about ``host``, as ``parse_host`` returns it, and ``port``."""
        if port != self.port and (self.port is not None or port not in DEFAULT_PORTS.values()):
            return False
        if self.wildcard:
            return host.endswith("." + self.name) and address_of(host) is None
        return host == self.name

    def leads_to(self, address: Address) -> bool:
        """Return whether a connection for this rule may go to ``address``."""
        every = [address, *_embedded(address)]
        if any(_never(each) for each in every):
            return False
        return self.explicit or all(_is_public(each) for each in every)

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{_WILDCARD if self.wildcard else ''}{name}{'' if self.port is None else f':{self.port}'}"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Rules; a host that none covers may not be asked. Empty unless something is said."""

    rules: tuple[HostRule, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str], *, builtin: Iterable[str] = ()) -> "Hosts":
        """Return the rules for ``names``, which a person wrote, and for ``builtin``, which nobody did.

        Raises UsageError ``host_invalid``.
        """
        return cls(
            (*(_read_rule(name) for name in names), *(_read_rule(name, builtin=True) for name in builtin))
        )

    def find(self, host: str, port: int) -> HostRule | None:
        """Return the rule that covers the host, an explicit one before others, or None."""
        found = [rule for rule in self.rules if rule.covers(host, port)]
        return max(found, key=lambda rule: rule.explicit, default=None)

    def __or__(self, other: "Hosts") -> "Hosts":
        return Hosts((*self.rules, *(rule for rule in other.rules if rule not in self.rules)))

    def __bool__(self) -> bool:
        return bool(self.rules)


def _read_rule(text: str, *, builtin: bool = False) -> HostRule:
    if "@" in text:
        raise _invalid("…", "it contains a user name or password")
    pattern = text.strip()
    wildcard = pattern.startswith(_WILDCARD)
    name = pattern.removeprefix(_WILDCARD)
    port = None
    if name.count(":") == 1 or "]:" in name:
        name, _, number = name.rpartition(":")
        port = _read(parse_port, number, text)
    host = _read(parse_host, name, text)
    if wildcard and ("." not in host or address_of(host)):
        raise _invalid(text, "a wildcard stands before a domain, such as *.example.com")
    return HostRule(host, port, wildcard, builtin)


def _read(reader: Callable[[str], Part], part: str, text: str) -> Part:
    try:
        return reader(part)
    except DeniedError as problem:
        raise _invalid(text, f"it {problem.message.removeprefix('the address ')}") from problem


def _invalid(text: str, why: str) -> UsageError:
    return UsageError(
        "host_invalid",
        f"{shown(repr(text))} is not a host: {why}",
        hint="hosts are written as host, host:port or *.domain, without https:// and without a path",
    )


def leads_nowhere(host: str) -> bool:
    """Return whether ``host`` is an address that no rule lets anybody connect to."""
    address = address_of(host)
    return address is not None and any(_never(each) for each in [address, *_embedded(address)])


def _never(address: Address) -> bool:
    """Return whether nobody has a reason to fetch a model from there, whoever wrote the rule."""
    return (
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address in _METADATA
        or (isinstance(address, ipaddress.IPv4Address) and (address.is_reserved or address in _THIS_NETWORK))
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def _embedded(address: Address) -> list[Address]:
    """Return the addresses that translators and tunnels would take out of an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found += address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found


def _is_public(address: Address) -> bool:
    # local translations hide any address; older Pythons call them global
    return address.is_global and address not in _NAT64_LOCAL
