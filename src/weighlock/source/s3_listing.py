"""What a place in an object store holds now: every object listed, and asked about once.

The listing tells keys, sizes, entity tags and times; only the second question tells versions and
digests. Both must speak of the same object.
"""

import datetime as dt
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.limit import MAX_FILES
from weighlock.core.path import check_paths
from weighlock.core.text import shown
from weighlock.source.interface import Item
from weighlock.source.s3_answer import Entry, bare, invalid
from weighlock.source.s3_service import S3Service
from weighlock.source.threads import in_threads

MAX_PAGES: Final = 200  # of 1,000 entries: 10,000 files, and many folders' markers
HEAD_THREADS: Final = 8  # answers without bodies; what people's own servers take without complaint
_FROZEN: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})  # whose bytes take hours to fetch


class Place(NamedTuple):
    """A bucket, and a prefix without a slash at its end, or ``""``."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return "s3://" + "/".join(filter(None, self))


@dataclass(frozen=True, slots=True)
class Listing:
    """What a place held when it was listed; ``owner`` is empty unless all objects have the same."""

    items: Sequence[Item]
    etags: Mapping[str, str]
    owner: str
    changed_at: dt.datetime
    single: bool  # the place is one object and no folder

    @property
    def revision(self) -> str:
        """The digest over path, version, entity tag and size of each object."""
        running = hashlib.sha256()
        for item in self.items:
            parts = (item.path, item.version_id or "", self.etags[item.path], str(item.size))
            running.update("\0".join(parts).encode() + b"\n")
        return str(Digest("sha256", running.hexdigest()))


def list_place(service: S3Service, place: Place) -> Listing:
    """Return what ``place`` holds: the objects below it as a folder, else the one object that it names.

    Raises UsageError ``source_missing``, ``object_archived``; DeniedError ``listing_invalid``,
    ``path_invalid``, ``path_collision``, ``artifact_too_many_files``, ``content_changed``; and as ``S3Service``.
    """
    folder = f"{place.prefix}/" if place.prefix else ""
    found = {entry.key.removeprefix(folder): entry for entry in _entries(service, place.bucket, folder)}
    single = not found and bool(place.prefix)
    if single:
        # of all keys that begin with the prefix, the prefix itself is the first
        entries = service.list_page(place.bucket, place.prefix, None).entries
        found = {place.prefix.rpartition("/")[2]: each for each in entries if each.key == place.prefix}
    if not found:
        raise UsageError(
            "source_missing",
            f"there is nothing at {shown(str(place))}",
            hint="check the bucket and the prefix",
        )
    paths = check_paths(found)
    owners = {entry.owner for entry in found.values()}
    return Listing(
        _items(service, place, {path: found[path] for path in paths}),
        {path: found[path].etag for path in paths},
        owners.pop() if len(owners) == 1 else "",
        max(entry.changed_at for entry in found.values()),
        single,
    )


def changed(what: str) -> DeniedError:
    """Return the error for an object that is another one than was listed."""
    return DeniedError(
        "content_changed",
        f"{shown(what)} changed while it was pulled",
        hint="pull again when nobody writes there; versions in the bucket would keep what was listed",
    )


def _entries(service: S3Service, bucket: str, folder: str) -> Iterator[Entry]:
    """Yield the objects below ``folder``, without the markers that consoles make for folders."""
    seen: set[str] = set()
    files = 0
    for page in _pages(service, bucket, folder):
        for entry in page:
            if not entry.key.startswith(folder) or entry.key in seen:
                raise invalid(f"{shown(repr(entry.key))} was not asked for, or occurs twice")
            seen.add(entry.key)
            if entry.key.endswith("/") and not entry.size:
                continue
            files += 1
            if files > MAX_FILES:
                raise DeniedError(
                    "artifact_too_many_files",
                    f"the bucket {shown(bucket)!r} has more than {MAX_FILES} objects there",
                    hint="name a longer prefix: one model's folder",
                )
            yield entry


def _pages(service: S3Service, bucket: str, folder: str) -> Iterator[list[Entry]]:
    token: str | None = None
    for _ in range(MAX_PAGES):
        page = service.list_page(bucket, folder, token)
        yield page.entries
        if page.next_token is None:
            return
        if page.next_token == token:
            raise invalid("it goes round in a circle")
        token = page.next_token
    raise invalid(f"it has more than {MAX_PAGES} pages")


def _items(service: S3Service, place: Place, found: Mapping[str, Entry]) -> list[Item]:
    stopped = threading.Event()

    def ask(path: str) -> Item:
        if stopped.is_set():
            raise CancelledError
        entry = found[path]
        if entry.storage_class in _FROZEN:
            raise UsageError(
                "object_archived",
                f"{shown(entry.key)!r} is archived ({shown(entry.storage_class)})",
                hint="have the service restore it, which takes hours, and pull again",
            )
        head = service.head(place.bucket, entry.key)
        if head is None or (head.size, bare(head.etag)) != (entry.size, bare(entry.etag)):
            raise changed(f"s3://{place.bucket}/{entry.key}")
        return Item(path, head.size, head.digest, None, head.version)

    return in_threads(ask, found, threads=min(HEAD_THREADS, len(found)), stopped=stopped)
