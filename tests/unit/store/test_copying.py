"""Plans of copies and their limits; what breaks off and goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from unit.store.storing import NOTE, at_noon, put_model, refused
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.store import copying
from weighlock.store.copying import Amount, carry_out, copy_artifact, copy_referrers, plan_copy, would_copy
from weighlock.store.interface import BlobStream
from weighlock.store.layout import LayoutStore
from weighlock.store.memory import MemoryStore

LARGE = bytes(range(256)) * 20_000


class Breaking(MemoryStore):
    """A store whose large blob breaks off after some reads, if it is told to; it counts what was read of it."""

    def __init__(self) -> None:
        super().__init__(at_noon)
        self.reads_before_break: int | None = None
        self.read = 0

    def open_blob(self, digest: Digest) -> BlobStream:
        stream = super().open_blob(digest)
        return Stream(self, stream) if digest == Digest.of(LARGE) else stream


class Stream:
    def __init__(self, store: Breaking, stream: BlobStream) -> None:
        self._store = store
        self._stream = stream
        self.close = stream.close

    def readinto(self, buffer: memoryview) -> int | None:
        if self._store.reads_before_break == 0:
            raise ConnectionResetError("the network")
        if self._store.reads_before_break is not None:
            self._store.reads_before_break -= 1
        count = self._stream.readinto(buffer[:1_000_000])
        self._store.read += count or 0
        return count

    def read(self, size: int = -1) -> bytes | None:
        return self._stream.read(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LayoutStore]:
    with LayoutStore.create(tmp_path / "target", at_noon) as made:
        yield made


def test_a_copy_that_broke_off_goes_on(target: LayoutStore) -> None:
    source = Breaking()
    model = put_model(source, {"a": LARGE}, name="a")
    source.reads_before_break = 2
    with pytest.raises(ConnectionResetError):
        copy_artifact(source, target, model.digest)
    assert target.entries() == []
    source.reads_before_break, before = None, source.read
    copy_artifact(source, target, model.digest)
    assert (before, source.read) == (2_000_000, len(LARGE))
    assert target.read_blob(Digest.of(LARGE)) == LARGE


def test_the_first_error_ends_the_others(target: LayoutStore) -> None:
    source = Breaking()
    model = put_model(source, {f"f{number}": LARGE + b"%d" % number for number in range(12)})
    source.blobs[Digest.of(LARGE + b"0")] = bytes(len(LARGE) + 1)
    with refused("digest_mismatch"):
        copy_artifact(source, target, model.digest)
    assert target.entries() == []


def test_a_plan_has_what_is_needed_first() -> None:
    store = MemoryStore(at_noon)
    child = put_model(store, {"a": b"a"})
    listed = [{"mediaType": child.media_type, "digest": str(child.digest), "size": child.size}]
    media_type = "application/vnd.oci.image.index.v1+json"
    index = store.put_manifest(write_json({"schemaVersion": 2, "mediaType": media_type, "manifests": listed}))
    about_child = store.attach(child, NOTE, b"1", NOTE)
    about_index = store.attach(index, NOTE, b"2", NOTE)
    plan = plan_copy(store, index.digest, with_referrers=True)
    assert [each.digest for each in plan.manifests] == [
        child.digest,
        about_child.digest,
        index.digest,
        about_index.digest,
    ]
    assert (plan.root.digest, plan.referrers) == (index.digest, 2)
    assert plan.size == sum(blob.size for blob in plan.blobs)
    target = MemoryStore(at_noon)
    would = would_copy(plan, target)
    done = carry_out(plan, store, target, name="all")
    assert done == would
    assert done.sent == Amount(len(plan.blobs), plan.size)
    assert target.resolve("all") == index
    assert carry_out(plan, store, target).present == done.sent


def test_a_plan_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(at_noon)
    model = put_model(store, {"a": b"a"})
    for number in range(3):
        store.attach(model, NOTE, b"%d" % number, NOTE)
    monkeypatch.setattr(copying, "MAX_MANIFESTS", 3)
    with refused("copy_too_large"):
        plan_copy(store, model.digest, with_referrers=True)
    monkeypatch.setattr(copying, "MAX_MANIFESTS", 4)
    assert len(plan_copy(store, model.digest, with_referrers=True).manifests) == 4
    monkeypatch.setattr(copying, "MAX_PLAN_BYTES", 100)
    with refused("copy_too_large"):
        plan_copy(store, model.digest, with_referrers=False)
    monkeypatch.setattr(copying, "MAX_PLAN_BYTES", 1 << 20)
    monkeypatch.setattr(copying, "MAX_PLAN_BLOBS", 1)
    with refused("copy_too_large"):
        plan_copy(store, model.digest, with_referrers=False)


def test_evidence_about_evidence_about_evidence_ends() -> None:
    store = MemoryStore(at_noon)
    subject = put_model(store, {"a": b"a"})
    model = subject
    for number in range(copying.MAX_DEPTH + 1):
        subject = store.attach(subject, NOTE, b"%d" % number, NOTE)
    with refused("copy_too_large"):
        plan_copy(store, model.digest, with_referrers=True)


def test_evidence_alone_is_copied() -> None:
    source, target = MemoryStore(at_noon), MemoryStore(at_noon)
    model = put_model(source, {"a": b"a"})
    copy_artifact(source, target, model.digest)
    evidence = source.attach(model, NOTE, b"1", NOTE)
    about = source.attach(evidence, NOTE, b"2", NOTE)
    copy_referrers(source, target, model.digest)
    assert target.referrers(model.digest) == [evidence]
    assert target.referrers(evidence.digest) == [about]


def test_a_file_with_two_names_is_not_copied() -> None:
    source, target = MemoryStore(at_noon), MemoryStore(at_noon)
    document = read_object(source.manifest_bytes(put_model(source, {"a": b"a"}).digest), what="it")
    document["layers"][0]["annotations"]["org.cncf.model.filepath"] = "b"
    made = source.put_manifest(write_json(document))
    with pytest.raises(DeniedError, check=lambda error: error.code == "path_disagreement"):
        copy_artifact(source, target, made.digest)
