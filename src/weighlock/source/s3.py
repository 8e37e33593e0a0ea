"""``s3://BUCKET[/PREFIX]``: the objects under a prefix, or one object, of a bucket.

A bucket has no revisions, so one is made: the digest over every key with its version, entity tag
and size. A first pull lists the objects and asks for the same ones; the lock keeps the version of
each file where the bucket keeps versions, so that later pulls ask for these and list nothing. The
service is the origin itself: what it says of an object's SHA-256 is held against the bytes, and
where it says none, the bytes that arrive are what is locked.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.path import check_path
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.interface import Item, Material, Ranges, Resolved, SourceSpec, Staging
from weighlock.source.permission import check_bucket
from weighlock.source.s3_listing import Listing, Place, changed, list_place
from weighlock.source.s3_service import S3Service
from weighlock.source.trusted import read_bucket
from weighlock.transport.download import Downloader, RemoteFile

LISTING_FACT: Final = "listing"  # in the lock: the revision, once more, for pulls that list nothing
OBJECT_FACT: Final = "object"  # the name of the file, where the source is one object and no folder
PRECONDITION_FAILED: Final = 412  # RFC 9110, section 15.5.13: the entity tag is another one


def parse_place(spec: SourceSpec) -> Place:
    """Return what ``spec`` names; raises UsageError ``source_invalid``, DeniedError ``path_invalid``."""
    bucket, _, prefix = spec.location.removeprefix("//").partition("/")
    try:
        read_bucket(bucket)
    except ValueError as error:
        # what is written there is not shown: some tools take keys in front of an @
        raise UsageError("source_invalid", "the s3: source names no bucket", hint=str(error)) from error
    return Place(bucket, check_path(prefix.removesuffix("/")) if prefix else "")


class S3Source:
    """Buckets of one service; ``allowed`` are those that the settings trust."""

    remote = True

    def __init__(self, service: S3Service, downloader: Downloader, *, allowed: Sequence[str]) -> None:
        self._service = service
        self._downloader = downloader
        self._allowed = allowed
        self._listed: dict[Place, Listing] = {}

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the source without a slash at its end."""
        del base  # a bucket is nowhere
        place = parse_place(spec)
        return SourceSpec("s3", str(place).removeprefix("s3:"))

    def name_of(self, spec: SourceSpec) -> str:
        """Return the last component of the prefix, or the bucket."""
        place = parse_place(spec)
        return place.prefix.rpartition("/")[2] or place.bucket

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings name the bucket, or the beginning of the prefix."""
        check_bucket(*parse_place(spec), self._allowed)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return what the bucket holds now, or with ``locked`` what it held then, asking nobody."""
        place = parse_place(spec)
        if LISTING_FACT in locked:
            # what is locked is compared, whoever serves it
            return replace(self._resolved(place, locked), origin_confirmed=False)
        listed = self._listed[place] = list_place(self._service, place)
        facts = {LISTING_FACT: listed.revision}
        if listed.single:
            facts[OBJECT_FACT] = listed.items[0].path
        found = self._resolved(place, facts)
        owner = found.owner._replace(id=listed.owner or UNAVAILABLE)
        return replace(found, owner=owner, changed_at=listed.changed_at)

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return: a bucket keeps no history of what it held together."""

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator["_Objects"]:
        """Yield the objects: those that were listed, or with ``locked`` those versions."""
        del staging, progress  # an object is one file
        place = parse_place(spec)
        single = OBJECT_FACT in resolved.facts
        if locked:
            versions = locked.version_ids
            items = [
                Item(path, file.size, None, None, versions.get(path)) for path, file in locked.files.items()
            ]
            yield _Objects(self._service, self._downloader, place, sorted(items), {}, single=single)
            return
        listed = self._listed.get(place) or list_place(self._service, place)
        if listed.revision != resolved.revision:
            raise changed(str(place))
        yield _Objects(self._service, self._downloader, place, listed.items, listed.etags, single=single)

    def _resolved(self, place: Place, facts: Mapping[str, str]) -> Resolved:
        return Resolved(
            revision=facts[LISTING_FACT],
            owner=Owner("s3", UNAVAILABLE, f"{self._service.name}/{place.bucket}"),
            origin_confirmed=self._service.is_authentic,  # the service that the settings name is the origin
            facts=dict(facts),
        )


class _Objects:
    """Objects to be read, each as it was listed or locked."""

    def __init__(
        self,
        service: S3Service,
        downloader: Downloader,
        place: Place,
        items: Sequence[Item],
        etags: Mapping[str, str],
        *,
        single: bool,
    ) -> None:
        self.items = items
        self.materials: Sequence[Material] = ()  # the digests of the files say it all
        self._by_path = {item.path: item for item in items}
        self._service = service
        self._downloader = downloader
        self._place = place
        self._etags = etags
        self._single = single

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of one object; raises DeniedError ``revision_vanished``, ``content_changed``."""
        item, place, key = self._by_path[path], self._place, self._key(path)
        try:
            yield from self._downloader.chunks(self._remote(path), start)
        except WeighlockError as error:
            if error.details.get("status") == PRECONDITION_FAILED:
                raise changed(f"s3://{place.bucket}/{key}") from error
            if error.code == "remote_missing":
                raise _vanished(place.bucket, key, item.version_id) from error
            raise

    def ranges(self, path: str) -> Ranges:
        """Return what reads parts of one object."""
        return self._downloader.ranges(self._remote(path))

    def _key(self, path: str) -> str:
        prefix = self._place.prefix
        return prefix if self._single else f"{prefix}/{path}" if prefix else path

    def _remote(self, path: str) -> RemoteFile:
        item = self._by_path[path]
        request = self._service.request_bytes(
            self._place.bucket, self._key(path), version=item.version_id, etag=self._etags.get(path)
        )
        return RemoteFile(request, item.size, path)


def _vanished(bucket: str, key: str, version: str | None) -> DeniedError:
    which = f"the version {shown(version)} of " if version else ""
    return DeniedError(
        "revision_vanished",
        f"{which}{shown(f's3://{bucket}/{key}')} is not there any more",
        hint="see what is there now with `weighlock pull --update --dry-run`; a lifecycle rule may remove old versions",
    )
