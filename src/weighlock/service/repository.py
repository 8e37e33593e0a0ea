"""Open repositories of registries as the settings allow it: one client a command, one login a registry."""

from collections.abc import Mapping
from functools import cached_property

from weighlock.core.clock import Clock
from weighlock.core.progress import Notify, tell_nobody
from weighlock.core.reference import Reference
from weighlock.service.network import client_of, downloader_of, registries_of
from weighlock.settings import Settings
from weighlock.store.registry import RegistryStore
from weighlock.transport.client import Client
from weighlock.transport.download import Downloader
from weighlock.transport.registry.client import Registries


class Repositories:
    """Stores in registries, each opened once, so that what it has verified is not read again. For any thread.

    Args:
        settings: what is allowed of the network.
        clock: what new evidence is dated by.
        environ: proxies, certificates, and where logins are kept.
        notify: told when a registry makes it wait.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        environ: Mapping[str, str],
        notify: Notify = tell_nobody,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._environ = environ
        self.client: Client = client_of(settings, environ, notify)
        self._stores: dict[tuple[str, str, bool], RegistryStore] = {}

    def open(self, reference: Reference, *, lists: bool) -> RegistryStore:
        """Return the repository of a reference; nobody is asked yet. ``lists``: see ``RegistryStore``.

        Raises UsageError ``host_invalid``.
        """
        key = (reference.registry, reference.repository, lists)
        if key not in self._stores:
            repository = self._registries.repository(reference.registry, reference.repository)
            self._stores[key] = RegistryStore(repository, self._downloader, self._clock, lists=lists)
        return self._stores[key]

    @cached_property
    def _downloader(self) -> Downloader:
        return downloader_of(self._settings, self.client)

    @cached_property
    def _registries(self) -> Registries:
        return registries_of(self._settings, self._environ, self.client)
