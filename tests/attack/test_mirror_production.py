"""A mirror is no way around the approvals: whatever production's folder is called, nothing is mirrored into it."""

import shutil
from pathlib import Path

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    House,
    requested_fixture,
    stages_fixture,
)

PRODUCTION = ".weighlock/production"


def blobs(house: House) -> set[str]:
    return {file.name for file in (house.root / PRODUCTION).rglob("blobs/sha256/*")}


@pytest.mark.parametrize(
    "name",
    [
        PRODUCTION,
        "models/../.weighlock/production",
        "{root}/.weighlock/production",
        "link",
        "linked/production",
    ],
)
def test_the_folder_of_production(requested: House, name: str) -> None:
    house = requested
    before = blobs(house)
    (house.root / "link").symlink_to(house.root / PRODUCTION)
    (house.root / "linked").symlink_to(".weighlock")
    place = name.format(root=house.root)
    house.denied("promotion_required", "mirror", place)
    assert blobs(house) == before


def test_a_folder_that_is_to_be_productions(requested: House) -> None:
    house = requested
    shutil.rmtree(house.root / PRODUCTION)
    house.denied("promotion_required", "mirror", PRODUCTION)
    assert not (house.root / PRODUCTION).exists()


def test_another_folder(requested: House) -> None:
    requested.ok("mirror", "mirror")
    assert (Path(requested.root) / "mirror" / "oci-layout").is_file()
