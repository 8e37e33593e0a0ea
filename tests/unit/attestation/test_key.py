import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from weighlock.attestation.key import ALGORITHMS, MAX_KEY_BYTES, Algorithm, PublicKey
from weighlock.attestation.signer import KeySigner, make_key
from weighlock.core.error import DeniedError, UsageError, WeighlockError

PASSPHRASE = b"correct horse"


@pytest.fixture(scope="module")
def trial() -> KeySigner:
    return make_key(trial=True)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_its_public_half_verifies(algorithm: Algorithm) -> None:
    signer = KeySigner.from_pem(make_key(algorithm).to_pem(PASSPHRASE), PASSPHRASE)
    public = PublicKey.from_pem(signer.public.to_pem())
    public.verify(signer.sign(b"data"), b"data")
    assert public == signer.public
    assert public.algorithm == algorithm
    assert not public.trial


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_over_other_data_or_by_another_key_is_refused(algorithm: Algorithm) -> None:
    signer, other = make_key(algorithm), make_key(algorithm)
    signature = signer.sign(b"data")
    for key, data in ((signer.public, b"dataX"), (other.public, b"data")):
        with pytest.raises(DeniedError) as caught:
            key.verify(signature, data)
        assert caught.value.code == "signature_invalid"


def test_the_key_id_is_openssls_digest_of_the_der_key() -> None:
    # made once with: openssl pkey -pubin -outform DER | sha256sum
    pem = (
        b"-----BEGIN PUBLIC KEY-----\n"
        b"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        b"-----END PUBLIC KEY-----\n"
    )
    key = PublicKey.from_pem(pem)
    assert key.key_id == "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
    assert key.to_pem() == pem


def test_a_compressed_point_has_the_same_key_id() -> None:
    native = ec.generate_private_key(ec.SECP256R1()).public_key()
    compressed = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), native.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    )
    assert PublicKey.of(compressed).key_id == PublicKey.of(native).key_id


def test_a_trial_key_is_told_by_its_id_alone_and_needs_no_passphrase(trial: KeySigner) -> None:
    assert trial.public.trial
    assert trial.public.key_id.startswith("7e5")
    again = KeySigner.from_pem(trial.to_pem())
    assert again.public == trial.public
    assert PublicKey.from_pem(trial.public.to_pem()).trial


def test_a_real_key_is_neither_written_nor_read_in_the_clear() -> None:
    signer = make_key()
    with pytest.raises(UsageError) as caught:
        signer.to_pem()
    assert caught.value.code == "passphrase_missing"
    plain = signer._native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(DeniedError) as denied:
        KeySigner.from_pem(plain)
    assert denied.value.code == "key_unencrypted"


def _rsa_private() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))


def _curve_private() -> bytes:
    key = ec.generate_private_key(ec.SECP256K1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))


def _traditional() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.mark.parametrize(
    ("pem", "passphrase", "code"),
    [
        (b"", PASSPHRASE, "key_invalid"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", PASSPHRASE, "key_invalid"),
        (b"-----BEGIN PRIVATE KEY-----" + b"\n" * 70_000, PASSPHRASE, "key_invalid"),
        (_traditional(), None, "key_invalid"),
        (_rsa_private(), PASSPHRASE, "key_unsupported"),
        (_curve_private(), PASSPHRASE, "key_unsupported"),
        (make_key().to_pem(PASSPHRASE), b"wrong", "passphrase_wrong"),
        (make_key().to_pem(PASSPHRASE), None, "passphrase_missing"),
        (make_key().to_pem(PASSPHRASE), b"", "passphrase_missing"),
    ],
)
def test_private_keys_that_are_refused(pem: bytes, passphrase: bytes | None, code: str) -> None:
    with pytest.raises(WeighlockError) as caught:
        KeySigner.from_pem(pem, passphrase)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (b"", "key_invalid"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "key_invalid"),
        (make_key().to_pem(PASSPHRASE), "key_invalid"),
        (b"-----BEGIN PUBLIC KEY-----" + b"\n" * 70_000, "key_invalid"),
    ],
)
def test_public_keys_that_are_refused(pem: bytes, code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        PublicKey.from_pem(pem)
    assert caught.value.code == code


def test_rsa_and_other_curves_are_not_supported() -> None:
    for native in (
        rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
    ):
        pem = native.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(DeniedError) as caught:
            PublicKey.from_pem(pem)
        assert caught.value.code == "key_unsupported"


def test_an_unknown_algorithm_is_refused_when_making_a_key() -> None:
    with pytest.raises(DeniedError) as caught:
        make_key("rsa")  # type: ignore[arg-type]  # what an untyped caller may do
    assert caught.value.code == "key_unsupported"


def test_key_files_have_a_size_limit_and_nothing_before_the_key() -> None:
    signer = make_key()
    public, private = signer.public.to_pem(), signer.to_pem(PASSPHRASE)
    assert PublicKey.from_pem(b"\n" + public.ljust(MAX_KEY_BYTES - 1, b"\n")) == signer.public
    assert KeySigner.from_pem(private.ljust(MAX_KEY_BYTES, b"\n"), PASSPHRASE).public == signer.public
    for refused in (public.ljust(MAX_KEY_BYTES + 1, b"\n"), b"junk\n" + public):
        with pytest.raises(DeniedError) as caught:
            PublicKey.from_pem(refused)
        assert caught.value.code == "key_invalid"
    for refused in (private.ljust(MAX_KEY_BYTES + 1, b"\n"), b"junk\n" + private):
        with pytest.raises(DeniedError) as caught:
            KeySigner.from_pem(refused, PASSPHRASE)
        assert caught.value.code == "key_invalid"
