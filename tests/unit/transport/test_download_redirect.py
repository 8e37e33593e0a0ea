"""Files that a redirect leads to, at addresses that expire."""

import threading
from dataclasses import replace

import pytest

from http_house import Answer, Asked, House, content, redirect
from unit.transport.downloading import (
    LARGE,
    SMALL,
    Fetching,
    client,
    elsewhere,
    fetching,
    file_at,
    house,
    ranges_of,
    refused,
    time,
)
from weighlock.transport.credential import bearer
from weighlock.transport.download import RemoteFile
from weighlock.transport.host import Hosts
from weighlock.transport.url import parse_url

__all__ = ["client", "elsewhere", "fetching", "house", "time"]  # fixtures


class Signing:
    """A server that sends on to signed addresses elsewhere, each good for a few requests."""

    def __init__(self, house: House, elsewhere: House, *, uses: int, status: int = 403) -> None:
        self.house, self.elsewhere, self.uses, self.status = house, elsewhere, uses, status
        self.given = 0
        self.left: dict[str, int] = {}
        self.lock = threading.Lock()
        self.serve = content(LARGE)
        house.put("/f", self.send_on)
        elsewhere.put("/blob", self.answer)

    def send_on(self, _: Asked) -> Answer:
        with self.lock:
            self.given += 1
            signature = f"signature{self.given}"
            self.left[signature] = self.uses
        return redirect(self.elsewhere.url(f"/blob?{signature}"))

    def answer(self, asked: Asked) -> Answer:
        signature = asked.target.partition("?")[2]
        with self.lock:
            self.left[signature] -= 1
            good = self.left[signature] >= 0
        return self.serve(asked) if good else Answer(self.status, b"expired")

    def file(self, **changes: object) -> RemoteFile:
        hosts = Hosts.of([self.elsewhere.host])
        return file_at(self.house, len(LARGE), "/f", redirects=hosts, **changes)


def test_where_a_redirect_led_is_asked_for_the_parts(
    house: House, elsewhere: House, fetching: Fetching
) -> None:
    signing = Signing(house, elsewhere, uses=1000)
    assert fetching.bytes(signing.file(), slow=True) == LARGE
    assert len(house.requests) == 1
    assert len(elsewhere.requests) > 5


def test_no_credential_goes_where_a_redirect_led(house: House, elsewhere: House, fetching: Fetching) -> None:
    signing = Signing(house, elsewhere, uses=3)
    credential = bearer(parse_url(house.url()).origin, "secret")
    file = signing.file(credential=credential, headers={"X-Token": "secret too"})
    assert fetching.bytes(file, slow=True) == LARGE
    assert len(house.requests) > 1
    assert all(asked.headers["authorization"] == "Bearer secret" for asked in house.requests)
    assert all(asked.headers["x-token"] == "secret too" for asked in house.requests)
    assert all("secret" not in repr(asked.headers) for asked in elsewhere.requests)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 503])
def test_an_address_that_expired_is_found_again(
    house: House, elsewhere: House, fetching: Fetching, status: int
) -> None:
    signing = Signing(house, elsewhere, uses=20, status=status)
    assert fetching.bytes(signing.file(), slow=True) == LARGE
    assert 1 < len(house.requests) < 5


def test_an_address_for_one_request_is_not_tried_twice_for_ever(
    house: House, elsewhere: House, fetching: Fetching
) -> None:
    signing = Signing(house, elsewhere, uses=1)
    assert fetching.bytes(signing.file(), slow=True, connections=2) == LARGE
    refusals = len(elsewhere.requests) - len(house.requests)
    assert 4 <= refusals <= 4 * 2 < len(house.requests)


def test_a_host_that_fails_is_looked_for_again(house: House, fetching: Fetching, elsewhere: House) -> None:
    file = file_at(house, len(SMALL), redirects=Hosts.of([elsewhere.host]))
    house.put("/f", redirect(elsewhere.url("/gone")), redirect(elsewhere.url("/there")))
    served = content(SMALL)
    elsewhere.put("/gone", replace(served(Asked("GET", "", {}, b"", 1)), cut=300_000), Answer(raw=b""))
    elsewhere.put("/there", served)
    assert fetching.bytes(file) == SMALL
    assert ranges_of(elsewhere, "/there") == [(300_000, len(SMALL))]


def test_an_address_that_never_works_is_an_error_without_its_signature(
    house: House, elsewhere: House, fetching: Fetching
) -> None:
    house.put("/f", redirect(elsewhere.url("/blob?signature=secret")))
    elsewhere.put("/blob", Answer(403))
    file = file_at(house, len(SMALL), redirects=Hosts.of([elsewhere.host]))
    with refused("access_refused") as caught:
        fetching.bytes(file)
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.details} {file}"


def test_a_later_address_may_not_lead_elsewhere(house: House, elsewhere: House, fetching: Fetching) -> None:
    served = content(SMALL)
    house.put("/f", redirect(house.url("/here")), redirect(elsewhere.url("/there")))
    house.put("/here", replace(served(Asked("GET", "", {}, b"", 1)), cut=300_000), Answer(403))
    elsewhere.put("/there", served)
    with refused("redirect_refused"):
        fetching.bytes(file_at(house, len(SMALL)))
    assert elsewhere.requests == []


@pytest.mark.parametrize(("status", "code"), [(404, "remote_missing"), (401, "access_refused")])
def test_an_error_of_the_first_address_is_the_answer(
    house: House, fetching: Fetching, status: int, code: str
) -> None:
    house.put("/f", Answer(status))
    with refused(code):
        fetching.bytes(file_at(house, len(SMALL)))
    assert len(house.requests) == 1
