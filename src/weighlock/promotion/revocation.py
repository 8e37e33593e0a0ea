"""What is withdrawn, and what it touches (rule of trust 9).

A revocation names a digest (of a manifest, a file, a candidate, a release or a policy)
or a key. It denies everything that contains the digest, however it was repackaged.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.clock import read_time, write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.jsontext import write_json
from weighlock.core.text import shown
from weighlock.promotion import record

MEDIA_TYPE: Final = "application/vnd.weighlock.revocation.v1+json"
WHAT: Final = "the revocation"
KEY: Final = "key:"
_KEY: Final = re.compile(r"key:[0-9a-f]{64}", re.ASCII)
_FIELDS: Final = frozenset({"version", "value", "reason", "madeAt"})


@dataclass(frozen=True, slots=True)
class Revocation:
    """The withdrawal of ``value``: a digest, or ``key:`` and a key id."""

    value: str
    reason: str
    made_at: dt.datetime

    def to_bytes(self) -> bytes:
        """Return the record."""
        return write_json(
            {"version": 1, "value": self.value, "reason": self.reason, "madeAt": write_time(self.made_at)}
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the revocation of a record; raises DeniedError ``record_invalid``."""
        value = record.read_record(raw, what=WHAT, fields=_FIELDS)
        text = record.text(value["value"], what=WHAT, field="value")
        if not is_value(text):
            raise record.invalid(WHAT, f"{shown(text)!r} is neither a digest nor a key")
        return cls(
            text,
            record.text(value["reason"], what=WHAT, field="reason"),
            read_time(value["madeAt"], what="the revocation's time"),
        )


def is_value(text: str) -> bool:
    """Return whether ``text`` is something that can be revoked."""
    if _KEY.fullmatch(text):
        return True
    try:
        Digest.parse(text)
    except DeniedError:
        return False
    return True


def check_value(text: str) -> str:
    """Return ``text`` if it can be revoked; raises UsageError ``revocation_invalid``."""
    if not is_value(text):
        raise UsageError(
            "revocation_invalid",
            f"{shown(text)!r} cannot be revoked",
            hint="name a full digest (sha256:…) of a file or manifest, or key: and a full key id",
        )
    return text


def revoked_keys(revoked: Iterable[str]) -> frozenset[str]:
    """Return the ids of the revoked keys."""
    return frozenset(value.removeprefix(KEY) for value in revoked if value.startswith(KEY))


def check_not_revoked(digests: Iterable[Digest], revoked: Collection[str], *, what: str) -> None:
    """Raise DeniedError ``revoked`` if any of ``digests``, which make up ``what``, is withdrawn."""
    hit = next((digest for digest in digests if str(digest) in revoked), None)
    if hit is not None:
        raise DeniedError(
            "revoked",
            f"{what} contains {hit}, which was revoked",
            hint="`weighlock revoke --list` tells when and why",
            details={"digest": str(hit)},
        )
