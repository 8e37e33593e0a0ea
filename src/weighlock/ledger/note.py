"""Signed notes (C2SP, signed-note.md): a text, and lines that sign it.

One signature type is written and read: Ed25519 (0x01). Every reader of notes knows
it, Go's checksum database first of all, and the specification advises against more
than one (0x02, ECDSA, is known to few). So a log has an Ed25519 key of its own, which
signs nothing else, and a note cannot talk a verifier into another algorithm.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

MAX_NOTE_BYTES: Final = (
    128 * 1024
)  # room for 16 post-quantum signatures of 5 kB, the least a reader must take
MAX_SIGNATURES: Final = 100  # logs have one, and a witness more each
ID_BYTES: Final = 4
_NAME: Final = re.compile(r"[^\s+]{1,200}")  # str.isspace and \s agree on Unicode spaces
_SIGNATURE_LINE: Final = re.compile(r"\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})")
PUBLIC_BYTES: Final = 32
_ED25519: Final = 1  # the signature type's byte
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: all of the DER but the 32 bytes

Sign: TypeAlias = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key's name in notes and its public half (32 bytes, RFC 8032)."""

    name: str
    public: bytes

    @classmethod
    def of(cls, name: str, spki: bytes) -> Self:
        """Return the verifier key for a DER SubjectPublicKeyInfo; raises DeniedError ``log_key_unsuitable``."""
        if not _NAME.fullmatch(name):
            raise _unsuitable(f"{shown(name)!r} cannot be a key's name in a note")
        if len(spki) != len(_SPKI) + PUBLIC_BYTES or not spki.startswith(_SPKI):
            raise _unsuitable("it is not an Ed25519 key")
        return cls(name, spki[len(_SPKI) :])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that ``name+id+base64`` writes; raises DeniedError ``log_key_unsuitable``."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            material = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _unsuitable(f"{shown(text)!r} is not a verifier key") from error
        key = cls.of(name, _SPKI + material[1:])
        if material[0] != _ED25519 or key.id.hex() != key_id:
            raise _unsuitable(f"{shown(text)!r} has an id or a type that is not its key's")
        return key

    @property
    def id(self) -> bytes:
        """The note's own key id (4 bytes), which only points at a key and proves nothing."""
        named = self.name.encode() + b"\n" + bytes([_ED25519])
        return hashlib.sha256(named + self.public).digest()[:ID_BYTES]

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if ``signature`` signs ``text``; raises DeniedError ``checkpoint_invalid``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature as error:
            raise invalid_checkpoint(f"the signature by {shown(self.name)} is wrong") from error

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([_ED25519]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read: nobody has verified it."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the note in ``raw``; raises DeniedError ``checkpoint_invalid``."""
        if len(raw) > MAX_NOTE_BYTES:
            raise invalid_checkpoint(f"it is longer than {MAX_NOTE_BYTES} bytes")
        try:
            decoded = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise invalid_checkpoint("it is not UTF-8") from error
        if any(character < " " and character != "\n" for character in decoded):
            raise invalid_checkpoint("it contains a control character")
        text, blank, lines = decoded.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise invalid_checkpoint("it has no signatures, or its last line is cut")
        rows = lines[:-1].split("\n")
        if len(rows) > MAX_SIGNATURES:
            raise invalid_checkpoint(f"it has more than {MAX_SIGNATURES} signatures")
        return cls(text.encode() + b"\n", tuple(map(_signature, rows)))

    def verify(self, keys: Sequence[VerifierKey]) -> VerifierKey:
        """Return a key of ``keys`` that signed the text.

        Raises DeniedError ``checkpoint_invalid`` if none did, or if a line that names one of them is wrong.
        """
        known = {(key.name, key.id): key for key in keys}
        signers = []
        for line in self.signatures:
            key = known.get((line.name, line.key_id))
            if (
                key is not None
            ):  # lines of witnesses that we do not know are ignored, as the specification asks
                key.verify(self.text, line.signature)
                signers.append(key)
        if not signers:
            raise invalid_checkpoint("no key that may sign this log signed it")
        return signers[0]


def sign_note(text: bytes, key: VerifierKey, sign: Sign) -> bytes:
    """Return the note of ``text`` with one signature."""
    if not text.endswith(b"\n"):
        raise ValueError("the text of a note ends with a newline")
    encoded = base64.b64encode(key.id + sign(text)).decode()
    return text + f"\n\u2014 {key.name} {encoded}\n".encode()


def invalid_checkpoint(why: str) -> DeniedError:
    """Return the error for a checkpoint that is refused because of ``why``."""
    return DeniedError(
        "checkpoint_invalid",
        f"the log's checkpoint is refused: {why}",
        hint="compare the log with a copy or with a checkpoint that you kept elsewhere; do not trust this one",
    )


def _signature(line: str) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if not match or not _NAME.fullmatch(match[1]):
        raise invalid_checkpoint("a signature line is malformed")
    try:
        blob = base64.b64decode(match[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_checkpoint("a signature is not base64") from error
    if len(blob) <= ID_BYTES:
        raise invalid_checkpoint("a signature is too short")
    return NoteSignature(match[1], blob[:ID_BYTES], blob[ID_BYTES:])


def _unsuitable(why: str) -> DeniedError:
    return DeniedError(
        "log_key_unsuitable",
        f"the key cannot sign or verify the log: {why}",
        hint="a log has an Ed25519 key of its own, which `weighlock keys make` can make",
    )
