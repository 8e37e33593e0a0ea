"""Manifests to put into test registries."""

import json
from typing import Any

from registry_content import Content
from weighlock.core.digest import Digest
from weighlock.core.media_type import MANIFEST_MEDIA_TYPE

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY_JSON = {"mediaType": EMPTY_TYPE, "digest": str(Digest.of(EMPTY)), "size": len(EMPTY)}


def manifest_of(**more: Any) -> bytes:
    """Return a manifest with empty config and layer, changed by ``more``; None takes a field away."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_MEDIA_TYPE,
        "artifactType": "application/vnd.test",
        "config": EMPTY_JSON,
        "layers": [EMPTY_JSON],
        **more,
    }
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def referrer_of(subject: bytes, number: int = 0, **more: Any) -> bytes:
    """Return a manifest that refers to the manifest ``subject``; ``number`` tells several apart."""
    named = {"mediaType": MANIFEST_MEDIA_TYPE, "digest": str(Digest.of(subject)), "size": len(subject)}
    return manifest_of(**{"subject": named, "annotations": {"number": str(number)}, **more})


def put(content: Content, name: str, raw: bytes, tag: str | None = None) -> Digest:
    """Put a manifest of empty blobs straight into a registry."""
    content.put_blob(name, EMPTY)
    digest = Digest.of(raw)
    content.put_manifest(name, tag or str(digest), MANIFEST_MEDIA_TYPE, raw)
    return digest
