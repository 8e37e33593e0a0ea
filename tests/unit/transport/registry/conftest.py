"""A test registry, and clients of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from registry_access import Access
from registry_server import RegistryServer
from weighlock.transport.client import Client, Network
from weighlock.transport.credential import Secret
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Endpoint, Registry
from weighlock.transport.registry.docker_config import CredentialStore, Login
from weighlock.transport.timing import Timing

Connect: TypeAlias = Callable[..., Registry]
Serve: TypeAlias = Callable[..., RegistryServer]
LOGIN = Login("robot", Secret("p4ssw0rd"))


class Logins:
    """Has one login for everything, and remembers what it was asked for."""

    def __init__(self, login: Login | None = LOGIN) -> None:
        self.login = login
        self.asked: list[tuple[str, str]] = []

    def find(self, registry: str, repository: str) -> Login | None:
        self.asked.append((registry, repository))
        return self.login


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a maker of registries that end with the test."""
    with ExitStack() as stack:
        yield lambda access=None: stack.enter_context(RegistryServer(access=access))


@pytest.fixture
def server(serve: Serve) -> RegistryServer:
    """A registry that lets everybody do everything."""
    return serve()


@pytest.fixture
def guarded(serve: Serve) -> RegistryServer:
    """A registry with the token flow."""
    return serve(Access(users={LOGIN.user: LOGIN.password.reveal()}, tokens=True))


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a maker of clients of a server; ``others`` are servers that it may involve."""
    with ExitStack() as stack:

        def make(
            server: RegistryServer,
            credentials: CredentialStore | None = None,
            *,
            realms: tuple[RegistryServer, ...] = (),
            redirects: tuple[RegistryServer, ...] = (),
            monotonic: Callable[[], float] = lambda: 0.0,
            waits: list[float] | None = None,
        ) -> Registry:
            def sleep(seconds: float) -> None:
                if waits is not None:
                    waits.append(seconds)

            plain = Hosts.of([each.name for each in (server, *realms, *redirects)])
            client = stack.enter_context(Client(Network(plain_http=plain), timing=Timing(sleep=sleep)))
            endpoint = Endpoint.of(
                server.name,
                realms=Hosts.of([each.name for each in realms]),
                redirects=Hosts.of([each.name for each in redirects]),
                plain_http=plain,
            )
            return Registry(client, endpoint, credentials, timing=Timing(sleep=sleep, monotonic=monotonic))

        yield make
