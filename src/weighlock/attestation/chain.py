"""X.509 chains of code-signing certificates, verified against roots that the caller trusts (RFC 5280, section 6).

A chain is verified as the bundle lists it, leaf first; no path is searched for. There
is no trusted timestamp, so "when it was signed" is only the signer's word: every
certificate must be valid *now*, and an expired one never verifies. What is not
understood is refused: name constraints, and critical extensions not listed here.

The web's verifiers ask for a server name or a client's purpose, so the library's own
path validation does not fit; names and signatures are checked by the library.
"""

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from weighlock.attestation.bundle import (
    MAX_CERTIFICATES,
    Attestation,
    Envelope,
    invalid_bundle,
    verify_with_key,
)
from weighlock.attestation.key import PublicKey
from weighlock.core.error import DeniedError
from weighlock.core.text import shown

MAX_ROOTS: Final = 64  # a company's own roots, not a browser's list
MAX_ROOTS_BYTES: Final = 1024 * 1024
MIN_RSA_BITS: Final = 2048
IDENTITY_KINDS: Final = ("email", "dns", "uri", "subject")

_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class Identity(NamedTuple):
    """Who a certificate must belong to: ``email``, ``dns`` or ``uri`` of its alternative names, or its ``subject``."""

    kind: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """Return the identity that ``KIND:VALUE`` writes; raises DeniedError ``identity_invalid``."""
        kind, _, value = text.partition(":")
        if kind not in IDENTITY_KINDS or not value:
            raise DeniedError(
                "identity_invalid",
                f"{shown(text)!r} is not an identity",
                hint="write email:…, dns:…, uri:… or subject:CN=…,O=… (RFC 4514)",
            )
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def read_roots(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM file of trusted roots; raises DeniedError ``certificate_invalid``."""
    try:
        roots = x509.load_pem_x509_certificates(pem) if len(pem) <= MAX_ROOTS_BYTES else []
    except ValueError as error:
        raise _invalid("the file does not hold PEM certificates") from error
    if not 0 < len(roots) <= MAX_ROOTS:
        raise _invalid(f"the file does not hold between 1 and {MAX_ROOTS} PEM certificates")
    return roots


def verify_with_chain(
    envelope: Envelope, roots: Sequence[x509.Certificate], *, identity: Identity, now: dt.datetime
) -> Attestation:
    """Return the attestation, if a certificate of ``identity`` that leads to one of ``roots`` signed it.

    Raises DeniedError ``bundle_invalid`` without certificates; ``certificate_invalid``, ``certificate_expired``,
    ``certificate_untrusted``, ``identity_mismatch``; ``key_unsupported``, ``signature_invalid``,
    ``statement_invalid`` or ``json_invalid``.
    """
    if not envelope.certificates:
        raise invalid_bundle("it was signed with a bare key, and only certificates are trusted here")
    try:
        leaf = _verify_chain(envelope.certificates, roots, now)
        _check_identity(leaf, identity)
        key = PublicKey.of(leaf.public_key())
    except (
        ValueError,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        UnsupportedAlgorithm,
    ) as error:
        raise _invalid("a certificate is malformed or uses something unknown") from error
    return verify_with_key(envelope, key, identity=str(identity))


def read_chain(pem: bytes, public: PublicKey) -> list[bytes]:
    """Return the DER certificates of a PEM chain to sign with, leaf first, the leaf being for ``public``.

    Raises DeniedError ``certificate_invalid`` or ``key_unsupported``.
    """
    chain = read_roots(pem)
    if len(chain) > MAX_CERTIFICATES:
        raise _invalid(f"the chain has more than {MAX_CERTIFICATES} certificates")
    if PublicKey.of(chain[0].public_key()) != public:
        raise _invalid("the first certificate of the chain is not for the signing key")
    return [certificate.public_bytes(Encoding.DER) for certificate in chain]


def _verify_chain(
    encoded: Sequence[bytes], roots: Sequence[x509.Certificate], now: dt.datetime
) -> x509.Certificate:
    chain = [x509.load_der_x509_certificate(each) for each in encoded]
    # 1. a root that the bundle repeats adds nothing: the caller's own copy is used
    if len(chain) > 1 and chain[-1] in roots:
        chain.pop()
    # 2. the last certificate was issued by a trusted root
    root = next((root for root in roots if _issued(chain[-1], root)), None)
    if root is None:
        raise _untrusted("the chain does not lead to a trusted root")
    # 3. every other was issued by the next one
    if not all(_issued(child, issuer) for child, issuer in pairwise(chain)):
        raise _untrusted("a certificate of the chain was not issued by the next one")
    # 4. each is valid now, and may do what it does here
    leaf, *authorities = *chain, root
    for certificate in (leaf, *authorities):
        _check_certificate(certificate, now)
    for depth, authority in enumerate(authorities):
        _check_authority(authority, depth)
    _check_leaf(leaf)
    return leaf


def _issued(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether the issuer's name and key are those that signed the child."""
    try:
        child.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_certificate(certificate: x509.Certificate, now: dt.datetime) -> None:
    name = shown(certificate.subject.rfc4514_string(), limit=80)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise DeniedError(
            "certificate_expired",
            f"the certificate of {name} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
            f"to {certificate.not_valid_after_utc:%Y-%m-%d}, not now",
            hint="sign again with a valid certificate; when it was signed cannot be proven without a timestamp",
        )
    if certificate.version is not x509.Version.v3:
        raise _untrusted(f"the certificate of {name} is not of version 3")
    # Ed25519 names no digest of its own; SHA-1 and MD5 collide
    digest = certificate.signature_hash_algorithm
    if digest is not None and digest.name not in _DIGESTS:
        raise _untrusted(f"the certificate of {name} is signed over {digest.name}")
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise _untrusted(f"the RSA key of {name} is shorter than {MIN_RSA_BITS} bits")
    for extension in certificate.extensions:
        if (
            extension.critical and extension.oid not in _UNDERSTOOD
        ) or extension.oid == ExtensionOID.NAME_CONSTRAINTS:
            raise _untrusted(f"the certificate of {name} has the extension {extension.oid.dotted_string}")


def _check_authority(certificate: x509.Certificate, depth: int) -> None:
    """Check that a certificate may issue others, with ``depth`` authorities between it and the leaf."""
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is None or not basic.ca:
        raise _untrusted("a certificate of the chain is not an authority's")
    if basic.path_length is not None and depth > basic.path_length:
        raise _untrusted("the chain is longer than one of its authorities allows")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.key_cert_sign:
        raise _untrusted("an authority of the chain may not sign certificates")
    _check_purpose(certificate)


def _check_leaf(certificate: x509.Certificate) -> None:
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is not None and basic.ca:
        raise _untrusted("the signing certificate is an authority's")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _untrusted("the signing certificate is not for digital signatures")
    _check_purpose(certificate)


def _check_purpose(certificate: x509.Certificate) -> None:
    # RFC 5280, section 4.2.1.12: without the extension, any purpose
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise _untrusted("a certificate of the chain is for another purpose than code signing")


def _check_identity(leaf: x509.Certificate, identity: Identity) -> None:
    found = _identities(leaf)
    if identity not in found:
        named = ", ".join(shown(str(each), limit=80) for each in found[:5])
        raise DeniedError(
            "identity_mismatch",
            f"the certificate belongs to {named or 'nobody'}, not to {shown(str(identity), limit=80)}",
            hint="the signature is by somebody else whom the same root certifies",
        )


def _identities(leaf: x509.Certificate) -> list[Identity]:
    subject = leaf.subject.rfc4514_string()
    found = [Identity("subject", subject)] if subject else []
    names = _extension(leaf, x509.SubjectAlternativeName)
    if names is not None:
        found += [Identity("email", name) for name in names.get_values_for_type(x509.RFC822Name)]
        found += [Identity("dns", name) for name in names.get_values_for_type(x509.DNSName)]
        found += [Identity("uri", name) for name in names.get_values_for_type(x509.UniformResourceIdentifier)]
    return found


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _invalid(why: str) -> DeniedError:
    return DeniedError("certificate_invalid", f"the certificate is refused: {why}")


def _untrusted(why: str) -> DeniedError:
    return DeniedError(
        "certificate_untrusted",
        why,
        hint="check the trusted root, and that the certificate is for code signing",
    )
