"""Manifests as a registry gives them out: exact bytes, held against the digest that was asked for.

Sources: OCI distribution-spec v1.1, "Pulling manifests"; OCI image-spec v1.1, manifest.md and
image-index.md; distribution/distribution, docs/spec/manifest-v2-2.md. No I/O.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from weighlock.core.descriptor import Descriptor, check_media_type, invalid_manifest
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_MANIFEST_BYTES
from weighlock.core.media_type import (
    DOCKER_LIST_MEDIA_TYPE,
    DOCKER_MANIFEST_MEDIA_TYPE,
    INDEX_MEDIA_TYPE,
    INDEX_MEDIA_TYPES,
    MANIFEST_MEDIA_TYPE,
)
from weighlock.core.text import shown
from weighlock.transport.registry.header import invalid_answer

MEDIA_TYPES: Final = (
    MANIFEST_MEDIA_TYPE,
    INDEX_MEDIA_TYPE,
    DOCKER_MANIFEST_MEDIA_TYPE,
    DOCKER_LIST_MEDIA_TYPE,
)
DIGEST_HEADER: Final = "docker-content-digest"


class ManifestBytes(NamedTuple):
    """A manifest's exact bytes, its media type, and its digest, which the bytes have."""

    raw: bytes
    media_type: str
    digest: Digest

    @property
    def descriptor(self) -> Descriptor:
        """What the manifest is, for those who list it."""
        return Descriptor(self.media_type, self.digest, len(self.raw))


def digest_with(algorithm: str, raw: bytes) -> Digest:
    """Return the digest of ``raw`` by an algorithm that ``Digest`` knows."""
    return Digest(algorithm, hashlib.new(algorithm, raw).hexdigest())


def read_answer(
    raw: bytes, headers: Mapping[str, str], *, asked: Digest | None, accepted: tuple[str, ...] = MEDIA_TYPES
) -> ManifestBytes:
    """Return the manifest of an answer, whose ``headers`` have lower-case names.

    Raises DeniedError ``digest_mismatch`` (not the bytes that were asked for), ``digest_header_wrong``,
    ``media_type_mismatch``, ``manifest_unsupported``, ``manifest_invalid``, ``json_invalid``,
    ``registry_answer_invalid``.
    """
    digest = digest_with("sha256" if asked is None else asked.algorithm, raw)
    if asked is not None and digest != asked:
        raise other_bytes("manifest", asked, digest)
    check_digest_header(headers, raw)
    media_type = _media_type(headers, read_object(raw, what="the manifest", limit=MAX_MANIFEST_BYTES))
    if media_type not in accepted:
        raise DeniedError(
            "manifest_unsupported",
            f"the manifest is of the kind {shown(media_type)}, which is not supported here",
            hint="push it again with a current tool, as an OCI manifest",
        )
    return ManifestBytes(raw, media_type, digest)


def check_digest_header(headers: Mapping[str, str], raw: bytes) -> None:
    """Return if the answer's digest header, if there is one, is about ``raw``.

    Raises DeniedError ``digest_header_wrong``, ``registry_answer_invalid``.
    """
    text = headers.get(DIGEST_HEADER)
    if text is None:
        return
    stated = read_digest_header(text)
    if digest_with(stated.algorithm, raw) != stated:
        raise wrong_digest_header(stated)


def read_digest_header(text: str) -> Digest:
    """Return the digest of a header; raises DeniedError ``registry_answer_invalid``."""
    try:
        return Digest.parse(text)
    except DeniedError as error:
        raise invalid_answer(f"its digest header is {shown(repr(text))}") from error


def other_bytes(what: str, asked: Digest, found: Digest) -> DeniedError:
    """Return the error for a registry that sends other bytes than those of the digest it was asked for."""
    return DeniedError(
        "digest_mismatch",
        f"the registry sent {found} where the {what} {asked} was asked for",
        hint="the registry, or something between you and it, serves other bytes than it should",
        details={"expected": str(asked), "found": str(found)},
    )


def wrong_digest_header(stated: Digest) -> DeniedError:
    """Return the error for a digest header that is about other bytes than those sent."""
    return DeniedError(
        "digest_header_wrong",
        f"the registry calls the bytes {stated}, and they are not",
        hint="the registry, or something between you and it, is broken or lies",
    )


def _media_type(headers: Mapping[str, str], document: Mapping[str, Any]) -> str:
    """Return the one media type that header and document agree on.

    Whoever reads a manifest by one of two types can be made to see another image (CVE-2021-41190).
    """
    if document.get("schemaVersion") != 2:
        raise DeniedError(
            "manifest_unsupported",
            f"the manifest has the schema version {shown(repr(document.get('schemaVersion')))}; only 2 is supported",
            hint="Docker's schema 1 is signed in a way that proves nothing; push it again with a current tool",
        )
    sent = headers.get("content-type", "").partition(";")[0].strip()
    named = document.get("mediaType", sent)
    if sent and named != sent:
        raise DeniedError(
            "media_type_mismatch",
            f"the registry calls the manifest {shown(sent)}, and it calls itself {shown(repr(named))}",
            hint="two readers would see two different things; the registry or the manifest is broken or lies",
        )
    media_type = check_media_type(named)
    lists_manifests, lists_layers = "manifests" in document, "layers" in document
    if media_type in MEDIA_TYPES and (lists_manifests, lists_layers) != (
        media_type in INDEX_MEDIA_TYPES,
        media_type not in INDEX_MEDIA_TYPES,
    ):
        raise invalid_manifest("it lists layers and manifests, or neither, or those of another kind")
    return media_type
