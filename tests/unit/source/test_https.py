"""``https:`` sources: what is locked of an address, and how the size is asked for."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from http_house import Answer, House, ManualTime, content, redirect
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.core.lock import UNAVAILABLE
from weighlock.core.progress import NO_PROGRESS
from weighlock.source.https import HttpsSource, parse_file
from weighlock.source.interface import SourceSpec, Staging
from weighlock.source.permission import parse_source
from weighlock.transport.client import Client, Network
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

RAW = b"weights" * 1000
DIGEST = "a" * 64


class NoStaging(Staging):
    """An address is one file, so nothing is staged."""

    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        raise AssertionError((digest, size, chunks_from))


def spec(text: str) -> SourceSpec:
    return parse_source(f"{text}#sha256={DIGEST}")


@pytest.fixture
def house() -> Iterator[House]:
    with House() as made:
        made.put("/f.bin", RAW)
        yield made


@pytest.fixture
def source(house: House) -> Iterator[HttpsSource]:
    with Client(Network(plain_http=Hosts.of([house.host])), timing=ManualTime().timing()) as client:
        yield HttpsSource(client, Downloader(client), allowed=[house.host], redirects=Hosts())


def fetched(source: HttpsSource, named: SourceSpec) -> tuple[int, bytes]:
    resolved = source.resolve(named, {})
    with source.fetch(named, resolved, None, NoStaging(), NO_PROGRESS) as files:
        (item,) = files.items
        return item.size, b"".join(map(bytes, files.chunks(item.path)))


def test_an_address_is_named_in_one_spelling(source: HttpsSource) -> None:
    found = source.canonical(spec("https://H.example:443/%61/b%20c.bin"), Path("/"))
    assert str(found) == f"https://h.example/a/b%20c.bin#sha256={DIGEST}"
    assert source.canonical(found, Path("/elsewhere")) == found
    assert source.name_of(found) == "b c.bin"
    plain = source.canonical(spec("http://h.example:80/x"), Path("/"))
    assert str(plain) == f"http://h.example/x#sha256={DIGEST}"


def test_what_is_resolved_is_what_the_person_wrote(source: HttpsSource, house: House) -> None:
    found = source.resolve(spec("https://h.example:8443/x"), {})
    assert found.revision == f"sha256:{DIGEST}"
    assert found.owner == ("https", UNAVAILABLE, "h.example:8443")
    assert found.pinned
    assert (dict(found.facts), found.changed_at) == ({}, None)
    assert house.requests == []


def test_the_size_is_asked_for_in_one_small_request(source: HttpsSource, house: House) -> None:
    assert fetched(source, spec(house.url("/f.bin"))) == (len(RAW), RAW)
    first, second = house.requests
    assert (first.method, first.headers["range"]) == ("GET", "bytes=0-0")
    assert (second.method, second.headers.get("range")) == ("GET", None)


@pytest.mark.parametrize(
    "route",
    [content(RAW, ranges=False), content(RAW), Answer(200, RAW)],
)
def test_servers_with_and_without_ranges_tell_it(source: HttpsSource, house: House, route: Answer) -> None:
    house.put("/g.bin", route)
    assert fetched(source, spec(house.url("/g.bin"))) == (len(RAW), RAW)


def test_an_empty_file_has_no_first_byte(source: HttpsSource, house: House) -> None:
    house.put("/empty", Answer(416, headers={"Content-Range": "bytes */0"}))
    assert fetched(source, spec(house.url("/empty"))) == (0, b"")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, RAW, length=-1),
        Answer(200, RAW, chunked=100),
        Answer(206, b"w"),
        Answer(206, b"w", {"Content-Range": "bytes 0-0/*"}),
        Answer(206, b"w", {"Content-Range": "bytes 1-1/7000"}),
        Answer(206, b"w", {"Content-Range": "bytes 0-0/-7"}),
        Answer(206, b"w", {"Content-Range": "bytes 0-0/9999999999999999"}),
        Answer(206, b"w", {"Content-Range": "bytes 0-0/999999999999999"}),
        Answer(416),
    ],
)
def test_a_size_that_is_not_told_is_no_size(source: HttpsSource, house: House, answer: Answer) -> None:
    house.put("/g.bin", answer)
    with pytest.raises(WeighlockError) as caught:
        fetched(source, spec(house.url("/g.bin")))
    assert caught.value.code == "size_unknown"


def test_redirects_go_to_further_hosts_only_if_allowed(house: House) -> None:
    with House() as other:
        other.put("/x", RAW)
        house.put("/r", redirect(other.url("/x?signature=1")))
        plain = Hosts.of([house.host, other.host])
        with Client(Network(plain_http=plain), timing=ManualTime().timing()) as client:
            for redirects, allowed in ((Hosts(), False), (Hosts.of([other.host]), True)):
                made = HttpsSource(client, Downloader(client), allowed=[house.host], redirects=redirects)
                if allowed:
                    assert fetched(made, spec(house.url("/r"))) == (len(RAW), RAW)
                else:
                    with pytest.raises(WeighlockError) as caught:
                        fetched(made, spec(house.url("/r")))
                    assert caught.value.code == "redirect_refused"


def test_what_is_missing_is_said(source: HttpsSource, house: House) -> None:
    with pytest.raises(WeighlockError) as caught:
        fetched(source, spec(house.url("/nothing")))
    assert caught.value.code == "remote_missing"


@pytest.mark.parametrize(
    "text", ["https://h.example", "https://h.example/", "https://h.example/a/../b", "https://h/a?b"]
)
def test_what_names_no_file_is_a_mistake(text: str) -> None:
    with pytest.raises(WeighlockError) as caught:
        parse_file(spec(text))
    assert caught.value.code == "source_invalid"
