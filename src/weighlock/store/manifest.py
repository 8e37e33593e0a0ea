"""Any manifest of the store: an image manifest and what it links to, an index and its children, a referrer.

Source: OCI image-spec v1.1, manifest.md and image-index.md; Docker's image manifest version 2,
schema 2, and its manifest list, which have the same form under other media types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor, check_media_type, invalid_manifest, read_annotations
from weighlock.core.digest import Digest
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_FILES, MAX_MANIFEST_BYTES
from weighlock.core.media_type import (
    INDEX_MEDIA_TYPE,
    INDEX_MEDIA_TYPES,
    MANIFEST_MEDIA_TYPE,
    MANIFEST_MEDIA_TYPES,
)
from weighlock.core.text import shown
from weighlock.store.interface import Store

MAX_CHILDREN: Final = 1000  # of an index; the images with most platforms have about 20, attestations included
EMPTY: Final = b"{}"
EMPTY_DESCRIPTOR: Final = Descriptor("application/vnd.oci.empty.v1+json", Digest.of(EMPTY), len(EMPTY))


class Child(NamedTuple):
    """A manifest that an index lists, and its platform as ``os/architecture[/variant]``, empty if it says none."""

    descriptor: Descriptor
    platform: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's exact bytes and what they link to; ``blobs`` are config and layers, ``children`` an index's."""

    raw: bytes
    digest: Digest
    media_type: str
    artifact_type: str
    blobs: tuple[Descriptor, ...]
    children: tuple[Child, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return what ``raw`` says; raises DeniedError ``manifest_invalid``, ``json_invalid``, ``digest_invalid``."""
        document = read_object(raw, what="the manifest", limit=MAX_MANIFEST_BYTES)
        media_type = _media_type(document)
        blobs: tuple[Descriptor, ...] = ()
        children: tuple[Child, ...] = ()
        if media_type in INDEX_MEDIA_TYPES:
            children = tuple(_child(each) for each in _list(document, "manifests", MAX_CHILDREN))
        else:
            layers = _list(document, "layers", MAX_FILES)
            blobs = tuple(Descriptor.from_json(each) for each in (document.get("config"), *layers))
        subject = document.get("subject")
        # manifest.md, "artifactType": the config's media type stands in for an absent one
        stand_in = blobs[0].media_type if blobs else media_type
        return cls(
            raw=raw,
            digest=Digest.of(raw),
            media_type=media_type,
            artifact_type=check_media_type(document.get("artifactType", stand_in)),
            blobs=blobs,
            children=children,
            subject=None if subject is None else Descriptor.from_json(subject),
            annotations=read_annotations(document.get("annotations")),
        )

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the manifest; a referrer's carries its annotations (distribution-spec, "Listing Referrers")."""
        annotations = self.annotations if self.subject else {}
        return Descriptor(self.media_type, self.digest, len(self.raw), annotations, self.artifact_type)


def read_manifest(store: Store, digest: Digest) -> Manifest:
    """Return a manifest that ``store`` holds, its bytes verified; raises as ``Store.manifest_bytes`` and ``parse``."""
    return Manifest.parse(store.manifest_bytes(digest))


def read_model(store: Store, digest: Digest) -> Artifact:
    """Return a model that ``store`` holds, its manifest verified; raises as ``Store.manifest_bytes`` and ``Artifact.parse``."""
    return Artifact.parse(store.manifest_bytes(digest))


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


def _media_type(document: dict[str, Any]) -> str:
    """Return what kind of manifest it is; no document is two kinds (CVE-2021-41190)."""
    is_index = "manifests" in document
    if document.get("schemaVersion") != 2 or is_index == ("layers" in document or "config" in document):
        raise invalid_manifest("it is neither an image manifest nor an index of schema version 2")
    # manifest.md, "mediaType": version 1.0 let writers leave it out
    stated = document.get("mediaType", INDEX_MEDIA_TYPE if is_index else MANIFEST_MEDIA_TYPE)
    if not isinstance(stated, str) or stated not in (INDEX_MEDIA_TYPES if is_index else MANIFEST_MEDIA_TYPES):
        raise invalid_manifest(f"its media type is {shown(repr(stated))}")
    return stated


def _list(document: dict[str, Any], name: str, limit: int) -> list[Any]:
    listed = document.get(name)
    if not isinstance(listed, list) or len(listed) > limit:
        raise invalid_manifest(f"it has no list of at most {limit} {name}")
    return listed


def _child(value: Any) -> Child:
    descriptor = Descriptor.from_json(value)
    if descriptor.media_type not in MANIFEST_MEDIA_TYPES | INDEX_MEDIA_TYPES:
        raise invalid_manifest(f"an index lists something of type {shown(descriptor.media_type)}")
    platform = value.get("platform") or {}
    if not isinstance(platform, dict):
        raise invalid_manifest("a platform is not an object")
    parts = [platform.get(name, "") for name in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) for part in parts):
        raise invalid_manifest("a platform is not written as texts")
    return Child(descriptor, "/".join(filter(None, parts)))
