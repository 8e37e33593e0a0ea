"""A house whose environments are repositories of the test registry; see ``release_house``."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from registry_server import RegistryServer
from registry_store import Repositories, repositories
from release_house import House
from weighlock.core.clock import system_clock
from weighlock.store.layout import LayoutStore


class RegistryHouse(House):
    """A house that keeps its stores in a registry."""

    def __init__(self, root: Path, opened: Repositories) -> None:
        super().__init__(root)
        self._opened = opened

    def store(self, environment: str) -> LayoutStore:
        # tests ask of it what every store can do, and close it
        store = self._opened.open(f"house/{environment}", system_clock)
        return cast("LayoutStore", contextlib.nullcontext(store))


class ServedHouse(RegistryHouse):
    """One whose registry does what a test wants."""

    def __init__(self, root: Path, opened: Repositories, server: RegistryServer) -> None:
        super().__init__(root, opened)
        self.server = server


def move_into(house: RegistryHouse, registry: str) -> None:
    """Bring the environments into a registry and take their folders away."""
    settings = house.root / "weighlock.yaml"
    text = settings.read_text()
    for environment in ("experimentation", "production"):
        line = f"    folder: .weighlock/{environment}\n"
        assert line in text
        text = text.replace(line, f"{line}    repository: {registry}/house/{environment}\n")
    settings.write_text(f"{text}\nnetwork:\n  plain_http: ['{registry}']\n")
    for environment in ("experimentation", "production"):
        house.ok("migrate", environment)
        _remove_store(house.root / ".weighlock" / environment)


@contextlib.contextmanager
def in_registry(house: House, *, referrers_api: bool) -> Iterator[ServedHouse]:
    """Yield the house after it moved into a registry."""
    with repositories(referrers_api=referrers_api) as (server, opened):
        made = ServedHouse(house.root, opened, server)
        move_into(made, server.name)
        yield made


def _remove_store(folder: Path) -> None:
    for name in ("oci-layout", "index.json", "blobs", "ingest"):
        (folder / name).rename(folder.parent / f"old-{folder.name}-{name}")


@pytest.fixture(name="registry_requested", params=["referrers API", "tags only"])
def registry_requested_fixture(requested: House, request: pytest.FixtureRequest) -> Iterator[ServedHouse]:
    with in_registry(requested, referrers_api=request.param == "referrers API") as made:
        yield made


@pytest.fixture(name="registry_released", params=["referrers API", "tags only"])
def registry_released_fixture(released: House, request: pytest.FixtureRequest) -> Iterator[ServedHouse]:
    with in_registry(released, referrers_api=request.param == "referrers API") as made:
        yield made
