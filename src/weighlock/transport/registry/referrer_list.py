"""The lists of referrers in one repository, read together and changed together."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.media_type import INDEX_MEDIA_TYPE
from weighlock.transport.message import Document
from weighlock.transport.registry import referrer
from weighlock.transport.registry.manifest import MEDIA_TYPES, ManifestBytes
from weighlock.transport.timing import Timing

NOT_FOUND: Final = 404  # the only answer that means: there is none
TAG_ATTEMPTS: Final = 4  # over about two seconds; then what is listed is missing, which is an error


class Manifests(Protocol):
    """What of a repository is needed here."""

    timing: Timing
    index_lock: threading.Lock

    def manifest(self, reference: str | Digest, *, accept: tuple[str, ...] = MEDIA_TYPES) -> ManifestBytes:
        """Return a manifest."""

    def put_manifest(self, raw: bytes, media_type: str, reference: str | Digest | None = None) -> object:
        """Store a manifest."""

    def tags(self) -> list[str]:
        """Return all tags."""

    def pages(self, path: str, headers: Mapping[str, str]) -> Iterator[Document]:
        """Yield the pages of a listing."""


class ReferrerLists:
    """The referrers API, the index under the fallback tag, and each referrer's own tag."""

    def __init__(self, repository: Manifests) -> None:
        self._repository = repository

    def read(self, subject: Digest, tags: Iterable[str] | None = None) -> list[Descriptor]:
        """Return the union of the lists; see ``Repository.referrers``. ``tags`` are all tags, where they are known."""
        listed = self._of_api(subject)
        index = self._index(subject)
        if listed is not None:
            return referrer.join(listed, index)
        tags = self._repository.tags() if tags is None else tags
        return referrer.join(index, self._by_own_tag(subject, tags, {each.digest for each in index}))

    def add(self, subject: Digest, descriptor: Descriptor) -> None:
        """List a referrer; see ``Repository.attach_fallback``."""
        manifest = self._repository.manifest(descriptor.digest)
        tag = referrer.own_tag(subject, descriptor.digest)
        self._repository.put_manifest(manifest.raw, manifest.media_type, tag)
        # Whoever writes the index puts back what all the own tags know, and looks at them again after writing:
        # so the last writer of several at once leaves an index that has all of them.
        self.change(subject, lambda before: self._completed(subject, before, descriptor))

    def remove(self, subject: Digest, digest: Digest) -> None:
        """Take a referrer that was deleted off the index; raises UndecidedError ``referrers_conflict``.

        Before that its own tag is still there, and others would put it back.
        """
        self.change(subject, lambda before: [each for each in before if each.digest != digest])

    def change(self, subject: Digest, change: Callable[[list[Descriptor]], list[Descriptor]]) -> None:
        """Change the index under the fallback tag; raises UndecidedError ``referrers_conflict``."""
        repository, tag = self._repository, referrer.fallback_tag(subject)
        with repository.index_lock:  # threads of this process would only get in each other's way
            referrer.change_index(
                lambda: self._index(subject),
                lambda listed: repository.put_manifest(referrer.write_index(listed), INDEX_MEDIA_TYPE, tag),
                change,
                pause=lambda attempt: repository.timing.sleep(repository.timing.delay(attempt)),
            )

    def _completed(
        self, subject: Digest, before: list[Descriptor], descriptor: Descriptor
    ) -> list[Descriptor]:
        made = referrer.join(before, [descriptor])
        tags = self._repository.tags()
        return referrer.join(made, self._by_own_tag(subject, tags, {each.digest for each in made}))

    def _of_api(self, subject: Digest) -> list[Descriptor] | None:
        """Return what the API lists, or None where there is no API."""
        listed: list[Descriptor] = []
        for document in self._repository.pages(f"referrers/{subject}", {"Accept": INDEX_MEDIA_TYPE}):
            if document.status == 404:
                return None
            listed = referrer.join(listed, referrer.read_index(document.raw))  # which counts them
        return listed

    def _index(self, subject: Digest) -> list[Descriptor]:
        try:
            found = self._repository.manifest(referrer.fallback_tag(subject), accept=(INDEX_MEDIA_TYPE,))
        except UsageError as error:
            if error.details.get("status") != NOT_FOUND:
                raise
            return []
        return referrer.read_index(found.raw)

    def _by_own_tag(self, subject: Digest, tags: Iterable[str], known: set[Digest]) -> list[Descriptor]:
        named = {referrer.own_tag(subject, digest) for digest in known}
        prefix = referrer.own_tag_prefix(subject)
        return [self._tagged(tag) for tag in tags if tag.startswith(prefix) and tag not in named]

    def _tagged(self, tag: str) -> Descriptor:
        listed = referrer.describe(self._manifest_at(tag))
        if listed is None or referrer.own_tag(listed.subject.digest, listed.descriptor.digest) != tag:
            raise referrer.wrong_subject(tag)
        return listed.descriptor

    def _manifest_at(self, tag: str) -> ManifestBytes:
        """Return the manifest of a tag that was listed: docker-registry lists one before it leads anywhere."""
        timing = self._repository.timing
        for attempt in range(1, TAG_ATTEMPTS):
            try:
                return self._repository.manifest(tag)
            except UsageError as error:
                if error.code != "remote_missing":
                    raise
            timing.sleep(timing.delay(attempt))
        return self._repository.manifest(tag)
