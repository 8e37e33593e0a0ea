"""Which commits belong to the owner, when they appeared, and whether history goes on."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from hub import EPOCH
from hub_case import FILES, NAME, SPEC, HubCase, case_fixture, lock, pull  # noqa: F401  # the fixture is found by name
from hub_server import Exchange
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.lock import LockedModel
from weighlock.source.interface import SourceSpec


def spec_of(text: str) -> SourceSpec:
    return SourceSpec("hf", text)


def refusal(call: Callable[[], object]) -> WeighlockError:
    with pytest.raises(WeighlockError) as caught:
        call()
    return caught.value


def test_a_commit_that_only_a_pull_request_holds(case: HubCase) -> None:
    case.repository.commit({"a.json": b"1"})
    evil = case.repository.commit({"a.json": b"evil"}, branch=None)
    error = refusal(lambda: pull(case.source(), spec_of(f"{NAME}@{evil}")))
    assert (type(error), error.code) == (DeniedError, "revision_detached")


def test_a_commit_behind_the_head_of_any_branch(case: HubCase) -> None:
    first = case.repository.commit({"a.json": b"1"}, branch="old")
    case.repository.commit({"a.json": b"2"}, branch="old")
    case.repository.commit({"a.json": b"3"})
    assert pull(case.source(), spec_of(f"{NAME}@{first}")) == {"a.json": b"1"}


def test_a_branch_and_a_tag_of_one_name(case: HubCase) -> None:
    case.repository.tags["v1"] = case.repository.commit({"a.json": b"1"})
    case.repository.commit({"a.json": b"2"}, branch="v1")
    assert refusal(lambda: pull(case.source(), spec_of(f"{NAME}@v1"))).code == "revision_ambiguous"


def test_a_hub_that_shortens_commits_is_not_followed(case: HubCase) -> None:
    commit = case.repository.commit({"a.json": b"1"})
    case.repository.revisions[commit[:10]] = case.repository.revisions[commit]
    error = refusal(lambda: pull(case.source(), spec_of(f"{NAME}@{commit[:10]}")))
    assert (error.code, "40 digits" in error.hint) == ("source_missing", True)


def test_a_ref_that_moves_while_it_is_resolved(case: HubCase) -> None:
    first = case.repository.commit({"a.json": b"1"})

    def move(exchange: Exchange) -> None:
        if "/revision/" in exchange.path:
            case.repository.commit({"a.json": b"2"})

    case.origin.alter.append(move)
    assert case.source().resolve(SPEC, {}).revision == first


def test_when_a_revision_appeared(case: HubCase) -> None:
    old = EPOCH - dt.timedelta(days=1000)
    first = case.repository.commit({"a.json": b"1"}, date=old)
    case.repository.tags["v1"] = first
    back_dated = case.repository.commit({"a.json": b"2"}, date=old + dt.timedelta(days=1))
    case.repository.modified_at = EPOCH + dt.timedelta(days=5)
    source = case.source()
    assert source.resolve(SPEC, {}).changed_at == EPOCH + dt.timedelta(days=5)
    assert source.resolve(spec_of(f"{NAME}@{back_dated}"), {}).changed_at == EPOCH + dt.timedelta(days=5)
    assert source.resolve(spec_of(f"{NAME}@v1"), {}).changed_at == EPOCH + dt.timedelta(days=5)
    case.origin.alter.append(lambda exchange: leave_out(exchange, "lastModified"))
    assert source.resolve(SPEC, {}).changed_at is None


def leave_out(exchange: Exchange, name: str) -> None:
    if "/revision/" in exchange.path:
        exchange.send_json({key: value for key, value in exchange.json.items() if key != name})


def continues(case: HubCase, entry: LockedModel, spec: SourceSpec = SPEC) -> None:
    source = case.source()
    source.check_continues(spec, entry, source.resolve(spec, {}))


def test_history_goes_on(case: HubCase) -> None:
    case.origin.page = 3
    case.repository.commit(FILES)
    entry = lock(case.source())
    continues(case, entry)
    for number in range(10):
        case.repository.commit({"a.json": b"%d" % number})
    continues(case, entry)
    side = case.repository.commit({"a.json": b"side"}, branch="side")
    main = case.repository.branches["main"]
    case.repository.commit({"a.json": b"merged"}, parents=(main, side))
    continues(case, entry)


def test_history_that_was_rewritten(case: HubCase) -> None:
    case.repository.commit(FILES)
    entry = lock(case.source())
    case.repository.commit({"a.json": b"new"}, parents=())
    assert refusal(lambda: continues(case, entry)).code == "history_rewritten"


@pytest.mark.parametrize("edit", ["no ref", "another ref", "another source"])
def test_a_lock_edited_so_that_another_ref_was_locked(case: HubCase, edit: str) -> None:
    case.repository.commit(FILES)
    entry = lock(case.source())
    case.repository.commit({"a.json": b"new"}, parents=())
    case.repository.commit({"a.json": b"new"}, branch="next", parents=())
    spec = SPEC
    if edit == "another source":  # then nobody named that branch but the lock
        spec = spec_of(f"{NAME}@next")
        entry = replace(entry, source=str(spec))
    else:
        others = {name: value for name, value in entry.facts.items() if name != "ref"}
        entry = replace(entry, facts=others if edit == "no ref" else {**others, "ref": "next"})
    assert refusal(lambda: continues(case, entry, spec)).code == "lock_conflict"


def test_a_revision_that_vanished(case: HubCase) -> None:
    case.repository.commit(FILES)
    entry = lock(case.source())
    case.repository.commit({"a.json": b"new"}, parents=())
    del case.repository.revisions[entry.revision]
    assert refusal(lambda: continues(case, entry)).code == "revision_vanished"


def test_a_repository_made_anew_by_the_same_owner(case: HubCase) -> None:
    case.repository.commit(FILES)
    entry = lock(case.source())
    case.repository = case.origin.create(NAME)
    case.repository.commit(FILES)
    assert refusal(lambda: continues(case, entry)).code == "owner_changed"


def test_another_ref_is_the_choice_of_whoever_names_it(case: HubCase) -> None:
    case.repository.commit(FILES)
    entry = lock(case.source())
    case.repository.commit({"a.json": b"other"}, branch="other", parents=())
    continues(case, entry, spec_of(f"{NAME}@other"))
    del case.repository.revisions[entry.revision], case.repository.branches["main"]
    assert refusal(lambda: continues(case, entry, spec_of(f"{NAME}@other"))).code == "revision_vanished"


def test_another_repository_has_another_history(case: HubCase) -> None:
    case.repository.commit(FILES)
    entry = lock(case.source())
    case.origin.create("acme/large").commit({"a.json": b"1"})
    continues(case, entry, spec_of("acme/large@main"))
    continues(case, replace(entry, source="path:models/tiny"))
