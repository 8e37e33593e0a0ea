"""One repository in an OCI registry: manifests, blobs, tags and referrers.

Source: OCI distribution-spec v1.1. Manifests are verified here; *blobs are not*: whoever reads one
holds its bytes against the digest that was asked for.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_FILE_BYTES, MAX_MANIFEST_BYTES
from weighlock.core.reference import Reference
from weighlock.core.text import shown
from weighlock.transport.message import Document, Request
from weighlock.transport.registry import referrer
from weighlock.transport.registry.auth import scopes_for
from weighlock.transport.registry.content import Blob, Piece
from weighlock.transport.registry.header import invalid_answer
from weighlock.transport.registry.listing import MAX_PAGE_BYTES, endless, pages
from weighlock.transport.registry.manifest import (
    DIGEST_HEADER,
    MEDIA_TYPES,
    ManifestBytes,
    digest_with,
    other_bytes,
    read_answer,
    read_digest_header,
    wrong_digest_header,
)
from weighlock.transport.registry.referrer_list import ReferrerLists
from weighlock.transport.registry.session import Ask, Session
from weighlock.transport.registry.upload import MAX_ANSWER_BYTES, Uploader, check_stored
from weighlock.transport.remote import RemoteFile
from weighlock.transport.timing import Timing
from weighlock.transport.url import Url

MAX_TAGS: Final = 100_000  # of one repository
PAGE_TAGS: Final = 1_000  # asked for at once; registries may give fewer
FAILED: Final = 500  # RFC 9110, section 15.6.1
TAG_ATTEMPTS: Final = 4  # at a tag that the registry fails to read, over about two seconds
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_FOUND_OR_NOT: Final = frozenset({200, 404})
_UNSUPPORTED: Final = frozenset({400, 405})  # how registries say that tags are not deleted there


class Stored(NamedTuple):
    """A manifest that was put: what it is, and whether the registry lists it by itself as a referrer."""

    descriptor: Descriptor
    subject_listed: bool


class Repository:
    """A repository of a registry, made by ``Registry.repository``. For any thread.

    Every method raises, beside what it says, what ``Client.open`` raises, and DeniedError
    ``registry_answer_invalid``, ``challenge_invalid``, ``realm_refused``, ``token_invalid``;
    UsageError ``credentials_invalid``; UndecidedError ``access_refused``, ``credential_helper_failed``.
    """

    def __init__(self, session: Session, name: str, timing: Timing) -> None:
        Reference.parse(f"{session.endpoint.registry}/{name}")  # the name ends up in addresses
        self.endpoint = session.endpoint
        self.registry = session.endpoint.registry
        self.name = name
        self.timing = timing
        self.index_lock = threading.Lock()
        self._session = session
        self._pull = scopes_for(name, "pull")
        self._push = scopes_for(name, "pull", "push")
        self._uploader = Uploader(session, name, timing)

    def manifest(self, reference: str | Digest, *, accept: tuple[str, ...] = MEDIA_TYPES) -> ManifestBytes:
        """Return the manifest of a tag or digest, of one of the media types in ``accept``.

        Raises UsageError ``remote_missing``; DeniedError ``digest_mismatch``, ``digest_header_wrong``,
        ``media_type_mismatch``, ``manifest_unsupported``, ``manifest_invalid``, ``json_invalid``.
        """
        document = self._read_manifest(self._manifest_ask("GET", reference, accept), reference)
        asked = reference if isinstance(reference, Digest) else None
        return read_answer(document.raw, document.headers, asked=asked, accepted=accept)

    def has_manifest(self, reference: str | Digest) -> int | None:
        """Return the size in bytes of a manifest, unread, or None if the registry has none."""
        ask = self._manifest_ask("HEAD", reference, MEDIA_TYPES, _FOUND_OR_NOT)
        return self._size(ask, reference if isinstance(reference, Digest) else None)

    def has_blob(self, digest: Digest) -> int | None:
        """Return the size in bytes of a blob, unread, or None if the registry has none."""
        return self._size(self._blob_ask("HEAD", digest, _FOUND_OR_NOT), digest)

    def blob(self, digest: Digest, size: int, *, name: str | None = None) -> RemoteFile:
        """Return a blob for the ``Downloader``, *unverified*; ``name`` is what messages call it."""
        return RemoteFile(self.blob_request(digest), size, name or str(digest))

    def blob_request(self, digest: Digest) -> Request:
        """Return the request for a blob, to be made any number of times, and with a ``Range``.

        Its credential is the one that is good when it is made. The bytes are *unverified*.
        """
        return self._session.plain_request(self._blob_ask("GET", digest))

    def read_blob(self, digest: Digest, *, limit_bytes: int) -> bytes:
        """Return a small blob, verified.

        Raises UsageError ``remote_missing``; DeniedError ``response_too_large``, ``digest_mismatch``.
        """
        raw = self._session.document(self._blob_ask("GET", digest), limit_bytes=limit_bytes).raw
        found = digest_with(digest.algorithm, raw)
        if found != digest:
            raise other_bytes("blob", digest, found)
        return raw

    def upload(
        self, chunks: Iterable[Piece], *, digest: Digest | None = None, size: int | None = None
    ) -> Blob:
        """Store bytes that come once, and return their digest (SHA-256 unless ``digest`` says otherwise) and size.

        A chunk is used before the next is asked for. What was sent of a chunk before a break is not
        sent again. Nothing gets a name unless it is what was promised.
        Raises DeniedError ``digest_mismatch``, ``size_mismatch``, ``upload_elsewhere``; UndecidedError ``upload_failed``.
        """
        return self._uploader.send(chunks, digest, size)

    def upload_from(
        self, chunks_from: Callable[[int], Iterable[Piece]], *, digest: Digest, size: int
    ) -> Blob:
        """Store bytes that can be read again: ``chunks_from(start)`` yields them from byte ``start`` on.

        All go in one request; after a break only what the registry has not, in another one.
        Raises as ``upload``.
        """
        return self._uploader.send_again(chunks_from, digest, size)

    def mount(self, digest: Digest, from_repository: str) -> bool:
        """Return whether the registry took over a blob from another of its repositories, without sending it."""
        Reference.parse(f"{self.registry}/{from_repository}")
        return self._uploader.mount(digest, from_repository)

    def put_manifest(self, raw: bytes, media_type: str, reference: str | Digest | None = None) -> Stored:
        """Store a manifest under a tag or digest, by default its SHA-256 digest.

        Raises DeniedError ``digest_mismatch``, ``digest_header_wrong``; UndecidedError ``request_refused``.
        """
        named = digest_with("sha256", raw) if reference is None else reference
        digest = named if isinstance(named, Digest) else digest_with("sha256", raw)
        if digest_with(digest.algorithm, raw) != digest:
            raise DeniedError(
                "digest_mismatch", f"the manifest to be stored does not have the digest {digest}"
            )
        document = self._session.document(
            Ask(
                "PUT",
                self._manifest_url(named),
                self._push,
                frozenset({201}),
                {"Content-Type": media_type},
                raw,
            ),
            limit_bytes=MAX_ANSWER_BYTES,
        )
        check_stored(document, digest)
        return Stored(Descriptor(media_type, digest, len(raw)), "oci-subject" in document.headers)

    def put_referrer(self, raw: bytes, media_type: str) -> Descriptor:
        """Store a manifest that has a subject, and see to it that it is listed; raises as ``put_manifest`` and ``attach_fallback``."""
        stored = self.put_manifest(raw, media_type)
        listed = referrer.describe(ManifestBytes(raw, media_type, stored.descriptor.digest))
        if listed is None:
            return stored.descriptor
        if not stored.subject_listed:
            self.attach_fallback(listed.subject.digest, listed.descriptor)
        return listed.descriptor

    def delete_manifest(self, digest: Digest) -> None:
        """Delete a manifest and, as registries do, its tags; raises UsageError ``remote_missing``."""
        self._delete(digest, frozenset({202}))

    def delete_tag(self, tag: str) -> bool:
        """Delete a tag and not its manifest; return False where the registry does not do that.

        Raises UsageError ``remote_missing``.
        """
        return self._delete(tag, frozenset({202}) | _UNSUPPORTED).status not in _UNSUPPORTED

    def tags(self) -> list[str]:
        """Return the tags, in the registry's order; none if it does not know the repository.

        Raises DeniedError ``listing_endless``.
        """
        found: dict[str, None] = {}
        for document in self.pages(f"tags/list?n={PAGE_TAGS}", {}):
            if document.status == 404:
                break
            found.update(dict.fromkeys(_read_tags(document.raw)))
            if len(found) > MAX_TAGS:
                raise endless(f"more than {MAX_TAGS} tags")
        return list(found)

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return all that the registry lists as referring to a manifest, *unverified*: read each by its digest.

        The union of the referrers API and the tags that stand in for it. Only a 404 means that there
        is none; a list that cannot be read is an error, because what it hides may be a revocation.
        """
        return ReferrerLists(self).read(subject)

    def attach_fallback(self, subject: Digest, descriptor: Descriptor) -> None:
        """List a referrer where the registry does not do it: by a tag of its own, and in the index for other clients.

        Raises UndecidedError ``referrers_conflict``; the referrer is found by this program even then.
        """
        ReferrerLists(self).add(subject, descriptor)

    def pages(self, path: str, headers: Mapping[str, str]) -> Iterator[Document]:
        """Yield the pages of a listing at ``path`` in this repository; a 404 instead of the first is an answer, too.

        Raises DeniedError ``listing_endless``.
        """
        url = self._session.endpoint.url(f"/v2/{self.name}/{path}")
        return pages(self._session, Ask("GET", url, self._pull, _FOUND_OR_NOT, headers))

    def _read_manifest(self, ask: Ask, reference: str | Digest) -> Document:
        """Return the answer; docker-registry fails where it reads a tag that somebody moves at this very moment."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._session.document(ask, limit_bytes=MAX_MANIFEST_BYTES)
            except UndecidedError as error:
                moves = isinstance(reference, str) and error.details.get("status") == FAILED
                if not moves or attempt == TAG_ATTEMPTS:
                    raise
            self.timing.sleep(self.timing.delay(attempt))

    def _delete(self, reference: str | Digest, accept: frozenset[int]) -> Document:
        scopes = self._push | scopes_for(self.name, "delete")
        ask = Ask("DELETE", self._manifest_url(reference), scopes, accept)
        return self._session.document(ask, limit_bytes=MAX_ANSWER_BYTES)

    def _manifest_ask(
        self,
        method: str,
        reference: str | Digest,
        media_types: tuple[str, ...],
        accept: frozenset[int] = frozenset({200}),
    ) -> Ask:
        headers = {"Accept": ", ".join(media_types)}
        return Ask(method, self._manifest_url(reference), self._pull, accept, headers)

    def _manifest_url(self, reference: str | Digest) -> Url:
        if isinstance(reference, str) and not _TAG.fullmatch(reference):
            raise DeniedError("reference_invalid", f"{shown(repr(reference))} is not a tag")
        return self._session.endpoint.url(f"/v2/{self.name}/manifests/{reference}")

    def _blob_ask(self, method: str, digest: Digest, accept: frozenset[int] = frozenset({200})) -> Ask:
        url = self._session.endpoint.url(f"/v2/{self.name}/blobs/{digest}")
        return Ask(method, url, self._pull, accept, redirects=True)

    def _size(self, ask: Ask, digest: Digest | None) -> int | None:
        with self._session.open(ask) as response:
            if response.status == 404:
                return None
            text = response.headers.get("content-length", "")
            stated = response.headers.get(DIGEST_HEADER)
        if digest is not None and stated is not None and read_digest_header(stated) != digest:
            raise wrong_digest_header(read_digest_header(stated))
        if not (text.isascii() and text.isdecimal() and len(text) <= 15) or int(text) > MAX_FILE_BYTES:
            raise invalid_answer(f"it says that something has {shown(repr(text))} bytes")
        return int(text)


def _read_tags(raw: bytes) -> list[str]:
    tags = read_object(raw, what="the list of tags", limit=MAX_PAGE_BYTES).get("tags")
    if tags is None:
        return []  # how registries write that the last tag is gone
    if not isinstance(tags, list) or not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in tags):
        raise invalid_answer("its list of tags holds something that is no tag")
    return tags
