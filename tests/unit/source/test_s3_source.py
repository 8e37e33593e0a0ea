"""``s3:`` sources: what is locked of a place, and that bytes are of what was listed."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from bucket import Bucket, ObjectStore
from http_house import ManualTime
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.core.lock import UNAVAILABLE
from weighlock.core.progress import NO_PROGRESS
from weighlock.source.interface import Resolved, SourceSpec, Staging
from weighlock.source.permission import parse_source
from weighlock.source.s3 import S3Source, parse_place
from weighlock.source.s3_service import S3Service
from weighlock.transport.client import Client, Network
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

TINY = parse_source("s3://models/tiny")


class NoStaging(Staging):
    """An object is one file, so nothing is staged."""

    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        raise AssertionError((digest, size, chunks_from))


@pytest.fixture
def bucket(store: ObjectStore) -> Bucket:
    made = store.create("models")
    made.put("tiny/a.bin", b"abcdefgh")
    made.put("tiny/b/c.json", b"{}")
    return made


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as made:
        yield made


@pytest.fixture
def make(store: ObjectStore) -> Iterator[Callable[[], S3Source]]:
    """Return what makes a source that remembers nothing."""
    client = Client(Network(plain_http=Hosts.of([store.host])), timing=ManualTime().timing())
    endpoint = store.url().rstrip("/")

    def source() -> S3Source:
        service = S3Service(client, environ=store.environ, endpoint=endpoint)
        return S3Source(service, Downloader(client), allowed=["models"])

    with client:
        yield source


def fetched(source: S3Source, spec: SourceSpec, resolved: Resolved, start: int = 0) -> dict[str, bytes]:
    with source.fetch(spec, resolved, None, NoStaging(), NO_PROGRESS) as files:
        assert list(files.materials) == []
        return {
            item.path: b"".join(bytes(chunk) for chunk in files.chunks(item.path, start))
            for item in files.items
        }


@pytest.mark.parametrize(
    ("text", "canonical", "name"),
    [
        ("s3://models", "s3://models", "models"),
        ("s3://models/", "s3://models", "models"),
        ("s3://models/a/b/", "s3://models/a/b", "b"),
    ],
)
def test_a_place_has_one_spelling(make: Callable[[], S3Source], text: str, canonical: str, name: str) -> None:
    source = make()
    found = source.canonical(parse_source(text), Path("/"))
    assert str(found) == canonical
    assert source.name_of(found) == name
    source.check_allowed(found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("s3://", "source_invalid"),
        ("s3:///x", "source_invalid"),
        ("s3://Models", "source_invalid"),
        ("s3://a..b/x", "source_invalid"),
        ("s3://169.254.169.254/x", "source_invalid"),
        ("s3://me:secret@models/x", "source_invalid"),
        ("s3://models/a?versionId=1", "source_invalid"),
        ("s3://models/../x", "path_invalid"),
        ("s3://models//", "path_invalid"),
    ],
)
def test_what_names_no_place_is_refused(text: str, code: str) -> None:
    with pytest.raises(WeighlockError) as caught:
        parse_place(parse_source(text))
    assert caught.value.code == code


def test_bytes_are_read_from_anywhere(bucket: Bucket, make: Callable[[], S3Source]) -> None:
    assert bucket.objects
    source = make()
    resolved = source.resolve(TINY, {})
    assert fetched(source, TINY, resolved) == {"a.bin": b"abcdefgh", "b/c.json": b"{}"}
    assert fetched(source, TINY, resolved, start=2) == {"a.bin": b"cdefgh", "b/c.json": b""}
    assert not resolved.pinned
    assert resolved.changed_at == max(held[-1].changed_at for held in bucket.objects.values())


def test_what_is_fetched_is_what_was_resolved(bucket: Bucket, make: Callable[[], S3Source]) -> None:
    resolved = make().resolve(TINY, {})
    assert set(fetched(make(), TINY, resolved)) == {"a.bin", "b/c.json"}
    bucket.put("tiny/d.bin", b"new")
    with pytest.raises(WeighlockError) as caught:
        fetched(make(), TINY, resolved)
    assert caught.value.code == "content_changed"


def test_what_is_locked_is_resolved_without_asking(
    store: ObjectStore, bucket: Bucket, make: Callable[[], S3Source]
) -> None:
    assert bucket.objects
    first = make().resolve(TINY, {})
    store.requests.clear()
    again = make().resolve(TINY, first.facts)
    assert store.requests == []
    assert (again.revision, again.facts) == (first.revision, first.facts)
    assert first.owner == ("s3", "0a1b2c3d", f"{store.host}/models")
    assert again.owner == first.owner._replace(id=UNAVAILABLE)
    assert again.changed_at is None
