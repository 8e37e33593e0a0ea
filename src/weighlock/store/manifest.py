"""Any OCI image manifest of the store: what it links to, and the manifest of a referrer.

Source: OCI image-spec v1.1, manifest.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from weighlock.core.artifact import MANIFEST_MEDIA_TYPE, Artifact
from weighlock.core.descriptor import Descriptor, check_media_type, invalid_manifest, read_annotations
from weighlock.core.digest import Digest
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_FILES, MAX_MANIFEST_BYTES
from weighlock.store.interface import Store

EMPTY: Final = b"{}"
EMPTY_DESCRIPTOR: Final = Descriptor("application/vnd.oci.empty.v1+json", Digest.of(EMPTY), len(EMPTY))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's exact bytes and what they link to; ``blobs`` are config and layers."""

    raw: bytes
    digest: Digest
    artifact_type: str
    blobs: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return what ``raw`` says; raises DeniedError ``manifest_invalid``, ``json_invalid``, ``digest_invalid``."""
        document = read_object(raw, what="the manifest", limit=MAX_MANIFEST_BYTES)
        if document.get("schemaVersion") != 2 or document.get("mediaType") != MANIFEST_MEDIA_TYPE:
            raise invalid_manifest("it is not an OCI image manifest of schema version 2")
        config = Descriptor.from_json(document.get("config"))
        layers = _layers(document)
        subject = document.get("subject")
        return cls(
            raw=raw,
            digest=Digest.of(raw),
            # manifest.md, "artifactType": the config's media type stands in for an absent one
            artifact_type=check_media_type(document.get("artifactType", config.media_type)),
            blobs=(config, *layers),
            subject=None if subject is None else Descriptor.from_json(subject),
            annotations=read_annotations(document.get("annotations")),
        )

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the manifest; a referrer's carries its annotations (distribution-spec, "Listing Referrers")."""
        annotations = self.annotations if self.subject else {}
        return Descriptor(MANIFEST_MEDIA_TYPE, self.digest, len(self.raw), annotations, self.artifact_type)


def read_manifest(store: Store, digest: Digest) -> Manifest:
    """Return a manifest that ``store`` holds, its bytes verified; raises as ``Store.read_blob`` and ``parse``."""
    return Manifest.parse(store.read_blob(digest, limit=MAX_MANIFEST_BYTES))


def read_model(store: Store, digest: Digest) -> Artifact:
    """Return a model that ``store`` holds, its manifest verified; raises as ``Store.read_blob`` and ``Artifact.parse``."""
    return Artifact.parse(store.read_blob(digest, limit=MAX_MANIFEST_BYTES))


def write_referrer(
    subject: Descriptor, artifact_type: str, payload: Descriptor, annotations: Mapping[str, str]
) -> bytes:
    """Return the manifest that says: ``payload`` is about ``subject``."""
    plain_subject = Descriptor(subject.media_type, subject.digest, subject.size)
    return write_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_MEDIA_TYPE,
            "artifactType": artifact_type,
            "config": EMPTY_DESCRIPTOR.to_json(),
            "layers": [payload.to_json()],
            "subject": plain_subject.to_json(),
            "annotations": dict(annotations),
        }
    )


def _layers(document: dict[str, Any]) -> list[Descriptor]:
    layers = document.get("layers")
    if not isinstance(layers, list) or len(layers) > MAX_FILES:
        raise invalid_manifest(f"it has no list of at most {MAX_FILES} layers")
    return [Descriptor.from_json(layer) for layer in layers]
