"""Sigstore bundles around one signed statement (sigstore/protobuf-specs, sigstore_bundle.proto).

The order of calls:

1. ``read_bundle`` takes bytes and gives an ``Envelope``: well-formed, and nothing more.
2. ``verify_with_keys`` (or ``chain.verify_with_chain``) takes the envelope and what the
   caller trusts, and gives an ``Attestation``. Nothing else makes one.
3. Later code takes ``Attestation`` only.

What a bundle says about its own key is used to choose among the keys that the caller
trusts, never to verify.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from weighlock.attestation import dsse
from weighlock.attestation.key import PublicKey
from weighlock.attestation.signer import Signer
from weighlock.attestation.statement import Statement
from weighlock.core.error import DeniedError, InternalError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_BUNDLE_BYTES
from weighlock.core.text import shown

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES: Final = frozenset(
    {MEDIA_TYPE, *(f"application/vnd.dev.sigstore.bundle+json;version=0.{minor}" for minor in (1, 2, 3))}
)
MAX_CERTIFICATES: Final = 8  # leaf, a few intermediates, perhaps the root
MAX_CERTIFICATE_BYTES: Final = 64 * 1024
MAX_HINT_CHARACTERS: Final = 1024
MAX_KEYS_TRIED: Final = 64  # an envelope without a hint is tried against each key
_MATERIALS: Final = frozenset({"publicKey", "x509CertificateChain", "certificate"})
_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A bundle as it was read: nothing in it is to be believed."""

    raw: bytes
    signed: dsse.SignedPayload
    hint: str | None
    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Attestation:
    """A statement whose signature was verified with a key that the caller trusts.

    ``identity`` is the verified name in the signer's certificate, or None for a bare key.
    """

    statement: Statement
    signer: PublicKey
    payload: bytes
    envelope: Envelope
    identity: str | None
    _proof: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise InternalError unless the verifying function of this module makes the object."""
        if self._proof is not _MADE_HERE:
            raise InternalError("unexpected", "an attestation was made without verifying a signature")

    @property
    def key_id(self) -> str:
        """The id of the key that signed."""
        return self.signer.key_id


def read_bundle(raw: bytes) -> Envelope:
    """Return the envelope of a bundle.

    Raises DeniedError ``json_invalid``, ``bundle_invalid``, ``envelope_invalid`` or ``signature_count``.
    """
    document = read_object(raw, what="the bundle", limit=MAX_BUNDLE_BYTES)
    media_type = document.get("mediaType")
    if not isinstance(media_type, str) or media_type not in MEDIA_TYPES:
        raise invalid_bundle("its media type is not that of a Sigstore bundle from v0.1 to v0.3")
    if "messageSignature" in document:
        raise invalid_bundle("it signs a bare message, not a statement")
    if document.keys() != {"mediaType", "verificationMaterial", "dsseEnvelope"}:
        raise invalid_bundle("it does not have exactly mediaType, verificationMaterial and dsseEnvelope")
    hint, certificates = _read_material(document["verificationMaterial"])
    return Envelope(raw, dsse.read_envelope(document["dsseEnvelope"]), hint, certificates)


def verify_with_keys(envelope: Envelope, keys: Mapping[str, PublicKey]) -> Attestation:
    """Return the attestation, if one of ``keys`` (by key id) signed it.

    Raises DeniedError ``signature_invalid``, ``signer_unknown``, ``bundle_invalid`` for a bundle with
    certificates, ``statement_invalid`` or ``json_invalid``.
    """
    if envelope.certificates:
        raise invalid_bundle("it was signed with a certificate, and only keys are trusted here")
    if not keys:
        raise DeniedError("signer_unknown", "no key is trusted, so nothing can be verified")
    candidates = _choose(envelope, keys)
    for key in candidates[:-1]:
        try:
            return verify_with_key(envelope, key)
        except DeniedError as error:
            if error.code != "signature_invalid":
                raise
    return verify_with_key(envelope, candidates[-1])


def verify_with_key(envelope: Envelope, key: PublicKey, *, identity: str | None = None) -> Attestation:
    """Return the attestation, if ``key`` signed it; the caller has established that the key is trusted.

    Raises DeniedError ``signature_invalid``, ``statement_invalid`` or ``json_invalid``.
    """
    signed = envelope.signed
    # 1. the signature, over the stored bytes; 2. only then is the payload parsed
    key.verify(signed.signature, dsse.encode_signed(signed.payload_type, signed.payload))
    return Attestation(Statement.parse(signed.payload), key, signed.payload, envelope, identity, _MADE_HERE)


def sign_statement(statement: Statement, signer: Signer, *, certificates: Sequence[bytes] = ()) -> bytes:
    """Return the bundle of ``statement`` signed by ``signer``, with its DER certificate chain if given, leaf first."""
    payload = statement.to_bytes()
    signature = signer.sign(dsse.encode_signed(dsse.PAYLOAD_TYPE, payload))
    material: dict[str, Any] = {"publicKey": {"hint": pem_fingerprint(signer.public)}}
    if certificates:
        encoded = [{"rawBytes": base64.b64encode(each).decode("ascii")} for each in certificates]
        material = {"x509CertificateChain": {"certificates": encoded}}
    return write_json(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {**material, "tlogEntries": []},
            "dsseEnvelope": dsse.write_envelope(payload, signature, signer.public.key_id),
        }
    )


def pem_fingerprint(key: PublicKey) -> str:
    """Return the hex SHA-256 of the key's PEM text: the hint that model-signing writes and insists on."""
    return hashlib.sha256(key.to_pem()).hexdigest()


def invalid_bundle(why: str) -> DeniedError:
    """Return the error for a bundle that is refused because of ``why``."""
    return DeniedError("bundle_invalid", f"the bundle is refused: {why}")


def _choose(envelope: Envelope, keys: Mapping[str, PublicKey]) -> list[PublicKey]:
    # A hint that names none of the keys is refused, as model-signing does. A keyid is any
    # tool's own convention (DSSE: not to be relied upon), so an unknown one says nothing.
    named_by_id = [key for key in keys.values() if key.key_id == envelope.signed.key_id]
    if envelope.hint is None:
        return named_by_id or list(keys.values())[:MAX_KEYS_TRIED]
    named = [key for key in keys.values() if envelope.hint in _names(key)]
    if not named:
        raise DeniedError(
            "signer_unknown",
            f"the bundle was signed with the key {shown(envelope.hint, limit=64)}, which is not among the trusted keys",
            hint="check that this is the right signature file, and the right public key",
        )
    if named_by_id and named_by_id != named:
        raise DeniedError("signature_invalid", "the bundle names two different keys as its signer")
    return named


def _names(key: PublicKey) -> set[str]:
    # ours; model-signing's; cosign's
    return {key.key_id, pem_fingerprint(key), base64.b64encode(bytes.fromhex(key.key_id)).decode("ascii")}


def _read_material(value: Any) -> tuple[str | None, tuple[bytes, ...]]:
    if not isinstance(value, dict):
        raise invalid_bundle("its verification material is not an object")
    if not value.keys() <= _MATERIALS | {"tlogEntries", "timestampVerificationData"}:
        raise invalid_bundle("its verification material has a field that is not known")
    if not isinstance(value.get("tlogEntries", []), list | None):
        raise invalid_bundle("its transparency log entries are not a list")
    kinds = value.keys() & _MATERIALS
    if len(kinds) != 1:
        raise invalid_bundle("it does not have exactly one kind of verification material")
    kind = kinds.pop()
    if kind == "publicKey":
        return _read_hint(value[kind]), ()
    if kind == "certificate":
        return None, (_read_certificate(value[kind]),)
    return None, _read_chain(value[kind])


def _read_hint(value: Any) -> str | None:
    # Before v1.1.0, model-signing put the key itself here (OMS v1.0, section 11.2): it is not read.
    if not isinstance(value, dict) or not value.keys() <= {"hint", "rawBytes", "keyDetails", "validFor"}:
        raise invalid_bundle("its public key identifier is not an object with a hint")
    hint = value.get("hint")
    if hint is not None and (not isinstance(hint, str) or len(hint) > MAX_HINT_CHARACTERS):
        raise invalid_bundle("its key hint is not a text of reasonable length")
    return hint or None


def _read_chain(value: Any) -> tuple[bytes, ...]:
    certificates = value.get("certificates") if isinstance(value, dict) else None
    if not isinstance(certificates, list) or not 0 < len(certificates) <= MAX_CERTIFICATES:
        raise invalid_bundle(f"its chain does not have between 1 and {MAX_CERTIFICATES} certificates")
    return tuple(map(_read_certificate, certificates))


def _read_certificate(value: Any) -> bytes:
    raw = dsse.read_base64(value.get("rawBytes") if isinstance(value, dict) else None, what="a certificate")
    if len(raw) > MAX_CERTIFICATE_BYTES:
        raise invalid_bundle("a certificate is too large")
    return raw
