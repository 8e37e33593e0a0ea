"""Real registries, ours beside them, and clients of both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from docker_registry import PASSWORD, USER, docker_registry
from registry_access import Access
from registry_server import RegistryServer
from weighlock.transport.client import Client, Network, Timing
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Endpoint, Registry
from weighlock.transport.registry.docker_config import CredentialStore

Start: TypeAlias = Callable[..., str]
Connect: TypeAlias = Callable[..., Registry]


@pytest.fixture(params=["docker-registry", "basic test registry", "token test registry"])
def start(request: pytest.FixtureRequest, tmp_path: Path, needs: Callable[..., None]) -> Iterator[Start]:
    """Return a call that starts a registry, for everybody or with a login, and returns its name."""
    if request.param == "docker-registry":
        needs("docker-registry")
    with ExitStack() as stack:

        def make(*, login: bool = False) -> str:
            if request.param == "docker-registry":
                return stack.enter_context(docker_registry(tmp_path / "registry", login=login))
            users = {USER: PASSWORD} if login else {}
            access = Access(users=users, tokens=login and request.param.startswith("token"))
            server = stack.enter_context(RegistryServer(access=access))
            server.switches.referrers_api = not request.param.startswith("basic")
            return server.name

        yield make


@pytest.fixture
def debian(tmp_path: Path, needs: Callable[..., None]) -> Iterator[str]:
    """The name of a running docker-registry."""
    needs("docker-registry")
    with docker_registry(tmp_path / "registry") as name:
        yield name


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a maker of clients, which do not wait long."""
    with ExitStack() as stack:

        def make(name: str, credentials: CredentialStore | None = None) -> Registry:
            plain, timing = Hosts.of([name]), Timing(first_delay_s=0.01, longest_delay_s=0.1)
            client = stack.enter_context(Client(Network(plain_http=plain), timing=timing))
            endpoint = Endpoint.of(name, realms=Hosts(), redirects=Hosts(), plain_http=plain)
            return Registry(client, endpoint, credentials, timing=timing)

        yield make
