import base64
from typing import Any

import pytest

from weighlock.attestation.dsse import (
    MAX_KEY_ID_CHARACTERS,
    MAX_SIGNATURE_BYTES,
    PAYLOAD_TYPE,
    read_envelope,
    write_envelope,
)
from weighlock.core.error import DeniedError


def _envelope(**signature: Any) -> dict[str, Any]:
    return {"payload": "e30=", "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": "AAAA", **signature}]}


def _sized(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


def test_what_is_written_is_read_again() -> None:
    signed = read_envelope(write_envelope(b"{}", b"signature", "name"))
    assert (signed.payload, signed.signature, signed.key_id) == (b"{}", b"signature", "name")
    assert signed.payload_type == PAYLOAD_TYPE


@pytest.mark.parametrize("signature", [{}, {"keyid": ""}, {"keyid": None}])
def test_an_absent_empty_or_null_key_id_is_none(signature: dict[str, Any]) -> None:
    assert read_envelope(_envelope(**signature)).key_id is None


def test_limits_are_inclusive() -> None:
    assert len(read_envelope(_envelope(sig=_sized(MAX_SIGNATURE_BYTES))).signature) == MAX_SIGNATURE_BYTES
    assert read_envelope(_envelope(keyid="x" * MAX_KEY_ID_CHARACTERS)).key_id
    for signature in ({"sig": _sized(MAX_SIGNATURE_BYTES + 1)}, {"keyid": "x" * (MAX_KEY_ID_CHARACTERS + 1)}):
        with pytest.raises(DeniedError) as caught:
            read_envelope(_envelope(**signature))
        assert caught.value.code == "envelope_invalid"
