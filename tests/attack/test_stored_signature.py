"""A model signature over an artifact of a store: attached or in a file, over every byte that is there now."""

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    NAME,
    House,
    requested_fixture,
    stages_fixture,
)

TARGET = f"experimentation:{NAME}"


@pytest.fixture
def keys(requested: House) -> House:
    for name in ("signer", "stranger"):
        requested.ok("keys", "make", name, "--trial")
    return requested


def test_a_signature_is_attached_and_verified(keys: House) -> None:
    signed = keys.ok("sign", TARGET, "--key", "signer.pem")
    assert signed["signature"].startswith("attached, sha256:")
    verified = keys.ok("verify", TARGET, "--key", "signer.pub")
    assert verified["verified"] is True
    assert verified["root"] == signed["root"]
    assert verified["files"] == 2


def test_the_same_signature_verifies_the_exported_folder_and_the_other_way(keys: House) -> None:
    keys.ok("export", TARGET, "out")
    keys.ok("sign", TARGET, "--key", "signer.pem", "--signature", "artifact.sig")
    keys.ok("verify", "out", "--signature", "artifact.sig", "--key", "signer.pub")
    keys.ok("sign", "out", "--key", "signer.pem")
    keys.ok("verify", TARGET, "--signature", "out.sig", "--key", "signer.pub")
    (keys.root / "out" / "config.json").write_text("{}")
    keys.denied("model_mismatch", "verify", "out", "--signature", "artifact.sig", "--key", "signer.pub")


def test_a_strangers_signature_does_not_stand_in_the_way_nor_count(keys: House) -> None:
    keys.ok("sign", TARGET, "--key", "signer.pem")
    keys.ok("sign", TARGET, "--key", "stranger.pem")
    keys.ok("verify", TARGET, "--key", "signer.pub")
    keys.ok("keys", "make", "nobody", "--trial")
    keys.denied("signer_unknown", "verify", TARGET, "--key", "nobody.pub")


def test_a_flipped_byte_in_the_store(keys: House) -> None:
    keys.ok("sign", TARGET, "--key", "signer.pem")
    keys.flip(keys.blob("experimentation", keys.file_digest()))
    keys.denied("digest_mismatch", "verify", TARGET, "--key", "signer.pub")
    keys.denied("digest_mismatch", "sign", TARGET, "--key", "signer.pem")


def test_a_signature_of_another_model(keys: House) -> None:
    other = keys.root / "models" / "other"
    other.mkdir()
    (other / "config.json").write_text('{"other": 1}')
    keys.ok("pull", "path:models/other")
    keys.ok("sign", "experimentation:other", "--key", "signer.pem", "--signature", "other.sig")
    keys.denied("model_mismatch", "verify", TARGET, "--signature", "other.sig", "--key", "signer.pub")


def test_a_signature_of_another_model_that_was_attached(keys: House) -> None:
    other = keys.root / "models" / "other"
    other.mkdir()
    (other / "config.json").write_text('{"other": 1}')
    keys.ok("pull", "path:models/other")
    keys.ok("sign", "experimentation:other", "--key", "signer.pem", "--signature", "other.sig")
    with keys.store("experimentation") as store:
        subject = store.resolve(NAME)
        media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
        annotations = {"dev.sigstore.bundle.predicateType": "https://model_signing/signature/v1.0"}
        raw = (keys.root / "other.sig").read_bytes()
        store.attach(subject, media_type, raw, media_type, annotations)
    keys.denied("model_mismatch", "verify", TARGET, "--key", "signer.pub")


def test_nothing_attached(keys: House) -> None:
    keys.denied("signature_missing", "verify", TARGET, "--key", "signer.pub", status=2)


def test_an_unknown_artifact(keys: House) -> None:
    keys.denied("artifact_unknown", "sign", "experimentation:none", "--key", "signer.pem", status=2)


def test_a_folder_with_such_a_name_is_reached_with_a_dot(keys: House) -> None:
    folder = keys.root / TARGET
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"x")
    keys.ok("sign", f"./{TARGET}", "--key", "signer.pem", "--signature", "folder.sig")
    verified = keys.ok("verify", f"./{TARGET}", "--signature", "folder.sig", "--key", "signer.pub")
    assert verified["files"] == 1
