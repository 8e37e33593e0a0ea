"""Properties of the log: any bytes are read or refused, any proof is of exactly one tree."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from weighlock.core.error import DeniedError
from weighlock.ledger.audit import audit
from weighlock.ledger.checkpoint import TreeHead, sign_checkpoint, verify_checkpoint
from weighlock.ledger.entry import Entry
from weighlock.ledger.intent import Intent
from weighlock.ledger.note import Note, VerifierKey
from weighlock.ledger.proof import (
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from weighlock.ledger.tree import Frontier, leaf_node, parent_node

ORIGIN = "models.example.com/production"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
KEY = VerifierKey.of(
    ORIGIN, PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)

entries = st.lists(st.binary(max_size=20), min_size=1, max_size=70)


def reference_root(leaves: list[bytes]) -> bytes:
    """Return the root by the recursive definition of RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return parent_node(reference_root(leaves[:split]), reference_root(leaves[split:]))


@given(entries)
def test_the_incremental_root_is_that_of_the_definition(found: list[bytes]) -> None:
    leaves = [leaf_node(entry) for entry in found]
    assert root_of(leaves) == reference_root(leaves)


@given(entries, st.data())
def test_a_proof_of_inclusion_is_of_one_leaf_in_one_place(found: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_node(entry) for entry in found]
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = prove_inclusion(leaves, index)
    verify_inclusion(leaves[index], index, len(leaves), proof, root_of(leaves))
    other = data.draw(st.binary(max_size=20).filter(lambda raw: raw != found[index]))
    with pytest.raises(DeniedError):
        verify_inclusion(leaf_node(other), index, len(leaves), proof, root_of(leaves))


@given(entries, st.data())
def test_a_changed_past_has_no_proof_of_consistency(found: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_node(entry) for entry in found]
    old = data.draw(st.integers(1, len(leaves)))
    proof = prove_consistency(leaves, old)
    verify_consistency(old, root_of(leaves[:old]), len(leaves), root_of(leaves), proof)
    place = data.draw(st.integers(0, old - 1))
    changed = [*leaves[:place], leaf_node(b"changed" + found[place]), *leaves[place + 1 :]]
    with pytest.raises(DeniedError):
        verify_consistency(old, root_of(changed[:old]), len(leaves), root_of(leaves), proof)


@given(entries, st.data())
def test_no_other_entries_agree_with_a_checkpoint(found: list[bytes], data: st.DataObject) -> None:
    frontier = Frontier()
    for entry in found:
        frontier = frontier.grown(leaf_node(entry))
    checkpoint = sign_checkpoint(TreeHead.of(ORIGIN, frontier), KEY, PRIVATE.sign)
    assert audit(found, checkpoint, ()).frontier == frontier
    others = data.draw(entries.filter(lambda drawn: drawn[: len(found)] != found))
    with pytest.raises(DeniedError) as caught:
        audit(others, checkpoint, ())
    assert caught.value.code in {"log_tampered", "log_truncated"}


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_no_checkpoint(raw: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        verify_checkpoint(raw, [KEY], ORIGIN)
    assert caught.value.code == "checkpoint_invalid"


@given(st.binary(max_size=300))
def test_any_bytes_are_no_entry_and_no_intent(raw: bytes) -> None:
    with pytest.raises(DeniedError):
        Entry.parse(raw)
    with pytest.raises(DeniedError):
        Intent.parse(raw, Frontier(), ORIGIN, [KEY])


@given(st.lists(st.text(alphabet="ab\u2014 \n+=A\u00a0", max_size=30), max_size=6))
def test_what_looks_like_a_note_is_read_or_refused(parts: list[str]) -> None:
    raw = "\n".join(parts).encode()
    try:
        note = Note.parse(raw)
    except DeniedError:
        return
    assert raw.startswith(note.text + b"\n")
    assert note.signatures


@given(st.text(max_size=80))
def test_any_text_is_a_verifier_key_only_if_it_is_written_back(text: str) -> None:
    try:
        key = VerifierKey.parse(text)
    except DeniedError:
        return
    assert str(key) == text
