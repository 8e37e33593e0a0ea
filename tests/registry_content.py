"""What the test registry holds, and the grammar that it insists on (OCI distribution-spec v1.1)."""

import hashlib
import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII
)
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})", re.ASCII)
INDEX_TYPES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
MANIFEST_TYPES = {
    *INDEX_TYPES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
}


class RefusedError(Exception):
    """What the registry answers with, as its status and its error code."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code


def digest_of(data: bytes | bytearray, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def check_digest(text: str) -> str:
    if not DIGEST.fullmatch(text):
        raise RefusedError(400, "DIGEST_INVALID")
    return text


@dataclass
class Repository:
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    busy: dict[str, threading.Lock] = field(default_factory=dict)  # one request at a time for an upload
    ended: set[str] = field(default_factory=set)  # uploads that had a chunk below the minimum


class Content:
    """Repositories, and the blobs that they share; every method takes the lock itself."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}

    def repository(self, name: str) -> Repository:
        if not NAME.fullmatch(name) or len(name) > 255:
            raise RefusedError(400, "NAME_INVALID")
        with self.lock:
            return self.repositories.setdefault(name, Repository())

    def put_blob(self, name: str, data: bytes) -> str:
        digest = digest_of(data)
        with self.lock:
            self.blobs[digest] = data
            self.repository(name).blobs.add(digest)
        return digest

    def blob(self, name: str, digest: str) -> bytes:
        with self.lock:
            if check_digest(digest) not in self.repository(name).blobs:
                raise RefusedError(404, "BLOB_UNKNOWN")
            return self.blobs[digest]

    def delete_blob(self, name: str, digest: str) -> None:
        with self.lock:
            self.blob(name, digest)
            self.repository(name).blobs.discard(digest)

    def mount(self, name: str, digest: str, source: str) -> bool:
        with self.lock:
            if digest not in self.repository(source).blobs:
                return False
            self.repository(name).blobs.add(digest)
            return True

    def start_upload(self, name: str) -> str:
        identifier = str(uuid.uuid4())
        with self.lock:
            self.repository(name).uploads[identifier] = bytearray()
            self.repository(name).busy[identifier] = threading.Lock()
        return identifier

    def upload(self, name: str, identifier: str) -> bytearray:
        with self.lock:
            try:
                return self.repository(name).uploads[identifier]
            except KeyError:
                raise RefusedError(404, "BLOB_UPLOAD_UNKNOWN") from None

    def cancel_upload(self, name: str, identifier: str) -> None:
        with self.lock:
            self.upload(name, identifier)
            del self.repository(name).uploads[identifier]

    def finish_upload(self, name: str, identifier: str, digest: str) -> None:
        with self.lock:
            data = bytes(self.upload(name, identifier))
            if digest_of(data, check_digest(digest).partition(":")[0]) != digest:
                raise RefusedError(400, "DIGEST_INVALID")
            del self.repository(name).uploads[identifier]
            self.blobs[digest] = data
            self.repository(name).blobs.add(digest)

    def put_manifest(self, name: str, reference: str, media_type: str, raw: bytes) -> dict[str, Any]:
        """Store a manifest if all that it lists is there; return the document."""
        document = _check_manifest(media_type, raw)
        with self.lock:
            repository = self.repository(name)
            self._check_listed(repository, document)
            if ":" in reference:
                algorithm = check_digest(reference).partition(":")[0]
                if digest_of(raw, algorithm) != reference:
                    raise RefusedError(400, "DIGEST_INVALID")
            elif not TAG.fullmatch(reference):
                raise RefusedError(400, "TAG_INVALID")
            else:
                repository.tags[reference] = digest_of(raw)
            repository.manifests[reference if ":" in reference else digest_of(raw)] = (media_type, raw)
        return document

    def manifest(self, name: str, reference: str) -> tuple[str, str, bytes]:
        """Return a manifest's digest, media type and bytes."""
        with self.lock:
            repository = self.repository(name)
            digest = check_digest(reference) if ":" in reference else repository.tags.get(reference, "")
            if digest not in repository.manifests:
                raise RefusedError(404, "MANIFEST_UNKNOWN")
            return (digest, *repository.manifests[digest])

    def delete_manifest(self, name: str, reference: str, *, tags: bool) -> None:
        with self.lock:
            repository = self.repository(name)
            digest, _, _ = self.manifest(name, reference)
            if ":" not in reference:
                if not tags:
                    raise RefusedError(405, "UNSUPPORTED")
                del repository.tags[reference]
                return
            del repository.manifests[digest]
            repository.tags = {tag: each for tag, each in repository.tags.items() if each != digest}

    def referrers(self, name: str, subject: str) -> list[dict[str, Any]]:
        check_digest(subject)
        with self.lock:
            return [
                _referrer(digest, media_type, raw)
                for digest, (media_type, raw) in self.repository(name).manifests.items()
                if json.loads(raw).get("subject", {}).get("digest") == subject
            ]

    def _check_listed(self, repository: Repository, document: dict[str, Any]) -> None:
        blobs = [each for each in [document.get("config"), *document.get("layers", [])] if each]
        for each in blobs:
            if each["digest"] not in repository.blobs:
                raise RefusedError(404, "MANIFEST_BLOB_UNKNOWN", each["digest"])
            if len(self.blobs[each["digest"]]) != each["size"]:
                raise RefusedError(400, "SIZE_INVALID", each["digest"])
        for each in document.get("manifests", []):
            if each["digest"] not in repository.manifests:
                raise RefusedError(404, "MANIFEST_UNKNOWN", each["digest"])


def _check_manifest(media_type: str, raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError:
        raise RefusedError(400, "MANIFEST_INVALID") from None
    if media_type not in MANIFEST_TYPES or document.get("mediaType", media_type) != media_type:
        raise RefusedError(400, "MANIFEST_INVALID", f"media type {media_type}")
    if document.get("schemaVersion") != 2 or ("manifests" in document) != (media_type in INDEX_TYPES):
        raise RefusedError(400, "MANIFEST_INVALID")
    return dict(document)


def _referrer(digest: str, media_type: str, raw: bytes) -> dict[str, Any]:
    document = json.loads(raw)
    artifact_type = document.get("artifactType") or document.get("config", {}).get("mediaType")
    return {
        "mediaType": media_type,
        "digest": digest,
        "size": len(raw),
        **({"artifactType": artifact_type} if artifact_type else {}),
        **({"annotations": document["annotations"]} if "annotations" in document else {}),
    }
