"""A stranger may push into the repository that production is, and the gates have seen nothing yet.

What they would deny is in no memory and in no new state: only in what the repository lists.
"""

import re

import pytest

from registry_house import (  # noqa: F401  # fixtures are found by name
    ServedHouse,
    registry_released_fixture,
)
from release_house import (  # noqa: F401
    NAME,
    released_fixture,
    requested_fixture,
    stages_fixture,
)

REVOCATION = b'"artifactType":"application/vnd.weighlock.revocation.v1+json"'


@pytest.fixture(name="revoked")
def revoked_fixture(registry_released: ServedHouse) -> ServedHouse:
    """Return a house that revoked its model, whose older state was put back, before new gates."""
    house = registry_released
    tags = house.server.content.repository("house/production").tags
    old = tags["state"]
    house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
    tags["state"] = old
    house.memory.unlink()
    return house


def revocations(house: ServedHouse) -> set[str]:
    manifests = house.server.content.repository("house/production").manifests
    records = {digest for digest, (_, raw) in manifests.items() if REVOCATION in raw}
    about = {
        digest for digest, (_, raw) in manifests.items() if any(each.encode() in raw for each in records)
    }
    assert records
    assert about
    return records | about


def test_the_revocation_counts(revoked: ServedHouse) -> None:
    revoked.gates_deny("revoked")


@pytest.mark.parametrize("kind", ["m", "r"])
def test_a_forged_listing(revoked: ServedHouse, kind: str) -> None:
    tags = revoked.server.content.repository("house/production").tags
    for digest in revocations(revoked):
        digits = digest.removeprefix("sha256:")
        tags[f"_{kind}.{0:013}.{digits}.{'0' * (12 if kind == 'm' else 32)}"] = tags["state"]
        tags.pop(f"sha256-{digits}", None)
    revoked.gates_deny("revoked")


def test_a_moved_tag_and_the_garbage_collector(revoked: ServedHouse) -> None:
    house = revoked
    house.server.switches.referrers_api = False
    repository = house.server.content.repository("house/production")
    house.ok("copy", "production:state", "experimentation:other")
    gone = revocations(house)
    for tag, digest in list(repository.tags.items()):
        if digest in gone:
            repository.tags[tag] = repository.tags["state"]
    for digest in gone:
        del repository.manifests[digest]
    house.gates_deny("blob_missing")


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"Content-Encoding": "gzip"}, b"", "encoding_refused"),
        ({"Transfer-Encoding": "gzip"}, b"", "response_invalid"),
        ({}, bytes((16 << 20) + 1), "blob_too_large"),
        ({}, b"{}", "digest_mismatch"),
    ],
)
def test_evidence_that_is_sent_so_that_it_cannot_be_read(
    revoked: ServedHouse, headers: dict[str, str], body: bytes, code: str
) -> None:
    house = revoked
    manifests = house.server.content.repository("house/production").manifests
    raws = [manifests[digest][1].decode() for digest in revocations(house)]
    bundles = {
        digest for raw in raws if '"subject"' in raw for digest in re.findall(r"sha256:[0-9a-f]{64}", raw)
    }
    for digest in bundles:
        house.server.answer("GET", f"/blobs/{digest}", 200, headers=headers, body=body, times=1000)
    ran = house.run("release", "verify", NAME)
    assert (ran.status, ran.code) == (1, code)


@pytest.mark.parametrize("times", [1, 2, 1000])
def test_a_list_of_tags_that_is_not_found_at_first(revoked: ServedHouse, times: int) -> None:
    revoked.server.answer("GET", "/tags/list", 404, times=times)
    ran = revoked.run("release", "verify", NAME)
    assert (ran.status, ran.code) == (1, "registry_answer_invalid")
