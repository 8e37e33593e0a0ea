"""The calls of the API, asked of a hub that behaves and of one that does not."""

import itertools
from collections.abc import Iterator

import pytest

from hub import Hub as House
from hub_server import Exchange
from web_authority import common_authority
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.source.huggingface import hub as hub_module
from weighlock.source.huggingface.endpoint import parse_endpoint
from weighlock.source.huggingface.hub import Hub
from weighlock.source.huggingface.token import read_token
from weighlock.transport.client import Client, Network, Timing

NAME = "acme/tiny"
FILES = {"config.json": b"{}", "sub/a.txt": b"a", "model.safetensors": b"weights"}


@pytest.fixture(name="house")
def house_fixture() -> Iterator[House]:
    made = House().start()
    yield made
    made.stop()


@pytest.fixture(name="client")
def client_fixture() -> Iterator[Client]:
    network = Network(ca_file=common_authority().ca_file)
    with Client(network, timing=Timing(sleep=lambda _: None)) as client:
        yield client


@pytest.fixture(name="hub")
def hub_fixture(house: House, client: Client) -> Hub:
    return Hub(client, parse_endpoint(house.url, what="test"), None)


def with_token(house: House, client: Client, token: str) -> Hub:
    endpoint = parse_endpoint(house.url, what="test")
    return Hub(client, endpoint, read_token(None, {"HF_TOKEN": token}, endpoint.origin))


def test_a_model_its_files_its_history_its_owner(house: House, hub: Hub) -> None:
    repository = house.create(NAME)
    first = repository.commit({"config.json": b"{}"})
    second = repository.commit(FILES)
    repository.tags["v1"] = first
    found = hub.model(NAME, second)
    assert (found.repository, found.id, found.commit) == (NAME, repository.id, second)
    assert hub.model(NAME, first).commit == first
    assert {entry.path: entry.size for entry in hub.entries(NAME, second)} == {
        path: len(content) for path, content in FILES.items()
    }
    assert [item.id for item in hub.commits(NAME, second)] == [second, first]
    assert hub.refs(NAME) == ({"main": second}, {"v1": first})
    assert hub.owner_id("acme") == house.owners["acme"][1]
    assert all("authorization" not in exchange.asked for exchange in house.requests)


def test_users_are_owners_too_and_some_owners_are_nobody(house: House, hub: Hub) -> None:
    house.add_owner("eve", kind="users", id="x1")
    assert hub.owner_id("eve") == "x1"
    assert hub.owner_id("nobody") is None


def test_lists_of_many_pages(house: House, hub: Hub) -> None:
    house.page = 7
    repository = house.create(NAME)
    files = {f"d{number % 5}/{number:03}.json": b"%d" % number for number in range(100)}
    for _ in range(30):
        commit = repository.commit(files)
    assert {entry.path for entry in hub.entries(NAME, commit)} == set(files)
    assert len(list(hub.commits(NAME, commit))) == 30


def refusal(call: object) -> WeighlockError:
    with pytest.raises(WeighlockError) as caught:
        call()  # type: ignore[operator]  # any call
    return caught.value


def test_what_does_not_exist(house: House, client: Client, hub: Hub) -> None:
    house.create(NAME).commit(FILES)
    missing = refusal(lambda: hub.refs("acme/nothing"))
    assert missing.code == "source_missing"
    assert "HF_TOKEN" in missing.hint
    house.tokens["hf_good"] = set()
    assert refusal(lambda: with_token(house, client, "hf_good").refs("acme/nothing")).code == "source_missing"
    revision = refusal(lambda: hub.model(NAME, "0" * 40))
    assert (revision.code, "no such revision" in revision.message) == ("source_missing", True)


def test_private_and_gated_models_say_what_to_do(house: House, client: Client, hub: Hub) -> None:
    private = house.create("acme/private", private=True)
    private.commit(FILES)
    gated = house.create("acme/gated", gated="manual")
    commit = gated.commit(FILES)
    house.tokens |= {"hf_plain": set(), "hf_in": {"acme/gated"}}
    assert refusal(lambda: hub.refs("acme/private")).code == "source_missing"
    assert with_token(house, client, "hf_plain").refs("acme/private").branches
    anonymous = refusal(lambda: list(hub.commits("acme/gated", commit)))
    assert (anonymous.code, "accept the terms" in anonymous.hint) == ("access_refused", True)
    assert "HF_TOKEN" in anonymous.hint
    known = refusal(lambda: list(with_token(house, client, "hf_plain").commits("acme/gated", commit)))
    assert (known.code, "HF_TOKEN" in known.hint) == ("access_refused", False)
    assert list(with_token(house, client, "hf_in").commits("acme/gated", commit))


def test_a_wrong_token_is_told_and_not_shown(house: House, client: Client) -> None:
    house.create(NAME).commit(FILES)
    error = refusal(lambda: with_token(house, client, "hf_wrong").refs(NAME))
    assert (error.code, "token" in error.message) == ("access_refused", True)
    assert "hf_wrong" not in f"{error} {error.hint} {error.details}"


def test_a_renamed_model_is_another_one(house: House, hub: Hub) -> None:
    commit = house.create(NAME).commit(FILES)
    house.rename(NAME, "evil/tiny")
    for call in (
        lambda: hub.refs(NAME),
        lambda: hub.entries(NAME, commit),
        lambda: hub.refs(NAME),
        lambda: list(hub.commits(NAME, commit)),
    ):
        error = refusal(call)
        assert isinstance(error, DeniedError)
        assert (error.code, "evil/tiny" in error.message) == ("source_renamed", True)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"id": "acme/Tiny"}, "source_renamed"), ({"sha": "0" * 40}, "revision_mixed")],
)
def test_an_answer_about_another_model_is_refused(
    house: House, hub: Hub, change: dict[str, str], code: str
) -> None:
    commit = house.create(NAME).commit(FILES)
    house.alter.append(lambda exchange: exchange.send_json({**exchange.json, **change}))
    assert refusal(lambda: hub.model(NAME, commit)).code == code


def test_a_list_of_another_commit_is_refused(house: House, hub: Hub) -> None:
    repository = house.create(NAME)
    first, second = repository.commit({"a": b"1"}), repository.commit({"a": b"2"})
    house.alter.append(lambda exchange: exchange.headers.update({"X-Repo-Commit": first}))
    assert refusal(lambda: hub.entries(NAME, second)).code == "revision_mixed"
    house.alter[:] = [lambda exchange: exchange.send_json([{"id": first, "date": "2024-02-19T10:57:45Z"}])]
    assert refusal(lambda: list(hub.commits(NAME, second))).code == "revision_mixed"
    assert refusal(lambda: hub.commit(NAME, second)).code == "revision_mixed"
    house.alter[:] = [lambda exchange: exchange.send_json([])]
    assert refusal(lambda: hub.commit(NAME, second)).code == "listing_invalid"
    assert list(hub.commits(NAME, second)) == []


def test_pages_without_end(house: House, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_PAGES", 20)
    commit = house.create(NAME).commit(FILES)
    numbers = itertools.count(1)

    def endless(exchange: Exchange) -> None:
        exchange.send_json([])
        exchange.headers["Link"] = f'<{exchange.path}?cursor={next(numbers)}>; rel="next"'

    house.alter.append(endless)
    assert refusal(lambda: hub.entries(NAME, commit)).code == "listing_invalid"
    assert len(house.requests) == 20


def test_pages_in_a_circle(house: House, hub: Hub) -> None:
    commit = house.create(NAME).commit(FILES)

    def circle(exchange: Exchange) -> None:
        exchange.send_json([])
        following = "cursor=1" if "cursor=2" in exchange.query else "cursor=2"
        exchange.headers["Link"] = f'<{exchange.path}?{following}>; rel="next"'

    house.alter.append(circle)
    assert refusal(lambda: hub.entries(NAME, commit)).code == "listing_invalid"
    assert len(house.requests) == 3


def test_too_many_files_and_commits(house: House, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_ENTRIES", 20)
    monkeypatch.setattr(hub_module, "MAX_COMMITS", 20)
    house.page = 10
    repository = house.create(NAME)
    for number in range(30):
        commit = repository.commit({f"{each}.txt": b"%d" % number for each in range(30)})
    assert refusal(lambda: hub.entries(NAME, commit)).code == "artifact_too_many_files"
    assert refusal(lambda: list(hub.commits(NAME, commit))).code == "listing_invalid"


def test_a_file_that_is_listed_twice(house: House, hub: Hub) -> None:
    commit = house.create(NAME).commit(FILES)
    house.alter.append(lambda exchange: exchange.send_json(exchange.json * 2))
    assert refusal(lambda: hub.entries(NAME, commit)).code == "listing_invalid"


def test_a_next_page_elsewhere_is_asked_for_here(house: House, hub: Hub) -> None:
    commit = house.create(NAME).commit(FILES)

    def elsewhere(exchange: Exchange) -> None:
        if "cursor" not in exchange.query:
            exchange.headers["Link"] = f'<http://169.254.169.254{exchange.path}?cursor=1>; rel="next"'

    house.alter.append(elsewhere)
    hub.entries(NAME, commit)
    assert [exchange.query for exchange in house.requests] == ["recursive=true", "cursor=1"]


def test_an_answer_that_is_too_large(house: House, hub: Hub) -> None:
    house.create(NAME).commit(FILES)
    house.alter.append(lambda exchange: setattr(exchange, "body", b" " * (17 * 1024 * 1024)))
    assert refusal(lambda: hub.refs(NAME)).code == "response_too_large"


@pytest.mark.parametrize("text", ["hf a", "hf\na", "hf\x00", "hf_ä", "x" * 5000])
def test_what_is_no_token(text: str) -> None:
    origin = parse_endpoint("https://hub.example", what="test").origin
    with pytest.raises(UsageError) as caught:
        read_token(None, {"HF_TOKEN": text}, origin)
    assert caught.value.code == "settings_invalid"
    assert text not in f"{caught.value} {caught.value.hint}"


def test_where_a_token_is_looked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    origin = parse_endpoint("https://hub.example", what="test").origin
    other = parse_endpoint("https://mirror.example", what="test").origin
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text("hf_file\n")
    found = read_token(file, {"HF_TOKEN": "hf_variable"}, origin)
    assert found is not None
    assert found.origin == origin
    assert found.headers["Authorization"].reveal() == "Bearer hf_file"
    assert found.headers_for(other) == {}
    assert "hf_file" not in repr(found)
    assert read_token(None, {}, origin) is None
    assert read_token(None, {"HF_TOKEN": " "}, origin) is None
    file.write_text("\n")
    for place in (file, file.with_name("missing")):
        with pytest.raises(UsageError) as caught:
            read_token(place, {"HF_TOKEN": "hf_variable"}, origin)
        assert caught.value.code == "settings_invalid"
