"""Tags: all of them, page by page, as long as the pages end."""

import json
from collections.abc import Callable

import pytest

from registry_material import manifest_of, put
from registry_server import RegistryServer
from unit.transport.registry.conftest import Connect, Serve
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.transport.registry import listing
from weighlock.transport.registry import repository as repository_module
from weighlock.transport.registry.client import Repository

NAME = "org/model"
TAGS = [f"v{number}" for number in range(7)]


@pytest.fixture
def repository(server: RegistryServer, connect: Connect) -> Repository:
    for tag in TAGS:
        put(server.content, NAME, manifest_of(), tag)
    return connect(server).repository(NAME)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(WeighlockError) as caught:
        call()
    return caught.value.code


def page(server: RegistryServer, tags: object, link: str = "", *, times: int = 1) -> None:
    headers = {"Link": link} if link else {}
    server.answer(
        "GET", "/tags/list", 200, body=json.dumps({"tags": tags}).encode(), headers=headers, times=times
    )


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_all_pages_are_read(server: RegistryServer, repository: Repository, size: int) -> None:
    server.switches.page = size
    assert repository.tags() == TAGS
    assert len(server.requests) == -(-len(TAGS) // size)


def test_a_repository_that_is_not_there(server: RegistryServer, connect: Connect) -> None:
    assert connect(server).repository("org/none").tags() == []


def test_no_tags(server: RegistryServer, repository: Repository) -> None:
    page(server, None)
    assert repository.tags() == []


def test_a_link_relative_to_the_page(server: RegistryServer, repository: Repository) -> None:
    page(server, ["a"], '<list?n=1000&last=a>; rel="next"')
    assert repository.tags() == ["a"]
    assert server.requests[1].path == f"/v2/{NAME}/tags/list?n=1000&last=a"


def test_a_page_twice(server: RegistryServer, repository: Repository) -> None:
    page(server, ["a"], f'</v2/{NAME}/tags/list?n=1000&last=a>; rel="next"', times=9)
    assert refusal(repository.tags) == "listing_endless"
    assert len(server.requests) == 2


def test_pages_without_an_end(
    server: RegistryServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_PAGES", 5)
    for number in range(9):
        page(server, [], f'</v2/{NAME}/tags/list?last={number}>; rel="next"')
    assert refusal(repository.tags) == "listing_endless"
    assert len(server.requests) == 5


def test_a_huge_list(server: RegistryServer, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_module, "MAX_TAGS", 100)
    page(server, [f"t{number}" for number in range(101)])
    assert refusal(repository.tags) == "listing_endless"
    monkeypatch.setattr(listing, "MAX_PAGE_BYTES", 1000)
    page(server, ["a" * 100] * 10)
    assert refusal(repository.tags) == "response_too_large"


def test_pages_that_are_large_and_say_nothing_new(
    server: RegistryServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_LISTING_BYTES", 3000)
    for number in range(9):
        page(server, ["a" * 100] * 10, f'</v2/{NAME}/tags/list?last={number}>; rel="next"')
    assert refusal(repository.tags) == "listing_endless"
    assert len(server.requests) == 3


def test_a_next_page_elsewhere(serve: Serve, server: RegistryServer, connect: Connect) -> None:
    elsewhere = serve()
    page(server, ["a"], f'<{elsewhere.url}/v2/{NAME}/tags/list?last=a>; rel="next"')
    repository = connect(server, redirects=(elsewhere,), realms=(elsewhere,)).repository(NAME)
    assert refusal(repository.tags) == "registry_answer_invalid"
    assert elsewhere.requests == []


def test_a_next_page_that_is_gone(server: RegistryServer, repository: Repository) -> None:
    page(server, ["a"], f'</v2/{NAME}/tags/list?last=a>; rel="next"')
    server.answer("GET", "last=a", 404)
    with pytest.raises(UsageError) as caught:
        repository.tags()
    assert caught.value.code == "remote_missing"


@pytest.mark.parametrize("tags", [{}, "v1", [7], ["../x"], ["a\nb"], [""], ["a" * 129], [["a"]]])
def test_tags_that_are_none(server: RegistryServer, repository: Repository, tags: object) -> None:
    page(server, tags)
    assert refusal(repository.tags) == "registry_answer_invalid"


@pytest.mark.parametrize("link", ["nonsense", "<http://[>; rel=next", "<ftp://x/>; rel=next"])
def test_links_that_are_none(server: RegistryServer, repository: Repository, link: str) -> None:
    page(server, ["a"], link)
    with pytest.raises(DeniedError) as caught:
        repository.tags()
    assert caught.value.code in {"registry_answer_invalid", "url_invalid"}
