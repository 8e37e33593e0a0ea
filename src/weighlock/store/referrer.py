"""Evidence as a referrer: Sigstore bundles beside what they are about.

Source: sigstore/cosign, specs/BUNDLE_SPEC.md. The annotations help people and other
tools to choose; what a bundle says is read from the bundle.
"""

from typing import Final

from weighlock.core.descriptor import Descriptor, invalid_manifest
from weighlock.core.digest import Digest
from weighlock.core.limit import MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES
from weighlock.store.interface import Store
from weighlock.store.manifest import Manifest

BUNDLE_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
CONTENT_ANNOTATION: Final = "dev.sigstore.bundle.content"
PREDICATE_TYPE_ANNOTATION: Final = "dev.sigstore.bundle.predicateType"


def attach_bundle(store: Store, subject: Descriptor, bundle: bytes, *, predicate_type: str) -> Descriptor:
    """Store a bundle that holds a signed statement about ``subject``, labelled as cosign labels it.

    Raises DeniedError ``subject_missing``.
    """
    annotations = {CONTENT_ANNOTATION: "dsse-envelope", PREDICATE_TYPE_ANNOTATION: predicate_type}
    return store.attach(subject, BUNDLE_MEDIA_TYPE, bundle, BUNDLE_MEDIA_TYPE, annotations)


def read_payload(store: Store, referrer: Digest, *, limit: int = MAX_BUNDLE_BYTES) -> bytes:
    """Return the one blob that a referrer carries, verified against its digest.

    Raises DeniedError ``manifest_invalid``, ``blob_missing``, ``blob_too_large``, ``digest_mismatch``.
    """
    manifest = Manifest.parse(store.read_blob(referrer, limit=MAX_MANIFEST_BYTES))
    if manifest.subject is None or len(manifest.blobs) != 2:  # config and one layer
        raise invalid_manifest("it is not a referrer with one payload")
    return store.read_blob(manifest.blobs[1].digest, limit=limit)


def read_bundles(store: Store, subject: Digest) -> list[bytes]:
    """Return all Sigstore bundles attached to ``subject``, oldest first, digests verified, signatures not.

    Bundles are told by their payload's media type too, as some tools label the manifest otherwise.
    """
    found = []
    for referrer in store.referrers(subject):
        manifest = Manifest.parse(store.read_blob(referrer.digest, limit=MAX_MANIFEST_BYTES))
        found += [
            store.read_blob(blob.digest, limit=MAX_BUNDLE_BYTES)
            for blob in manifest.blobs[1:]
            if blob.media_type == BUNDLE_MEDIA_TYPE
        ]
    return found
