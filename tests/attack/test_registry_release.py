"""The release path where production and experimentation are repositories, and a registry that forgets and lies."""

import pytest

from registry_house import (  # noqa: F401  # fixtures are found by name
    ServedHouse,
    registry_released_fixture,
    registry_requested_fixture,
)
from release_house import (  # noqa: F401
    NAME,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)


def test_the_whole_way(registry_requested: ServedHouse) -> None:
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


def hide(house: ServedHouse, environment: str, *kinds: str) -> int:
    """Take tags out of a repository, as somebody does who can; return how many."""
    repository = house.server.content.repository(f"house/{environment}")
    gone = [tag for tag in repository.tags if tag.startswith(kinds)]
    for tag in gone:
        del repository.tags[tag]
    return len(gone)


def test_evidence_that_the_lists_forget_still_counts(registry_released: ServedHouse) -> None:
    house = registry_released
    house.gates_allow()
    house.server.switches.referrers_api = False
    hide(house, "production", "sha256-")
    house.gates_allow()  # by our own tags


def test_a_revocation_that_the_lists_forget_still_denies(registry_released: ServedHouse) -> None:
    house = registry_released
    house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
    house.server.switches.referrers_api = False
    hide(house, "production", "sha256-")
    house.gates_deny("revoked")
    assert hide(house, "production", "_m.")  # the records are in no list any more
    house.gates_deny("revoked")  # as this gate remembers


def test_a_new_gate_reads_the_revocation_in_the_state(registry_released: ServedHouse) -> None:
    house = registry_released
    house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
    repository = house.server.content.repository("house/production")
    house.memory.unlink()
    for tag in [tag for tag in repository.tags if tag.startswith("revocation")]:
        del repository.tags[tag]
    house.gates_deny("revoked")


def test_approvals_that_vanish_everywhere_deny(registry_released: ServedHouse) -> None:
    house = registry_released
    house.server.switches.referrers_api = False
    hide(house, "production", "sha256-", "_r.")
    ran = house.run("release", "verify", NAME)
    assert (ran.status, ran.code) == (1, "state_invalid")  # its signature is gone like all others


def test_an_older_state_is_put_back(registry_released: ServedHouse) -> None:
    house = registry_released
    house.ok("renew")
    house.ok("release", "show")
    repository = house.server.content.repository("house/production")
    repository.tags["state"] = repository.tags["state__2"]
    house.gates_deny("state_replayed")
    del repository.tags["state"]
    house.gates_deny("state_replayed")


@pytest.mark.parametrize("lists", ["tags", "referrers"])
def test_a_registry_that_does_not_answer_allows_nothing(registry_released: ServedHouse, lists: str) -> None:
    house = registry_released
    path = "/tags/list" if lists == "tags" else "/referrers/"
    house.server.answer("GET", path, 403, times=1000)
    ran = house.run("release", "verify", NAME)
    assert (ran.status, ran.code) == (3, "access_refused")


def test_a_missing_revocation_is_no_absent_one(registry_released: ServedHouse) -> None:
    house = registry_released
    house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
    repository = house.server.content.repository("house/production")
    kind = "application/vnd.weighlock.revocation.v1+json"
    [record] = [digest for digest, (_, raw) in repository.manifests.items() if kind.encode() in raw]
    del repository.manifests[record]
    house.memory.unlink()
    house.gates_deny("blob_missing")


def test_other_bytes_of_the_released_model(registry_released: ServedHouse) -> None:
    house = registry_released
    digest = house.file_digest()
    house.server.content.blobs[str(digest)] = bytes(len(house.model_file.read_bytes()))
    house.denied("digest_mismatch", "release", "verify", NAME)
    house.run_denied("digest_mismatch")
    findings = house.run("fsck", "-e", "production")
    assert findings.status == 1
    assert {each["rule"] for each in findings.facts["findings"]} == {"store.digest"}


def test_fsck_finds_what_is_wrong(registry_released: ServedHouse) -> None:
    house = registry_released
    assert house.run("fsck", "-e", "production").status == 0
    repository = house.server.content.repository("house/production")
    [model] = [digest for digest, (_, raw) in repository.manifests.items() if b'"org.cncf.model' in raw]
    raw = repository.manifests[model][1]
    layer = str(house.file_digest())
    repository.blobs.discard(layer)
    repository.manifests[model] = (
        repository.manifests[model][0],
        raw.replace(b"safetensors", b"safetensorz"),
    )
    found = house.run("fsck", "-e", "production").facts["findings"]
    assert {each["rule"] for each in found} == {"store.digest"}  # of the manifest: what it lists is unknown
    repository.manifests[model] = (repository.manifests[model][0], raw)
    found = house.run("fsck", "-e", "production").facts["findings"]
    assert [(each["rule"], each["location"]) for each in found] == [("store.missing", layer)]
    repository.tags["_r.x"] = model
    assert [each["rule"] for each in house.run("fsck", "-e", "production").facts["findings"]] == [
        "store.index"
    ]


def test_gc_is_the_registrys(registry_released: ServedHouse) -> None:
    ran = registry_released.denied("registry_collects", "gc", "-e", "production", status=2)
    assert "garbage collection" in ran.facts["error"]["hint"]


def test_an_environment_moves_once(registry_released: ServedHouse) -> None:
    house = registry_released
    for name in ("oci-layout", "index.json", "blobs", "ingest"):
        folder = house.root / ".weighlock"
        (folder / f"old-production-{name}").rename(folder / "production" / name)
    house.ok("migrate", "production")  # nothing has changed: nothing is sent
    house.ok("renew")
    house.denied("name_taken", "migrate", "production")


def test_a_model_is_pulled_into_a_registry(registry_requested: ServedHouse) -> None:
    house = registry_requested
    (house.root / "models" / "other").mkdir()
    (house.root / "models" / "other" / "config.json").write_text("{}")
    house.ok("pull", "path:models/other")
    house.ok("sign", "experimentation:other", "--key", house.key("ana"))
    house.ok("verify", "experimentation:other", "--key", house.key("ana").replace(".pem", ".pub"))
    assert {"other", NAME} <= {name for each in house.ok("ls")["artifacts"] for name in each["names"]}
    house.ok("copy", "other", "experimentation:copied")
    house.denied("promotion_required", "copy", "other", "production:other")
    house.ok("copy", "production:state", "experimentation:state-of-production")


def test_gates_only_read(registry_released: ServedHouse) -> None:
    house = registry_released
    before = len(house.server.requests)
    house.gates_allow()
    house.ok("release", "show")
    asked = house.server.requests[before:]
    assert {each.method for each in asked} == {"GET"}


def test_promotion_mounts_the_model(registry_requested: ServedHouse) -> None:
    house = registry_requested
    house.release(house.candidate)
    assert house.server.asked("POST", f"mount={house.file_digest()}&from=house%2Fexperimentation")
    layer = f"/v2/house/production/blobs/uploads/.*{house.file_digest().hex}"
    assert house.server.asked("PUT", layer) == []


def test_a_mirror_is_no_way_into_production(registry_released: ServedHouse) -> None:
    house = registry_released
    repository = f"oci:{house.server.name}/house/production"
    settings = (house.root / "weighlock.yaml").read_text()
    (house.root / "weighlock.yaml").write_text(f"{settings}\npush:\n  oci: ['{house.server.name}']\n")
    house.denied("promotion_required", "mirror", repository)


def test_init_makes_no_folder_for_a_repository(registry_released: ServedHouse) -> None:
    registry_released.denied("settings_exists", "init", ".", status=2)
    assert not (registry_released.root / ".weighlock" / "production" / "oci-layout").exists()


def test_an_environment_without_a_repository_stays(requested: House) -> None:
    requested.denied("repository_missing", "migrate", "production", status=2)
