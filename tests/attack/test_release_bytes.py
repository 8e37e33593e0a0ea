"""One byte changed, one signature taken away: in the stores, an export, the lock, the log, the records."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    NAME,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)
from weighlock.core.digest import Digest
from weighlock.core.evidence import Kind
from weighlock.service.inspection_process import InspectionProcess
from weighlock.service.record import read_record

CANDIDATE_TYPE = "application/vnd.weighlock.candidate.v1+json"
RELEASE_TYPE = "application/vnd.weighlock.release.v1+json"
STATE_TYPE = "application/vnd.weighlock.state.v1+json"


def record_file(house: House, digest: str, media_type: str) -> Path:
    """Return the file that holds a record in production's store."""
    with house.store("production") as store:
        raw, _ = read_record(store, Digest.parse(digest), media_type)
    return house.blob("production", Digest.of(raw))


def entry(house: House) -> dict[str, str]:
    made: dict[str, str] = house.state["releases"][0]
    return made


def weights(house: House) -> Path:
    return house.blob("production", house.file_digest())


def model_manifest(house: House) -> Path:
    return house.blob("production", entry(house)["model"])


def candidate_record(house: House) -> Path:
    return record_file(house, entry(house)["candidate"], CANDIDATE_TYPE)


def release_record(house: House) -> Path:
    return record_file(house, entry(house)["release"], RELEASE_TYPE)


def state_record(house: House) -> Path:
    return record_file(house, str(house.state_descriptor.digest), STATE_TYPE)


def approval_bundle(house: House) -> Path:
    found = house.bundles("production", Digest.parse(entry(house)["candidate"]), Kind.APPROVAL)
    return house.blob("production", found[0])


def promotion_bundle(house: House) -> Path:
    found = house.bundles("production", Digest.parse(entry(house)["release"]), Kind.PROMOTION)
    return house.blob("production", found[0])


def state_bundle(house: House) -> Path:
    found = house.bundles("production", house.state_descriptor.digest, Kind.STATE)
    return house.blob("production", found[0])


@pytest.mark.parametrize(
    "place",
    [
        weights,
        model_manifest,
        candidate_record,
        release_record,
        state_record,
        approval_bundle,
        promotion_bundle,
        state_bundle,
    ],
)
def test_one_byte_changed_in_production(released: House, place: Callable[[House], Path]) -> None:
    file = place(released)
    released.flip(file, 100)
    released.gates_deny("digest_mismatch")
    assert released.run("fsck", "-e", "production").status == 1
    released.flip(file, 100)
    released.gates_allow()


def test_a_denial_of_changed_bytes_is_on_record(released: House) -> None:
    released.flip(weights(released))
    released.run_denied("digest_mismatch")
    entries = released.ok("log", "-e", "production")["entries"]
    assert (entries[-1]["action"], entries[-1]["outcome"], entries[-1]["code"]) == (
        "run",
        "deny",
        "digest_mismatch",
    )


def test_a_model_file_missing_in_production(released: House) -> None:
    weights(released).unlink()
    released.gates_deny("blob_missing")


def test_one_byte_changed_in_experimentation(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.flip(requested.blob("experimentation", requested.file_digest()))
    requested.denied("digest_mismatch", "promote", requested.candidate)
    assert requested.state["releases"] == []
    entries = requested.ok("log", "-e", "production")["entries"]
    assert (entries[-1]["action"], entries[-1]["code"]) == ("promote", "digest_mismatch")


def test_one_byte_changed_in_an_approval_before_promotion(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    [first, _] = requested.bundles("experimentation", Digest.parse(requested.candidate), Kind.APPROVAL)
    requested.flip(requested.blob("experimentation", first))
    requested.denied("digest_mismatch", "promote", requested.candidate)


def test_one_byte_changed_at_the_source(requested: House) -> None:
    requested.ok("pull", f"path:models/{NAME}")
    requested.flip(requested.model_file)
    requested.denied("digest_mismatch", "pull", f"path:models/{NAME}")


def test_one_byte_changed_in_the_lock(requested: House) -> None:
    lock = requested.root / "weighlock.lock"
    digest = requested.file_digest().hex
    text = lock.read_text()
    assert digest in text
    lock.write_text(text.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1")))
    requested.denied("lock_invalid", "pull", f"path:models/{NAME}")


def test_one_byte_changed_in_an_export(released: House) -> None:
    released.ok("export", f"production:{entry(released)['model']}", "exported")
    released.ok("sign", "exported", "--key", released.key("production"))
    public = ("--key", str(released.root / "keys" / "production.pub"))
    released.ok("verify", "exported", *public)
    released.flip(released.root / "exported" / "model.safetensors")
    released.denied("model_mismatch", "verify", "exported", *public, "--rehash")


def test_other_bytes_shown_to_the_inspector(requested: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write production's store puts harmless bytes there for as long as they are looked at."""
    examine, shown = InspectionProcess.examine_all, requested.file_digest()
    candidate = requested.candidate
    requested.review(candidate)
    requested.approve(candidate)

    def examined(process: InspectionProcess, batch: Any, *, meanwhile: Callable[[], None]) -> Any:
        stored = requested.blob("production", shown)
        honest = stored.read_bytes()
        stored.chmod(0o600)
        stored.write_bytes(bytes(len(honest)))
        try:
            done = list(examine(process, batch))
        finally:
            stored.write_bytes(honest)
        meanwhile()  # which digests
        return done

    monkeypatch.setattr(InspectionProcess, "examine_all", examined)
    requested.denied("file_changed", "promote", candidate)
    requested.denied("release_unknown", "release", "verify", NAME)
    monkeypatch.undo()
    requested.ok("promote", candidate)


def test_one_byte_changed_in_the_log(released: House) -> None:
    file = released.root / ".weighlock" / "production" / "log" / "entries.jsonl"
    released.ok("log", "verify", "-e", "production")
    released.flip(file, len(file.read_bytes()) // 2)
    released.denied("log_tampered", "log", "verify", "-e", "production")


def test_an_approval_taken_away(released: House) -> None:
    released.unlist("production", Digest.parse(entry(released)["candidate"]), Kind.APPROVAL, principal="ana")
    released.gates_deny("approvals_missing")
    # promotion brings the statements again; it does not release twice
    assert released.ok("promote", released.candidate)["release"]["alias"] == "tiny@1"
    released.gates_allow()


def test_the_request_taken_away(released: House) -> None:
    released.unlist("production", Digest.parse(entry(released)["candidate"]), Kind.REQUEST)
    released.gates_deny("requester_unknown")


def test_the_promotion_taken_away(released: House) -> None:
    released.unlist("production", Digest.parse(entry(released)["release"]), Kind.PROMOTION)
    released.gates_deny("release_invalid")


def test_the_state_s_signature_taken_away(released: House) -> None:
    released.unlist("production", released.state_descriptor.digest, Kind.STATE)
    released.gates_deny("state_invalid")
    released.ok("renew")  # this machine believed that very state, and signs it again
    released.gates_allow()


def test_a_candidate_taken_away(released: House) -> None:
    with released.store("production") as store:
        store.delete(Digest.parse(entry(released)["candidate"]))
    released.gates_deny("approvals_missing")


def test_the_index_damaged(released: House) -> None:
    index = released.root / ".weighlock" / "production" / "index.json"
    index.write_bytes(index.read_bytes()[:-40])
    released.gates_deny("index_damaged")


def test_the_store_taken_away(released: House) -> None:
    (released.root / ".weighlock" / "production").rename(released.root / "elsewhere")
    released.denied("store_missing", "release", "verify", NAME, status=2)
    released.run_denied("store_missing")
