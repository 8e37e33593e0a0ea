"""A server of a release that lies in a registry: what its watch does when the registry fails, lies or withdraws."""

import contextlib
import subprocess

import pytest

from conftest import missing
from registry_house import ServedHouse, registry_released_fixture  # noqa: F401  # fixtures are found by name
from release_house import released_fixture, stages_fixture  # noqa: F401
from weighlock import sandbox
from weighlock.sandbox import Tier


@pytest.fixture(scope="module", autouse=True)
def _a_sandbox() -> None:
    if sandbox.detect().tier < Tier.LANDLOCK:
        missing("this machine has no Landlock and seccomp")


def test_a_revocation_stops_it(registry_released: ServedHouse) -> None:
    house = registry_released
    with house.serving() as serving:
        assert serving.ask() == house.model_file.read_bytes()
        house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
        status, said = serving.end()
    assert (status, "[revoked]" in said) == (1, True)


def test_a_state_that_is_put_back_stops_it(registry_released: ServedHouse) -> None:
    house = registry_released
    house.ok("renew")
    with house.serving() as serving:
        assert serving.ask() == house.model_file.read_bytes()
        tags = house.server.content.repository("house/production").tags
        tags["state"] = tags["state__2"]
        status, said = serving.end()
    assert (status, "[state_replayed]" in said) == (1, True)


def test_a_registry_that_fails_stops_nothing(registry_released: ServedHouse) -> None:
    house = registry_released
    with house.serving() as serving:
        serving.ask()
        asked = len(house.server.asked("GET", "/tags/list"))
        house.server.answer("GET", "/tags/list", 403)
        for _ in range(600):  # until it has looked again after the failure
            if len(house.server.asked("GET", "/tags/list")) > asked + 2:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                serving.process.wait(0.05)
        assert serving.process.poll() is None
        assert serving.ask() == house.model_file.read_bytes()
        serving.process.terminate()
        serving.end()
