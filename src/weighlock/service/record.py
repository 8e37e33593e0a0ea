"""Keep our own records (candidates, releases, states, revocations) as OCI artifacts.

The manifest's first layer is the record; further layers are what it links to by
digest, so that copying or collecting the artifact keeps them together.
"""

from collections.abc import Sequence

from weighlock.core.descriptor import Descriptor, invalid_manifest
from weighlock.core.digest import Digest
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_MANIFEST_BYTES
from weighlock.core.media_type import MANIFEST_MEDIA_TYPE
from weighlock.promotion.record import MAX_RECORD_BYTES
from weighlock.store.interface import Store
from weighlock.store.manifest import EMPTY, EMPTY_DESCRIPTOR


def put_record(
    store: Store, media_type: str, raw: bytes, *, name: str | None = None, links: Sequence[Descriptor] = ()
) -> Descriptor:
    """Store ``raw`` as an artifact of type ``media_type`` and return its manifest's descriptor.

    ``links`` are blobs that the store already holds.
    """
    store.write_blob([EMPTY], expected=EMPTY_DESCRIPTOR.digest)
    blob = store.write_blob([raw])
    layers = [Descriptor(media_type, blob.digest, blob.size), *links]
    manifest = write_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_MEDIA_TYPE,
            "artifactType": media_type,
            "config": EMPTY_DESCRIPTOR.to_json(),
            "layers": [layer.to_json() for layer in layers],
        }
    )
    return store.put_manifest(manifest, name=name)


def read_record(store: Store, digest: Digest, media_type: str) -> tuple[bytes, Descriptor]:
    """Return the record that the artifact ``digest`` holds, and the artifact's descriptor; both verified.

    Raises DeniedError ``manifest_invalid`` if it is not of ``media_type``, or the store's own codes.
    """
    manifest = store.manifest_bytes(digest)
    document = read_object(manifest, what="the manifest", limit=MAX_MANIFEST_BYTES)
    layers = document.get("layers")
    if document.get("artifactType") != media_type or not isinstance(layers, list) or not layers:
        raise invalid_manifest(f"it does not hold a record of type {media_type}")
    layer = Descriptor.from_json(layers[0])
    if layer.media_type != media_type:
        raise invalid_manifest(f"its first layer is not of type {media_type}")
    descriptor = Descriptor(MANIFEST_MEDIA_TYPE, digest, len(manifest), artifact_type=media_type)
    return store.read_blob(layer.digest, limit=MAX_RECORD_BYTES), descriptor
