"""What a source needs of one repository of a registry."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest


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
