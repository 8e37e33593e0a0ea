"""Somebody changes a signed model, its signature, or who seems to have signed it."""

import base64
import datetime as dt
import json
import mmap
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import DAY, EMAIL, Wish, authority, issue
from weighlock.attestation.signer import make_key
from weighlock.cli.main import run
from weighlock.core.outcome import Outcome

NOW = dt.datetime.now(dt.UTC)
PASSPHRASE = "correct horse"


def _valid(wish: Wish) -> Wish:
    """Make a certificate valid now, by the machine's clock."""
    return replace(wish, start=NOW - DAY, end=NOW + DAY)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, signed, and the keys of the signer and of an attacker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEIGHLOCK_PASSPHRASE", PASSPHRASE)
    model = tmp_path / "model"
    (model / "sub").mkdir(parents=True)
    (model / "weights.bin").write_bytes(bytes(5000))
    (model / "sub" / "config.json").write_text("{}")
    assert run(["keys", "make", "signer", "-q"]) == Outcome.CLEAN
    assert run(["keys", "make", "attacker", "-q"]) == Outcome.CLEAN
    assert run(["sign", "model", "--key", "signer.pem", "-q"]) == Outcome.CLEAN
    return tmp_path


def _verify(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run(["verify", "model", "--json", *(more or ("--key", "signer.pub"))])
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, facts


def _denied(capsys: pytest.CaptureFixture[str], code: str, *more: str) -> dict[str, Any]:
    status, facts = _verify(capsys, *more)
    assert (status, facts["error"]["code"]) == (Outcome.FINDINGS, code)
    details: dict[str, Any] = facts["error"]["details"]
    return details


def test_bytes_changed_through_a_mapping_that_was_there_before(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(house / "cache"))
    monkeypatch.setattr("weighlock.cli.verify.clock", lambda: lambda: NOW + DAY)  # every file is old by then
    file = house / "model" / "weights.bin"
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        mapped[0] = mapped[0]  # the page is dirty, so the kernel stamps no later write to it
        assert _verify(capsys)[0] == Outcome.CLEAN
        mapped[:4] = b"evil"
        assert _denied(capsys, "model_mismatch")["changed"] == ["weights.bin"]


def _rewrite(change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(Path("model.sig").read_bytes())
    change(document)
    Path("model.sig").write_text(json.dumps(document))


@pytest.mark.usefixtures("house")
def test_the_untouched_model_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    status, facts = _verify(capsys)
    assert (status, facts["verified"], facts["files"], facts["trial"]) == (Outcome.CLEAN, True, 2, False)


def test_one_bit_of_a_file_is_changed_and_its_time_put_back(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = house / "model" / "weights.bin"
    assert _verify(capsys)[0] == Outcome.CLEAN  # so that the cache of verified files could remember it
    facts = weights.stat()
    raw = bytearray(weights.read_bytes())
    raw[100] ^= 1
    weights.write_bytes(raw)
    os.utime(weights, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert _denied(capsys, "model_mismatch")["changed"] == ["weights.bin"]
    assert _denied(capsys, "model_mismatch", "--key", "signer.pub", "--rehash")["changed"] == ["weights.bin"]


def test_each_difference_is_named_to_people(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "model" / "weights.bin").write_bytes(b"x")
    (house / "model" / "sub" / "config.json").rename(house / "model" / "sub" / "evil.json")
    capsys.readouterr()
    assert run(["verify", "model", "--key", "signer.pub"]) == Outcome.FINDINGS
    told = capsys.readouterr().err
    assert "missing  sub/config.json" in told
    assert "added    sub/evil" in told
    assert "changed  weights.bin" in told
    assert "[model_mismatch]" in told


@pytest.mark.usefixtures("house")
def test_the_attacker_signs_the_changed_model_himself(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model/weights.bin").write_bytes(b"evil")
    assert run(["sign", "model", "--key", "attacker.pem", "-q"]) == Outcome.CLEAN
    _denied(capsys, "signer_unknown")


@pytest.mark.usefixtures("house")
def test_the_attacker_signs_and_claims_the_signers_key(capsys: pytest.CaptureFixture[str]) -> None:
    genuine = json.loads(Path("model.sig").read_bytes())
    Path("model/weights.bin").write_bytes(b"evil")
    assert run(["sign", "model", "--key", "attacker.pem", "-q"]) == Outcome.CLEAN

    def claim(document: dict[str, Any]) -> None:
        document["verificationMaterial"] = genuine["verificationMaterial"]
        document["dsseEnvelope"]["signatures"][0]["keyid"] = genuine["dsseEnvelope"]["signatures"][0]["keyid"]

    _rewrite(claim)
    _denied(capsys, "signature_invalid")


@pytest.mark.usefixtures("house")
def test_the_payload_is_replaced_under_the_genuine_signature(capsys: pytest.CaptureFixture[str]) -> None:
    def replace(document: dict[str, Any]) -> None:
        envelope = document["dsseEnvelope"]
        payload = json.loads(base64.b64decode(envelope["payload"]))
        payload["predicate"]["serialization"]["ignore_paths"].append("weights.bin")
        envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()

    _rewrite(replace)
    _denied(capsys, "signature_invalid")


@pytest.mark.usefixtures("house")
def test_a_second_signature_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    def add(document: dict[str, Any]) -> None:
        document["dsseEnvelope"]["signatures"] *= 2

    _rewrite(add)
    _denied(capsys, "signature_count")


def test_every_byte_of_a_bundle_counts_or_says_nothing(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flip a bit everywhere: the verdict is deny, except in fields that only say which key to try."""
    genuine = Path("model.sig").read_bytes()
    tolerated = 0
    for index in range(0, len(genuine), 7):
        changed = bytearray(genuine)
        changed[index] ^= 1
        (house / "model.sig").write_bytes(changed)
        status, facts = _verify(capsys)
        if status == Outcome.CLEAN:
            tolerated += 1
            assert b'"keyid"' in genuine[max(0, index - 80) : index]
            assert facts["verified"] is True
        else:
            assert status == Outcome.FINDINGS
    assert tolerated <= 64 // 7 + 1


def test_a_huge_or_missing_signature(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (house / "model.sig").open("ab") as file:
        file.truncate(17 * 1024 * 1024)
    _denied(capsys, "json_invalid")
    (house / "model.sig").unlink()
    status, facts = _verify(capsys)
    assert (status, facts["error"]["code"]) == (Outcome.USAGE, "signature_missing")


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    "trust",
    [
        ["--identity", "email:x@example.org"],
        ["--trusted-root", "signer.pub"],
        ["--key", "signer.pub", "--identity", "email:x@example.org"],
        ["--key", "signer.pub", "--trusted-root", "signer.pub", "--identity", "email:x@example.org"],
    ],
)
def test_nothing_verifies_if_nobody_says_whom_to_trust(
    capsys: pytest.CaptureFixture[str], trust: list[str]
) -> None:
    status, facts = _verify(capsys, *trust)
    assert (status, facts["error"]["code"]) == (Outcome.USAGE, "trust_unspecified")


@pytest.mark.usefixtures("house")
def test_an_unencrypted_key_cannot_sign(capsys: pytest.CaptureFixture[str]) -> None:
    native = make_key()._native
    Path("plain.pem").write_bytes(native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    capsys.readouterr()
    assert run(["sign", "model", "--key", "plain.pem", "--json"]) == Outcome.FINDINGS
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "key_unencrypted"


def _certify(wish: Wish) -> None:
    """Sign the model with a new key, certified as ``wish`` says by a root in root.pem."""
    signer = make_key()
    Path("certified.pem").write_bytes(signer.to_pem(PASSPHRASE.encode()))
    wish.key = signer._native
    root = issue(_valid(authority()))
    leaf = issue(wish, root)
    Path("root.pem").write_bytes(root.pem)
    Path("chain.pem").write_bytes(leaf.pem + root.pem)
    status = run(["sign", "model", "--key", "certified.pem", "--certificate-chain", "chain.pem", "-q"])
    assert status == Outcome.CLEAN


BY_ROOT = ("--trusted-root", "root.pem", "--identity", f"email:{EMAIL}")


@pytest.mark.usefixtures("house")
def test_a_certified_signature_verifies_for_that_identity_only(capsys: pytest.CaptureFixture[str]) -> None:
    _certify(_valid(Wish()))
    status, facts = _verify(capsys, *BY_ROOT)
    assert (status, facts["identity"]) == (Outcome.CLEAN, f"email:{EMAIL}")
    _denied(capsys, "identity_mismatch", "--trusted-root", "root.pem", "--identity", "email:boss@example.org")
    _denied(capsys, "bundle_invalid")  # with --key


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(start=NOW - 3 * DAY, end=NOW - DAY), "certificate_expired"),
        (Wish(start=NOW + DAY, end=NOW + 3 * DAY), "certificate_expired"),
        (_valid(Wish(ca=True)), "certificate_untrusted"),
        (_valid(Wish(purposes=[ExtendedKeyUsageOID.SERVER_AUTH])), "certificate_untrusted"),
    ],
    ids=["expired", "not yet valid", "authority", "other purpose"],
)
def test_certificates_that_do_not_count(capsys: pytest.CaptureFixture[str], wish: Wish, code: str) -> None:
    _certify(wish)
    _denied(capsys, code, *BY_ROOT)


@pytest.mark.usefixtures("house")
def test_a_stranger_with_a_root_of_the_same_name(capsys: pytest.CaptureFixture[str]) -> None:
    _certify(_valid(Wish()))
    shutil.copy("root.pem", "genuine.pem")
    _certify(_valid(Wish()))
    _denied(capsys, "certificate_untrusted", "--trusted-root", "genuine.pem", "--identity", f"email:{EMAIL}")


def test_files_under_ignored_paths_are_pointed_out(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "model" / ".git").mkdir()
    (house / "model" / ".git" / "payload.pkl").write_bytes(b"x")
    status, facts = _verify(capsys)
    assert (status, facts["uncovered"]) == (Outcome.CLEAN, [".git/payload.pkl"])
    assert run(["verify", "model", "--key", "signer.pub"]) == Outcome.CLEAN
    assert "warning: .git/payload.pkl is not covered" in capsys.readouterr().err
