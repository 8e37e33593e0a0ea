"""Downloads that end early: errors, readers that give up, threads that are stopped."""

import threading
from dataclasses import replace

import pytest

from http_house import Answer, Asked, House, ManualTime, authority, content
from unit.transport.downloading import (
    LARGE,
    Fetching,
    client,
    elsewhere,
    fetching,
    file_at,
    house,
    refused,
    time,
)
from web_authority import Authority
from weighlock.transport.client import Client, Network
from weighlock.transport.download import StoppedError
from weighlock.transport.host import Hosts
from weighlock.transport.window import PART_BYTES

__all__ = ["authority", "client", "elsewhere", "fetching", "house", "time"]  # fixtures


def test_the_first_error_ends_everything(house: House, fetching: Fetching) -> None:
    good = content(LARGE, etag='"a"')

    def serve(asked: Asked) -> Answer:
        answer = good(asked)
        if "range" not in asked.headers:
            return answer
        if len(house.requests) == 3:
            return replace(answer, headers={**dict(answer.headers), "Content-Range": "bytes 0-0/1"})
        return replace(answer, drip=5.0)  # would take years, so that only the error can end it

    house.put("/f", serve)
    with refused("content_changed"):
        fetching.bytes(file_at(house, len(LARGE)), slow=True)
    assert len(house.requests) >= 3  # those that the error came before were never asked


def test_a_reader_that_gives_up_leaves_no_thread_connection_or_buffer(
    house: House, fetching: Fetching
) -> None:
    house.put("/f", LARGE)
    downloader = fetching.downloader(slow=True)
    chunks = downloader.chunks(file_at(house, len(LARGE)))
    found = 0
    for chunk in chunks:
        found += len(chunk)
        if found > 3 * PART_BYTES:
            break
    chunks.close()  # type: ignore[attr-defined]  # it is a generator
    assert not any(thread.name == "range" for thread in threading.enumerate())
    assert sum(downloader._buffers.take() is not None for _ in range(13)) == 12


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("safe", [False, True])
def test_a_reader_in_another_thread_can_be_stopped(authority: Authority, slow: bool, safe: bool) -> None:
    good = content(LARGE)
    stuck = threading.Event()

    def serve(asked: Asked) -> Answer:
        if slow and "range" not in asked.headers:
            return good(asked)
        stuck.set()
        return replace(good(asked), drip=5.0)

    ended: list[BaseException] = []
    with House(tls=authority if safe else None) as house:
        network = Network(plain_http=Hosts.of([house.host]), ca_file=authority.ca_file)
        with Client(network) as client:
            house.put("/f", serve)
            downloader = Fetching(client, ManualTime()).downloader(slow=slow)
            file = file_at(house, len(LARGE))

            def read() -> None:
                try:
                    for _ in downloader.chunks(file):
                        pass
                except Exception as error:  # noqa: BLE001  # looked at below
                    ended.append(error)

            reader = threading.Thread(target=read)
            reader.start()
            assert stuck.wait(10)
            downloader.stop()
            reader.join(10)
            assert not reader.is_alive()
            assert [type(error) for error in ended] == [StoppedError]
            with pytest.raises(StoppedError):
                next(downloader.chunks(file))


def test_a_server_that_limits_connections_gets_fewer(house: House, fetching: Fetching) -> None:
    good = content(LARGE)
    busy = threading.Semaphore(3)

    def serve(asked: Asked) -> Answer:
        if "range" in asked.headers and not busy.acquire(blocking=False):
            return Answer(429)
        return good(asked)

    def release(asked: Asked) -> Answer:
        answer = serve(asked)
        if answer.status == 206:
            busy.release()
        return answer

    house.put("/f", release)
    assert fetching.bytes(file_at(house, len(LARGE)), slow=True) == LARGE
