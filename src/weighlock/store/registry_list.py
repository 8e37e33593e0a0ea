"""What a repository lists: its tags, sorted into manifests of ours, names, and the rest. No I/O."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from weighlock.core.clock import Clock
from weighlock.core.digest import Digest
from weighlock.store.manifest import Manifest
from weighlock.store.registry_tag import (
    MANIFEST_KIND,
    REFERRER_KIND,
    Listing,
    manifest_listing,
    name_of,
    read_listing,
    referrer_listing,
    subject_digits,
    type_digits,
)


class Writer:
    """Makes listings; each is later than the one before, though the clock stood still. For any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._last_ms = 0

    def new(self, manifest: Manifest) -> Listing:
        """Return a new listing of a manifest."""
        with self._mutex:
            self._last_ms = max(int(self._clock().timestamp() * 1000), self._last_ms + 1)
            time_ms = self._last_ms
        return listing_of(manifest, time_ms)


def listing_of(manifest: Manifest, time_ms: int) -> Listing:
    """Return the listing of a manifest that was listed at ``time_ms``, in milliseconds since 1970."""
    if manifest.subject is None:
        return manifest_listing(manifest.digest, manifest.artifact_type, time_ms)
    return referrer_listing(manifest.digest, manifest.subject.digest, time_ms)


@dataclass(frozen=True, slots=True)
class Listed:
    """The listings, oldest first, one a manifest, and ``every`` one that there is; the names by tag.

    Whoever may push can list a manifest of ours once more, earlier and as something else. So what is about a
    type or a subject is looked for among every listing: an additional one shows more, and hides nothing.
    """

    listings: tuple[Listing, ...]
    every: tuple[Listing, ...]
    names: dict[str, str]

    @classmethod
    def of(cls, tags: Iterable[str]) -> Self:
        """Return what ``tags`` say; raises DeniedError ``index_damaged``."""
        found: list[Listing] = []
        names: dict[str, str] = {}
        for tag in sorted(tags):
            if (listing := read_listing(tag)) is not None:
                found.append(listing)
            elif (name := name_of(tag)) is not None:
                names[tag] = name
        found.sort(key=lambda each: (each.time_ms, each.digest))
        return cls(_one_each(found), tuple(found), names)

    def of_type(self, artifact_type: str) -> list[Listing]:
        """Return the listings of manifests, evidence apart, that say that they are of a type."""
        return self._of(MANIFEST_KIND, type_digits(artifact_type))

    def about(self, subject: Digest) -> list[Listing]:
        """Return the listings of referrers that say that they are about ``subject``."""
        return self._of(REFERRER_KIND, subject_digits(subject))

    def find(self, manifest: Manifest) -> Listing | None:
        """Return the oldest listing that says of a manifest what it is."""
        return next((each for each in self.every if each == listing_of(manifest, each.time_ms)), None)

    def _of(self, kind: str, about: str) -> list[Listing]:
        return list(_one_each(each for each in self.every if (each.kind, each.about) == (kind, about)))


def _one_each(listings: Iterable[Listing]) -> tuple[Listing, ...]:
    """Return the first listing of each manifest."""
    first: dict[Digest, Listing] = {}
    for listing in listings:
        first.setdefault(listing.digest, listing)
    return tuple(first.values())
