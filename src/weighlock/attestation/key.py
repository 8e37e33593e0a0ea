"""Public keys: what verifies a signature, and the name it goes by.

A key's id is the lower-case hex SHA-256 of its DER SubjectPublicKeyInfo. A trial
key is told by its id alone, so that no gate needs a list of them: ids that begin
with ``7e5`` ("TES", for test) belong to trial keys, and only to them.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Literal, Self, TypeAlias, get_args

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from weighlock.core.error import DeniedError

Algorithm: TypeAlias = Literal["p256", "p384", "p521", "ed25519"]
NativePublicKey: TypeAlias = ec.EllipticCurvePublicKey | Ed25519PublicKey

ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)
TRIAL_PREFIX: Final = "7e5"
MAX_KEY_BYTES: Final = 64 * 1024  # a P-521 key with the longest comment is under 2 KB

_CURVES: Final[dict[str, Algorithm]] = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
# OMS v1.0, algorithm-registry.md, and Sigstore's registry: the digest is as long as the curve
_DIGESTS: Final[dict[Algorithm, type[HashAlgorithm]]] = {"p256": SHA256, "p384": SHA384, "p521": SHA512}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies signatures; equal if its DER SubjectPublicKeyInfo is."""

    der: bytes
    algorithm: Algorithm
    key_id: str
    native: NativePublicKey = field(repr=False, compare=False)

    @classmethod
    def of(cls, native: object) -> Self:
        """Return the key of a ``cryptography`` public key; raises DeniedError ``key_unsupported``."""
        if not isinstance(native, ec.EllipticCurvePublicKey | Ed25519PublicKey):
            raise unsupported()
        der = native.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(der, _algorithm_of(native), hashlib.sha256(der).hexdigest(), native)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the key of a PEM SubjectPublicKeyInfo; raises DeniedError ``key_invalid`` or ``key_unsupported``."""
        if len(pem) > MAX_KEY_BYTES or not pem.lstrip().startswith(b"-----BEGIN PUBLIC KEY-----"):
            raise DeniedError(
                "key_invalid",
                "the file does not hold a PEM public key",
                hint="it begins with -----BEGIN PUBLIC KEY-----; `weighlock keys make` writes one as NAME.pub",
            )
        try:
            native = load_pem_public_key(pem)
        except UnsupportedAlgorithm as error:
            raise unsupported() from error
        except ValueError as error:
            raise DeniedError("key_invalid", "the public key is malformed") from error
        return cls.of(native)

    @property
    def trial(self) -> bool:
        """Whether this is a trial key, which never satisfies production."""
        return self.key_id.startswith(TRIAL_PREFIX)

    def to_pem(self) -> bytes:
        """Return the PEM SubjectPublicKeyInfo."""
        return self.native.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return if ``signature`` over ``data`` is by this key; raises DeniedError ``signature_invalid``."""
        try:
            if isinstance(self.native, Ed25519PublicKey):
                self.native.verify(signature, data)
            else:
                self.native.verify(signature, data, ec.ECDSA(digest_of(self.algorithm)))
        except InvalidSignature as error:
            raise DeniedError(
                "signature_invalid",
                f"the signature is not by the key {self.key_id[:16]}… over this content",
                hint="the document or the signature was changed, or another key signed it",
            ) from error


def digest_of(algorithm: Algorithm) -> HashAlgorithm:
    """Return the digest that ECDSA uses with a curve."""
    return _DIGESTS[algorithm]()


def _algorithm_of(native: NativePublicKey) -> Algorithm:
    if isinstance(native, Ed25519PublicKey):
        return "ed25519"
    algorithm = _CURVES.get(native.curve.name)
    if algorithm is None:
        raise unsupported()
    return algorithm


def unsupported() -> DeniedError:
    """Return the error for a key of a kind that we do not use."""
    return DeniedError(
        "key_unsupported",
        "the key is of a kind that is not supported",
        hint=f"use one of {', '.join(ALGORITHMS)}",
    )
