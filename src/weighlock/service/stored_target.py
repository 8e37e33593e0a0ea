"""A model in a store as something to sign and to verify; its signatures are its referrers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from weighlock.attestation.oms import PREDICATE_TYPE, is_under
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.limit import MAX_BUNDLE_BYTES
from weighlock.core.progress import Progress
from weighlock.core.store_reference import StoreReference
from weighlock.service.evidence import PREDICATE_ANNOTATION, attach_bundle
from weighlock.service.workspace import Workspace
from weighlock.source.digesting import DigestMemory
from weighlock.source.sharding import digest_stream
from weighlock.store.interface import Store
from weighlock.store.manifest import read_manifest, read_model
from weighlock.store.verifying import verify_blobs


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """A model in a store. Every byte is digested when asked for; a manifest's word is not enough."""

    store: Store
    artifact: Artifact
    name: str

    @classmethod
    def open(cls, workspace: Workspace, reference: StoreReference) -> Self:
        """Return the model that ``reference`` names; raises the store's errors, DeniedError ``manifest_invalid``."""
        store = workspace.store(reference.environment)
        digest = store.resolve(reference.text).digest
        artifact = read_model(store, digest)
        return cls(store, artifact, reference.text)

    def digest_files(
        self, *, ignore: Collection[str], progress: Progress, memory: DigestMemory | None = None
    ) -> Mapping[str, ArtifactFile]:
        """Return every file by path; raises DeniedError ``digest_mismatch``, ``blob_missing``.

        ``memory`` is not asked: it knows files of folders.
        """
        del memory
        wanted = self._covered(ignore)
        progress.begin("digesting", sum(file.size for file in wanted.values()))
        try:
            verify_blobs(self.store, (file.digest for file in wanted.values()), progress)
        finally:
            progress.end()
        return wanted

    def digest_shards(
        self, shard_size: int, *, ignore: Collection[str], progress: Progress
    ) -> Mapping[str, tuple[Digest, ...]]:
        """Return the digests of every file's parts by path; raises DeniedError ``blob_missing``."""
        made = {}
        for path, file in self._covered(ignore).items():
            with self.store.open_blob(file.digest) as stream:
                made[path] = digest_stream(stream.readinto, shard_size, progress)
        return made

    def list_ignored(self, ignore: Collection[str]) -> list[str]:
        """Return the files that lie under ``ignore``."""
        return [path for path in self.artifact.files if is_under(path, ignore)]

    def has_links(self, ignore: Collection[str]) -> bool:
        """Return False: an artifact has no links."""
        del ignore
        return False

    def attach(self, bundle: bytes) -> Digest:
        """Store a signature as a referrer of the model and return the bundle's digest."""
        return attach_bundle(self.store, self.artifact.descriptor, PREDICATE_TYPE, bundle)

    def signatures(self) -> list[bytes]:
        """Return the attached bundles that claim to be model signatures, newest first, unverified.

        Raises UsageError ``signature_missing`` if there is none.
        """
        found = []
        for descriptor in self.store.referrers(self.artifact.digest):
            if descriptor.annotations.get(PREDICATE_ANNOTATION) == PREDICATE_TYPE:
                manifest = read_manifest(self.store, descriptor.digest)
                found += [
                    self.store.read_blob(blob.digest, limit=MAX_BUNDLE_BYTES) for blob in manifest.blobs[1:]
                ]
        if not found:
            raise UsageError(
                "signature_missing",
                "no signature is attached to the model",
                hint="`weighlock sign` attaches one",
            )
        return found[::-1]

    def _covered(self, ignore: Collection[str]) -> dict[str, ArtifactFile]:
        return {
            path: ArtifactFile(path, descriptor.digest, descriptor.size)
            for path, descriptor in self.artifact.files.items()
            if not is_under(path, ignore)
        }
