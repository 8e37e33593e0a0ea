"""The manifests of a repository, each read and digested once: what a digest names cannot change."""

import contextlib
import threading
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.jsontext import write_json
from weighlock.core.media_type import MANIFEST_MEDIA_TYPE
from weighlock.store.manifest import EMPTY_DESCRIPTOR, Manifest
from weighlock.transport.registry.manifest import ManifestBytes
from weighlock.transport.registry.repository import Repository

FAILED: Final = 500  # RFC 9110, section 15.6.1
MAX_KEPT_BYTES: Final = 256 * 1024 * 1024  # about 50,000 manifests of evidence; then they are read again
BLOB_BYTES: Final = 1024  # what one blob of a manifest takes in memory, measured
# What a name is moved to where the registry cannot delete it: nothing, always the same nothing.
NOTHING: Final = Manifest.parse(
    write_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_MEDIA_TYPE,
            "artifactType": "application/vnd.weighlock.nothing.v1+json",
            "config": EMPTY_DESCRIPTOR.to_json(),
            "layers": [EMPTY_DESCRIPTOR.to_json()],
        }
    )
)


class Manifests:
    """Manifests by digest and by tag. For any thread."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._mutex = threading.Lock()
        self._kept: dict[Digest, Manifest] = {}
        self._size = 0
        self._blobs: dict[Digest, int] = {}

    def get(self, digest: Digest) -> Manifest:
        """Return a manifest; raises DeniedError ``blob_missing``, ``digest_mismatch``, and as ``Manifest.parse``."""
        found = self.find(digest)
        if found is None:
            raise missing(digest)
        return found

    def find(self, digest: Digest) -> Manifest | None:
        """Return a manifest, or None if there is none; raises DeniedError ``digest_mismatch``, and as ``parse``."""
        kept = self._kept.get(digest)
        if kept is not None:
            return kept
        read = self.ask(digest)
        return None if read is None else self.keep(read)

    def at(self, tag: str) -> ManifestBytes | None:
        """Return the bytes of the manifest that a tag is on now, or None if it is on nothing."""
        read = self.ask(tag)
        return None if read is None or read.digest == NOTHING.digest else read

    def ask(self, reference: Digest | str) -> ManifestBytes | None:
        """Return the bytes of a manifest, those of a digest verified, or None if there is none; nothing is kept."""
        try:
            return self._repository.manifest(reference)
        except UsageError as error:
            if error.code != "remote_missing":
                raise
            return None
        except UndecidedError as error:
            # docker-registry finds a blob where it looks for a manifest, cannot read it and fails
            if error.details.get("status") != FAILED or isinstance(reference, str):
                raise
            if self._repository.has_blob(reference) is None:
                raise
            return None

    def bytes_of(self, digest: Digest) -> bytes | None:
        """Return the bytes of a manifest, verified, or None if there is none; they may be no manifest of a known kind."""
        kept = self._kept.get(digest)
        if kept is not None:
            return kept.raw
        read = self.ask(digest)
        return None if read is None else self.keep_if_known(read).raw

    def keep_if_known(self, read: ManifestBytes) -> ManifestBytes:
        """Keep a manifest unless it is somebody else's, of a kind that nobody here can read; return its bytes."""
        with contextlib.suppress(DeniedError):
            self.keep(read)
        return read

    def keep(self, read: ManifestBytes) -> Manifest:
        """Return what a manifest says, and keep it; raises as ``Manifest.parse``."""
        return self._kept.get(read.digest) or self._keep(Manifest.parse(read.raw))

    def kept(self, digest: Digest) -> Manifest | None:
        """Return a manifest if it was read before."""
        return self._kept.get(digest)

    def put(self, manifest: Manifest, reference: Digest | str) -> bool:
        """Store a manifest under a tag or its digest; return whether the registry listed it as a referrer.

        Raises DeniedError ``blob_missing`` if the registry has not all that the manifest lists.
        """
        try:
            stored = self._repository.put_manifest(manifest.raw, manifest.media_type, reference)
        except UsageError as error:
            if error.code != "remote_missing":
                raise
            raise DeniedError(
                "blob_missing",
                f"the registry says that it has not all that the manifest {manifest.digest} lists",
                hint="its garbage collection may have taken it meanwhile: do this again",
            ) from error
        self._keep(manifest)
        return stored.subject_listed

    def forget(self, digest: Digest) -> None:
        """Read a manifest again when it is asked for next."""
        with self._mutex:
            self._kept.pop(digest, None)

    def blob_size(self, digest: Digest) -> int | None:
        """Return the size in bytes that a manifest read here says of a blob; None if none lists such a blob."""
        return self._blobs.get(digest)

    def _keep(self, manifest: Manifest) -> Manifest:
        with self._mutex:
            if self._size > MAX_KEPT_BYTES:
                self._kept, self._blobs, self._size = {}, {}, 0
            if manifest.digest not in self._kept:
                self._kept[manifest.digest] = manifest
                self._blobs.update((blob.digest, blob.size) for blob in manifest.blobs)
                self._size += len(manifest.raw) + BLOB_BYTES * len(manifest.blobs)
        return manifest


def missing(digest: Digest) -> DeniedError:
    """Return the error for what the repository lists or needs and does not have."""
    return DeniedError(
        "blob_missing",
        f"the repository has no {digest}",
        hint="run `weighlock fsck`; pull or copy the artifact again",
    )
