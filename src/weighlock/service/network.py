"""The network as the settings allow it: the one place where they become a client."""

from collections.abc import Mapping

from weighlock.settings import Settings
from weighlock.transport.client import Client, Network
from weighlock.transport.host import Hosts


def client_of(settings: Settings, environ: Mapping[str, str]) -> Client:
    """Return a client that keeps to ``network.*``; ``environ`` may name proxies, certificates and a netrc file.

    Raises UsageError ``host_invalid``.
    """
    plain = plain_hosts_of(settings)
    ca_file = settings.file_of("network.ca_file")
    return Client(Network(plain, ca_file, environ, named=hosts_of(settings) | plain))


def hosts_of(settings: Settings) -> Hosts:
    """Return the further hosts that redirects, tokens and mirrors may lead to; raises UsageError ``host_invalid``."""
    return Hosts.of(settings.names("network.hosts"))


def plain_hosts_of(settings: Settings) -> Hosts:
    """Return the hosts that may be asked without TLS; raises UsageError ``host_invalid``."""
    return Hosts.of(settings.names("network.plain_http"))
