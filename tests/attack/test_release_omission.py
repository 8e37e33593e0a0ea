"""What is left out denies: each thing that a gate reads is emptied or removed, and nothing starts."""

import json
from collections.abc import Callable

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)
from weighlock.core.digest import Digest


def empty_memory(house: House) -> None:
    house.memory.write_bytes(b"")


def memory_without_fields(house: House) -> None:
    house.memory.write_text("{}")


def empty_index(house: House) -> None:
    (house.root / ".weighlock/production/index.json").write_bytes(b"")


def index_without_manifests(house: House) -> None:
    (house.root / ".weighlock/production/index.json").write_text('{"schemaVersion":2,"manifests":[]}')


def no_trust_signature(house: House) -> None:
    for file in (house.root / "trust").glob("1.*.sigstore.json"):
        file.unlink()


def empty_trust_document(house: House) -> None:
    (house.root / "trust/1.json").write_bytes(b"")


def no_pin(house: House) -> None:
    settings = house.root / "weighlock.yaml"
    kept = [line for line in settings.read_text().splitlines() if "root: sha256" not in line]
    settings.write_text("\n".join(kept) + "\n")


def no_model_file(house: House) -> None:
    house.blob("production", house.file_digest()).unlink()


def no_links_of_the_candidate(house: House) -> None:
    with house.store("experimentation") as store:
        layers = json.loads(store.read_blob(Digest.parse(house.candidate)))["layers"]
    for layer in layers[1:]:
        house.blob("production", layer["digest"]).unlink()


def empty_record(house: House) -> None:
    next(house.packages.glob("*.dist-info/RECORD")).write_text("")


def no_record(house: House) -> None:
    next(house.packages.glob("*.dist-info/RECORD")).unlink()


@pytest.mark.parametrize(
    ("leave_out", "code"),
    [
        (empty_memory, "memory_damaged"),
        (memory_without_fields, "memory_damaged"),
        (empty_index, "state_replayed"),
        (index_without_manifests, "state_replayed"),
        (no_trust_signature, "trust_signatures_missing"),
        (empty_trust_document, "trust_pin_mismatch"),
        (no_pin, "trust_unpinned"),
        (no_model_file, "blob_missing"),
        (no_links_of_the_candidate, "blob_missing"),
        (empty_record, "package_drift"),
        (no_record, "package_drift"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_left_out_denies(released: House, leave_out: Callable[[House], None], code: str) -> None:
    leave_out(released)
    released.run_denied(code)
