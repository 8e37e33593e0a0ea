"""in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md): what is said about which digests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from weighlock.core.digest import HEX_DIGITS, Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_BUNDLE_BYTES

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
MAX_SUBJECTS: Final = 10_000  # one per file of the largest artifact
_HEX: Final = re.compile(r"[0-9a-f]{2,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that a statement is about: a name for people, and digests in hex by algorithm."""

    name: str
    digest: Mapping[str, str]

    @classmethod
    def of(cls, name: str, digest: Digest) -> Self:
        """Return the subject with one digest."""
        return cls(name, {digest.algorithm: digest.hex})


@dataclass(frozen=True, slots=True)
class Statement:
    """Subjects, the kind of statement, and the statement itself."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Return the statement of a JSON text; raises DeniedError ``statement_invalid`` or ``json_invalid``.

        Fields that the specification does not know are ignored, as it demands.
        """
        value = read_object(payload, what="the statement", limit=MAX_BUNDLE_BYTES)
        if value.get("_type") != STATEMENT_TYPE:
            raise invalid_statement(f"its type is not {STATEMENT_TYPE}")
        predicate_type, predicate = value.get("predicateType"), value.get("predicate", {})
        if not isinstance(predicate_type, str) or not predicate_type:
            raise invalid_statement("it has no predicate type")
        if not isinstance(predicate, dict):
            raise invalid_statement("its predicate is not an object")
        return cls(_read_subjects(value.get("subject")), predicate_type, predicate)

    def to_bytes(self) -> bytes:
        """Return the JSON text that is signed."""
        return write_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": each.name, "digest": dict(each.digest)} for each in self.subjects],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )

    def is_about(self, digest: Digest) -> bool:
        """Return whether some subject has this digest."""
        return any(each.digest.get(digest.algorithm) == digest.hex for each in self.subjects)


def invalid_statement(why: str) -> DeniedError:
    """Return the error for a statement that is refused because of ``why``."""
    return DeniedError("statement_invalid", f"the statement is refused: {why}")


def _read_subjects(value: Any) -> tuple[Subject, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SUBJECTS:
        raise invalid_statement(f"it does not have between 1 and {MAX_SUBJECTS} subjects")
    return tuple(map(_read_subject, value))


def _read_subject(value: Any) -> Subject:
    if not isinstance(value, dict):
        raise invalid_statement("a subject is not an object")
    name, digests = value.get("name", ""), value.get("digest")
    if not isinstance(name, str):
        raise invalid_statement("the name of a subject is not text")
    if not isinstance(digests, dict) or not digests:
        raise invalid_statement("a subject has no digest")
    for algorithm, text in digests.items():
        if not isinstance(text, str) or not _HEX.fullmatch(text):
            raise invalid_statement("a digest of a subject is not lower-case hexadecimal")
        if len(text) != HEX_DIGITS.get(algorithm, len(text)):
            raise invalid_statement("a digest of a subject has the wrong length")
    return Subject(name, digests)
