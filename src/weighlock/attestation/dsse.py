"""DSSE: what is signed, and the envelope around it (secure-systems-lab/dsse, protocol.md and envelope.md).

The signed bytes are the stored bytes. Nothing is canonicalised, neither when signing
nor when verifying.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from weighlock.core.error import DeniedError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_SIGNATURE_BYTES: Final = 1024  # DER ECDSA over P-521 has at most 139
MAX_KEY_ID_CHARACTERS: Final = 1024
_TO_STANDARD: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class SignedPayload:
    """An envelope with one signature, nothing of it verified."""

    payload_type: str
    payload: bytes
    signature: bytes
    key_id: str | None


def encode_signed(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a signature covers (protocol.md, "PAE")."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read_envelope(value: Any) -> SignedPayload:
    """Return the envelope of a JSON object.

    Raises DeniedError ``envelope_invalid``, or ``signature_count`` unless there is exactly one signature.
    """
    if not isinstance(value, dict) or value.keys() != {"payload", "payloadType", "signatures"}:
        raise _invalid("it does not have exactly payload, payloadType and signatures")
    if value["payloadType"] != PAYLOAD_TYPE:
        raise _invalid(f"its payload type is not {PAYLOAD_TYPE}")
    signatures = value["signatures"]
    if not isinstance(signatures, list):
        raise _invalid("its signatures are not a list")
    if len(signatures) != 1:
        raise DeniedError(
            "signature_count", f"the envelope has {len(signatures)} signatures; it needs exactly one"
        )
    signature, key_id = _read_signature(signatures[0])
    return SignedPayload(PAYLOAD_TYPE, read_base64(value["payload"], what="the payload"), signature, key_id)


def write_envelope(payload: bytes, signature: bytes, key_id: str) -> dict[str, Any]:
    """Return the JSON object of an in-toto envelope."""
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode("ascii")}],
    }


def read_base64(text: Any, *, what: str) -> bytes:
    """Return the bytes of padded base64, standard or URL-safe (envelope.md); raises DeniedError ``envelope_invalid``.

    Only the one text that encodes the bytes is accepted: a second spelling would be a
    second document with the same signature.
    """
    if not isinstance(text, str) or not text:
        raise _invalid(f"{what} is not base64 text")
    try:
        raw = base64.b64decode(text.translate(_TO_STANDARD), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"{what} is not base64") from error
    if text.encode() not in {base64.b64encode(raw), base64.urlsafe_b64encode(raw)}:
        raise _invalid(f"{what} is not base64 in its one canonical form")
    return raw


def _read_signature(value: Any) -> tuple[bytes, str | None]:
    if not isinstance(value, dict) or not {"sig"} <= value.keys() <= {"sig", "keyid"}:
        raise _invalid("a signature does not have exactly sig and an optional keyid")
    key_id = value.get("keyid")
    if key_id is not None and (not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_CHARACTERS):
        raise _invalid("a key id is not a text of reasonable length")
    signature = read_base64(value["sig"], what="the signature")
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise _invalid("the signature is too long")
    return signature, key_id or None  # OMS v1.0, section 4.1: absent, null and "" are the same


def _invalid(why: str) -> DeniedError:
    return DeniedError("envelope_invalid", f"the signed envelope is refused: {why}")
