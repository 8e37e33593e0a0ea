"""``ollama:[NAMESPACE/]NAME[:TAG][@DIGEST]``: a model of Ollama's registry, without Ollama.

The protocol is that of the Docker registry (ollama/ollama, ``server/images.go`` and
``server/internal/client/ollama/registry.go``), with two turns of its own: manifests are served
as plain text, and one that is named by its digest is a blob. Every digest follows the strict
grammar before it becomes part of an address or a file name (CVE-2024-37032). What the files are
called is in ``weighlock.core.ollama``.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.limit import MAX_MANIFEST_BYTES
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.media_type import DOCKER_MANIFEST_MEDIA_TYPE
from weighlock.core.ollama import (
    CONFIG_FILE,
    HOST,
    LIBRARY,
    MANIFEST_FILE,
    NAME_PATTERN,
    read_ollama_manifest,
)
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.address import Address
from weighlock.source.interface import Item, Material, Ranges, Resolved, SourceSpec, Staging
from weighlock.source.permission import check_ollama
from weighlock.transport.client import Client, Request
from weighlock.transport.download import Downloader, RemoteFile
from weighlock.transport.host import Hosts
from weighlock.transport.registry.manifest import other_bytes

DEFAULT_REGISTRY: Final = f"https://{HOST}"
# where that registry keeps its blobs, by its makers' word (ollama/ollama, issue 4307)
DEFAULT_REDIRECTS: Final = ("dd20bb891979d25aebc8bec07b2b3bbc.r2.cloudflarestorage.com",)
MANIFEST_FACT: Final = "manifest"  # in the lock: the digest of the manifest
_MISSING: Final = frozenset({"remote_missing", "request_refused"})  # 404, or 400 where only tags are known
_LOCATION: Final = re.compile(
    rf"(?:({NAME_PATTERN})/)?({NAME_PATTERN})(?::({NAME_PATTERN}))?(?:@(.+))?", re.ASCII | re.DOTALL
)


class OllamaName(NamedTuple):
    """What a person names: ``digest`` is that of the manifest, if they pinned it."""

    namespace: str
    name: str
    tag: str
    digest: Digest | None

    @property
    def repository(self) -> str:
        """Where the registry has it."""
        return f"{self.namespace}/{self.name}"

    def __str__(self) -> str:
        model = self.name if self.namespace == LIBRARY else self.repository
        return f"{model}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def parse_ollama(spec: SourceSpec) -> OllamaName:
    """Return what ``spec`` names; raises UsageError ``source_invalid``, DeniedError ``digest_invalid``."""
    match = _LOCATION.fullmatch(spec.location)
    if match is None or ".." in spec.location:
        raise UsageError(
            "source_invalid",
            f"{shown(str(spec))!r} does not name a model of Ollama's registry",
            hint="write ollama:NAME:TAG or ollama:NAMESPACE/NAME:TAG, with @sha256:… behind it to pin the manifest; "
            "another registry is the setting ollama.registry",
        )
    digest = Digest.parse(match[4]) if match[4] else None
    if digest is not None and digest.algorithm != "sha256":
        raise DeniedError(
            "digest_invalid", f"{shown(str(digest))!r} is not a SHA-256 digest, as Ollama's are"
        )
    return OllamaName(match[1] or LIBRARY, match[2], match[3] or "latest", digest)


class OllamaSource:
    """Models of one registry.

    Args:
        registry: its address.
        allowed: namespaces, or namespace/name, that the settings trust.
        redirects: further hosts that it may send us on to for blobs.

    Raises UsageError ``settings_invalid`` if the address is none.
    """

    remote = True

    def __init__(
        self,
        client: Client,
        downloader: Downloader,
        *,
        registry: str,
        allowed: Sequence[str],
        redirects: Hosts,
    ) -> None:
        self._client = client
        self._downloader = downloader
        self._allowed = allowed
        self._address = _read_registry(registry)
        self._seen: dict[Digest, bytes] = {}  # manifests, which are small, by what they were verified to be
        host = [self._address.origin.authority]
        is_default = registry == DEFAULT_REGISTRY  # nobody wrote it, so it may lead to public addresses only
        self._hosts = Hosts.of((), builtin=host) if is_default else Hosts.of(host)
        self._redirects = redirects | Hosts.of((), builtin=DEFAULT_REDIRECTS if is_default else ())

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the source with its tag, and without the namespace of models that have none."""
        del base  # a registry is nowhere
        return SourceSpec(spec.scheme, str(parse_ollama(spec)))

    def name_of(self, spec: SourceSpec) -> str:
        """Return the model's name and tag, as in ``llama3.2-1b``."""
        name = parse_ollama(spec)
        return name.name if name.tag == "latest" else f"{name.name}-{name.tag}"

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings name the namespace or the model."""
        name = parse_ollama(spec)
        check_ollama(name.namespace, name.name, self._allowed)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return the manifest that is locked, or pinned, or else the one that the tag names now."""
        name = parse_ollama(spec)
        digest = _locked_digest(locked) if locked else name.digest
        raw = self._manifest(name, digest)
        read_ollama_manifest(raw)
        found = Digest.of(raw)
        return Resolved(
            revision=str(found),
            owner=Owner(spec.scheme, UNAVAILABLE, name.namespace),
            # the registry's word counts if it is really the registry; what is locked is compared, whoever serves it
            origin_confirmed=name.digest is not None
            or (not locked and self._address.origin.scheme == "https"),
            facts={MANIFEST_FACT: str(found)},
            pinned=name.digest is not None,
        )

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return: a registry keeps no history of a tag."""

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator["_Files"]:
        """Yield the layers as files, with the manifest and its config."""
        del locked, staging, progress  # the manifest says it all, and is what the lock demands
        name = parse_ollama(spec)
        raw = self._manifest(name, Digest.parse(resolved.facts[MANIFEST_FACT]))
        model = read_ollama_manifest(raw)
        blobs = {CONFIG_FILE: model.config, **model.layers}
        remotes = {path: self._remote(name, path, blob) for path, blob in blobs.items()}
        yield _Files(self._downloader, raw, blobs, remotes)

    def _manifest(self, name: OllamaName, digest: Digest | None) -> bytes:
        """Return the manifest's bytes: those of ``digest``, or those that the tag names."""
        if digest is None:
            raw = self._read(f"{name.repository}/manifests/{name.tag}")
        elif digest in self._seen:
            return self._seen[digest]
        else:
            raw = self._manifest_of(name, digest)
        self._seen[Digest.of(raw)] = raw
        return raw

    def _manifest_of(self, name: OllamaName, digest: Digest) -> bytes:
        for path in (f"manifests/{digest}", f"blobs/{digest}"):
            try:
                raw = self._read(f"{name.repository}/{path}")
            except WeighlockError as error:
                if error.code not in _MISSING:
                    raise
            else:
                return _check_manifest(raw, digest)
        # a registry that knows tags only still has it if nobody moved the tag
        raw = self._read(f"{name.repository}/manifests/{name.tag}")
        if Digest.of(raw) == digest:
            return raw
        raise DeniedError(
            "revision_vanished",
            f"the registry has the manifest {digest} of {shown(str(name))} no more; its tag names {Digest.of(raw)}",
            hint="see what changed with `weighlock pull --update --dry-run`",
            details={"expected": str(digest), "found": str(Digest.of(raw))},
        )

    def _read(self, path: str) -> bytes:
        return self._client.document(self._request(path), limit_bytes=MAX_MANIFEST_BYTES).raw

    def _remote(self, name: OllamaName, path: str, blob: Descriptor) -> RemoteFile:
        return RemoteFile(self._request(f"{name.repository}/blobs/{blob.digest}"), blob.size, path)

    def _request(self, path: str) -> Request:
        return Request(
            "GET",
            f"{self._address.url}/v2/{path}",
            self._hosts,
            headers={"Accept": DOCKER_MANIFEST_MEDIA_TYPE} if "/manifests/" in path else {},
            redirects=self._redirects,
        )


class _Files:
    def __init__(
        self,
        downloader: Downloader,
        manifest: bytes,
        blobs: Mapping[str, Descriptor],
        remotes: Mapping[str, RemoteFile],
    ) -> None:
        self._downloader = downloader
        self._manifest = manifest
        self._remotes = remotes
        digest = Digest.of(manifest)
        files = [Item(path, blob.size, blob.digest) for path, blob in blobs.items()]
        self.items = sorted([Item(MANIFEST_FILE, len(manifest), digest), *files], key=lambda item: item.path)
        self.materials = [Material(MANIFEST_FACT, digest, {})]

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        if path == MANIFEST_FILE:
            return iter([memoryview(self._manifest)[start:]])
        return self._downloader.chunks(self._remotes[path], start)

    def ranges(self, path: str) -> Ranges:
        return (
            _Held(self._manifest) if path == MANIFEST_FILE else self._downloader.ranges(self._remotes[path])
        )


class _Held(NamedTuple):
    """Bytes that are there already."""

    raw: bytes

    def read(self, begin: int, end: int) -> bytes:
        return self.raw[begin:end]


def _check_manifest(raw: bytes, digest: Digest) -> bytes:
    found = Digest.of(raw)
    if found != digest:
        raise other_bytes("manifest", digest, found)
    return raw


def _read_registry(text: str) -> Address:
    try:
        address = Address.parse(text)
        if address.fragment is not None or address.components:
            raise ValueError("it has a path")
    except ValueError as error:
        raise UsageError(
            "settings_invalid",
            f"ollama.registry is not the address of a registry: {error}",
            hint=f"write https://HOST, such as {DEFAULT_REGISTRY}",
        ) from error
    return address


def _locked_digest(locked: Mapping[str, str]) -> Digest:
    if locked.keys() != {MANIFEST_FACT}:
        raise DeniedError(
            "lock_invalid",
            "the lock does not say by its digest which manifest it is",
            hint="take it back from version control, or delete the entry and pull again",
        )
    return Digest.parse(locked[MANIFEST_FACT])
