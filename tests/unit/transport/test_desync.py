"""More bytes than one answer has are never the beginning of the next one."""

import pytest

from http_house import Answer, House, authority, house, safe_house
from web_authority import Authority
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.host import Hosts

__all__ = ["authority", "house", "safe_house"]

# what follows stands in a record of its own: the first five bytes are the body, the rest was not asked for
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def ask(client: Client, house: House, path: str) -> bytes:
    return client.document(Request("GET", house.url(path), Hosts.of([house.host])), limit_bytes=99).raw


@pytest.mark.parametrize("safe", [True, False], ids=["https", "http"])
def test_more_than_the_body_in_one_record(
    house: House, safe_house: House, authority: Authority, *, safe: bool
) -> None:
    server = safe_house if safe else house
    server.put("/first", Answer(200, before=SHORT))
    server.put("/second", b"second")
    network = Network(plain_http=Hosts.of([house.host]), ca_file=authority.ca_file)
    with Client(network) as client:
        assert ask(client, server, "/first") == b"HTTP/"
        assert ask(client, server, "/second") == b"second"
    assert [each.connection for each in server.requests] == [1, 2]
