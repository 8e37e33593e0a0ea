import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from weighlock.core.error import DeniedError, UsageError
from weighlock.ledger.checkpoint import (
    MAX_ENTRIES,
    TreeHead,
    check_origin,
    sign_checkpoint,
    verify_checkpoint,
)
from weighlock.ledger.note import MAX_NOTE_BYTES, Note, VerifierKey, sign_note
from weighlock.ledger.tree import EMPTY_ROOT, Frontier, leaf_node

ORIGIN = "models.example.com/production"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
HEAD = TreeHead.of(ORIGIN, Frontier().grown(leaf_node(b"one")).grown(leaf_node(b"two")))

# The worked example of C2SP, signed-note.md: other people's key and signature.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()


def spki(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


KEY = VerifierKey.of(ORIGIN, spki(PRIVATE))
NOTE = sign_checkpoint(HEAD, KEY, PRIVATE.sign).note


def refused(raw: bytes, keys: list[VerifierKey] | None = None) -> str:
    with pytest.raises(DeniedError) as caught:
        verify_checkpoint(raw, [KEY] if keys is None else keys, ORIGIN)
    return caught.value.code


def test_the_specifications_own_note_is_verified() -> None:
    key = VerifierKey.parse(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    note = Note.parse(EXAMPLE_NOTE)
    assert note.verify([key]) == key
    assert note.text == b"This is an example message.\n"


def test_one_changed_byte_of_the_specifications_note_is_refused() -> None:
    with pytest.raises(DeniedError) as caught:
        Note.parse(EXAMPLE_NOTE.replace(b"example message", b"example massage")).verify(
            [VerifierKey.parse(EXAMPLE_KEY)]
        )
    assert caught.value.code == "checkpoint_invalid"


def test_a_checkpoint_comes_back_as_it_was_signed() -> None:
    checkpoint = verify_checkpoint(NOTE, [KEY], ORIGIN)
    assert checkpoint.head == HEAD
    assert checkpoint.signer == KEY
    assert NOTE.split(b"\n")[:3] == [ORIGIN.encode(), b"2", base64.b64encode(HEAD.root)]


def test_every_changed_byte_is_refused() -> None:
    for place in range(len(NOTE)):
        changed = bytearray(NOTE)
        changed[place] ^= 1
        assert refused(bytes(changed)) == "checkpoint_invalid", place


def test_another_key_another_log_and_no_key_are_refused() -> None:
    assert refused(NOTE, [VerifierKey.of(ORIGIN, spki(OTHER))]) == "checkpoint_invalid"
    assert refused(NOTE, []) == "checkpoint_invalid"
    elsewhere = TreeHead("models.example.com/other", HEAD.size, HEAD.root)
    assert refused(sign_note(elsewhere.text, KEY, PRIVATE.sign)) == "checkpoint_invalid"


def test_lines_of_witnesses_are_ignored_but_a_wrong_line_of_a_known_key_is_not() -> None:
    witness = "\u2014 witness.example AAAAAAAAAAAA\n".encode()
    assert verify_checkpoint(NOTE + witness, [KEY], ORIGIN).head == HEAD
    wrong = "\u2014 {} {}\n".format(ORIGIN, base64.b64encode(KEY.id + b"x" * 64).decode()).encode()
    assert refused(NOTE + wrong) == "checkpoint_invalid"
    assert refused(HEAD.text + b"\n" + witness) == "checkpoint_invalid"


ROOT = base64.b64encode(HEAD.root).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n02\n{ROOT}\n",
        f"{ORIGIN}\n-2\n{ROOT}\n",
        f"{ORIGIN}\n2 \n{ROOT}\n",
        f"{ORIGIN}\n9999999999999\n{ROOT}\n",
        f"{ORIGIN}\n\u0662\n{ROOT}\n",
        f"{ORIGIN}\n0\n{ROOT}\n",
        f"{ORIGIN}\n2\n{ROOT[:-2]}\n",
        f"{ORIGIN}\n2\n{ROOT[:-2]}P=\n",
        f"{ORIGIN}\n2\n!!{ROOT[2:]}\n",
        f"{ORIGIN}\n2\n",
        f"{ORIGIN}\n2\n{ROOT}\nextension\n",
        f"../../etc\n2\n{ROOT}\n",
        f"\n2\n{ROOT}\n",
    ],
)
def test_signed_nonsense_is_refused(text: str) -> None:
    assert refused(sign_note(text.encode(), KEY, PRIVATE.sign)) == "checkpoint_invalid"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        HEAD.text,
        NOTE[:-1],
        b"\xff" + NOTE,
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE + b"\n",
        NOTE + "\u2014 name AAAA\n".encode(),
        NOTE + "\u2014 name A\n".encode(),
        NOTE + "\u2014 a+b AAAAAAAAAAAA\n".encode(),
        NOTE + "\u2014 witness.example AAAAAAAAAAAA\n".encode() * 101,
        b"x" * (MAX_NOTE_BYTES + 1),
    ],
)
def test_malformed_notes_are_refused(raw: bytes) -> None:
    assert refused(raw) == "checkpoint_invalid"


def test_an_empty_log_can_be_signed() -> None:
    head = TreeHead.of(ORIGIN, Frontier())
    assert (head.size, head.root) == (0, EMPTY_ROOT)
    assert sign_checkpoint(head, KEY, PRIVATE.sign).head == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+!!!",
        "name+00000000+",
        EXAMPLE_KEY.replace("530d", "530e"),
        EXAMPLE_KEY.replace("+Aeky", "+Auky"),
        EXAMPLE_KEY[:-4],
        EXAMPLE_KEY.replace("example.com/foo", "example.com/fo o"),
    ],
)
def test_verifier_keys_that_lie_are_refused(text: str) -> None:
    with pytest.raises(DeniedError) as caught:
        VerifierKey.parse(text)
    assert caught.value.code == "log_key_unsuitable"


def test_keys_that_are_not_ed25519_are_refused() -> None:
    public = generate_private_key(SECP256R1()).public_key()
    with pytest.raises(DeniedError) as caught:
        VerifierKey.of(ORIGIN, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert caught.value.code == "log_key_unsuitable"


@pytest.mark.parametrize("origin", ["", "/x", "..", "a b", "a+b", "https://x", "a\nb", "x" * 201])
def test_texts_that_cannot_name_a_log(origin: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_origin(origin)
    assert caught.value.code == "log_origin_invalid"


def test_limits_are_reached_before_they_are_passed() -> None:
    witness = "\u2014 witness.example AAAAAAAAAAAA\n".encode()
    assert verify_checkpoint(NOTE + witness * 99, [KEY], ORIGIN).head == HEAD
    assert refused(NOTE + witness * 100) == "checkpoint_invalid"
    assert refused(NOTE + "\u2014 witness.example AAAAAA==\n".encode()) == "checkpoint_invalid"  # an id only
    largest = TreeHead(ORIGIN, MAX_ENTRIES, HEAD.root)
    assert sign_checkpoint(largest, KEY, PRIVATE.sign).head == largest
    beyond = TreeHead(ORIGIN, MAX_ENTRIES + 1, HEAD.root)
    assert refused(sign_note(beyond.text, KEY, PRIVATE.sign)) == "checkpoint_invalid"
    name = "\u2014 {} AAAAAAAAAAAA\n"
    padding = "A" * 4 * ((MAX_NOTE_BYTES - len(NOTE) - len(name.format("w").encode())) // 4)
    exact = NOTE + name.format("w").replace("A" * 12, "A" * 12 + padding).encode()
    exact = exact.replace(b" w A", b" w" + b"w" * (MAX_NOTE_BYTES - len(exact)) + b" A")
    assert len(exact) == MAX_NOTE_BYTES
    assert verify_checkpoint(exact, [KEY], ORIGIN).head == HEAD
