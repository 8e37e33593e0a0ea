"""Private keys: who signs. A signer may live elsewhere (a KMS, a token); only ``Signer`` is assumed.

A real key is never written without a passphrase and never read without one. A trial
key is written in the clear, because everyone may see that it protects nothing.
"""

from typing import Final, Protocol, Self, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from weighlock.attestation.key import ALGORITHMS, MAX_KEY_BYTES, Algorithm, PublicKey, digest_of, unsupported
from weighlock.core.error import DeniedError, UsageError

NativePrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | Ed25519PrivateKey

_CURVES: Final[dict[Algorithm, type[ec.EllipticCurve]]] = {
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
}
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PLAIN: Final = b"-----BEGIN PRIVATE KEY-----"
_PUBLIC: Final = b"-----BEGIN PUBLIC KEY-----"


class Signer(Protocol):
    """Something that can sign with one key."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this signs."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``: DER for ECDSA, 64 bytes for Ed25519."""


class KeySigner:
    """A signer with the private key in memory."""

    def __init__(self, native: NativePrivateKey) -> None:
        self._native = native
        self._public = PublicKey.of(native.public_key())

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> Self:
        """Return the signer of a PKCS#8 PEM private key.

        Raises UsageError ``passphrase_missing`` or ``passphrase_wrong``, DeniedError ``key_invalid``,
        ``key_unsupported``, or ``key_unencrypted`` for a real key in the clear.
        """
        encrypted = is_encrypted(pem)
        if encrypted and not passphrase:
            raise UsageError(
                "passphrase_missing",
                "the private key is encrypted and no passphrase was given",
                hint="set WEIGHLOCK_PASSPHRASE or give --passphrase-file",
            )
        signer = cls(_load(pem, passphrase if encrypted else None))
        if not encrypted and not signer.public.trial:
            raise DeniedError(
                "key_unencrypted",
                "the private key is not encrypted, and it is not a trial key",
                hint="encrypt it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out ENCRYPTED-KEY",
            )
        return signer

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this signs."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``: DER for ECDSA, 64 bytes for Ed25519."""
        if isinstance(self._native, Ed25519PrivateKey):
            return self._native.sign(data)
        return self._native.sign(data, ec.ECDSA(digest_of(self._public.algorithm)))

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """Return the PKCS#8 PEM, in the clear for a trial key without passphrase.

        Raises UsageError ``passphrase_missing`` for a real key without one.
        """
        if not passphrase and not self._public.trial:
            raise UsageError(
                "passphrase_missing",
                "a real key is not written without a passphrase",
                hint="set WEIGHLOCK_PASSPHRASE or give --passphrase-file, or make a trial key with --trial",
            )
        encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        return self._native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def make_key(algorithm: Algorithm = "p256", *, trial: bool = False) -> KeySigner:
    """Return a new key whose id says whether it is a trial key.

    Trial keys are found by trying: 4,096 tries on average, about 0.1 s for ``p256``
    and ``ed25519``, a second for ``p384`` and ``p521``. Raises DeniedError ``key_unsupported``.
    """
    if algorithm not in ALGORITHMS:
        raise unsupported()
    while True:
        signer = KeySigner(_generate(algorithm))
        if signer.public.trial is trial:
            return signer


def is_encrypted(pem: bytes) -> bool:
    """Return whether a PKCS#8 PEM private key needs a passphrase; raises DeniedError ``key_invalid``."""
    text = pem.lstrip()
    if len(pem) > MAX_KEY_BYTES or not text.startswith((_ENCRYPTED, _PLAIN)):
        raise DeniedError(
            "key_invalid",
            "the file does not hold a PKCS#8 PEM private key",
            hint="give the private key, which `weighlock keys make` wrote beside this public one (.pem)"
            if text.startswith(_PUBLIC)
            else "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out ENCRYPTED-KEY",
        )
    return text.startswith(_ENCRYPTED)


def _generate(algorithm: Algorithm) -> NativePrivateKey:
    if algorithm == "ed25519":
        return Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[algorithm]())


def _load(pem: bytes, passphrase: bytes | None) -> NativePrivateKey:
    try:
        native = load_pem_private_key(pem, passphrase)
    except UnsupportedAlgorithm as error:
        raise unsupported() from error
    except (ValueError, TypeError) as error:
        if passphrase is not None:
            raise UsageError("passphrase_wrong", "the passphrase does not open the private key") from error
        raise DeniedError("key_invalid", "the private key is malformed") from error
    if not isinstance(native, ec.EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise unsupported()
    return native
