import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from weighlock.attestation import dsse
from weighlock.attestation.bundle import (
    Attestation,
    pem_fingerprint,
    read_bundle,
    sign_statement,
    verify_with_keys,
)
from weighlock.attestation.key import ALGORITHMS, Algorithm, PublicKey
from weighlock.attestation.signer import KeySigner, make_key
from weighlock.attestation.statement import Statement, Subject
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, InternalError

DIGEST = Digest.of(b"a manifest")
STATEMENT = Statement((Subject.of("model", DIGEST),), "https://example.org/kind/v1", {"result": "ü"})
ALICE = make_key()
BOB = make_key()


def _sized(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


def _keys(*signers: KeySigner) -> dict[str, PublicKey]:
    return {signer.public.key_id: signer.public for signer in signers}


def _verify(raw: bytes, *signers: KeySigner) -> Attestation:
    return verify_with_keys(read_bundle(raw), _keys(*signers))


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(sign_statement(STATEMENT, ALICE))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signed_statement_verifies(algorithm: Algorithm) -> None:
    signer = make_key(algorithm)
    attestation = _verify(sign_statement(STATEMENT, signer), BOB, signer)
    assert attestation.statement == STATEMENT
    assert attestation.key_id == signer.public.key_id
    assert attestation.signer == signer.public
    assert attestation.payload == STATEMENT.to_bytes()
    assert attestation.identity is None
    assert attestation.statement.is_about(DIGEST)
    assert not attestation.statement.is_about(Digest.of(b"another"))


def test_only_verification_makes_an_attestation() -> None:
    envelope = read_bundle(sign_statement(STATEMENT, ALICE))
    with pytest.raises(InternalError):
        Attestation(STATEMENT, ALICE.public, b"", envelope, None, object())


def test_the_stored_bytes_are_verified_not_a_canonical_form_of_them() -> None:
    payload = json.dumps(json.loads(STATEMENT.to_bytes()), indent=3).encode()
    signature = ALICE.sign(dsse.encode_signed(dsse.PAYLOAD_TYPE, payload))

    def swap(document: dict[str, Any]) -> None:
        document["dsseEnvelope"] = dsse.write_envelope(payload, signature, "")

    attestation = _verify(_changed(swap), ALICE)
    assert attestation.payload == payload
    assert attestation.statement == STATEMENT


def test_the_encoding_that_is_signed_is_the_specifications() -> None:
    # the example of the specification, protocol.md
    assert dsse.encode_signed("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        value: Any = document
        for step in path[:-1]:
            value = value[step]
        if to is None:
            del value[path[-1]]
        else:
            value[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("verificationMaterial", "tlogEntries", to=None),
        _set("dsseEnvelope", "signatures", 0, "keyid", to=None),
        _set("dsseEnvelope", "signatures", 0, "keyid", to=""),
        _set("dsseEnvelope", "signatures", 0, "keyid", to="another tool's convention"),
        _set("verificationMaterial", "publicKey", "hint", to=None),
        _set("verificationMaterial", "publicKey", "hint", to=""),
        _set("verificationMaterial", "publicKey", "hint", to=ALICE.public.key_id),
        _set(
            "verificationMaterial",
            "publicKey",
            to={"rawBytes": "QUJD", "keyDetails": "PKIX_ECDSA_P256_SHA_256"},
        ),
        _set("verificationMaterial", "timestampVerificationData", to={"rfc3161Timestamps": []}),
        _set("mediaType", to="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        _set("mediaType", to="application/vnd.dev.sigstore.bundle+json;version=0.2"),
        _set("mediaType", to="application/vnd.dev.sigstore.bundle+json;version=0.3"),
    ],
)
def test_what_other_tools_write_or_leave_out_is_accepted(change: Callable[[dict[str, Any]], object]) -> None:
    assert _verify(_changed(change), BOB, ALICE).key_id == ALICE.public.key_id


def test_url_safe_base64_is_accepted() -> None:
    def change(document: dict[str, Any]) -> None:
        envelope = document["dsseEnvelope"]
        envelope["payload"] = envelope["payload"].translate(str.maketrans("+/", "-_"))
        sig = envelope["signatures"][0]
        sig["sig"] = sig["sig"].translate(str.maketrans("+/", "-_"))

    assert _verify(_changed(change), ALICE).statement == STATEMENT


def _two_signatures(document: dict[str, Any]) -> None:
    document["dsseEnvelope"]["signatures"] *= 2


def _swap_payload(document: dict[str, Any]) -> None:
    other = Statement((Subject.of("model", Digest.of(b"evil")),), STATEMENT.predicate_type, {})
    document["dsseEnvelope"]["payload"] = base64.b64encode(other.to_bytes()).decode()


def _own_key(document: dict[str, Any]) -> None:
    """An attacker signs with his own key and puts it, and its hint, into the bundle."""
    forged = json.loads(sign_statement(STATEMENT, BOB))
    document.update(forged)
    key = base64.b64encode(BOB.public.der).decode()
    document["verificationMaterial"]["publicKey"] = {"rawBytes": key}


def _bobs_signature_under_alices_name(document: dict[str, Any]) -> None:
    document["dsseEnvelope"] = json.loads(sign_statement(STATEMENT, BOB))["dsseEnvelope"]


PAYLOAD_TEXT = json.loads(sign_statement(STATEMENT, ALICE))["dsseEnvelope"]["payload"]

REFUSED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (_two_signatures, "signature_count"),
    (_set("dsseEnvelope", "signatures", to=[]), "signature_count"),
    (_set("dsseEnvelope", "signatures", to={}), "envelope_invalid"),
    (_set("dsseEnvelope", "signatures", 0, to="sig"), "envelope_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "sig", to=None), "envelope_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "sig", to=""), "envelope_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "sig", to="AAAA" * 1000), "envelope_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "sig", to="AAAA"), "signature_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "keyid", to=7), "envelope_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "cert", to="x"), "envelope_invalid"),
    (_set("dsseEnvelope", "payloadType", to="application/json"), "envelope_invalid"),
    (_set("dsseEnvelope", "payloadType", to=None), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to=PAYLOAD_TEXT + "\n"), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to=PAYLOAD_TEXT + "===="), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to="AAAA" + PAYLOAD_TEXT), "signature_invalid"),
    (_set("dsseEnvelope", "payload", to="+-AA"), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to="AAA"), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to="AB=="), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to="ÄÄÄÄ"), "envelope_invalid"),
    (_set("dsseEnvelope", "payload", to=7), "envelope_invalid"),
    (_set("dsseEnvelope", "extra", to=7), "envelope_invalid"),
    (_set("dsseEnvelope", to=[]), "envelope_invalid"),
    (_set("dsseEnvelope", to=None), "bundle_invalid"),
    (_swap_payload, "signature_invalid"),
    (_own_key, "signature_invalid"),
    (_bobs_signature_under_alices_name, "signature_invalid"),
    (_set("dsseEnvelope", "signatures", 0, "keyid", to=BOB.public.key_id), "signature_invalid"),
    (_set("verificationMaterial", "publicKey", "hint", to=pem_fingerprint(BOB.public)), "signature_invalid"),
    (_set("verificationMaterial", "publicKey", "hint", to="0" * 64), "signer_unknown"),
    (_set("verificationMaterial", "publicKey", "hint", to=7), "bundle_invalid"),
    (_set("verificationMaterial", "publicKey", "hint", to="x" * 2000), "bundle_invalid"),
    (_set("verificationMaterial", "publicKey", to="key"), "bundle_invalid"),
    (_set("verificationMaterial", "publicKey", to={"hinu": "x"}), "bundle_invalid"),
    (_set("verificationMaterial", "publicKey", to=None), "bundle_invalid"),
    (_set("verificationMaterial", "unknown", to=1), "bundle_invalid"),
    (_set("verificationMaterial", "tlogEntries", to="x"), "bundle_invalid"),
    (_set("verificationMaterial", "certificate", to={"rawBytes": "QUJD"}), "bundle_invalid"),
    (_set("verificationMaterial", to={"certificate": {"rawBytes": "QUJD"}}), "bundle_invalid"),
    (_set("verificationMaterial", to={"x509CertificateChain": {"certificates": []}}), "bundle_invalid"),
    (_set("verificationMaterial", to={"x509CertificateChain": {"certificates": [{"rawBytes": "QUJD"}] * 9}}), "bundle_invalid"),
    (_set("verificationMaterial", to={"x509CertificateChain": {"certificates": [{}]}}), "envelope_invalid"),
    (_set("verificationMaterial", to={"certificate": {"rawBytes": "QUJD" * 30_000}}), "bundle_invalid"),
    (_set("verificationMaterial", to=[]), "bundle_invalid"),
    (_set("mediaType", to="application/vnd.dev.sigstore.bundle.v0.4+json"), "bundle_invalid"),
    (_set("mediaType", to=None), "bundle_invalid"),
    (_set("mediaType", to=["application/json"]), "bundle_invalid"),
    (_set("messageSignature", to={}), "bundle_invalid"),
    (_set("unknown", to={}), "bundle_invalid"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"), REFUSED, ids=[f"{n}-{code}" for n, (_, code) in enumerate(REFUSED)]
)
def test_bundles_that_are_refused(change: Callable[[dict[str, Any]], object], code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        _verify(_changed(change), ALICE, BOB) if change is not _own_key else _verify(_changed(change), ALICE)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "json_invalid"),
        (b"[]", "json_invalid"),
        (b"{}", "bundle_invalid"),
        (b'{"mediaType":1,"mediaType":1}', "json_invalid"),
        (b" " * (16 * 1024 * 1024 + 1), "json_invalid"),
        (b"\xff", "json_invalid"),
    ],
)
def test_texts_that_are_no_bundle(raw: bytes, code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        read_bundle(raw)
    assert caught.value.code == code


def test_a_duplicate_key_inside_the_signed_payload_is_refused_even_if_signed() -> None:
    payload = STATEMENT.to_bytes().replace(b'"predicate":', b'"predicate":{},"predicate":')
    signature = ALICE.sign(dsse.encode_signed(dsse.PAYLOAD_TYPE, payload))

    def swap(document: dict[str, Any]) -> None:
        document["dsseEnvelope"] = dsse.write_envelope(payload, signature, "")

    with pytest.raises(DeniedError) as caught:
        _verify(_changed(swap), ALICE)
    assert caught.value.code == "json_invalid"


def test_nothing_verifies_without_trusted_keys_or_with_the_wrong_ones() -> None:
    raw = sign_statement(STATEMENT, ALICE)
    for signers in ((), (BOB,)):
        with pytest.raises(DeniedError) as caught:
            _verify(raw, *signers)
        assert caught.value.code == "signer_unknown"


def test_every_flipped_bit_of_payload_and_signature_is_noticed() -> None:
    document = json.loads(sign_statement(STATEMENT, ALICE))
    envelope = document["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    for index in range(0, 8 * len(payload), 5):
        flipped = bytearray(payload)
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises(DeniedError, match="signature"):
            ALICE.public.verify(signature, dsse.encode_signed(dsse.PAYLOAD_TYPE, bytes(flipped)))
    for index in range(8 * len(signature)):
        flipped = bytearray(signature)
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises(DeniedError) as caught:
            ALICE.public.verify(bytes(flipped), dsse.encode_signed(dsse.PAYLOAD_TYPE, payload))
        assert caught.value.code == "signature_invalid"


def _nameless(raw: bytes) -> bytes:
    """Take away what the bundle says about its signer."""
    document = json.loads(raw)
    document["verificationMaterial"]["publicKey"] = {}
    document["dsseEnvelope"]["signatures"][0]["keyid"] = ""
    return json.dumps(document).encode()


def test_a_bundle_that_names_nobody_is_tried_against_every_key() -> None:
    raw = _nameless(sign_statement(STATEMENT, ALICE))
    for signers in ((ALICE,), (BOB, ALICE), (ALICE, BOB)):
        assert _verify(raw, *signers).signer == ALICE.public
    with pytest.raises(DeniedError) as caught:
        _verify(raw, BOB, make_key())
    assert caught.value.code == "signature_invalid"


def test_what_one_key_signed_badly_is_not_tried_again_with_another() -> None:
    signature = ALICE.sign(dsse.encode_signed(dsse.PAYLOAD_TYPE, b"{}"))

    def swap(document: dict[str, Any]) -> None:
        document["dsseEnvelope"] = dsse.write_envelope(b"{}", signature, "")

    with pytest.raises(DeniedError) as caught:
        _verify(_nameless(_changed(swap)), ALICE, BOB)
    assert caught.value.code == "statement_invalid"


def test_a_key_id_without_hint_that_names_another_trusted_key_is_refused() -> None:
    document = json.loads(_nameless(sign_statement(STATEMENT, ALICE)))
    document["dsseEnvelope"]["signatures"][0]["keyid"] = BOB.public.key_id
    with pytest.raises(DeniedError) as caught:
        _verify(json.dumps(document).encode(), ALICE, BOB)
    assert caught.value.code == "signature_invalid"


@pytest.mark.parametrize(
    ("material", "accepted"),
    [
        ({"x509CertificateChain": {"certificates": [{"rawBytes": "QUJD"}] * 8}}, True),
        ({"x509CertificateChain": {"certificates": [{"rawBytes": "QUJD"}] * 9}}, False),
        ({"x509CertificateChain": {"certificates": []}}, False),
        ({"x509CertificateChain": {"certificates": 7}}, False),
        ({"x509CertificateChain": {}}, False),
        ({"x509CertificateChain": 7}, False),
        ({"certificate": {"rawBytes": _sized(64 * 1024)}}, True),
        ({"certificate": {"rawBytes": _sized(64 * 1024 + 1)}}, False),
        ({"publicKey": {"hint": "x" * 1024}}, True),
        ({"publicKey": {"hint": "x" * 1025}}, False),
        ({"publicKey": {"hint": "", "rawBytes": "", "keyDetails": "", "validFor": {}}}, True),
        ({"publicKey": {}, "tlogEntries": None}, True),
        ({"publicKey": {}, "certificate": {"rawBytes": "QUJD"}}, False),
        ({"tlogEntries": []}, False),
    ],
)
def test_verification_material(material: dict[str, Any], *, accepted: bool) -> None:
    raw = _changed(_set("verificationMaterial", to=material))
    if accepted:
        read_bundle(raw)
        return
    with pytest.raises(DeniedError) as caught:
        read_bundle(raw)
    assert caught.value.code == "bundle_invalid"
