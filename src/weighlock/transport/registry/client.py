"""A registry and the way to its repositories.

endpoint = Endpoint.of("registry.example", realms=hosts, redirects=hosts, plain_http=network.plain_http)
registry = Registry(client, endpoint, DockerConfig.of(os.environ, Path.home()))
manifest = registry.repository("team/model").manifest("v1")
"""

from weighlock.transport.client import Client
from weighlock.transport.registry.auth import Authorizer
from weighlock.transport.registry.content import Blob
from weighlock.transport.registry.docker_config import CredentialStore, DockerConfig, NoCredentials
from weighlock.transport.registry.endpoint import Endpoint
from weighlock.transport.registry.repository import BlobStream, Repository, Stored
from weighlock.transport.registry.session import Session
from weighlock.transport.timing import Timing

__all__ = ["Blob", "BlobStream", "DockerConfig", "Endpoint", "Registry", "Repository", "Stored"]


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
