"""One repository of a registry, as a source needs it."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.source.interface import Ranges
from weighlock.transport.download import Downloader
from weighlock.transport.registry.client import Registries
from weighlock.transport.registry.manifest import other_bytes
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

    def ranges(self, blob: Descriptor, name: str) -> Ranges:
        """Return what reads parts of a blob, not verified."""


OpenRepository: TypeAlias = Callable[[str, str], Remote]  # of a registry and the name of a repository


def remotes_of(registries: Registries, downloader: Downloader) -> OpenRepository:
    """Return how repositories are opened over the network; raises as ``Registries.repository``."""
    return lambda registry, name: RegistryRemote(registries.repository(registry, name), downloader)


class RegistryRemote:
    """A ``Remote`` over the network."""

    def __init__(self, repository: Repository, downloader: Downloader) -> None:
        self.is_authentic = repository.endpoint.is_authentic
        self._repository = repository
        self._downloader = downloader

    def manifest(self, reference: str | Digest) -> bytes:
        """Return a manifest or index."""
        return self._repository.manifest(reference).raw

    def blob(self, blob: Descriptor) -> bytes:
        """Return a small blob, verified."""
        raw = b"".join(map(bytes, self.chunks(blob, "config", 0)))
        if Digest.of(raw) != blob.digest:
            raise other_bytes("config", blob.digest, Digest.of(raw))
        return raw

    def chunks(self, blob: Descriptor, name: str, start: int) -> Iterator[memoryview]:
        """Yield a blob's bytes, over several connections where that is faster."""
        return self._downloader.chunks(self._repository.blob(blob.digest, blob.size, name=name), start)

    def ranges(self, blob: Descriptor, name: str) -> Ranges:
        """Return what reads parts of a blob."""
        return self._downloader.ranges(self._repository.blob(blob.digest, blob.size, name=name))
