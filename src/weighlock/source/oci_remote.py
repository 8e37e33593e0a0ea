"""One repository of a registry, as a source needs it."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.transport.client import Client
from weighlock.transport.download import Downloader, RemoteFile
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Registry
from weighlock.transport.registry.docker_config import CredentialStore
from weighlock.transport.registry.endpoint import Endpoint
from weighlock.transport.registry.repository import Repository


class Remote(Protocol):
    """One repository."""

    @property
    def is_authentic(self) -> bool:
        """Whether the registry proves by TLS that it is the one that was named."""

    def manifest(self, reference: str | Digest) -> bytes:
        """Return the manifest or index of a tag or digest; that of a digest is verified.

        Raises DeniedError ``digest_mismatch``, UsageError ``remote_missing``, and the client's errors.
        """

    def blob(self, blob: Descriptor) -> bytes:
        """Return a small blob, verified; raises DeniedError ``digest_mismatch``, ``size_mismatch``."""

    def chunks(self, blob: Descriptor, name: str, start: int) -> Iterator[memoryview]:
        """Yield a blob's bytes from byte ``start`` on, not verified; ``name`` is what messages call it."""


OpenRepository: TypeAlias = Callable[[str, str], Remote]  # of a registry and the name of a repository


class Registries:
    """Opens repositories of any registry; those of one registry share its tokens.

    Args:
        credentials: where passwords and tokens for registries are found.
        hosts: further hosts that a registry may involve, for tokens and for blobs.
        plain_http: registries that are asked without TLS.
    """

    def __init__(
        self,
        client: Client,
        downloader: Downloader,
        *,
        credentials: CredentialStore,
        hosts: Hosts,
        plain_http: Hosts,
    ) -> None:
        self._client = client
        self._downloader = downloader
        self._credentials = credentials
        self._hosts = hosts
        self._plain_http = plain_http
        self._opened: dict[str, tuple[Registry, bool]] = {}

    def __call__(self, registry: str, repository: str) -> "RegistryRemote":
        """Return a repository; nobody is asked yet. Raises UsageError ``host_invalid``, DeniedError ``url_invalid``."""
        if registry not in self._opened:
            endpoint = Endpoint.of(
                registry, realms=self._hosts, redirects=self._hosts, plain_http=self._plain_http
            )
            opened = Registry(self._client, endpoint, self._credentials)
            self._opened[registry] = (opened, endpoint.origin.scheme == "https")
        found, is_authentic = self._opened[registry]
        return RegistryRemote(found.repository(repository), self._downloader, is_authentic=is_authentic)


class RegistryRemote:
    """A ``Remote`` over the network."""

    def __init__(self, repository: Repository, downloader: Downloader, *, is_authentic: bool) -> None:
        self.is_authentic = is_authentic
        self._repository = repository
        self._downloader = downloader

    def manifest(self, reference: str | Digest) -> bytes:
        """Return a manifest or index."""
        return self._repository.manifest(reference).raw

    def blob(self, blob: Descriptor) -> bytes:
        """Return a small blob, verified."""
        raw = b"".join(map(bytes, self.chunks(blob, "config", 0)))
        if Digest.of(raw) != blob.digest:
            raise DeniedError(
                "digest_mismatch",
                f"the registry sent {Digest.of(raw)} where the config {blob.digest} was asked for",
                hint="the registry, or something between you and it, serves other bytes than it should",
                details={"expected": str(blob.digest), "found": str(Digest.of(raw))},
            )
        return raw

    def chunks(self, blob: Descriptor, name: str, start: int) -> Iterator[memoryview]:
        """Yield a blob's bytes, over several connections where that is faster."""
        request = self._repository.blob_request(blob.digest)
        return self._downloader.chunks(RemoteFile(request, blob.size, name), start)
