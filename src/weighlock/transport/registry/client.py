"""Registries and the way to their repositories.

logins = DockerConfig.of(os.environ, Path.home())
registries = Registries(client, logins, hosts=hosts, plain_http=network.plain_http)
manifest = registries.repository("registry.example", "team/model").manifest("v1")
"""

from weighlock.transport.client import Client
from weighlock.transport.host import Hosts
from weighlock.transport.registry.auth import Authorizer
from weighlock.transport.registry.content import Blob
from weighlock.transport.registry.docker_config import CredentialStore, DockerConfig, NoCredentials
from weighlock.transport.registry.endpoint import Endpoint
from weighlock.transport.registry.repository import Repository, Stored
from weighlock.transport.registry.session import Session
from weighlock.transport.timing import Timing

__all__ = ["Blob", "DockerConfig", "Endpoint", "Registries", "Registry", "Repository", "Stored"]


class Registry:
    """One registry as one person, or as nobody. For any thread; the client is the caller's to close."""

    def __init__(
        self,
        client: Client,
        endpoint: Endpoint,
        credentials: CredentialStore | None = None,
        *,
        timing: Timing | None = None,
    ) -> None:
        self.name = endpoint.registry
        self.endpoint = endpoint
        self.client = client
        self._timing = timing or Timing()
        authorizer = Authorizer(
            client, endpoint, credentials or NoCredentials(), monotonic=self._timing.monotonic
        )
        self._session = Session(client, endpoint, authorizer)

    def repository(self, name: str) -> Repository:
        """Return a repository, which need not exist yet; raises DeniedError ``reference_invalid``."""
        return Repository(self._session, name, self._timing)


class Registries:
    """Registries by name, each opened once, so that its repositories share its tokens. For any thread.

    Args:
        credentials: where passwords and tokens are found.
        hosts: further hosts that a registry may involve, for tokens and for blobs.
        plain_http: registries that are asked without TLS.
    """

    def __init__(
        self, client: Client, credentials: CredentialStore, *, hosts: Hosts, plain_http: Hosts
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._hosts = hosts
        self._plain_http = plain_http
        self._opened: dict[str, Registry] = {}

    def repository(self, registry: str, name: str) -> Repository:
        """Return a repository; nobody is asked yet.

        Raises UsageError ``host_invalid``, DeniedError ``url_invalid``, ``reference_invalid``.
        """
        if registry not in self._opened:
            endpoint = Endpoint.of(
                registry, realms=self._hosts, redirects=self._hosts, plain_http=self._plain_http
            )
            self._opened[registry] = Registry(self._client, endpoint, self._credentials)
        return self._opened[registry].repository(name)
