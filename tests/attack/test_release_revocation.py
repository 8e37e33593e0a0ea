"""What was withdrawn stays out: files, however repackaged, manifests, candidates, releases, policies, keys."""

import json
import shutil

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    ARGV,
    NAME,
    House,
    released_fixture,
    requested_fixture,
    safetensors,
    stages_fixture,
)
from weighlock.core.digest import Digest
from weighlock.core.evidence import Kind


def revoke(house: House, value: str, by: str = "ana") -> dict[str, object]:
    made: dict[str, object] = house.ok("revoke", value, "--reason", "test", "--key", house.key(by))
    return made


def part(house: House, name: str) -> str:
    """Return the digest of one of the things that the release consists of."""
    [entry] = house.state["releases"]
    if name in {"release", "candidate", "model"}:
        return str(entry[name])
    if name == "file":
        return str(house.file_digest())
    with house.store("production") as store:
        layers = json.loads(store.read_blob(Digest.parse(entry["candidate"])))["layers"]
        record = json.loads(store.read_blob(Digest.parse(layers[0]["digest"])))
    if name == "policy":
        return str(record["policy"])
    return str(record["serving"][name])


@pytest.mark.parametrize(
    "name", ["release", "candidate", "model", "file", "policy", "packageLock", "packages"]
)
def test_what_a_release_consists_of(released: House, name: str) -> None:
    digest = part(released, name)
    told = revoke(released, digest)
    assert told["denied"] == ["tiny@1 (revoked)"]
    released.gates_deny("revoked")
    listed = released.ok("revoke", "--list")["revocations"]
    assert [(each["value"], each["by"]) for each in listed] == [(digest, "ana")]


def test_what_nothing_consists_of(released: House) -> None:
    assert revoke(released, str(Digest.of(b"another")))["denied"] == []
    released.gates_allow()


def repackage(house: House) -> str:
    """Pull the same weights in another folder, under another name, with another file beside them."""
    folder = house.root / "models" / "other"
    folder.mkdir()
    shutil.copy(house.model_file, folder / "renamed.safetensors")
    (folder / "model.safetensors").write_bytes(safetensors(b"more" * 50))
    house.ok("pull", "path:models/other")
    candidate = house.request(name="other", model="other")
    house.review(candidate)
    house.approve(candidate)
    return candidate


def test_the_same_bytes_repackaged(released: House) -> None:
    revoke(released, str(released.file_digest()))
    candidate = repackage(released)
    assert released.denied("revoked", "promote", candidate).codes == {"revoked"}
    assert len(released.state["releases"]) == 1


def test_the_same_bytes_repackaged_before_they_were_revoked(released: House) -> None:
    released.ok("promote", repackage(released))
    told = revoke(released, str(released.file_digest()))
    assert told["denied"] == ["tiny@1 (revoked)", "other@1 (revoked)"]
    released.denied("revoked", "release", "verify", "other")


def test_the_other_file_alone(released: House) -> None:
    released.ok("promote", repackage(released))
    other = Digest.of(safetensors(b"more" * 50))
    assert revoke(released, str(other))["denied"] == ["other@1 (revoked)"]
    released.gates_allow()


def test_an_approver_s_key(released: House) -> None:
    key_id = released.signer("ana").public.key_id
    told = revoke(released, f"key:{key_id}", by="ben")
    assert told["denied"] == ["tiny@1 (approvals_missing)"]
    released.gates_deny("approvals_missing")
    # before a promotion too
    candidate = released.request(argv=(*ARGV, "--again"))
    released.review(candidate)
    released.approve(candidate)
    assert "approvals_missing" in released.denied("sbom_not_reviewed", "promote", candidate).codes


def test_the_requester_s_key(released: House) -> None:
    revoke(released, f"key:{released.signer('cem').public.key_id}")
    released.gates_deny("requester_unknown")


def renew_with_new_key(house: House) -> None:
    """Give production's service a new key, in the trust document and in the settings."""
    house.ok("keys", "make", "keys/new", "--trial")
    house.ok("trust", "extend", "--add-key", "production=keys/new.pub")
    house.ok("trust", "sign", "--key", house.key("ana"))
    settings = house.root / "weighlock.yaml"
    settings.write_text(settings.read_text().replace("keys/production.pem", "keys/new.pem"))


def test_the_releaser_s_key(released: House) -> None:
    """Nothing runs until another releaser's key signs, and every release needs a new signature too."""
    told = revoke(released, f"key:{released.signer('production').public.key_id}")
    assert told["state"] is None
    assert "key_revoked" in str(told["state_problem"])
    released.gates_deny("state_invalid")
    released.denied("key_revoked", "renew")
    assert released.denied("key_revoked", "promote", released.candidate)
    renew_with_new_key(released)
    released.gates_deny("state_invalid")
    released.ok("renew")
    released.gates_deny("release_invalid")
    assert released.ok("promote", released.candidate)["release"]["alias"] == "tiny@2"
    released.gates_allow()
    released.denied("release_invalid", "release", "verify", "tiny@1")


def test_a_state_that_nobody_saw_is_not_signed_again(released: House) -> None:
    """Only the very state that this machine believed may be taken over from a releaser who left."""
    revoke(released, f"key:{released.signer('production').public.key_id}")
    renew_with_new_key(released)
    memory = released.memory.read_bytes()
    released.memory.unlink()
    released.denied("state_invalid", "renew")
    released.memory.write_bytes(memory)
    with released.store("production") as store:
        store.tag(store.resolve("state/1").digest, "state")
    released.denied("state_invalid", "renew")
    with released.store("production") as store:
        store.tag(store.resolve("state/2").digest, "state")
    released.ok("renew")


def test_only_a_revoker_revokes(released: House) -> None:
    digest = str(released.file_digest())
    for who in ("cem", "production"):
        released.denied("role_missing", "revoke", digest, "--reason", "x", "--key", released.key(who))
    released.gates_allow()


def test_a_revocation_that_no_revoker_signed(released: House) -> None:
    """Whoever can write the store cannot stop production by writing a revocation there."""
    revoke(released, str(Digest.of(b"another")))
    with released.store("production") as store:
        listed = [each.descriptor for each in store.entries()]
        kind = "application/vnd.weighlock.revocation.v1+json"
        [stated] = [each for each in listed if each.artifact_type == kind]
    released.unlist("production", stated.digest, Kind.REVOCATION)
    assert released.ok("revoke", "--list")["revocations"] == []
    released.attach("production", stated, Kind.REVOCATION, {}, released.signer("production"))
    assert released.ok("revoke", "--list")["revocations"] == []


@pytest.mark.parametrize("value", ["tiny", "tiny@1", "sha256:12", "key:12", "key:" + "G" * 64, ""])
def test_what_cannot_be_revoked(released: House, value: str) -> None:
    command = ("revoke", value, "--reason", "x", "--key", released.key("ana"))
    released.denied("revocation_invalid", *command, status=2)


def take_revocations_away(house: House) -> None:
    with house.store("production") as store:
        for entry in store.entries():
            if entry.descriptor.artifact_type == "application/vnd.weighlock.revocation.v1+json":
                store.delete(entry.descriptor.digest)


def test_the_revocation_taken_away(released: House) -> None:
    """The state lists it, and this machine's gates remember it."""
    revoke(released, str(released.file_digest()))
    take_revocations_away(released)
    assert str(released.file_digest()) in released.state["revoked"]
    released.gates_deny("revoked")
    released.memory.unlink()  # a gate that never saw it
    released.gates_deny("revoked")


def test_the_revocation_taken_away_before_a_state_lists_it(released: House) -> None:
    """Gates that saw the person's statement keep it, and list it in the next state."""
    (released.root / "keys" / "production.pem").rename(released.root / "keys" / "away.pem")
    told = revoke(released, str(released.file_digest()))
    assert told["state"] is None
    assert "key_missing" in str(told["state_problem"])
    released.denied("revoked", "release", "verify", NAME)
    (released.root / "keys" / "away.pem").rename(released.root / "keys" / "production.pem")
    take_revocations_away(released)
    released.gates_deny("revoked")
    released.ok("renew")
    released.memory.unlink()
    released.gates_deny("revoked")


def test_a_damaged_revocation_is_not_ignored(released: House) -> None:
    revoke(released, str(released.file_digest()))
    with released.store("production") as store:
        kind = "application/vnd.weighlock.revocation.v1+json"
        [stated] = [
            each.descriptor.digest for each in store.entries() if each.descriptor.artifact_type == kind
        ]
    [bundle] = released.bundles("production", stated, Kind.REVOCATION)
    released.flip(released.blob("production", bundle), 50)
    released.gates_deny("digest_mismatch")


def test_a_state_that_forgets_a_revocation(released: House) -> None:
    revoke(released, str(released.file_digest()))
    released.memory.unlink()
    with released.store("production") as store:
        store.tag(store.resolve("state/2").digest, "state")
    released.gates_deny("revoked")  # an older state, but the person's statement is still there


def test_revoking_while_the_state_cannot_be_read(released: House) -> None:
    state = released.blob("production", released.state_descriptor.digest)
    released.flip(state)
    told = revoke(released, str(released.file_digest()))
    assert told["state"] is None
    assert "digest_mismatch" in str(told["state_problem"])
    take_revocations_away(released)
    released.flip(state)
    released.gates_deny("revoked")  # seen once, though the state could not be read then


def test_the_first_state_lists_what_was_revoked_before(requested: House) -> None:
    with requested.store("production") as store:
        store.untag("state")
    requested.memory.unlink()
    digest = str(requested.file_digest())
    assert revoke(requested, digest)["state"] == 1
    assert requested.state["revoked"] == [digest]


def test_promotion_knows_what_was_revoked_from_either_place(released: House) -> None:
    candidate = repackage(released)
    revoke(released, str(released.file_digest()))
    memory, remembered = released.memory, released.memory.read_bytes()
    memory.unlink()  # only the store says so
    assert released.denied("revoked", "promote", candidate, "--dry-run").codes == {"revoked"}
    memory.write_bytes(remembered)
    take_revocations_away(released)  # only this machine remembers
    assert released.denied("revoked", "promote", candidate, "--dry-run").codes == {"revoked"}
