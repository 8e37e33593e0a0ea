"""The store in a registry, where it differs from a folder: tags, lists of referrers, what is asked how often."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from registry_content import RefusedError
from registry_server import RegistryServer
from registry_store import Repositories, repositories
from unit.store.storing import NOTE, put_model, refused
from weighlock.core.digest import Digest
from weighlock.core.jsontext import write_json
from weighlock.service.record import put_record
from weighlock.store.copying import copy_artifact
from weighlock.store.registry import RegistryStore
from weighlock.store.registry_blob import SMALL_BYTES
from weighlock.store.registry_manifest import NOTHING
from weighlock.transport.registry.referrer import fallback_tag

REPOSITORY = "house/production"
ABSENT = Digest.of(b"absent")
REVOCATION = "application/vnd.weighlock.revocation.v1+json"


class Place:
    """A registry and stores in it."""

    def __init__(self, server: RegistryServer, opened: Repositories) -> None:
        self.server = server
        self.opened = opened
        self.content = server.content.repository(REPOSITORY)

    def store(self, *, lists: bool = True) -> RegistryStore:
        """Return the store as another process opens it: it has seen nothing."""
        return self.opened.open(REPOSITORY, lists=lists)

    def index_of(self, subject: Digest) -> list[str]:
        """Return the digests in the list of referrers that other tools read."""
        _, _, raw = self.server.content.manifest(REPOSITORY, fallback_tag(subject))
        return [each["digest"] for each in json.loads(raw)["manifests"]]

    def put_index(self, subject: Digest, *entries: dict[str, Any]) -> None:
        media_type = "application/vnd.oci.image.index.v1+json"
        raw = write_json({"schemaVersion": 2, "mediaType": media_type, "manifests": list(entries)})
        self.server.content.put_manifest(REPOSITORY, fallback_tag(subject), media_type, raw)

    def asked(self) -> int:
        return len(self.server.requests)


@pytest.fixture(params=[True, False], ids=["referrers API", "tags only"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with repositories(referrers_api=request.param) as (server, opened):
        yield Place(server, opened)


@pytest.fixture
def bare() -> Iterator[Place]:
    """Yield a registry without the referrers API."""
    with repositories(referrers_api=False) as (server, opened):
        yield Place(server, opened)


def test_names_are_tags_that_people_can_read(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"}, name="team/minilm@3")
    place.store().tag(model.digest, "v1+cpu")
    names = {tag for tag in place.content.tags if not tag.startswith(("_", "sha256-"))}
    assert names == {"team__minilm_.3", "v1._cpu"}
    assert place.store().entries()[0].names == ("team/minilm@3", "v1+cpu")


def test_a_name_that_is_too_long_for_a_tag(place: Place) -> None:
    store = place.store()
    model = put_model(store, {"a": b"a"})
    with refused("name_invalid"):
        store.tag(model.digest, "a" * 129)
    with refused("name_invalid"):
        store.tag(model.digest, fallback_tag(model.digest))


def test_what_others_pushed_under_a_name_is_listed_last(place: Place) -> None:
    ours = put_model(place.store(), {"a": b"a"})
    theirs = put_model(place.store(lists=False), {"b": b"b"}, name="theirs")
    assert [(each.descriptor, each.names) for each in place.store().entries()] == [
        (ours, ()),
        (theirs, ("theirs",)),
    ]
    assert place.store().resolve(theirs.digest.hex[:12]) == theirs


def test_a_foreign_thing_under_a_name_hides_nothing(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"})
    strange = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}'
    media_type = "application/vnd.oci.image.manifest.v1+json"
    place.content.manifests[str(Digest.of(strange))] = (media_type, strange)
    place.content.tags["strange"] = str(Digest.of(strange))
    assert [(each.descriptor.digest, each.names) for each in place.store().entries()] == [
        (model.digest, ()),
        (Digest.of(strange), ("strange",)),
    ]


def test_a_name_is_taken_away_where_tags_cannot_be_deleted(place: Place) -> None:
    place.server.switches.tag_deletion = False
    place.server.answer("DELETE", "/manifests/gone$", 405)
    store = place.store()
    model = put_model(store, {"a": b"a"}, name="gone")
    store.untag("gone")
    assert place.content.tags["gone"] == str(NOTHING.digest)
    with refused("artifact_unknown"):
        place.store().resolve("gone")
    with refused("artifact_unknown"):
        place.store().untag("gone")
    assert [(each.descriptor, each.names) for each in place.store().entries()] == [(model, ())]
    place.store().tag(model.digest, "gone")
    assert place.store().resolve("gone") == model


def test_a_registry_that_deletes_nothing_says_so(place: Place) -> None:
    place.server.switches.deletion = False
    model = put_model(place.store(), {"a": b"a"})
    with refused("delete_refused") as caught:
        place.store().delete(model.digest)
    assert "REGISTRY_STORAGE_DELETE_ENABLED" in caught.value.hint
    assert [each.descriptor for each in place.store().entries()] == [model]


@pytest.mark.parametrize("tag_deletion", [True, False])
def test_a_registry_that_leaves_the_tags_of_what_it_deleted(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, tag_deletion: bool
) -> None:
    place.server.switches.tag_deletion = tag_deletion
    delete = place.server.content.delete_manifest

    def delete_only(name: str, reference: str, *, tags: bool) -> None:
        before = dict(place.content.tags)
        delete(name, reference, tags=tags)
        if ":" in reference:
            place.content.tags = before

    def read(name: str, reference: str) -> tuple[str, str, bytes]:
        if reference in place.content.tags and place.content.tags[reference] not in place.content.manifests:
            if deleting:  # a tag can be deleted though it leads nowhere
                return place.content.tags[reference], "", b""
            raise RefusedError(404, "MANIFEST_UNKNOWN")
        return real(name, reference)

    deleting, real = False, place.server.content.manifest
    monkeypatch.setattr(place.server.content, "delete_manifest", delete_only)
    store = place.store()
    model = put_model(store, {"a": b"a"}, name="a")
    kept = put_model(store, {"b": b"b"}, name="b")
    store.attach(model, NOTE, b"1", NOTE)
    monkeypatch.setattr(place.server.content, "manifest", read)
    deleting = True
    store.delete(model.digest)
    deleting = False
    for each in (store, place.store()):
        assert [entry.descriptor for entry in each.entries()] == [kept]
        with refused("artifact_unknown"):
            each.resolve("a")
        if tag_deletion:
            assert each.referrers(model.digest) == []
            continue
        with refused("blob_missing"):  # a moved tag, which anybody who pushes can make, proves no deletion
            each.referrers(model.digest)


def test_deleted_evidence_leaves_the_lists(place: Place) -> None:
    store = place.store()
    model = put_model(store, {"a": b"a"})
    gone, kept = (store.attach(model, NOTE, data, NOTE) for data in (b"1", b"2"))
    store.delete(gone.digest)
    assert [each.digest for each in place.store().referrers(model.digest)] == [kept.digest]


# --- evidence ---


def test_evidence_is_listed_for_other_tools(bare: Place) -> None:
    store = bare.store()
    model = put_model(store, {"a": b"a"})
    made = [store.attach(model, NOTE, b"%d" % number, NOTE) for number in range(3)]
    assert sorted(bare.index_of(model.digest)) == sorted(str(each.digest) for each in made)


def test_evidence_of_other_tools_is_found(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"})
    theirs = place.store(lists=False).attach(model, NOTE, b"theirs", NOTE)
    ours = place.store().attach(model, NOTE, b"ours", NOTE)
    assert {each.digest for each in place.store().referrers(model.digest)} == {theirs.digest, ours.digest}


def test_what_a_list_lost_is_put_back_and_never_missed(bare: Place) -> None:
    model = put_model(bare.store(), {"a": b"a"})
    first = bare.store().attach(model, NOTE, b"1", NOTE)
    bare.put_index(model.digest)  # as a concurrent writer leaves it
    assert [each.digest for each in bare.store().referrers(model.digest)] == [first.digest]
    second = bare.store().attach(model, NOTE, b"2", NOTE)
    assert set(bare.index_of(model.digest)) == {str(first.digest), str(second.digest)}


def test_concurrent_evidence_loses_nothing(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"})
    barrier = threading.Barrier(8)

    def attach(number: int) -> Digest:
        store = place.store()
        barrier.wait(10)
        return store.attach(model, NOTE, b"%d" % number, NOTE).digest

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(attach, range(8)))
    assert {each.digest for each in place.store().referrers(model.digest)} == made


def test_evidence_that_is_listed_and_gone_raises(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"})
    evidence = place.store().attach(model, NOTE, b"1", NOTE)
    del place.content.manifests[str(evidence.digest)]
    for ask in (lambda: place.store().referrers(model.digest), place.store().entries):
        with refused("blob_missing"):
            ask()


def test_evidence_about_something_else_raises(bare: Place) -> None:
    store = bare.store()
    one, two = put_model(store, {"a": b"a"}), put_model(store, {"b": b"b"})
    evidence = store.attach(one, NOTE, b"1", NOTE)
    bare.put_index(two.digest, evidence.to_json())
    with refused("index_damaged"):
        bare.store().referrers(two.digest)


def test_a_tag_of_ours_that_leads_to_something_else_raises(place: Place) -> None:
    store = place.store()
    one, two = put_model(store, {"a": b"a"}), put_model(store, {"b": b"b"})
    place.content.tags[f"_r.{1:013}.{one.digest.hex}.{two.digest.hex[:32]}"] = str(one.digest)
    with refused("index_damaged"):
        place.store().referrers(two.digest)


def test_a_moved_tag_of_ours_still_lists_what_it_says(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"})
    evidence = place.store().attach(model, NOTE, b"1", NOTE)
    for tag in [tag for tag in place.content.tags if tag.startswith("_")]:
        place.content.tags[tag] = str(NOTHING.digest)
    assert [each.digest for each in place.store().referrers(model.digest)] == [evidence.digest]


def test_a_moved_tag_hides_nothing_that_was_collected_then(bare: Place) -> None:
    model = put_model(bare.store(), {"a": b"a"})
    evidence = bare.store().attach(model, NOTE, b"1", NOTE)
    record = put_record(bare.store(), REVOCATION, b"{}")
    gone = {str(evidence.digest), str(record.digest)}
    for tag in [tag for tag, digest in bare.content.tags.items() if digest in gone]:
        bare.content.tags[tag] = str(NOTHING.digest)
    del bare.content.tags[fallback_tag(model.digest)]
    bare.content.manifests[str(NOTHING.digest)] = (NOTHING.media_type, NOTHING.raw)
    for digest in gone:
        del bare.content.manifests[digest]  # as no tag keeps them any more
    for ask in (lambda: bare.store().referrers(model.digest), lambda: bare.store().find(REVOCATION)):
        with refused("blob_missing"):
            ask()


@pytest.mark.parametrize("kind", ["m", "r"])
def test_a_forged_listing_hides_nothing(bare: Place, kind: str) -> None:
    model = put_model(bare.store(), {"a": b"a"})
    evidence = bare.store().attach(model, NOTE, b"1", NOTE)
    record = put_record(bare.store(), REVOCATION, b"{}")
    about = "0" * (12 if kind == "m" else 32)
    for each in (evidence, record):  # earlier, and as something else
        bare.content.tags[f"_{kind}.{0:013}.{each.digest.hex}.{about}"] = str(model.digest)
    del bare.content.tags[fallback_tag(model.digest)]
    assert [each.digest for each in bare.store().referrers(model.digest)] == [evidence.digest]
    assert bare.store().find(REVOCATION) == [record.digest]


def test_a_repository_that_was_empty_a_moment_ago(place: Place) -> None:
    store = place.store()
    assert store.find(REVOCATION) == []
    with refused("artifact_unknown"):
        store.resolve("m")
    model = put_model(store, {"a": b"a"}, name="m")
    assert store.resolve("m") == model
    assert store.referrers(model.digest) == []


def test_a_repository_that_says_it_is_empty_and_is_not(place: Place) -> None:
    model = put_model(place.store(), {"a": b"a"}, name="m")
    store = place.store()
    place.server.answer("GET", "/tags/list", 404, times=2)
    assert store.find(REVOCATION) == []
    with refused("registry_answer_invalid"):
        store.resolve("m")
    with refused("registry_answer_invalid"):
        store.referrers(model.digest)
    assert store.referrers(model.digest) == []
    assert store.resolve("m") == model


def test_a_forged_listing_replaces_no_true_one(place: Place) -> None:
    record = put_record(place.store(), REVOCATION, b"{}")
    [true] = place.content.tags
    del place.content.tags[true]
    place.content.tags[f"_m.{0:013}.{record.digest.hex}.{0:012}"] = str(record.digest)
    assert put_record(place.store(), REVOCATION, b"{}").digest == record.digest
    assert place.store().find(REVOCATION) == [record.digest]


def test_the_oldest_evidence_comes_first(place: Place) -> None:
    store = place.store()
    model = put_model(store, {"a": b"a"})
    created = "org.opencontainers.image.created"
    late = store.attach(model, NOTE, b"late", NOTE, {created: "2026-03-01T00:00:00Z"})
    early = store.attach(model, NOTE, b"early", NOTE, {created: "2026-02-01T00:00:00Z"})
    assert store.referrers(model.digest) == [early, late]


# --- what is asked how often ---


def test_what_was_read_is_not_read_again(place: Place) -> None:
    writer = place.store()
    models = [put_model(writer, {"a": b"%d" % number}, name=f"m{number}") for number in range(5)]
    for model in models:
        for number in range(4):
            writer.attach(model, NOTE, b"%d" % number, NOTE)
    store = place.store()
    before = place.asked()
    assert len(store.entries()) == 25
    first = place.asked() - before
    assert first <= 1 + 25  # the tags, and each manifest once: five of them by their names
    assert len(store.entries()) == 25
    assert place.asked() - before - first == 1 + 5  # the tags and the names, which may move


def test_what_a_gate_looks_for_is_found_in_the_tags(place: Place) -> None:
    writer = place.store()
    for number in range(5):
        put_model(writer, {"a": b"%d" % number}, name=f"m{number}")
    before = place.asked()
    assert place.store().find(REVOCATION) == []
    assert place.asked() - before == 1


def test_blobs_that_are_there_are_not_sent_again(place: Place) -> None:
    large = bytes(SMALL_BYTES + 1)
    for data in (b"small", large):
        place.store().write_blob([data], expected=Digest.of(data))
        sent = sum(each.body_bytes[0] for each in place.server.requests)
        blob = place.store().write_blob([data], expected=Digest.of(data), expected_size=len(data))
        assert blob == (Digest.of(data), len(data))
        assert sum(each.body_bytes[0] for each in place.server.requests) == sent


@pytest.mark.parametrize("size", [1, SMALL_BYTES, SMALL_BYTES + 1, 3 * SMALL_BYTES])
def test_other_bytes_than_promised_get_no_name(place: Place, size: int) -> None:
    data = bytes(size)
    for wrong, code in (
        (b"x" + data[1:], "digest_mismatch"),
        (data + b"x", "size_mismatch"),
        (data[1:], "size_mismatch"),
    ):
        chunks = [wrong[start : start + 65_536] for start in range(0, len(wrong), 65_536)]
        with refused(code):
            place.store().write_blob(chunks, expected=Digest.of(data), expected_size=size)
        with refused(code):
            place.store().resume_blob(Digest.of(data), size, lambda start, wrong=wrong: [wrong[start:]])  # type: ignore[misc]  # the default binds it
    assert place.content.blobs == set()
    assert place.content.uploads == {}


def test_another_repository_of_the_registry_lends_its_blobs(place: Place) -> None:
    model = put_model(place.store(), {"a": bytes(SMALL_BYTES + 1)}, name="a")
    other = place.opened.open("house/copy")
    sent = sum(
        each.body_bytes[0] for each in place.server.asked("PATCH") + place.server.asked("PUT", "/blobs/")
    )
    copy_artifact(place.store(), other, model.digest)
    again = sum(
        each.body_bytes[0] for each in place.server.asked("PATCH") + place.server.asked("PUT", "/blobs/")
    )
    assert again == sent
    assert other.verify_blob(Digest.of(bytes(SMALL_BYTES + 1))) == SMALL_BYTES + 1


def test_a_registry_that_does_not_mount_is_sent_the_bytes(place: Place) -> None:
    place.server.switches.mounting = False
    model = put_model(place.store(), {"a": b"a"}, name="a")
    other = place.opened.open("house/copy")
    copy_artifact(place.store(), other, model.digest)
    assert other.read_blob(Digest.of(b"a")) == b"a"


def test_a_blob_that_goes_while_its_manifest_comes_is_noticed(place: Place) -> None:
    store = place.store()
    model = put_model(store, {"a": b"abc"})
    raw = store.read_blob(model.digest)
    store.delete(model.digest)
    place.server.before("PUT", "/manifests/", lambda: place.content.blobs.discard(str(Digest.of(b"abc"))))
    with refused("blob_missing"):
        place.store().put_manifest(raw)
    assert place.store().entries() == []


# --- what belongs to others stays as it was ---


def test_a_repository_of_others_gets_no_tags_of_ours(place: Place) -> None:
    store = place.store(lists=False)
    model = put_model(store, {"a": b"a"}, name="v1")
    store.attach(model, NOTE, b"1", NOTE)
    assert not [tag for tag in place.content.tags if tag.startswith("_")]
    assert len(place.store(lists=False).referrers(model.digest)) == 1


def test_the_stream_of_a_blob(place: Place) -> None:
    data = bytes(range(256)) * 8192
    blob = place.store().write_blob([data])
    with place.store().open_blob(blob.digest) as stream:
        assert stream.read(0) == b""
        assert stream.read(1000) == data[:1000]
        buffer = bytearray(10)
        assert stream.readinto(memoryview(buffer)) == 10
        assert bytes(buffer) == data[1000:1010]
        assert stream.read() == data[1010:]
        assert stream.read() == b""
        assert stream.readinto(memoryview(buffer)) == 0
