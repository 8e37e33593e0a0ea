"""The network as the settings allow it: the one place where they become a client."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.core.progress import Notify, tell_nobody
from weighlock.settings import Settings
from weighlock.transport.client import Client, Network
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

if TYPE_CHECKING:
    from weighlock.transport.registry.client import Registries


def client_of(settings: Settings, environ: Mapping[str, str], notify: Notify = tell_nobody) -> Client:
    """Return a client that keeps to ``network.*``; ``environ`` may name proxies, certificates and a netrc file.

    ``notify`` is told when a host makes it wait.
    Raises UsageError ``host_invalid``.
    """
    plain = plain_hosts_of(settings)
    ca_file = settings.file_of("network.ca_file")
    return Client(Network(plain, ca_file, environ, named=hosts_of(settings) | plain), notify=notify)


def downloader_of(settings: Settings, client: Client) -> Downloader:
    """Return what fetches files with ``client``, over as many connections as ``pull.connections`` says."""
    return Downloader(client, connections=max(1, settings.count("pull.connections")))


def registries_of(settings: Settings, environ: Mapping[str, str], client: Client) -> "Registries":
    """Return the registries, asked as whom docker, podman or skopeo logged in; raises UsageError ``host_invalid``."""
    from weighlock.transport.registry.client import DockerConfig, Registries  # noqa: PLC0415  # few sources are one

    logins = DockerConfig.of(environ, Path.home())
    return Registries(client, logins, hosts=hosts_of(settings), plain_http=plain_hosts_of(settings))


def hosts_of(settings: Settings) -> Hosts:
    """Return the further hosts that redirects, tokens and mirrors may lead to; raises UsageError ``host_invalid``."""
    return Hosts.of(settings.names("network.hosts"))


def plain_hosts_of(settings: Settings) -> Hosts:
    """Return the hosts that may be asked without TLS; raises UsageError ``host_invalid``."""
    return Hosts.of(settings.names("network.plain_http"))
