"""Where containers lie while files are read out of them."""

from collections.abc import Callable, Iterator

import pytest

from registry_store import repositories
from unit.store.storing import at_noon, refused
from weighlock.core.digest import Digest
from weighlock.service.staging import StoreStaging
from weighlock.store.interface import Store
from weighlock.store.memory import MemoryStore

DATA = bytes(range(256)) * 1000
DIGEST = Digest.of(DATA)


def chunks_of(data: bytes) -> Callable[[int], Iterator[memoryview]]:
    def chunks(start: int) -> Iterator[memoryview]:
        for place in range(start, len(data), 10_000):
            yield memoryview(data)[place : place + 10_000]

    return chunks


@pytest.fixture(params=["memory", "registry"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(at_noon)
        return
    with repositories() as (_, opened):
        yield opened.open("house/experimentation")


def test_a_container_can_be_read_from_anywhere(store: Store) -> None:
    with StoreStaging(store).stage(DIGEST, len(DATA), chunks_of(DATA)) as container:
        assert container.read(10) == DATA[:10]
        container.seek(100_000)
        assert container.read() == DATA[100_000:]


@pytest.mark.parametrize(
    ("data", "code"),
    [(DATA[:-1] + b"!", "digest_mismatch"), (DATA[:-1], "size_mismatch"), (DATA + b"!", "size_mismatch")],
)
def test_other_bytes_are_refused(store: Store, data: bytes, code: str) -> None:
    with refused(code):
        StoreStaging(store).stage(DIGEST, len(DATA), chunks_of(data))


def test_a_registry_gets_no_containers() -> None:
    with repositories() as (server, opened):
        StoreStaging(opened.open("house/experimentation")).stage(DIGEST, len(DATA), chunks_of(DATA)).close()
        assert server.requests == []
