"""Certificates for tests: a small authority that makes whatever is asked, right or wrong."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
EMAIL = "signer@example.org"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey

USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def usage(*allowed: str) -> x509.KeyUsage:
    flags: dict[str, Any] = {name: name in allowed for name in USAGES}
    return x509.KeyUsage(**flags)


@dataclass
class Node:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@dataclass
class Wish:
    """What a certificate shall say; the defaults are a correct code-signing leaf."""

    name: str = "signer"
    key: PrivateKey | None = None
    ca: bool | None = False
    path_length: int | None = None
    usage: x509.KeyUsage | None = field(default_factory=lambda: usage("digital_signature"))
    purposes: list[x509.ObjectIdentifier] | None = field(
        default_factory=lambda: [ExtendedKeyUsageOID.CODE_SIGNING]
    )
    names: Sequence[x509.GeneralName] | None = field(default_factory=lambda: [x509.RFC822Name(EMAIL)])
    start: dt.datetime = NOW - DAY
    end: dt.datetime = NOW + DAY
    digest: hashes.HashAlgorithm | None = field(default_factory=hashes.SHA256)
    extra: list[tuple[x509.ExtensionType, bool]] = field(default_factory=list)


def authority(name: str = "root", **changes: Any) -> Wish:
    """Return what a correct certificate of an authority says, changed."""
    standard = Wish(name, ca=True, usage=usage("key_cert_sign", "crl_sign"), purposes=None, names=None)
    return replace(standard, **changes)


def issue(wish: Wish, issuer: Node | None = None) -> Node:
    """Return the certificate, signed by ``issuer`` or by itself."""
    key = wish.key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wish.name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(wish.start)
        .not_valid_after(wish.end)
    )
    for extension, critical in _extensions(wish, key):
        builder = builder.add_extension(extension, critical)
    signing = issuer.key if issuer else key
    digest = None if isinstance(signing, Ed25519PrivateKey) else wish.digest
    return Node(builder.sign(signing, digest), key)  # type: ignore[arg-type]  # tests choose a digest that fits


def _extensions(wish: Wish, key: PrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    made: list[tuple[x509.ExtensionType, bool]] = list(wish.extra)
    if wish.ca is not None:
        made.append((x509.BasicConstraints(wish.ca, wish.path_length), True))
    if wish.usage is not None:
        made.append((wish.usage, True))
    if wish.purposes is not None:
        made.append((x509.ExtendedKeyUsage(wish.purposes), False))
    if wish.names is not None:
        made.append((x509.SubjectAlternativeName(wish.names), False))
    if wish.ca:
        made.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
    return made
