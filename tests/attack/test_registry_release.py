"""The release path where production and experimentation are repositories, and a registry that forgets and lies."""

import pytest

from registry_house import (  # noqa: F401  # fixtures are found by name
    RegistryHouse,
    registry_released_fixture,
    registry_requested_fixture,
)
from release_house import (  # noqa: F401
    NAME,
    released_fixture,
    requested_fixture,
    stages_fixture,
)


def test_the_whole_way(registry_requested: RegistryHouse) -> None:
    house = registry_requested
    candidate = house.candidate
    assert "approvals_missing" in house.run("promote", candidate).codes
    house.release(candidate)
    house.gates_allow()
    [listed] = [each for each in house.ok("ls")["artifacts"] if NAME in each["names"]]
    shown = house.ok("show", f"production:{NAME}@1")
    assert listed["referrers"] == 2
    assert shown["kind"] == "release"
    house.ok("renew")
    house.ok("inspect", f"experimentation:{NAME}")
    house.ok("fsck", "-e", "production")
    house.ok("export", NAME, "out")
    assert (house.root / "out" / "model.safetensors").read_bytes() == house.model_file.read_bytes()
    house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
    house.gates_deny("revoked")
