"""fsck of a repository: read every manifest that its tags list, and every blob, over the network."""

from dataclasses import dataclass, field
from typing import Final

from weighlock.core.artifact import ARTIFACT_TYPE, Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.finding import Finding
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.store.check import StoreReport, make_finding
from weighlock.store.manifest import Manifest
from weighlock.store.registry import RegistryStore
from weighlock.store.registry_list import Listed, listing_of
from weighlock.store.registry_tag import Listing
from weighlock.store.threads import in_order

_REMEDY: Final = "push or copy the artifact again; if it comes back, ask whoever runs the registry"
_RULES: Final = {
    "blob_missing": "store.missing",
    "digest_mismatch": "store.digest",
    "size_mismatch": "store.size",
}


def check_repository(store: RegistryStore, *, progress: Progress = NO_PROGRESS) -> StoreReport:
    """Check all that a repository lists; raises UndecidedError if the registry does not answer."""
    check = _Check(store, progress)
    try:
        listed = Listed.of(store.repository.tags())
    except DeniedError as error:
        check.add("store.index", "tags", error.message)
        return check.report()
    in_order(check.manifest, listed.every)
    in_order(check.name, listed.names)
    check.links()
    progress.begin("checking", sum(blob.size for blob in check.blobs.values()))
    try:
        in_order(check.blob, check.blobs.values())
    finally:
        progress.end()
    return check.report()


@dataclass
class _Check:
    """What was found so far; filled by several threads."""

    store: RegistryStore
    progress: Progress
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, rule: str, location: str, message: str) -> None:
        """Note a finding."""
        self.findings.append(make_finding(rule, location, message, _REMEDY))

    def report(self) -> StoreReport:
        """Return the findings, the worst first, with what was read."""
        order = sorted(self.findings, key=lambda each: (-each.severity, each.location, each.rule))
        sizes = [blob.size for blob in self.blobs.values()]
        return StoreReport(tuple(order), len(sizes), sum(sizes))

    def manifest(self, listing: Listing) -> None:
        """Read a manifest of ours and hold it against its tag."""
        try:
            manifest = self.store.manifest_left(listing)
            if manifest is None:
                return
            if manifest.artifact_type == ARTIFACT_TYPE:
                Artifact.parse(manifest.raw)
        except DeniedError as error:
            self.add(_RULES.get(error.code, "store.manifest"), str(listing.digest), error.message)
            return
        if listing != listing_of(manifest, listing.time_ms):
            self.add("store.index", listing.tag, "the tag describes the manifest otherwise than it is")
        self._keep(manifest)

    def name(self, tag: str) -> None:
        """Read what a name stands for, which may be somebody else's manifest."""
        try:
            read = self.store.manifests.at(tag)
            if read is not None:
                self._keep(self.store.manifests.keep(read))
        except DeniedError as error:
            self.add(_RULES.get(error.code, "store.manifest"), shown(tag), error.message)

    def links(self) -> None:
        """Look for what manifests name and nobody has."""
        for manifest in list(self.manifests.values()):
            place = str(manifest.digest)
            for child in manifest.children:
                self._look("store.missing", place, child.descriptor.digest, "its child")
            if manifest.subject is not None:
                self._look("store.subject", place, manifest.subject.digest, "what it is about,")

    def blob(self, blob: Descriptor) -> None:
        """Read and digest a blob."""
        try:
            size = self.store.verify_blob(blob.digest, progress=self.progress)
            self.store.check_size(blob.digest, blob.size, size)
        except DeniedError as error:
            self.add(_RULES.get(error.code, "store.unreadable"), str(blob.digest), error.message)

    def _keep(self, manifest: Manifest) -> None:
        self.manifests[manifest.digest] = manifest
        for blob in manifest.blobs:
            known = self.blobs.setdefault(blob.digest, blob)
            if known.size != blob.size:
                self.add(
                    "store.size", str(blob.digest), f"manifests promise {known.size} and {blob.size} bytes"
                )

    def _look(self, rule: str, place: str, digest: Digest, what: str) -> None:
        try:
            found = self.store.manifests.find(digest)
        except DeniedError as error:
            self.add(_RULES.get(error.code, "store.manifest"), str(digest), error.message)
            return
        if found is None:
            self.add(rule, place, f"{what} {digest} is missing")
