"""Attacks by a hub, its mirror, its content network and its owners, carried out through ``weighlock pull``."""

import dataclasses
import datetime as dt
import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub import EPOCH
from hub_case import FILES, NAME, TAKEN, WEIGHTS, HubCase, case_fixture, plain_case_fixture  # noqa: F401  # the fixtures are found by name
from hub_server import Exchange
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from web_authority import common_authority
from weighlock.core.lock import Lock, LockedModel
from weighlock.source.huggingface import hub as hub_module
from weighlock.store.layout import LayoutStore
from weighlock.transport import timing

SPEC = f"hf:{NAME}"
OTHER = bytes(len(WEIGHTS))
TOKEN = "hf_SecretOfThisTest"


class HubProject:
    """A project whose settings name the hub of the case, and optionally its mirror."""

    def __init__(self, project: Project, case: HubCase) -> None:
        self.project = project
        self.case = case
        self.values: dict[str, Any] = {
            "version": 1,
            "sources": {"hf": ["acme"]},
            "hf": {"origin": case.origin.url},
            "network": {
                "hosts": [hub.cdn.host for hub in (case.origin, case.mirror)],
                "plain_http": case.plain,
                "ca_file": str(common_authority().ca_file),
            },
        }
        self.write()

    def write(self) -> None:
        (self.project.root / "weighlock.yaml").write_text(json.dumps(self.values))

    def with_mirror(self) -> "HubProject":
        """Let the mirror serve what the origin has now."""
        self.case.copy()
        self.values["hf"]["mirror"] = self.case.mirror.url
        self.write()
        return self

    def pull(self, *arguments: str) -> Ran:
        return self.project.run("pull", *arguments)

    def refused(self, code: str, source: str = SPEC) -> Ran:
        """Pull for the first time and assert that it is denied, and nothing of it kept."""
        ran = self.pull(source).denied(code)
        self.project.assert_untouched()
        return ran

    def locked(self) -> LockedModel:
        return Lock.parse(self.project.lock.read_bytes()).models["tiny"]

    def lose_store(self) -> None:
        """Begin again on another machine: with the lock and without the bytes."""
        self.project.store_folder.rename(
            self.project.root / f"store-{len(list(self.project.root.iterdir()))}"
        )
        LayoutStore.create(self.project.store_folder)


@pytest.fixture(name="alone")
def alone_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait, and no variable name a hub."""
    monkeypatch.setattr(timing, "pause", lambda _seconds: None)
    for name in ("HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="place")
def place_fixture(project: Project, case: HubCase, alone: None) -> HubProject:
    assert alone is None
    case.repository.commit(FILES)
    return HubProject(project, case)


@pytest.fixture(name="plain_place")
def plain_place_fixture(project: Project, plain_case: HubCase, alone: None) -> HubProject:
    """Give a project whose hub has no TLS, and whose settings let it be asked."""
    assert alone is None
    plain_case.repository.commit(FILES)
    return HubProject(project, plain_case)


def at(part: str, change: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Return a change of the answers to what has ``part`` in its path."""
    return lambda exchange: change(exchange) if part in exchange.path else None


def without(*names: str) -> Callable[[Exchange], None]:
    """Return a change that leaves headers out."""

    def leave_out(exchange: Exchange) -> None:
        for name in names:
            exchange.headers.pop(name, None)

    return leave_out


def other_bytes(exchange: Exchange) -> None:
    if exchange.ranges:
        exchange.body = b"\x00" * len(exchange.body)


def edit_tree(**fields: Any) -> Callable[[Exchange], None]:
    """Return a lie about the file in LFS in the list of files."""

    def edit(exchange: Exchange) -> None:
        exchange.send_json([{**item, **fields} if "lfs" in item else item for item in exchange.json])

    return at("/tree/", edit)


def test_a_model_is_pulled_locked_and_byte_exact(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    entry = place.locked()
    assert entry.source == f"hf:{NAME}@main"
    assert entry.revision == place.case.repository.branches["main"]
    assert {path: file.digest.hex for path, file in entry.files.items()} == {
        path: hashlib.sha256(content).hexdigest() for path, content in TAKEN.items()
    }
    assert set(entry.git_sha1) == set(TAKEN) - {"weights/model.safetensors"}
    asked = len(place.case.origin.requests)
    assert place.pull("--locked").status == 0
    assert len(place.case.origin.requests) == asked


def test_a_revision_and_patterns_choose(place: HubProject) -> None:
    first = place.case.repository.branches["main"]
    place.case.repository.tags["v1"] = first
    place.case.repository.commit({**FILES, "config.json": b"{}", "new.json": b"{}"})
    for name, revision in (("tag", "v1"), ("commit", first)):
        assert place.pull(f"{SPEC}@{revision}:*.json", "--name", name).status == 0
        entry = Lock.parse(place.project.lock.read_bytes()).models[name]
        assert entry.revision == first
        assert {path: file.digest.hex for path, file in entry.files.items()} == {
            "config.json": hashlib.sha256(FILES["config.json"]).hexdigest()
        }
    place.pull(f"{SPEC}@v1:*.gguf", "--name", "none").denied("artifact_empty")


def test_a_locked_model_comes_from_a_mirror_while_the_origin_is_down(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    place.with_mirror().lose_store()
    place.case.origin.stop()
    assert place.pull("--locked").status == 0


def test_a_mirror_and_a_token_as_the_hubs_own_tools_know_them(
    place: HubProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.case.copy()
    place.case.repository.gated = "auto"
    place.case.origin.tokens[TOKEN] = {NAME}
    place.case.mirror.repositories = {NAME: dataclasses.replace(place.case.repository, gated=False)}
    (place.project.root / "token").write_text(TOKEN)
    place.values["hf"]["token_file"] = "token"
    place.values["network"]["hosts"].append(place.case.mirror.server.host)
    place.write()
    monkeypatch.setenv("HF_ENDPOINT", place.case.mirror.url)
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    assert place.pull(SPEC).status == 0
    assert [each.path.rpartition("/")[2] for each in place.case.mirror.requests] == ["model.safetensors"]


def test_an_origin_that_is_its_own_mirror_is_just_down(
    place: HubProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{place.case.origin.url}/")
    place.case.origin.stop()
    ran = place.pull(SPEC)
    assert (ran.status, "[host_unreachable]" in ran.err) == (3, True)


def test_a_mirror_that_only_a_variable_names(place: HubProject, monkeypatch: pytest.MonkeyPatch) -> None:
    place.case.copy()
    mirror = place.case.mirror
    monkeypatch.setenv("HF_ENDPOINT", mirror.url)
    ran = place.refused("host_not_allowed")
    lines = f"network:\n      hosts:\n        - '{mirror.server.host}'\n"
    assert lines in ran.err.partition("write in weighlock.yaml:")[2]
    assert mirror.requests == place.case.origin.requests == []
    # a wildcard is no name, and another port is another service
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.hub.example")
    place.values["network"]["hosts"] += ["*.hub.example", "127.0.0.1"]
    place.write()
    place.refused("host_not_allowed")
    monkeypatch.setenv("HF_ENDPOINT", mirror.url)
    place.refused("host_not_allowed")
    place.values["network"]["hosts"].append(mirror.server.host)
    place.write()
    assert place.pull(SPEC).status == 0
    assert len(mirror.requests) == 1


def test_a_mirror_of_the_settings_needs_no_second_line(
    place: HubProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")  # and is not asked
    place.with_mirror()
    assert place.case.mirror.server.host not in place.values["network"]["hosts"]
    assert place.pull(SPEC).status == 0
    assert len(place.case.mirror.requests) == 1


@pytest.mark.parametrize("address", ["ftp://hub.example", "https://me:secret@hub.example", "hub.example"])
def test_an_address_that_is_no_hub(place: HubProject, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    ran = place.pull(SPEC)
    assert (ran.status, "[settings_invalid]" in ran.err, "secret" in ran.err) == (2, True, False)


# --- mirrors


def test_a_mirror_with_other_bytes_of_the_same_size(place: HubProject) -> None:
    place.with_mirror().case.mirror.alter.append(other_bytes)
    assert "nothing of it was kept" in place.refused("digest_mismatch").err


def test_a_mirror_that_lies_consistently_on_a_first_pull(place: HubProject) -> None:
    place.with_mirror()
    evil = place.case.mirror.create(NAME, id=place.case.repository.id)
    evil.revisions = dict(place.case.repository.revisions)
    head = place.case.repository.branches["main"]
    evil.branches["main"] = head
    files = dict(evil.revisions[head].files)
    files["weights/model.safetensors"] = files["weights/model.safetensors"]._replace(content=OTHER)
    evil.revisions[head] = evil.revisions[head]._replace(files=files)
    place.refused("metadata_conflict")
    place.case.origin.stop()
    place.refused("origin_unconfirmed")


def test_a_mirror_that_lies_consistently_against_a_lock(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    place.with_mirror().lose_store()
    place.case.mirror.repositories = {}
    evil = place.case.mirror.create(NAME)
    evil.commit({**FILES, "config.json": b'{"model_type": "evil"}'})
    evil.revisions[place.locked().revision] = next(iter(evil.revisions.values()))
    # the headers give it away one after the other; without them, the bytes do
    place.pull("--locked").denied("revision_mixed")
    place.case.mirror.alter[:] = [without("X-Repo-Commit")]
    place.pull("--locked").denied("metadata_conflict")
    place.case.mirror.alter[:] = [without("X-Repo-Commit", "X-Linked-Size", "X-Linked-ETag"), other_bytes]
    place.pull("--locked").denied("digest_mismatch")
    assert place.project.lock.read_bytes() == before
    assert place.project.names() == {}


def test_without_the_origin_a_person_has_to_accept_a_mirrors_word(place: HubProject) -> None:
    place.with_mirror().case.origin.stop()
    place.refused("origin_unconfirmed")
    place.values["pull"] = {"unconfirmed": True}
    place.write()
    assert place.pull(SPEC).status == 0
    entry = place.locked()
    assert (entry.origin_confirmed, entry.owner.id) == (False, "unavailable")


# --- an origin without TLS


def test_the_word_of_an_origin_without_tls_confirms_nothing(plain_place: HubProject) -> None:
    place = plain_place
    ran = place.refused("origin_unconfirmed")
    assert "without TLS" in ran.err
    assert "https://" in ran.err.partition("hint:")[2]
    # a commit is git's SHA-1, and the list of its files is only told: no digest of the bytes
    place.refused("origin_unconfirmed", f"{SPEC}@{place.case.repository.branches['main']}")
    place.values["network"]["plain_http"] = []
    place.write()
    place.refused("origin_unconfirmed")
    assert place.case.origin.requests == []


def accept(place: HubProject, *, unconfirmed: bool = True) -> None:
    place.values["pull"] = {"unconfirmed": unconfirmed}
    place.write()


def test_a_person_may_accept_an_origin_without_tls(plain_place: HubProject) -> None:
    place, case = plain_place, plain_place.case
    accept(place)
    assert place.pull(SPEC).status == 0
    entry = place.locked()
    assert not entry.origin_confirmed
    assert (entry.facts["origin"], entry.facts["repository_id"]) == ("without_tls", case.repository.id)
    assert entry.owner.id == case.origin.owners["acme"][1]
    before = place.project.lock.read_bytes()
    place.lose_store()
    accept(place, unconfirmed=False)
    assert place.pull("--locked").status == 0  # every byte is held against the lock
    case.repository.commit({**FILES, "config.json": b"{}"})
    place.pull(SPEC, "--update", "--yes").denied("origin_unconfirmed")
    assert place.project.lock.read_bytes() == before


def test_what_an_origin_without_tls_told_is_still_compared(plain_place: HubProject) -> None:
    place, case = plain_place, plain_place.case
    accept(place)
    assert place.pull(SPEC).status == 0
    case.repository.commit({**FILES, "config.json": b"{}"})
    assert place.pull(SPEC, "--update", "--yes").status == 0
    before = place.project.lock.read_bytes()
    case.repository.commit({**FILES, "config.json": b"[]"}, parents=())
    place.pull(SPEC, "--update", "--yes").denied("history_rewritten")
    case.origin.create(NAME).commit(FILES)
    place.pull(SPEC, "--update", "--yes").denied("owner_changed")
    case.origin.add_owner("acme")
    place.pull(SPEC, "--update", "--yes").denied("owner_changed")
    assert place.project.lock.read_bytes() == before


def test_an_origin_without_tls_is_still_no_mirror(plain_place: HubProject) -> None:
    accept(plain_place.with_mirror())
    assert plain_place.pull(SPEC).status == 0
    asked = [each.path for each in plain_place.case.mirror.requests]
    assert [path.rpartition("/")[2] for path in asked] == ["model.safetensors"]


def test_an_origin_without_tls_has_no_word_about_time(plain_place: HubProject) -> None:
    plain_place.values["pull"] = {"unconfirmed": True, "cooldown_days": 7}
    plain_place.write()
    plain_place.refused("age_unknown")


def copy_origin(case: HubCase, other: HubCase) -> None:
    """Let the hub of ``other`` be the same as that of ``case``, with the same ids."""
    other.origin.repositories, other.origin.owners = case.origin.repositories, case.origin.owners


def test_an_update_does_not_go_back_to_an_origin_without_tls(place: HubProject, plain_case: HubCase) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    copy_origin(place.case, plain_case)
    plain = HubProject(place.project, plain_case)
    accept(plain)
    plain_case.origin.repositories[NAME].commit({**FILES, "config.json": b"{}"})
    plain.pull(SPEC, "--update", "--yes").denied("origin_unconfirmed")
    plain.pull(f"{SPEC}@main:*.json", "--update", "--yes").denied("origin_unconfirmed")
    assert place.project.lock.read_bytes() == before


def test_an_update_over_tls_confirms_what_was_not(plain_place: HubProject, case: HubCase) -> None:
    accept(plain_place)
    assert plain_place.pull(SPEC).status == 0
    assert not plain_place.locked().origin_confirmed
    copy_origin(plain_place.case, case)
    place = HubProject(plain_place.project, case)
    assert place.pull(SPEC, "--update", "--yes").status == 0
    entry = place.locked()
    assert (entry.origin_confirmed, entry.facts["origin"]) == (True, "confirmed")


# --- locks without ids


def test_a_lock_of_a_mirrors_word_has_nothing_to_compare_with(place: HubProject) -> None:
    place.with_mirror()
    accept(place)
    place.case.origin.alter.append(lambda exchange: exchange.fail(503, "down"))
    assert place.pull(SPEC).status == 0
    assert place.locked().facts["repository_id"] == place.locked().owner.id == "unavailable"
    before = place.project.lock.read_bytes()
    assert place.pull(SPEC, "--update", "--yes").status == 0  # the same word, and it says the same
    place.case.origin.alter.clear()
    accept(place, unconfirmed=False)
    ran = place.pull(SPEC, "--update", "--yes").denied("owner_unidentified")
    assert "none to compare with" in ran.err
    assert "--name OTHER" in ran.err.partition("hint:")[2]
    assert place.project.lock.read_bytes() == before
    assert place.pull(SPEC, "--name", "other").status == 0  # as the hint says


def test_an_owner_whose_id_is_told_later(place: HubProject) -> None:
    owner = place.case.origin.owners.pop("acme")
    accept(place)
    assert place.pull(SPEC).status == 0
    assert place.pull(SPEC, "--update", "--yes").status == 0
    place.case.origin.owners["acme"] = owner
    place.pull(SPEC, "--update", "--yes").denied("owner_unidentified")
    place.case.origin.create("acme/large").commit(FILES)
    place.pull("hf:acme/large", "--name", "tiny", "--update", "--yes").denied("owner_unidentified")


def test_an_id_that_is_not_told_any_more(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    accept(place)

    def forget(exchange: Exchange) -> None:
        exchange.send_json({key: value for key, value in exchange.json.items() if key != "_id"})

    place.case.origin.alter.append(at("/revision/", forget))
    place.pull(SPEC, "--update", "--yes").denied("origin_unconfirmed")


# --- revisions


def test_metadata_of_one_revision_and_bytes_of_another(place: HubProject) -> None:
    head = place.case.repository.branches["main"]
    place.case.repository.commit({**FILES, "config.json": b'{"model_type": "evil"}'})

    def older(exchange: Exchange) -> None:
        exchange.headers["X-Repo-Commit"] = head

    place.case.origin.alter.append(at("/resolve/", older))
    place.refused("revision_mixed")


def test_bytes_of_another_revision_without_a_word_about_it(place: HubProject) -> None:
    place.case.origin.alter.append(
        at("/resolve-cache/", lambda exchange: setattr(exchange, "body", exchange.body.upper()))
    )
    place.refused("git_mismatch")


def test_a_ref_that_moved(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    place.case.repository.commit({**FILES, "config.json": b'{"model_type": "new"}'})
    place.lose_store()
    assert place.pull(SPEC).status == 0
    assert place.project.lock.read_bytes() == before
    assert place.pull(SPEC, "--update", "--yes").status == 0
    assert place.locked().revision == place.case.repository.branches["main"]


def test_history_that_was_rewritten(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    place.case.repository.commit({**FILES, "config.json": b"{}"}, parents=())
    place.pull(SPEC, "--update", "--yes").denied("history_rewritten")
    assert place.project.lock.read_bytes() == before


def test_an_update_of_the_pattern_alone_does_not_pass_over_rewritten_history(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    place.case.repository.commit({**FILES, "config.json": b"{}"}, parents=())
    place.pull(f"{SPEC}@main:*.json", "--update", "--yes").denied("history_rewritten")
    place.pull(f"{SPEC}@main:*.json", "--update", "--dry-run").denied("history_rewritten")
    assert place.project.lock.read_bytes() == before


def test_an_update_to_another_branch_needs_the_locked_revision_and_repository(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    repository = place.case.repository
    repository.commit({**FILES, "config.json": b"{}"}, branch="next", parents=())
    del repository.revisions[place.locked().revision]
    repository.branches["main"] = repository.branches["next"]
    place.pull(f"{SPEC}@next", "--update", "--yes").denied("revision_vanished")
    place.case.origin.create(NAME).commit({**FILES, "config.json": b"{}"}, branch="next")
    place.pull(f"{SPEC}@next", "--update", "--yes").denied("owner_changed")
    assert place.project.lock.read_bytes() == before


def test_a_revision_that_vanished(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    place.case.repository.commit({**FILES, "config.json": b"{}"}, parents=())
    del place.case.repository.revisions[place.locked().revision]
    place.pull(SPEC, "--update", "--yes").denied("revision_vanished")


def test_a_commit_of_a_strangers_pull_request(place: HubProject) -> None:
    evil = place.case.repository.commit({**FILES, "config.json": b"{}"}, branch=None)
    place.refused("revision_detached", f"{SPEC}@{evil}")
    assert place.pull(f"{SPEC}@refs/pr/1").status == 2


def test_a_back_dated_commit_waits_like_any_other(place: HubProject) -> None:
    place.values["pull"] = {"cooldown_days": 7}
    place.write()
    now = dt.datetime.now(dt.UTC)
    place.case.repository.commit(FILES, date=EPOCH - dt.timedelta(days=900))
    place.case.repository.modified_at = now
    place.refused("revision_too_young")
    place.case.repository.modified_at = now - dt.timedelta(days=8)
    assert place.pull(SPEC).status == 0


def test_a_back_dated_commit_behind_a_tag_waits_too(place: HubProject) -> None:
    place.values["pull"] = {"cooldown_days": 7}
    place.write()
    repository = place.case.repository
    old = EPOCH - dt.timedelta(days=900)
    repository.tags["v1"] = repository.commit({**FILES, "config.json": b"{}"}, branch=None, date=old)
    repository.modified_at = dt.datetime.now(dt.UTC)
    place.refused("revision_too_young", f"{SPEC}@v1")
    assert place.pull(f"{SPEC}@{repository.tags['v1']}").status == 0


def test_an_age_that_only_the_author_says(place: HubProject) -> None:
    place.values["pull"] = {"cooldown_days": 7}
    place.write()

    def without_time(exchange: Exchange) -> None:
        exchange.send_json({key: value for key, value in exchange.json.items() if key != "lastModified"})

    place.case.origin.alter.append(at("/revision/", without_time))
    place.refused("age_unknown")


# --- owners


def test_an_owner_that_was_registered_again(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    before = place.project.lock.read_bytes()
    place.case.origin.add_owner("acme")
    anew = place.case.origin.create(NAME)
    anew.commit(FILES)
    place.pull(SPEC, "--update", "--yes").denied("owner_changed")
    assert place.project.lock.read_bytes() == before


def test_a_repository_that_was_made_anew(place: HubProject) -> None:
    assert place.pull(SPEC).status == 0
    place.case.origin.create(NAME).commit(FILES)
    place.pull(SPEC, "--update", "--yes").denied("owner_changed")


def test_a_model_that_was_renamed_or_given_away(place: HubProject) -> None:
    place.case.origin.add_owner("evil")
    place.case.origin.rename(NAME, "evil/tiny")
    assert "evil/tiny" in place.refused("source_renamed").err


def test_an_owner_that_nobody_listed_and_one_without_an_id(place: HubProject) -> None:
    ran = place.refused("source_not_allowed", "hf:acne/tiny")
    assert "did you mean" in ran.err
    assert place.case.origin.requests == []
    del place.case.origin.owners["acme"]
    place.refused("owner_unidentified")


# --- lists


@pytest.mark.parametrize("digest", ["AB" * 32, "ab" * 31, "../../x", "ab" * 31 + "g1"])
def test_digests_that_are_none(place: HubProject, digest: str) -> None:
    place.case.origin.alter.append(edit_tree(lfs={"oid": digest, "size": len(WEIGHTS)}))
    place.refused("digest_invalid")


@pytest.mark.parametrize(
    "path", ["../../.ssh/authorized_keys", "/etc/passwd", "a\\b", "a\x00b", "a//b", "./a"]
)
def test_paths_that_lead_elsewhere(place: HubProject, path: str) -> None:
    place.case.origin.alter.append(edit_tree(path=path))
    place.refused("path_invalid")


@pytest.mark.parametrize("path", ["config.json ", "aux.bin", "a\u202etxt.bin", "a:b.bin", "x" * 300])
def test_paths_that_mean_something_else_elsewhere(place: HubProject, path: str) -> None:
    place.case.origin.alter.append(edit_tree(path=path))
    place.refused("path_invalid")


def test_names_that_collide(place: HubProject) -> None:
    place.case.origin.alter.append(edit_tree(path="CONFIG.json"))
    place.refused("path_collision")


def test_a_file_that_is_listed_twice(place: HubProject) -> None:
    place.case.origin.alter.append(edit_tree(path="config.json"))
    place.refused("listing_invalid")


@pytest.mark.parametrize("size", [-1, 1 << 60, 1.5, "7", None])
def test_sizes_that_are_none(place: HubProject, size: object) -> None:
    place.case.origin.alter.append(edit_tree(size=size))
    place.refused("listing_invalid")


def test_a_size_that_contradicts_the_pointer(place: HubProject) -> None:
    place.case.origin.alter.append(edit_tree(size=5))
    place.refused("metadata_conflict")


def test_a_hundred_thousand_files(place: HubProject) -> None:
    blob = place.case.repository.find("main").files["empty.txt"].git_sha1  # type: ignore[union-attr]
    names = (f'{{"type":"file","oid":"{blob}","size":0,"path":"{number}"}}' for number in range(100_000))
    raw = ("[" + ",".join(names) + "]").encode()
    place.case.origin.alter.append(at("/tree/", lambda exchange: setattr(exchange, "body", raw)))
    place.refused("artifact_too_many_files")


def test_a_list_without_end(place: HubProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_PAGES", 50)
    numbers = itertools.count(1)

    def endless(exchange: Exchange) -> None:
        exchange.headers["Link"] = f'<{exchange.path}?cursor={next(numbers)}>; rel="next"'
        exchange.send_json([])

    place.case.origin.alter.append(at("/tree/", endless))
    place.refused("listing_invalid")


def test_a_list_of_folders_without_end(place: HubProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_LIST_BYTES", 10_000)
    numbers = itertools.count()

    def go_on(exchange: Exchange) -> None:
        exchange.headers["Link"] = f'<{exchange.path}?cursor={next(numbers)}>; rel="next"'
        folder = {"type": "directory", "oid": "0" * 40, "size": 0, "path": "a"}
        exchange.send_json([{**folder, "path": f"a{number}"} for number in range(40)])

    place.case.origin.alter.append(at("/tree/", go_on))
    place.refused("listing_invalid")
    assert next(numbers) < 10


def test_a_mirrors_word_about_time_is_none(place: HubProject) -> None:
    place.values["pull"] = {"unconfirmed": True, "cooldown_days": 7}
    place.with_mirror()
    place.case.origin.stop()
    place.refused("age_unknown")
    place.values["pull"]["cooldown_days"] = 0
    place.write()
    assert place.pull(SPEC).status == 0
    assert not place.locked().origin_confirmed


@pytest.mark.parametrize("kind", ["symlink", "submodule"])
def test_links_and_submodules(place: HubProject, kind: str) -> None:
    place.case.origin.alter.append(edit_tree(type=kind))
    place.refused("file_special")


# --- bytes


def test_a_pointer_instead_of_the_weights(place: HubProject) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n".encode()
    place.case.origin.alter.append(at("/blobs/", lambda exchange: setattr(exchange, "body", pointer)))
    place.refused("pointer_served")


def test_an_archive_in_disguise(place: HubProject) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("evil.py", "x")
    place.case.repository.commit({"model.safetensors": packed.getvalue()})
    place.pull(SPEC).denied("archive_disguised")
    assert place.project.names() == {}
    assert not place.project.lock.exists()


def test_a_compressed_answer(place: HubProject) -> None:
    place.case.origin.alter.append(
        at("/resolve-cache/", lambda exchange: exchange.headers.update({"Content-Encoding": "gzip"}))
    )
    place.refused("encoding_refused")


# --- redirects and tokens


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/x",
        "http://[::1]:1/x",
        "file:///etc/passwd",
        "https://evil.example/x",
        "https://hf.co.evil.example/x",
        "//evil.example/x",
        "https://user:pass@huggingface.co/x",
    ],
)
def test_redirects_to_where_nobody_allowed(place: HubProject, location: str) -> None:
    place.case.origin.alter.append(
        at("/resolve/", lambda exchange: exchange.headers.update({"Location": location}))
    )
    place.refused("redirect_refused")


def test_a_redirect_to_a_link_local_address_that_the_settings_name(place: HubProject) -> None:
    for key in ("hosts", "plain_http"):
        place.values["network"][key].append("169.254.169.254")
    place.write()
    place.case.origin.alter.append(
        at("/resolve/", lambda exchange: exchange.headers.update({"Location": "http://169.254.169.254/x"}))
    )
    place.refused("address_refused")


def test_a_circle_of_redirects(place: HubProject) -> None:
    def around(exchange: Exchange) -> None:
        exchange.redirect(302, exchange.path)

    place.case.origin.alter.append(at("/resolve/", around))
    place.refused("redirect_refused")


def test_plain_http_that_nobody_allowed(plain_place: HubProject) -> None:
    accept(plain_place)
    plain_place.values["network"]["plain_http"] = []
    plain_place.write()
    plain_place.refused("plain_http")


def test_a_token_is_asked_for_by_others_and_written_nowhere(
    place: HubProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    place.with_mirror()
    place.case.origin.tokens[TOKEN] = set()

    def demand(exchange: Exchange) -> None:
        if exchange.server == "cdn" or exchange in place.case.mirror.requests:
            exchange.status, exchange.ranges = 401, False
            exchange.headers["WWW-Authenticate"] = f'Bearer realm="{place.case.mirror.url}/token"'

    place.case.mirror.alter.append(demand)
    ran = place.pull(SPEC)
    assert ran.status == 3, ran
    others = [*place.case.mirror.requests, *place.case.mirror.cdn.exchanges, *place.case.origin.cdn.exchanges]
    assert others
    assert all("authorization" not in each.asked for each in others)
    assert all(each.asked["authorization"] == f"Bearer {TOKEN}" for each in place.case.origin.requests)
    place.case.mirror.alter.clear()
    done = place.pull(SPEC)
    assert done.status == 0, done
    assert TOKEN not in ran.out + ran.err + done.out + done.err
    assert not [path for path in _files(place.project.root) if TOKEN.encode() in path.read_bytes()]
    assert "Signature" not in ran.out + ran.err + done.out + done.err + place.project.lock.read_text()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_token_that_the_hub_repeats(place: HubProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    place.case.origin.tokens[TOKEN] = {NAME}

    def repeat(exchange: Exchange) -> None:
        exchange.fail(403, f"not for {exchange.asked['authorization']}")

    def lead(exchange: Exchange) -> None:
        if TOKEN not in exchange.path:
            exchange.redirect(307, f"{place.case.origin.url}/api/models/evil/{TOKEN}/refs")

    for part, change, code in (
        ("/refs", repeat, "access_refused"),
        ("/resolve/", repeat, "access_refused"),
        ("/refs", lead, "source_renamed"),
    ):
        place.case.origin.alter[:] = [at(part, change)]
        ran = place.pull(SPEC, "--json")
        assert f"[{code}]" in ran.err
        assert TOKEN not in ran.out + ran.err
    logged = [path.read_bytes() for path in place.project.root.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in raw for raw in logged)


def test_an_answer_that_is_small_on_the_wire_and_large_in_memory(place: HubProject) -> None:
    def swell(exchange: Exchange) -> None:
        exchange.send_json([])
        exchange.body = b"[" + b"{}," * 600_000 + b"{}]"

    place.case.origin.alter.append(at("/tree/", swell))
    assert "500000 values" in place.refused("listing_invalid").err


def test_a_gated_model_without_a_token(place: HubProject) -> None:
    place.case.repository.gated = "manual"
    ran = place.pull(SPEC)
    assert (ran.status, "[access_refused]" in ran.err) == (3, True)
    assert "accept the terms" in ran.err
    place.project.assert_untouched()
