"""Stores in the test registry."""

import contextlib
import datetime as dt
from collections.abc import Iterator

from registry_server import RegistryServer
from weighlock.core.clock import Clock
from weighlock.store.registry import RegistryStore
from weighlock.transport.client import Client, Network, Timing
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Endpoint, Registry

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


class Repositories:
    """Opens repositories of one registry as stores; nobody waits."""

    def __init__(self, name: str) -> None:
        plain = Hosts.of([name])
        timing = Timing(sleep=lambda _: None)
        self.client = Client(Network(plain_http=plain), timing=timing)
        self._endpoint = Endpoint.of(name, realms=Hosts(), redirects=Hosts(), plain_http=plain)
        self._registry = Registry(self.client, self._endpoint, timing=timing)

    def open(self, repository: str, clock: Clock = lambda: NOW, *, lists: bool = True) -> RegistryStore:
        downloader = Downloader(self.client, wait=lambda _: None)
        return RegistryStore(self._registry.repository(repository), downloader, clock, lists=lists)


@contextlib.contextmanager
def repositories(*, referrers_api: bool = True) -> Iterator[tuple[RegistryServer, Repositories]]:
    """Yield a running registry and what opens its repositories."""
    with RegistryServer() as server:
        server.switches.referrers_api = referrers_api
        made = Repositories(server.name)
        with made.client:
            yield server, made
