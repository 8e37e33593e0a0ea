import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from weighlock.core.error import DeniedError
from weighlock.core.jsontext import write_json
from weighlock.ledger.audit import audit, check_rest
from weighlock.ledger.checkpoint import Checkpoint, TreeHead, sign_checkpoint
from weighlock.ledger.entry import MAX_ENTRY_BYTES
from weighlock.ledger.intent import Intent
from weighlock.ledger.note import VerifierKey
from weighlock.ledger.tree import Frontier, leaf_node

ORIGIN = "models.example.com/production"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
KEY = VerifierKey.of(
    ORIGIN, PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
ENTRIES = [b'{"n":%d}' % number for number in range(7)]


def frontier(entries: list[bytes]) -> Frontier:
    made = Frontier()
    for entry in entries:
        made = made.grown(leaf_node(entry))
    return made


def head(entries: list[bytes]) -> TreeHead:
    return TreeHead.of(ORIGIN, frontier(entries))


def signed(entries: list[bytes]) -> Checkpoint:
    return sign_checkpoint(head(entries), KEY, PRIVATE.sign)


def test_an_honest_log_agrees_with_all_that_was_seen_of_it() -> None:
    earlier = [head(ENTRIES[:size]) for size in range(8)]
    audited = audit(ENTRIES, signed(ENTRIES), earlier)
    assert audited.frontier == frontier(ENTRIES)
    assert audited.compared == tuple(earlier)


def test_more_than_the_checkpoint_covers_is_not_taken() -> None:
    assert audit(ENTRIES, signed(ENTRIES[:3]), ()).frontier == frontier(ENTRIES[:3])
    assert audit(ENTRIES, None, ()).frontier == Frontier()


SWAPPED = [ENTRIES[1], ENTRIES[0], *ENTRIES[2:]]
FORKED = [*ENTRIES[:4], b"{}", *ENTRIES[5:]]


@pytest.mark.parametrize(
    ("entries", "covered", "earlier", "code"),
    [
        (ENTRIES[:-1], ENTRIES, [], "log_truncated"),
        (SWAPPED, ENTRIES, [], "log_tampered"),
        ([*ENTRIES[:-1], b""], ENTRIES, [], "log_tampered"),
        (ENTRIES[:3], ENTRIES[:3], [head(ENTRIES)], "log_truncated"),
        (FORKED, FORKED, [head(ENTRIES)], "log_forked"),
        (FORKED, FORKED, [head(ENTRIES[:5])], "log_forked"),
        ([*FORKED, b"{}"], [*FORKED, b"{}"], [head(ENTRIES[:4]), head(ENTRIES)], "log_forked"),
        ([], None, [head(ENTRIES)], "log_truncated"),
    ],
)
def test_a_log_that_contradicts_what_was_signed_or_seen(
    entries: list[bytes], covered: list[bytes] | None, earlier: list[TreeHead], code: str
) -> None:
    with pytest.raises(DeniedError) as caught:
        audit(entries, None if covered is None else signed(covered), earlier)
    assert caught.value.code == code


def test_an_empty_memory_of_an_empty_log_does_not_stand_in_the_way() -> None:
    assert audit([], None, [head([])]).compared == (head([]),)


def test_only_the_line_that_was_begun_may_follow_the_log() -> None:
    for rest in (b"", b"a li", b"a line\n"):
        check_rest(rest, b"a line\n")
    for rest, begun in ((b"x", b""), (b"another", b"a line\n"), (b"a line\nmore", b"a line\n")):
        with pytest.raises(DeniedError) as caught:
            check_rest(rest, begun)
        assert caught.value.code == "log_tampered"


def test_an_intent_comes_back_and_belongs_to_one_log_at_one_size() -> None:
    intent = Intent.make(b"{}", frontier(ENTRIES), ORIGIN, KEY, PRIVATE.sign)
    raw = intent.to_bytes()
    assert Intent.parse(raw, frontier(ENTRIES), ORIGIN, [KEY]) == intent
    assert intent.line == b"{}\n"
    for wrong in (frontier(ENTRIES[:6]), Frontier()):
        with pytest.raises(DeniedError) as caught:
            Intent.parse(raw, wrong, ORIGIN, [KEY])
        assert caught.value.code == "log_tampered"


def test_an_intent_for_another_entry_than_was_signed_is_refused() -> None:
    note = Intent.make(b"{}", frontier(ENTRIES), ORIGIN, KEY, PRIVATE.sign).checkpoint.note.decode()
    documents: list[dict[str, object]] = [
        {"entry": "[]", "checkpoint": note},
        {"entry": "{}"},
        {"entry": 1, "checkpoint": note},
    ]
    for document in documents:
        with pytest.raises(DeniedError) as caught:
            Intent.parse(write_json(document), frontier(ENTRIES), ORIGIN, [KEY])
        assert caught.value.code == "log_tampered"


@pytest.mark.parametrize("entry", [b"two\nlines", b"x" * (MAX_ENTRY_BYTES + 1)])
def test_what_is_not_one_line_is_no_entry(entry: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        Intent.make(entry, Frontier(), ORIGIN, KEY, PRIVATE.sign)
    assert caught.value.code == "log_entry_invalid"


def test_the_longest_entry_can_be_begun() -> None:
    longest = b"x" * MAX_ENTRY_BYTES
    assert Intent.make(longest, Frontier(), ORIGIN, KEY, PRIVATE.sign).entry == longest
