"""One suite that every implementation of ``Store`` passes."""

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry_store import repositories
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.core.jsontext import read_object, write_json
from weighlock.store.copying import copy_artifact
from weighlock.store.interface import Blob, Store
from weighlock.store.layout import LayoutStore
from weighlock.store.manifest import Manifest, read_manifest
from weighlock.store.memory import MemoryStore
from weighlock.store.registry import RegistryStore

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ABSENT = Digest.of(b"absent")
Make = Callable[[str], Store]


@pytest.fixture(params=["layout", "memory", "registry", "registry without referrers"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    with contextlib.ExitStack() as stack:
        yield _maker(request.param, tmp_path, stack)


def _maker(kind: str, folder: Path, stack: contextlib.ExitStack) -> Make:
    if kind == "memory":
        return lambda _: MemoryStore(lambda: NOW)
    if kind == "layout":
        return lambda name: stack.enter_context(LayoutStore.create(folder / name, lambda: NOW))
    _, opened = stack.enter_context(repositories(referrers_api=kind == "registry"))
    return opened.open


@pytest.fixture
def store(make: Make) -> Store:
    return make("store")


@pytest.fixture(params=["layout", "memory"])
def keeping(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Yield a store that keeps what broken attempts left, and has threads share their work."""
    with contextlib.ExitStack() as stack:
        yield _maker(request.param, tmp_path, stack)("store")


def kept(store: Store, size: int) -> int:
    """Return how much a store has of what a broken attempt left: in a registry nothing can be told to stay."""
    return 0 if isinstance(store, RegistryStore) else size


def put_model(store: Store, *contents: bytes, name: str | None = None) -> Descriptor:
    files = [
        ArtifactFile(f"part{number}.bin", *store.write_blob([content]))
        for number, content in enumerate(contents)
    ]
    artifact, config = Artifact.build(files)
    store.write_blob([config])
    return store.put_manifest(artifact.manifest, name=name)


def refused(code: str) -> "pytest.RaisesExc[WeighlockError]":
    return pytest.raises(WeighlockError, check=lambda error: error.code == code)


def test_a_blob_comes_back_as_it_went_in(store: Store) -> None:
    blob = store.write_blob([b"abc", memoryview(b"def"), b""])
    assert blob == (Digest.of(b"abcdef"), 6)
    assert store.read_blob(blob.digest) == b"abcdef"
    assert store.blob_size(blob.digest) == store.verify_blob(blob.digest) == 6
    with store.open_blob(blob.digest) as stream:
        assert stream.read() == b"abcdef"


def test_the_empty_blob_is_a_blob(store: Store) -> None:
    blob = store.write_blob([])
    assert (blob.size, store.read_blob(blob.digest, limit=0)) == (0, b"")


def test_a_reused_buffer_is_copied(store: Store) -> None:
    buffer = bytearray(b"aaaa")

    def chunks() -> Iterator[memoryview]:
        yield memoryview(buffer)
        buffer[:] = b"bbbb"
        yield memoryview(buffer)

    assert store.read_blob(store.write_blob(chunks()).digest) == b"aaaabbbb"


@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ([b"wrong"], "digest_mismatch"),
        ([b"righ"], "size_mismatch"),
        ([b"right", b"!"], "size_mismatch"),
        ([], "size_mismatch"),
    ],
)
def test_what_differs_from_the_promise_gets_no_name(store: Store, chunks: list[bytes], code: str) -> None:
    with refused(code):
        store.write_blob(chunks, expected=Digest.of(b"right"), expected_size=5)
    for data in (b"right", b"wrong", b"right!", b"".join(chunks)):
        with refused("blob_missing"):
            store.blob_size(Digest.of(data))


def test_too_much_is_refused_before_all_of_it_came(store: Store) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x"
        pytest.fail("read on after the promised size")

    with refused("size_mismatch"):
        store.write_blob(endless(), expected_size=2)


def test_an_error_of_the_source_goes_through_and_leaves_nothing(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise ConnectionResetError("the network")

    with pytest.raises(ConnectionResetError):
        store.write_blob(broken())
    with refused("blob_missing"):
        store.read_blob(Digest.of(b"abc"))


def test_only_sha256_names_blobs(store: Store) -> None:
    other = Digest("sha512", "0" * 128)
    for action in (store.blob_size, store.open_blob, store.read_blob, store.verify_blob):
        with refused("digest_invalid"):
            action(other)
    with refused("digest_invalid"):
        store.write_blob([b""], expected=other)


def test_absent_blobs_are_missing(store: Store) -> None:
    for action in (store.blob_size, store.open_blob, store.read_blob, store.verify_blob):
        with refused("blob_missing"):
            action(ABSENT)


def test_a_blob_over_the_limit_is_not_read(store: Store) -> None:
    blob = store.write_blob([b"x" * 100])
    assert len(store.read_blob(blob.digest, limit=100)) == 100
    with refused("blob_too_large"):
        store.read_blob(blob.digest, limit=99)


def test_a_model_is_found_by_name_digest_and_prefix(store: Store) -> None:
    model = put_model(store, b"weights", name="minilm")
    for text in (
        "minilm",
        str(model.digest),
        model.digest.hex,
        model.digest.hex[:12],
        f"sha256:{model.digest.hex[:20]}",
    ):
        assert store.resolve(text) == model
    assert [(entry.descriptor, entry.names, entry.subject) for entry in store.entries()] == [
        (model, ("minilm",), None)
    ]


def test_unknown_names_are_answered_with_close_ones(store: Store) -> None:
    put_model(store, b"weights", name="minilm")
    with refused("artifact_unknown") as caught:
        store.resolve("minilmm")
    assert "minilm?" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "a b", "../x", "a:b", "-a", "abcdefabcdef", "sha256:abc", "é", "a//b", "x" * 201]
)
def test_what_is_no_name_is_refused(store: Store, text: str) -> None:
    model = put_model(store, b"weights")
    with refused("name_invalid"):
        store.tag(model.digest, text)
    with refused("name_invalid"):
        store.put_manifest(store.read_blob(model.digest), name=text)
    assert all(not entry.names for entry in store.entries())


def test_a_name_moves_and_the_manifest_that_had_it_stays(store: Store) -> None:
    first = put_model(store, b"one", name="minilm")
    second = put_model(store, b"two", name="minilm")
    assert store.resolve("minilm") == second
    assert store.resolve(str(first.digest)) == first


def test_names_come_and_go(store: Store) -> None:
    model = put_model(store, b"one", name="a")
    store.tag(model.digest, "b/c@2")
    assert store.entries()[0].names == ("a", "b/c@2")
    store.untag("a")
    assert store.entries()[0].names == ("b/c@2",)
    with refused("artifact_unknown"):
        store.untag("a")
    with refused("artifact_unknown"):
        store.tag(ABSENT, "d")


def test_listing_a_manifest_twice_changes_nothing(store: Store) -> None:
    model = put_model(store, b"one", name="a")
    before = store.entries()
    assert store.put_manifest(store.read_blob(model.digest)) == model
    assert store.entries() == before


def test_a_manifest_needs_its_blobs(store: Store) -> None:
    artifact, config = Artifact.build([ArtifactFile("a.bin", ABSENT, 3)])
    store.write_blob([config])
    with refused("blob_missing"):
        store.put_manifest(artifact.manifest)
    assert store.entries() == []


def test_a_refused_manifest_leaves_nothing(store: Store) -> None:
    artifact, config = Artifact.build([ArtifactFile("a.bin", ABSENT, 3)])
    store.write_blob([config])
    with refused("blob_missing"):
        store.put_manifest(artifact.manifest)
    with refused("blob_missing"):
        store.blob_size(artifact.digest)


def test_a_blob_that_goes_while_its_manifest_comes_is_noticed(
    keeping: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = keeping.write_blob([b"abc"])
    artifact, config = Artifact.build([ArtifactFile("a.bin", *blob)])
    keeping.write_blob([config])
    real, gone = keeping.blob_size, False

    def size(digest: Digest) -> int:
        return real(ABSENT if gone and digest == blob.digest else digest)

    def write(chunks: list[bytes], *, expected: Digest) -> Blob:
        nonlocal gone
        gone = True
        return real_write(chunks, expected=expected)

    real_write = keeping.write_blob
    monkeypatch.setattr(keeping, "blob_size", size)
    monkeypatch.setattr(keeping, "write_blob", write)
    with refused("blob_missing"):
        keeping.put_manifest(artifact.manifest)
    assert keeping.entries() == []


def test_a_manifest_needs_the_right_sizes(store: Store) -> None:
    blob = store.write_blob([b"abc"])
    artifact, config = Artifact.build([ArtifactFile("a.bin", blob.digest, 4)])
    store.write_blob([config])
    with refused("size_mismatch"):
        store.put_manifest(artifact.manifest)
    assert store.entries() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"schemaVersion": 1}, "manifest_invalid"),
        ({"mediaType": "application/vnd.oci.image.index.v1+json"}, "manifest_invalid"),
        ({"config": None}, "manifest_invalid"),
        ({"layers": None}, "manifest_invalid"),
        ({"layers": [{"mediaType": "a/b", "digest": "sha256:../../x", "size": 1}]}, "digest_invalid"),
        ({"subject": {"mediaType": "a/b", "digest": str(ABSENT), "size": 6}}, "subject_missing"),
        ({"artifactType": "no type"}, "manifest_invalid"),
        ({"annotations": {"a": 1}}, "manifest_invalid"),
    ],
)
def test_malformed_manifests_are_refused(store: Store, change: dict[str, object], code: str) -> None:
    model = put_model(store, b"one")
    document = read_object(store.read_blob(model.digest), what="the manifest")
    before = store.entries()
    with refused(code):
        store.put_manifest(write_json(document | change))
    assert store.entries() == before


def index_of(*children: Descriptor, subject: Descriptor | None = None) -> bytes:
    about = {} if subject is None else {"subject": subject.to_json()}
    listed = [child.to_json() | {"platform": {"os": "linux", "architecture": "x"}} for child in children]
    media_type = "application/vnd.oci.image.index.v1+json"
    return write_json({"schemaVersion": 2, "mediaType": media_type, "manifests": listed, **about})


def test_an_index_is_listed_as_one(store: Store) -> None:
    children = [put_model(store, content) for content in (b"one", b"two")]
    made = store.put_manifest(index_of(*children), name="both")
    assert store.resolve("both") == made
    assert made.media_type == made.artifact_type == "application/vnd.oci.image.index.v1+json"
    parsed = read_manifest(store, made.digest)
    assert [(each.descriptor.digest, each.platform) for each in parsed.children] == [
        (child.digest, "linux/x") for child in children
    ]
    about = store.put_manifest(index_of(children[0], subject=made))
    assert store.referrers(made.digest) == [about]


@pytest.mark.parametrize("wrong", ["digest", "size", "blob"])
def test_an_index_needs_its_children(store: Store, wrong: str) -> None:
    child = put_model(store, b"one")
    blob = store.write_blob([b"{}"])
    other = Descriptor(
        child.media_type,
        {"digest": ABSENT, "size": child.digest, "blob": blob.digest}[wrong],
        2 if wrong == "blob" else child.size + (wrong == "size"),
    )
    with refused("child_missing"):
        store.put_manifest(index_of(child, other))
    assert [entry.descriptor for entry in store.entries()] == [child]


@pytest.mark.parametrize("docker", ["manifest", "list"])
def test_docker_manifests_are_manifests(store: Store, docker: str) -> None:
    kind = f"application/vnd.docker.distribution.manifest.{'v2' if docker == 'manifest' else 'list.v2'}+json"
    document = read_object(store.read_blob(put_model(store, b"one").digest), what="the manifest")
    if docker == "list":
        document = read_object(index_of(put_model(store, b"two")), what="the index")
    document.pop("artifactType", None)
    made = store.put_manifest(write_json(document | {"mediaType": kind}), name="docker")
    assert (store.resolve("docker"), made.media_type) == (made, kind)


def test_a_manifest_that_is_two_things_is_refused(store: Store) -> None:
    document = read_object(store.read_blob(put_model(store, b"one").digest), what="the manifest")
    with refused("manifest_invalid"):
        store.put_manifest(write_json({**document, "manifests": []}))


def test_what_a_type_is_found_by(store: Store) -> None:
    first, second = put_model(store, b"one"), put_model(store, b"two")
    store.attach(first, BUNDLE, b"1", BUNDLE)
    assert store.find(str(first.artifact_type)) == [first.digest, second.digest]
    assert store.find(BUNDLE) == []


def test_evidence_is_a_referrer_that_other_tools_can_read(store: Store) -> None:
    model = put_model(store, b"one")
    annotations = {"dev.sigstore.bundle.content": "dsse-envelope"}
    evidence = store.attach(model, BUNDLE, b'{"bundle":1}', BUNDLE, annotations)
    assert store.referrers(model.digest) == [evidence]
    assert evidence.artifact_type == BUNDLE
    assert evidence.annotations == {**annotations, "org.opencontainers.image.created": "2026-01-31T12:00:00Z"}
    document = read_object(store.read_blob(evidence.digest), what="the manifest")
    assert document["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert document["subject"] == {
        "mediaType": model.media_type,
        "digest": str(model.digest),
        "size": model.size,
    }
    assert (
        store.read_blob(Manifest.parse(store.read_blob(evidence.digest)).blobs[1].digest) == b'{"bundle":1}'
    )


def test_referrers_come_in_order_and_to_their_own_subject(store: Store) -> None:
    models = [put_model(store, content) for content in (b"one", b"two")]
    made = [[store.attach(model, BUNDLE, b"%d" % number, BUNDLE) for number in range(5)] for model in models]
    assert [store.referrers(model.digest) for model in models] == made
    assert store.referrers(ABSENT) == []


def test_evidence_about_evidence(store: Store) -> None:
    model = put_model(store, b"one")
    evidence = store.attach(model, BUNDLE, b"1", BUNDLE)
    about = store.attach(evidence, BUNDLE, b"2", BUNDLE)
    assert store.referrers(evidence.digest) == [about]
    assert store.referrers(model.digest) == [evidence]


@pytest.mark.parametrize("wrong", ["digest", "size"])
def test_evidence_needs_its_subject(store: Store, wrong: str) -> None:
    model = put_model(store, b"one")
    other = Descriptor(
        model.media_type, ABSENT if wrong == "digest" else model.digest, model.size + (wrong == "size")
    )
    with refused("subject_missing"):
        store.attach(other, BUNDLE, b"1", BUNDLE)
    assert len(store.entries()) == 1


def test_evidence_cannot_take_a_name_or_a_subject_by_annotation(store: Store) -> None:
    model = put_model(store, b"one", name="minilm")
    other = put_model(store, b"two")
    claims = {"org.opencontainers.image.ref.name": "minilm", "dev.weighlock.subject": str(other.digest)}
    evidence = store.attach(model, BUNDLE, b"1", BUNDLE, claims)
    assert store.resolve("minilm") == model
    assert store.referrers(other.digest) == []
    assert [each.digest for each in store.referrers(model.digest)] == [evidence.digest]


def test_deleting_takes_the_evidence_along(store: Store) -> None:
    model = put_model(store, b"one", name="a")
    other = put_model(store, b"two", name="b")
    evidence = store.attach(model, BUNDLE, b"1", BUNDLE)
    store.attach(evidence, BUNDLE, b"2", BUNDLE)
    kept = store.attach(other, BUNDLE, b"3", BUNDLE)
    store.delete(model.digest)
    assert [entry.descriptor.digest for entry in store.entries()] == [other.digest, kept.digest]
    with refused("artifact_unknown"):
        store.delete(model.digest)


def test_a_copy_has_the_same_digests_and_the_evidence(make: Make) -> None:
    source, target = make("source"), make("target")
    model = put_model(source, b"one", b"two", name="minilm")
    evidence = source.attach(model, BUNDLE, b"1", BUNDLE)
    about = source.attach(evidence, BUNDLE, b"2", BUNDLE)
    assert copy_artifact(source, target, model.digest, with_referrers=True, name="m") == model
    assert target.resolve("m") == model
    assert target.referrers(model.digest) == [evidence]
    assert target.referrers(evidence.digest) == [about]
    assert target.read_blob(Digest.of(b"two")) == b"two"


def test_a_copy_without_evidence(make: Make) -> None:
    source, target = make("source"), make("target")
    model = put_model(source, b"one")
    source.attach(model, BUNDLE, b"1", BUNDLE)
    copy_artifact(source, target, model.digest)
    assert [entry.descriptor for entry in target.entries()] == [model]


class Lying(MemoryStore):
    """A store whose streams are not what it says they are."""

    def damage(self, digest: Digest, data: bytes) -> None:
        self.blobs[digest] = data


@pytest.mark.parametrize(
    ("damage", "code"), [(b"onE", "digest_mismatch"), (b"on", "size_mismatch"), (b"ones", "size_mismatch")]
)
def test_a_copy_digests_every_byte(make: Make, damage: bytes, code: str) -> None:
    source, target = Lying(), make("target")
    model = put_model(source, b"one")
    source.damage(Digest.of(b"one"), damage)
    with refused(code):
        copy_artifact(source, target, model.digest)
    assert target.entries() == []
    with refused("blob_missing"):
        target.blob_size(Digest.of(b"one"))


def test_a_copy_digests_what_the_target_has_already(make: Make) -> None:
    source, target = make("source"), Lying()
    model = put_model(source, b"one")
    target.write_blob([b"one"])
    target.damage(Digest.of(b"one"), b"onE")
    with refused("digest_mismatch"):
        copy_artifact(source, target, model.digest)
    assert target.entries() == []


class Asked:
    """A source that notes from where it was asked, and breaks off where it is told to."""

    def __init__(self, data: bytes, *, breaks_at: int | None = None) -> None:
        self.data = data
        self.breaks_at = breaks_at
        self.starts: list[int] = []
        self.ended = 0

    def __call__(self, start: int) -> Iterator[memoryview]:
        self.starts.append(start)
        buffer = bytearray(3)
        end = len(self.data) if self.breaks_at is None else self.breaks_at
        try:
            for place in range(start, end, len(buffer)):
                count = min(len(buffer), end - place)
                buffer[:count] = self.data[place : place + count]
                yield memoryview(buffer)[:count]
            if self.breaks_at is not None:
                raise ConnectionResetError("the network")
        finally:
            self.ended += 1


def break_off(store: Store, expected: Digest, size: int, data: bytes, at: int) -> None:
    """Leave the first ``at`` bytes of ``data`` in the store."""
    with pytest.raises(ConnectionResetError):
        store.resume_blob(expected, size, Asked(data, breaks_at=at))
    with refused("blob_missing"):
        store.blob_size(expected)


LONG = b"the bytes of a model"
LONG_DIGEST = Digest.of(LONG)


def test_a_blob_is_fetched_once(store: Store) -> None:
    source = Asked(LONG)
    for _ in range(2):
        assert store.resume_blob(LONG_DIGEST, len(LONG), source) == (LONG_DIGEST, len(LONG))
    assert source.starts == [0]
    assert store.read_blob(LONG_DIGEST) == LONG


def test_a_blob_that_was_written_otherwise_is_not_asked_for(store: Store) -> None:
    store.write_blob([LONG])
    source = Asked(LONG)
    assert store.resume_blob(LONG_DIGEST, len(LONG), source) == (LONG_DIGEST, len(LONG))
    assert source.starts == []


@pytest.mark.parametrize("places", [(1,), (3, 10), (4, 4, 19), (0, 7), (20,)])
def test_a_broken_fetch_goes_on_where_it_stopped(keeping: Store, places: tuple[int, ...]) -> None:
    for place in places:
        break_off(keeping, LONG_DIGEST, len(LONG), LONG, place)
    source = Asked(LONG)
    assert keeping.resume_blob(LONG_DIGEST, len(LONG), source) == (LONG_DIGEST, len(LONG))
    assert source.starts == ([places[-1]] if places[-1] < len(LONG) else [])
    assert keeping.read_blob(LONG_DIGEST) == LONG


def test_where_the_prefix_was_wrong_everything_is_asked_for_once_more(keeping: Store) -> None:
    break_off(keeping, LONG_DIGEST, len(LONG), b"The" + LONG[3:], 10)
    source = Asked(LONG)
    assert keeping.resume_blob(LONG_DIGEST, len(LONG), source) == (LONG_DIGEST, len(LONG))
    assert source.starts == [10, 0]
    assert keeping.read_blob(LONG_DIGEST) == LONG


def test_where_all_of_it_was_there_and_wrong_everything_is_asked_for(store: Store) -> None:
    break_off(store, LONG_DIGEST, len(LONG), LONG[:-1] + b"!", len(LONG))
    source = Asked(LONG)
    assert store.resume_blob(LONG_DIGEST, len(LONG), source) == (LONG_DIGEST, len(LONG))
    assert source.starts == [0]


@pytest.mark.parametrize("prefix", [0, 10])
def test_other_bytes_of_the_same_size_are_refused_and_leave_nothing(store: Store, prefix: int) -> None:
    if prefix:
        break_off(store, LONG_DIGEST, len(LONG), LONG, prefix)
    lying = Asked(LONG[:-1] + b"!")
    with refused("digest_mismatch"):
        store.resume_blob(LONG_DIGEST, len(LONG), lying)
    assert lying.starts == ([prefix, 0] if kept(store, prefix) else [0])
    with refused("blob_missing"):
        store.blob_size(LONG_DIGEST)
    source = Asked(LONG)
    assert store.resume_blob(LONG_DIGEST, len(LONG), source)
    assert source.starts == [0]


@pytest.mark.parametrize("prefix", [0, 10])
@pytest.mark.parametrize("data", [LONG[:-1], LONG + b"!", LONG * 2])
def test_another_size_is_refused_at_once_and_leaves_nothing(store: Store, data: bytes, prefix: int) -> None:
    if prefix:
        break_off(store, LONG_DIGEST, len(LONG), LONG, prefix)
    lying = Asked(data)
    with refused("size_mismatch"):
        store.resume_blob(LONG_DIGEST, len(LONG), lying)
    assert lying.starts == [kept(store, prefix)]
    assert lying.ended == 1
    source = Asked(LONG)
    assert store.resume_blob(LONG_DIGEST, len(LONG), source)
    assert source.starts == [0]


def test_what_was_fetched_for_a_larger_promise_is_thrown_away(store: Store) -> None:
    break_off(store, LONG_DIGEST, 100, LONG * 5, len(LONG) + 1)
    source = Asked(LONG)
    assert store.resume_blob(LONG_DIGEST, len(LONG), source)
    assert source.starts == [0]


def test_a_blob_that_is_there_has_to_have_the_promised_size(store: Store) -> None:
    store.write_blob([LONG])
    source = Asked(LONG)
    with refused("size_mismatch"):
        store.resume_blob(LONG_DIGEST, len(LONG) + 1, source)
    assert source.starts == []


def test_nothing_is_asked_for_an_empty_blob(store: Store) -> None:
    source = Asked(b"")
    empty = Digest.of(b"")
    assert store.resume_blob(empty, 0, source) == (empty, 0)
    with refused("digest_mismatch"):
        store.resume_blob(LONG_DIGEST, 0, source)
    assert source.starts == []


def test_only_blobs_with_sha256_digests_are_fetched(store: Store) -> None:
    source = Asked(LONG)
    with refused("digest_invalid"):
        store.resume_blob(Digest("sha512", "0" * 128), len(LONG), source)
    assert source.starts == []


def test_two_threads_share_the_work(keeping: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()
    second = Asked(LONG)

    def slowly(start: int) -> Iterator[bytes]:
        yield LONG[start:5]
        begun.set()
        assert go_on.wait(10)
        yield LONG[5:]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keeping.resume_blob, LONG_DIGEST, len(LONG), slowly)
        assert begun.wait(10)
        assert keeping.resume_blob(LONG_DIGEST, len(LONG), second, wait=False) is None
        waiting = pool.submit(keeping.resume_blob, LONG_DIGEST, len(LONG), second)
        other = keeping.resume_blob(Digest.of(b"other"), 5, Asked(b"other"), wait=False)
        assert other == (Digest.of(b"other"), 5)
        assert not waiting.done()
        go_on.set()
        assert first.result(10) == waiting.result(10) == (LONG_DIGEST, len(LONG))
    assert second.starts == []


def test_who_waits_goes_on_where_the_other_broke_off(keeping: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()
    second = Asked(LONG)

    def failing(_: int) -> Iterator[bytes]:
        yield LONG[:5]
        begun.set()
        assert go_on.wait(10)
        raise ConnectionResetError("the network")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keeping.resume_blob, LONG_DIGEST, len(LONG), failing)
        assert begun.wait(10)
        waiting = pool.submit(keeping.resume_blob, LONG_DIGEST, len(LONG), second)
        go_on.set()
        with pytest.raises(ConnectionResetError):
            first.result(10)
        assert waiting.result(10) == (LONG_DIGEST, len(LONG))
    assert second.starts == [5]


def test_a_fetched_blob_can_be_listed(store: Store) -> None:
    blob = store.resume_blob(LONG_DIGEST, len(LONG), Asked(LONG))
    assert blob is not None
    artifact, config = Artifact.build([ArtifactFile("a.bin", *blob)])
    store.write_blob([config])
    assert store.put_manifest(artifact.manifest, name="a") == store.resolve("a")
