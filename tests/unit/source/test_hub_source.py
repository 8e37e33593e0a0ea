"""The source as a whole, against an origin, a mirror and their content networks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hub_case import FILES, NAME, SPEC, TAKEN, WEIGHTS, HubCase, case_fixture, fetch, lock, pull  # noqa: F401  # the fixture is found by name
from hub_server import Exchange
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.source.huggingface import source as source_module
from weighlock.source.interface import SourceSpec


def spec_of(text: str) -> SourceSpec:
    return SourceSpec("hf", text)


def refusal(call: Callable[[], object]) -> WeighlockError:
    with pytest.raises(WeighlockError) as caught:
        call()
    return caught.value


def on(server: str, change: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Return a change of the answers of one server, ``hub`` or ``cdn``."""
    return lambda exchange: change(exchange) if exchange.server == server else None


def hide(exchange: Exchange) -> None:
    exchange.status, exchange.body = 503, b""
    exchange.ranges = False


def lie(exchange: Exchange) -> None:
    """Other bytes of the same size."""
    if exchange.ranges:
        exchange.body = b"\x00" * len(exchange.body)


def test_a_first_pull(case: HubCase) -> None:
    commit = case.repository.commit(FILES)
    source = case.source()
    assert source.canonical(spec_of(NAME), Path()) == SPEC
    assert source.name_of(SPEC) == "tiny"
    resolved = source.resolve(SPEC, {})
    assert (resolved.revision, resolved.origin_confirmed, resolved.pinned) == (commit, True, False)
    assert resolved.owner == ("hf", case.origin.owners["acme"][1], "acme")
    assert resolved.facts["ref"] == "main"
    assert resolved.facts["repository_id"] == case.repository.id
    items, bytes_of = fetch(source, resolved)
    assert bytes_of == TAKEN
    assert [item.path for item in items] == sorted(TAKEN)
    by_path = {item.path: item for item in items}
    assert by_path["weights/model.safetensors"].promised == Digest.of(WEIGHTS)
    assert by_path["weights/model.safetensors"].git_sha1 is None
    stored = case.repository.revisions[commit].files["config.json"]
    assert (by_path["config.json"].promised, by_path["config.json"].git_sha1) == (None, stored.git_sha1)


def test_files_go_on_from_where_they_broke_off(case: HubCase) -> None:
    case.repository.commit(FILES)
    source = case.source()
    resolved = source.resolve(SPEC, {})
    with source.fetch(SPEC, resolved, None, None, None) as fetched:  # type: ignore[arg-type]  # both unused
        for path, start in (("weights/model.safetensors", 1_000_000), ("config.json", 5)):
            rest = b"".join(bytes(chunk) for chunk in fetched.chunks(path, start))
            assert rest == FILES[path][start:]
    assert case.origin.cdn.exchanges[-1].status == 206


def test_patterns_choose_the_files(case: HubCase) -> None:
    case.repository.commit(FILES)
    assert set(pull(case.source(), spec_of(f"{NAME}:*.json,.git*"))) == {"config.json", ".gitattributes"}
    error = refusal(lambda: pull(case.source(), spec_of(f"{NAME}:*.gguf")))
    assert error.code == "artifact_empty"


def test_tags_and_commits(case: HubCase) -> None:
    first = case.repository.commit({"a.json": b"1"})
    case.repository.tags["v1"] = first
    case.repository.commit({"a.json": b"2"})
    source = case.source()
    assert pull(source, spec_of(f"{NAME}@v1")) == {"a.json": b"1"}
    assert pull(source, spec_of(f"{NAME}@{first}")) == {"a.json": b"1"}
    named = source.resolve(spec_of(f"{NAME}@{first}"), {})
    assert ("ref" in named.facts, named.pinned) == (False, True)
    assert not source.resolve(spec_of(f"{NAME}@v1"), {}).pinned


def test_a_withdrawn_model(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.repository.disabled = True
    assert refusal(lambda: pull(case.source())).code == "source_disabled"


def test_only_owners_that_the_settings_name(case: HubCase) -> None:
    case.source().check_allowed(SPEC)
    error = refusal(lambda: case.source().check_allowed(spec_of("acne/tiny")))
    assert error.code == "source_not_allowed"


def test_an_owner_without_an_id(case: HubCase) -> None:
    case.repository.commit(FILES)
    del case.origin.owners["acme"]
    assert refusal(lambda: pull(case.source())).code == "owner_unidentified"
    resolved = case.source(unconfirmed=True).resolve(SPEC, {})
    assert (resolved.owner.id, resolved.origin_confirmed) == ("unavailable", True)


def test_no_content_network_unless_the_settings_name_it(case: HubCase) -> None:
    case.repository.commit(FILES)
    assert refusal(lambda: pull(case.source(hosts=False))).code == "redirect_refused"


def test_a_token_is_for_the_origin_only(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.copy()
    case.origin.tokens["hf_secret"] = set()
    assert pull(case.source(token="hf_secret", mirror=True)) == TAKEN
    assert all(each.asked["authorization"] == "Bearer hf_secret" for each in case.origin.requests)
    others = [*case.mirror.requests, *case.mirror.cdn.exchanges, *case.origin.cdn.exchanges]
    assert others
    assert all("authorization" not in each.asked for each in others)


def test_a_mirror_serves_what_a_digest_proves_and_nothing_else(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.copy()
    assert pull(case.source(mirror=True)) == TAKEN
    assert [each.path.partition("/resolve/")[2].partition("/")[2] for each in case.mirror.requests] == [
        "weights/model.safetensors"
    ]
    assert case.origin.cdn.exchanges == []


def test_without_the_origin_a_first_pull_is_refused(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.copy()
    case.origin.alter.append(hide)
    error = refusal(lambda: pull(case.source(mirror=True)))
    assert (type(error), error.code) == (DeniedError, "origin_unconfirmed")
    assert refusal(lambda: pull(case.source())).code == "server_failed"
    asked = len(case.mirror.requests)
    assert asked == 0
    source = case.source(mirror=True, unconfirmed=True)
    resolved = source.resolve(SPEC, {})
    assert (resolved.origin_confirmed, resolved.owner.id) == (False, "unavailable")
    assert fetch(source, resolved)[1] == TAKEN


def test_a_refusal_of_the_origin_is_no_reason_to_ask_a_mirror(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.copy()
    source = case.source(mirror=True, unconfirmed=True, token="hf_wrong")
    assert refusal(lambda: pull(source)).code == "access_refused"
    assert case.mirror.requests == []


@pytest.mark.parametrize("mirror", [False, True])
def test_a_locked_pull_asks_nobody_which_files_there_are(case: HubCase, mirror: bool) -> None:
    case.repository.commit(FILES)
    case.copy()
    entry = lock(case.source())
    case.repository.commit({"evil.bin": b"evil"})
    asked = len(case.origin.requests)
    if mirror:
        case.origin.alter.append(hide)
    source = case.source(mirror=mirror)
    resolved = source.resolve(SPEC, entry.facts)
    assert (resolved.revision, resolved.owner, resolved.facts) == (entry.revision, entry.owner, entry.facts)
    items, bytes_of = fetch(source, resolved, locked=entry)
    assert bytes_of == TAKEN
    assert {item.path: item.promised for item in items} == {
        path: file.digest for path, file in entry.files.items()
    }
    assert not any(item.git_sha1 for item in items)  # the lock's digests say more
    later = case.mirror.requests if mirror else case.origin.requests[asked:]
    assert all("/resolve" in each.path for each in later)
    assert len(case.origin.requests) == asked or not mirror


@pytest.mark.parametrize(
    "change",
    [
        {"commit": "main"},
        {"commit": "AB" * 20},
        {"ref": "v1"},
        {"origin": "yes"},
        {"extra": "x"},
    ],
)
def test_facts_that_were_edited(case: HubCase, change: dict[str, str]) -> None:
    case.repository.commit(FILES)
    facts = dict(lock(case.source()).facts)
    assert refusal(lambda: case.source().resolve(SPEC, {**facts, **change})).code == "lock_conflict"
    del facts["owner_id"]
    assert refusal(lambda: case.source().resolve(SPEC, facts)).code == "lock_conflict"


def test_bytes_of_another_revision(case: HubCase) -> None:
    first = case.repository.commit({"a.json": b"1"})
    case.repository.commit({"a.json": b"2"})
    case.origin.alter.append(
        lambda exchange: (
            exchange.headers.update({"X-Repo-Commit": first}) if "/resolve/" in exchange.path else None
        )
    )
    assert refusal(lambda: pull(case.source())).code == "revision_mixed"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("model.safetensors", {"X-Linked-Size": "8"}),
        ("config.json", {"X-Linked-Size": "8"}),
        ("model.safetensors", {"X-Linked-ETag": f'"{"0" * 64}"'}),
        ("config.json", {"X-Linked-ETag": f'"{"0" * 40}"'}),
    ],
)
def test_answers_that_contradict_the_list(case: HubCase, path: str, headers: dict[str, str]) -> None:
    case.repository.commit({path: b"content"})
    case.origin.alter.append(
        lambda exchange: exchange.headers.update(headers) if "/resolve/" in exchange.path else None
    )
    assert refusal(lambda: pull(case.source())).code == "metadata_conflict"
    assert case.origin.cdn.exchanges == []


def test_a_body_of_another_size(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.origin.alter.append(on("cdn", lambda exchange: setattr(exchange, "body", exchange.body[:-1])))
    assert refusal(lambda: pull(case.source())).code == "size_mismatch"


def pointer_of(content: bytes) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid {Digest.of(content)}\nsize {len(content)}\n".encode()


def test_pointers_instead_of_content(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.copy()
    case.mirror.alter.append(on("cdn", lambda exchange: setattr(exchange, "body", pointer_of(WEIGHTS))))
    assert refusal(lambda: pull(case.source(mirror=True))).code == "pointer_served"


def test_a_pointer_that_was_committed_as_it_is(case: HubCase) -> None:
    case.repository.commit({"model.safetensors": pointer_of(WEIGHTS)}, lfs=())
    assert refusal(lambda: pull(case.source())).code == "pointer_served"


def test_signed_addresses_that_expire(case: HubCase) -> None:
    case.repository.commit(FILES)
    source = case.source()
    resolved = source.resolve(SPEC, {})
    case.origin.signature_uses = 1
    expired: list[bool] = []

    def cut(exchange: Exchange) -> None:
        if exchange.ranges and not expired:
            exchange.cut = 600_000
            expired.append(True)

    case.origin.alter.append(on("cdn", cut))
    assert fetch(source, resolved)[1] == TAKEN
    assert [each.status for each in case.origin.cdn.exchanges][-1] == 206


@pytest.mark.parametrize("kind", ["symlink", "unknown", "commit"])
def test_what_is_no_regular_file(case: HubCase, kind: str) -> None:
    case.repository.commit(FILES)

    def change(exchange: Exchange) -> None:
        if "/tree/" in exchange.path:
            exchange.send_json(
                [{**item, "type": kind} if item["path"] == "config.json" else item for item in exchange.json]
            )

    case.origin.alter.append(change)
    assert refusal(lambda: pull(case.source())).code == "file_special"
    assert "config.json" not in pull(case.source(), spec_of(f"{NAME}:!config.json"))


def test_names_that_collide_and_many_files(case: HubCase, monkeypatch: pytest.MonkeyPatch) -> None:
    case.repository.commit({"a.json": b"1", "A.json": b"2", "x/b.json": b"3"})
    assert refusal(lambda: pull(case.source())).code == "path_collision"
    assert set(pull(case.source(), spec_of(f"{NAME}:!A.json"))) == {"a.json", "x/b.json"}
    monkeypatch.setattr(source_module, "MAX_FILES", 2)
    error = refusal(lambda: pull(case.source()))
    assert (error.code, "PATTERN" in error.hint) == ("artifact_too_many_files", True)


def test_an_empty_repository(case: HubCase) -> None:
    case.repository.commit({})
    assert refusal(lambda: pull(case.source())).code == "artifact_empty"


def test_a_gated_model_says_what_to_do(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.repository.gated = "manual"
    case.origin.tokens |= {"hf_in": {NAME}, "hf_out": set()}
    for token in (None, "hf_out"):
        error = refusal(lambda token=token: pull(case.source(token=token)))  # type: ignore[misc]
        assert (error.code, "accept the terms" in error.hint) == ("access_refused", True)
    assert pull(case.source(token="hf_in")) == TAKEN


def test_access_that_ends_between_list_and_bytes(case: HubCase) -> None:
    case.repository.commit(FILES)
    source = case.source()
    resolved = source.resolve(SPEC, {})
    case.repository.gated = "manual"
    error = refusal(lambda: fetch(source, resolved))
    assert (error.code, "accept the terms" in error.hint) == ("access_refused", True)


def test_a_mirror_that_lies_is_caught_by_the_promise(case: HubCase) -> None:
    case.repository.commit(FILES)
    case.copy()
    case.mirror.alter.append(lie)
    source = case.source(mirror=True)
    items, bytes_of = fetch(source, source.resolve(SPEC, {}))
    promised = {item.path: item.promised for item in items}
    path = "weights/model.safetensors"
    assert promised[path] == Digest.of(WEIGHTS) != Digest.of(bytes_of[path])
