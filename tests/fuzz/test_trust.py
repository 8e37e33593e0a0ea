"""Properties of trust documents: any change is refused or changes nothing that anybody signed."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust_house import ADA, BOB, document, raw_of, signed_by
from weighlock.attestation.trust import TrustedRoot
from weighlock.attestation.trust_document import TrustDocument
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError

FIRST = raw_of(document())
BUNDLES = signed_by(FIRST, ADA, BOB)
PIN = Digest.of(FIRST)

scalars = (
    st.none() | st.booleans() | st.integers(-3, 2000) | st.floats(allow_nan=False) | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


PLACES = places(document())


@given(st.sampled_from(PLACES), values)
def test_any_value_in_any_place_is_refused_or_means_what_it_says(path: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(document())
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    try:
        parsed = TrustDocument.parse(raw_of(changed))
    except DeniedError:
        return
    written = json.loads(parsed.to_bytes())
    for role in changed["roles"].values():
        role["principals"] = sorted(role["principals"])
    for role in written["roles"].values():
        assert type(role["threshold"]) is int
    assert written == changed


@given(st.integers(0, len(FIRST) - 1), st.integers(1, 255))
def test_no_changed_byte_is_trusted(place: int, change: int) -> None:
    changed = bytearray(FIRST)
    changed[place] ^= change
    raw = bytes(changed)
    for pin in (PIN, Digest.of(raw)):
        with pytest.raises(DeniedError):
            TrustedRoot.begin(pin, raw, BUNDLES)


@given(st.sampled_from(BUNDLES), st.integers(0, len(BUNDLES[0]) - 1), st.integers(1, 255))
def test_no_changed_signature_adds_a_second_signer(bundle: bytes, place: int, change: int) -> None:
    changed = bytearray(bundle)
    changed[place % len(bundle)] ^= change
    with pytest.raises(DeniedError) as caught:
        TrustedRoot.begin(PIN, FIRST, [bundle, bytes(changed)])
    assert caught.value.code == "trust_signatures_missing"


@given(st.binary(max_size=300))
def test_any_bytes_are_no_trust_document(raw: bytes) -> None:
    with pytest.raises(DeniedError):
        TrustDocument.parse(raw)
