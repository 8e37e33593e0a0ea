"""Referrers: the union of every list of them. What cannot be read is never taken for absent."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from registry_api import INDEX
from registry_material import manifest_of, put, referrer_of
from registry_server import RegistryServer
from unit.transport.registry.conftest import Connect
from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError, WeighlockError
from weighlock.core.media_type import INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE
from weighlock.transport.registry import referrer
from weighlock.transport.registry.client import Repository
from weighlock.transport.registry.manifest import ManifestBytes
from weighlock.transport.registry.referrer_list import ReferrerLists

NAME = "org/model"
SUBJECT = manifest_of()
DIGEST = Digest.of(SUBJECT)
EVIDENCE = [referrer_of(SUBJECT, number) for number in range(5)]
DIGESTS = [Digest.of(raw) for raw in EVIDENCE]
FALLBACK = f"sha256-{DIGEST.hex}"


@pytest.fixture
def repository(server: RegistryServer, connect: Connect) -> Repository:
    put(server.content, NAME, SUBJECT)
    return connect(server).repository(NAME)


@pytest.fixture
def old(server: RegistryServer, repository: Repository) -> Repository:
    """A repository of a registry without the referrers API."""
    server.switches.referrers_api = False
    return repository


def found(repository: Repository) -> set[Digest]:
    return {each.digest for each in repository.referrers(DIGEST)}


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(WeighlockError) as caught:
        call()
    return caught.value.code


def put_index(server: RegistryServer, *listed: bytes) -> None:
    """Write the fallback index as another client would."""
    entries = [
        {"mediaType": MANIFEST_MEDIA_TYPE, "digest": str(put(server.content, NAME, raw)), "size": len(raw)}
        for raw in listed
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    server.content.put_manifest(NAME, FALLBACK, INDEX, json.dumps(document).encode())


def index_of(server: RegistryServer) -> set[str]:
    raw = server.content.manifest(NAME, FALLBACK)[2]
    return {each["digest"] for each in json.loads(raw)["manifests"]}


def answer(server: RegistryServer, document: Any, *, times: int = 1, **headers: str) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    server.answer(
        "GET", "/referrers/", 200, body=body, headers={"Content-Type": INDEX, **headers}, times=times
    )


def test_nothing_refers(repository: Repository, server: RegistryServer) -> None:
    assert repository.referrers(DIGEST) == []
    server.switches.referrers_api = False
    assert repository.referrers(DIGEST) == []


def test_the_api(repository: Repository) -> None:
    for raw in EVIDENCE:
        assert repository.put_referrer(raw, MANIFEST_MEDIA_TYPE).digest == Digest.of(raw)
    listed = repository.referrers(DIGEST)
    assert {each.digest for each in listed} == set(DIGESTS)
    assert {each.artifact_type for each in listed} == {"application/vnd.test"}
    assert {each.annotations["number"] for each in listed} == {"0", "1", "2", "3", "4"}
    assert repository.tags() == []  # the registry lists them by itself


@pytest.mark.parametrize("size", [1, 2])
def test_the_api_in_pages(server: RegistryServer, repository: Repository, size: int) -> None:
    for raw in EVIDENCE:
        put(server.content, NAME, raw)
    server.switches.page = size
    assert found(repository) == set(DIGESTS)


def test_nothing_is_filtered(server: RegistryServer, repository: Repository) -> None:
    for number, kind in enumerate(["application/vnd.a", "application/vnd.b", None]):
        put(server.content, NAME, referrer_of(SUBJECT, number, artifactType=kind))
    server.switches.headers["OCI-Filters-Applied"] = "artifactType"
    assert len(found(repository)) == 3
    assert not any("artifactType" in each.path for each in server.requests)


def test_the_fallback_index(server: RegistryServer, old: Repository) -> None:
    put_index(server, *EVIDENCE[:2])
    assert found(old) == set(DIGESTS[:2])


def test_the_union_of_api_and_fallback(server: RegistryServer, repository: Repository) -> None:
    """A registry was upgraded: what was attached before is in the index only."""
    put_index(server, EVIDENCE[0])
    digest = put(server.content, NAME, EVIDENCE[1])
    entry = {"mediaType": MANIFEST_MEDIA_TYPE, "digest": str(digest), "size": len(EVIDENCE[1])}
    answer(server, {"schemaVersion": 2, "manifests": [entry]})
    assert found(repository) == {DIGESTS[0], digest}


def test_a_registry_that_answers_404_then_200(server: RegistryServer, repository: Repository) -> None:
    """No answer about the API is remembered: what is hidden once is seen the next time."""
    put(server.content, NAME, EVIDENCE[0])
    server.answer("GET", "/referrers/", 404)
    assert found(repository) == set()
    assert found(repository) == {DIGESTS[0]}


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "request_refused"), (401, "access_refused"), (403, "access_refused"), (405, "request_refused"), (410, "remote_missing"), (429, "rate_limited"), (500, "server_failed"), (501, "server_failed"), (503, "server_failed"), (302, "redirect_refused"), (206, "request_refused")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/referrers/", "/manifests/sha256-"])
def test_only_404_means_none(
    server: RegistryServer, repository: Repository, path: str, status: int, code: str
) -> None:
    server.answer("GET", path, status, times=9)
    assert refusal(lambda: repository.referrers(DIGEST)) == code


@pytest.mark.parametrize("api", [True, False])
def test_a_token_service_that_is_missing_is_no_missing_list(
    guarded: RegistryServer, connect: Connect, api: bool
) -> None:
    guarded.switches.referrers_api = api
    put(guarded.content, NAME, SUBJECT)
    put_index(guarded, EVIDENCE[0])
    repository = connect(guarded).repository(NAME)
    guarded.answer("GET", "/token", 404, times=9)
    for call in (
        lambda: repository.referrers(DIGEST),
        repository.tags,
        lambda: repository.has_manifest(DIGEST),
    ):
        assert refusal(call) == "token_invalid"


def test_a_second_page_that_is_missing(server: RegistryServer, repository: Repository) -> None:
    for raw in EVIDENCE:
        put(server.content, NAME, raw)
    server.switches.page = 2
    server.answer("GET", "last=", 404)
    assert refusal(lambda: repository.referrers(DIGEST)) == "remote_missing"


def test_pages_without_an_end(server: RegistryServer, repository: Repository) -> None:
    link = f'</v2/{NAME}/referrers/{DIGEST}>; rel="next"'
    answer(server, {"schemaVersion": 2, "manifests": []}, times=9, Link=link)
    assert refusal(lambda: repository.referrers(DIGEST)) == "listing_endless"


def test_too_many(server: RegistryServer, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referrer, "MAX_REFERRERS", 4)
    for raw in EVIDENCE:
        put(server.content, NAME, raw)
    assert refusal(lambda: repository.referrers(DIGEST)) == "registry_answer_invalid"
    server.switches.page = 3
    assert refusal(lambda: repository.referrers(DIGEST)) == "registry_answer_invalid"


def test_pages_of_ever_new_referrers(
    server: RegistryServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(referrer, "MAX_REFERRERS", 4)
    for number in range(9):
        digests = [f"sha256:{number * 3 + each:064x}" for each in range(3)]
        listed = [{"mediaType": MANIFEST_MEDIA_TYPE, "digest": each, "size": 7} for each in digests]
        link = f'</v2/{NAME}/referrers/{DIGEST}?last={number}>; rel="next"'
        answer(server, {"schemaVersion": 2, "manifests": listed}, Link=link)
    assert refusal(lambda: repository.referrers(DIGEST)) == "registry_answer_invalid"
    assert len(server.requests) == 2  # they are counted as they come, so that memory holds no more


ENTRY = {"mediaType": MANIFEST_MEDIA_TYPE, "digest": str(DIGESTS[0]), "size": 7}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "json_invalid"),
        (b"<html>", "json_invalid"),
        ([], "json_invalid"),
        ({}, "registry_answer_invalid"),
        ({"schemaVersion": 2}, "registry_answer_invalid"),
        ({"schemaVersion": 2, "manifests": None}, "registry_answer_invalid"),
        ({"schemaVersion": 1, "manifests": []}, "registry_answer_invalid"),
        ({"schemaVersion": 2, "mediaType": "a/b", "manifests": []}, "registry_answer_invalid"),
        ({"schemaVersion": 2, "manifests": [{}]}, "manifest_invalid"),
        ({"schemaVersion": 2, "manifests": [{**ENTRY, "size": -1}]}, "manifest_invalid"),
        ({"schemaVersion": 2, "manifests": [{**ENTRY, "digest": "sha256:../../x"}]}, "digest_invalid"),
        ({"schemaVersion": 2, "manifests": [{**ENTRY, "urls": ["http://x"]}]}, "manifest_invalid"),
        ({"schemaVersion": 2, "manifests": [ENTRY, {**ENTRY, "size": 8}]}, "registry_answer_invalid"),
        (
            {"schemaVersion": 2, "manifests": [ENTRY, {**ENTRY, "mediaType": "a/b"}]},
            "registry_answer_invalid",
        ),
    ],
)
def test_lists_that_cannot_be_read(
    server: RegistryServer, repository: Repository, document: Any, code: str
) -> None:
    answer(server, document)
    assert refusal(lambda: repository.referrers(DIGEST)) == code


@pytest.mark.parametrize("body", [b"<html>", b"{}", SUBJECT])
def test_an_index_that_is_none(server: RegistryServer, repository: Repository, body: bytes) -> None:
    server.answer(
        "GET", f"/manifests/{FALLBACK}", 200, body=body, headers={"Content-Type": MANIFEST_MEDIA_TYPE}
    )
    assert refusal(lambda: repository.referrers(DIGEST)) in {"json_invalid", "manifest_unsupported"}


def test_a_referrer_that_vanishes_between_two_calls(server: RegistryServer, old: Repository) -> None:
    """It is still listed, and reading it says that it is not there: that is an error, not a shorter list."""
    old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    (listed,) = old.referrers(DIGEST)
    del server.content.repository(NAME).manifests[str(listed.digest)]
    assert found(old) == {DIGESTS[0]}
    assert refusal(lambda: old.manifest(listed.digest)) == "remote_missing"


def test_a_referrer_that_vanishes_while_the_lists_are_read(server: RegistryServer, old: Repository) -> None:
    old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    put_index(server)  # somebody else's writing has lost the entry
    own = referrer.own_tag(DIGEST, DIGESTS[0])
    server.before("GET", f"/manifests/{own}", lambda: server.content.repository(NAME).tags.pop(own))
    assert refusal(lambda: old.referrers(DIGEST)) == "remote_missing"


def test_a_tag_that_is_listed_a_moment_before_it_leads_anywhere(
    server: RegistryServer, old: Repository
) -> None:
    old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    put_index(server)
    server.answer("GET", f"/manifests/{referrer.own_tag(DIGEST, DIGESTS[0])}", 404)
    assert found(old) == {DIGESTS[0]}


def test_listing_without_the_api(server: RegistryServer, old: Repository) -> None:
    for raw in EVIDENCE:
        listed = old.put_referrer(raw, MANIFEST_MEDIA_TYPE)
        assert (listed.digest, listed.artifact_type) == (Digest.of(raw), "application/vnd.test")
    assert found(old) == set(DIGESTS)
    assert index_of(server) == {str(digest) for digest in DIGESTS}  # other tools see all of it, too
    assert all(tag.startswith(FALLBACK) for tag in old.tags())
    server.switches.referrers_api = True
    assert found(old) == set(DIGESTS)


def test_listing_twice_changes_nothing(server: RegistryServer, old: Repository) -> None:
    first = old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    before = server.content.manifest(NAME, FALLBACK)
    assert old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE) == first
    assert server.content.manifest(NAME, FALLBACK) == before


def test_an_entry_lost_by_somebody_else_is_still_found(server: RegistryServer, old: Repository) -> None:
    old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    put_index(server, EVIDENCE[1])  # another client read the index before, and writes it now
    assert found(old) == {DIGESTS[0], DIGESTS[1]}


def test_an_index_that_others_change_at_once(server: RegistryServer, old: Repository) -> None:
    for _ in range(3):
        server.before("GET", f"/manifests/{FALLBACK}", lambda: None)
        server.before("GET", f"/manifests/{FALLBACK}", lambda: put_index(server, EVIDENCE[1]))
    old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    assert index_of(server) == {str(DIGESTS[0]), str(DIGESTS[1])}


def test_an_index_that_others_never_stop_changing(server: RegistryServer, old: Repository) -> None:
    server.before("GET", f"/manifests/{FALLBACK}", lambda: put_index(server, EVIDENCE[1]), times=99)
    with pytest.raises(UndecidedError) as caught:
        old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    assert caught.value.code == "referrers_conflict"
    assert len(server.asked("PUT", f"{FALLBACK}$")) == referrer.MAX_ATTEMPTS
    assert found(old) == {DIGESTS[0], DIGESTS[1]}  # nothing is lost even then


@pytest.mark.parametrize("count", [1, 4])
def test_concurrent_pushes_lose_nothing(
    server: RegistryServer, old: Repository, connect: Connect, count: int
) -> None:
    """Threads of one process, and several processes that know nothing of each other."""
    many = [referrer_of(SUBJECT, number) for number in range(100, 108)]
    repositories = [connect(server).repository(NAME) for _ in range(count)]
    failed: list[str] = []

    def push(raw: bytes, repository: Repository) -> None:
        try:
            repository.put_referrer(raw, MANIFEST_MEDIA_TYPE)
        except UndecidedError as error:
            failed.append(error.code)

    threads = [
        threading.Thread(target=push, args=(raw, repositories[number % count]))
        for number, raw in enumerate(many)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found(old) == {Digest.of(raw) for raw in many}
    assert set(failed) <= ({"referrers_conflict"} if count > 1 else set())
    if not failed:
        assert index_of(server) == {str(Digest.of(raw)) for raw in many}


def test_an_entry_lost_by_somebody_else_is_put_back(server: RegistryServer, old: Repository) -> None:
    old.put_referrer(EVIDENCE[0], MANIFEST_MEDIA_TYPE)
    put_index(server)
    old.put_referrer(EVIDENCE[1], MANIFEST_MEDIA_TYPE)
    assert index_of(server) == {str(DIGESTS[0]), str(DIGESTS[1])}


def test_an_own_tag_that_names_something_else(server: RegistryServer, old: Repository) -> None:
    own = referrer.own_tag(DIGEST, DIGESTS[0])
    for raw in (SUBJECT, EVIDENCE[1], referrer_of(EVIDENCE[0], 0)):
        put(server.content, NAME, raw, own)
        assert refusal(lambda: old.referrers(DIGEST)) == "registry_answer_invalid"


def test_taking_off_the_index(server: RegistryServer, old: Repository) -> None:
    for raw in EVIDENCE[:2]:
        old.put_referrer(raw, MANIFEST_MEDIA_TYPE)
    old.delete_manifest(DIGESTS[0])
    assert found(old) == set(DIGESTS[:2])  # listed and not there: not forgotten without a word
    ReferrerLists(old).remove(DIGEST, DIGESTS[0])
    assert found(old) == {DIGESTS[1]}
    assert index_of(server) == {str(DIGESTS[1])}
    ReferrerLists(old).remove(DIGEST, DIGESTS[0])


def test_a_manifest_without_subject_is_no_referrer(old: Repository, server: RegistryServer) -> None:
    put(server.content, NAME, EVIDENCE[0])
    other = manifest_of(artifactType="application/vnd.other")
    assert old.put_referrer(other, MANIFEST_MEDIA_TYPE).digest == Digest.of(other)
    assert old.tags() == []


def test_how_tags_are_made() -> None:
    long = Digest("sha512", "ab" * 64)
    assert referrer.fallback_tag(DIGEST) == FALLBACK
    assert referrer.fallback_tag(long) == "sha512-" + "ab" * 32
    assert len(referrer.own_tag(long, long)) <= 128


def test_the_type_of_a_config_stands_in() -> None:
    raw = referrer_of(SUBJECT, artifactType=None)
    listed = referrer.describe(ManifestBytes(raw, MANIFEST_MEDIA_TYPE, Digest.of(raw)))
    assert listed is not None
    assert listed.descriptor.artifact_type == "application/vnd.oci.empty.v1+json"
    index = json.dumps({"schemaVersion": 2, "manifests": [], "subject": json.loads(raw)["subject"]}).encode()
    listed = referrer.describe(ManifestBytes(index, INDEX_MEDIA_TYPE, Digest.of(index)))
    assert listed is not None
    assert listed.descriptor.artifact_type is None
