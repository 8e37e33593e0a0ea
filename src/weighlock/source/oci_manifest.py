"""What a manifest or an index of a registry says, read strictly. No I/O.

OCI image-spec v1.1, manifest.md and image-index.md; the Docker registry's image manifest V2,
schema 2, which says the same in other media types.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from weighlock.core.descriptor import Descriptor, check_media_type, invalid_manifest, read_annotations
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_FILES, MAX_MANIFEST_BYTES
from weighlock.core.media_type import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES
from weighlock.core.text import shown

PLATFORM: Final = (
    "linux/amd64"  # of an index's children; a model is the same for each, and one has to be named
)
MAX_CHILDREN: Final = 1000  # of an index; images for every platform there is have 20


class Manifest(NamedTuple):
    """A manifest: its digest, what it says it is, its config and layers, its maker's annotations."""

    digest: Digest
    artifact_type: str | None
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]


class Child(NamedTuple):
    """One manifest of an index, and the platform that it is for, or ``""``."""

    descriptor: Descriptor
    platform: str


def read_manifest(raw: bytes) -> Manifest | tuple[Child, ...]:
    """Return the manifest that ``raw`` is, or the children of the index that it is.

    Raises DeniedError ``manifest_invalid``, ``digest_invalid``, ``json_invalid``, ``artifact_empty`` or
    ``artifact_too_many_files``.
    """
    document = read_object(raw, what="the manifest", limit=MAX_MANIFEST_BYTES)
    if type(document.get("schemaVersion")) is not int or document["schemaVersion"] != 2:
        raise invalid_manifest("its schema version is not 2")
    media_type = document.get("mediaType")
    is_index = "manifests" in document
    if is_index and document.keys() & {"layers", "config"}:
        raise invalid_manifest("it is a manifest and an index in one")  # CVE-2021-41190
    if media_type is not None and media_type not in (INDEX_MEDIA_TYPES if is_index else MANIFEST_MEDIA_TYPES):
        raise invalid_manifest(f"its media type is {shown(repr(media_type))}")
    if "subject" in document:
        raise invalid_manifest("it is about another manifest, and no model of its own")
    return _children(document) if is_index else _manifest(document, Digest.of(raw))


def choose_child(children: tuple[Child, ...]) -> Child:
    """Return the only child, or that for linux/amd64; raises DeniedError ``platform_undecided``."""
    runnable = [child for child in children if child.platform != "unknown/unknown"]  # BuildKit's attestations
    chosen = runnable if len(runnable) == 1 else [child for child in runnable if child.platform == PLATFORM]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(sorted({child.platform or "none" for child in children})) or "nothing"
    raise DeniedError(
        "platform_undecided",
        f"the index lists {len(children)} manifests for {shown(there)}, and not exactly one for {PLATFORM}",
        hint="name the manifest of one platform by its digest: oci:registry/repository@sha256:…",
    )


def _manifest(document: Mapping[str, Any], digest: Digest) -> Manifest:
    layers = document.get("layers")
    if not isinstance(layers, list):
        raise invalid_manifest("it has no list of layers")
    if not layers:
        raise DeniedError("artifact_empty", "the manifest has no layers", hint="it is no model")
    if len(layers) > MAX_FILES:
        raise DeniedError(
            "artifact_too_many_files", f"the manifest has {len(layers)} layers; the limit is {MAX_FILES}"
        )
    artifact_type = document.get("artifactType")
    return Manifest(
        digest=digest,
        artifact_type=None if artifact_type is None else check_media_type(artifact_type),
        config=_sha256(Descriptor.from_json(document.get("config"))),
        layers=tuple(_sha256(Descriptor.from_json(layer)) for layer in layers),
        annotations=read_annotations(document.get("annotations")),
    )


def _children(document: Mapping[str, Any]) -> tuple[Child, ...]:
    manifests = document["manifests"]
    if not isinstance(manifests, list) or len(manifests) > MAX_CHILDREN:
        raise invalid_manifest("it has no list of manifests, or too long a one")
    return tuple(_child(manifest) for manifest in manifests)


def _child(value: Any) -> Child:
    descriptor = _sha256(Descriptor.from_json(value))
    if descriptor.media_type not in MANIFEST_MEDIA_TYPES:
        raise invalid_manifest(f"it lists a {shown(descriptor.media_type)}, which is no image manifest")
    if descriptor.size > MAX_MANIFEST_BYTES:
        raise invalid_manifest("it lists a manifest that is too large")
    platform = value.get("platform", {})
    parts = [platform.get(name) for name in ("os", "architecture")] if isinstance(platform, dict) else [None]
    if not platform:
        return Child(descriptor, "")
    if not all(isinstance(part, str) and part for part in parts):
        raise invalid_manifest("a platform is not an os and an architecture")
    variant = platform.get("variant")
    return Child(descriptor, "/".join(map(str, parts)) + (f"/{variant}" if variant else ""))


def _sha256(descriptor: Descriptor) -> Descriptor:
    if descriptor.digest.algorithm != "sha256":
        raise invalid_manifest(
            f"it has a {descriptor.digest.algorithm} digest; a model's digests are SHA-256"
        )
    return descriptor
