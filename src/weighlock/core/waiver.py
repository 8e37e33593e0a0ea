"""A person's reviewed decision to accept one finding about one file, for a time.

A waiver names the rule and the digest of the file, so other bytes need another look; it ends by itself.
Nobody waives a critical finding, nor a file that was not examined: there is nothing that was looked at.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.finding import Finding, Severity
from weighlock.core.text import shown

MAX_WAIVER_DAYS: Final = 366  # then somebody must look again
MAX_TEXT_CHARACTERS: Final = 1000  # of an owner, a reason, a ticket
WAIVER_FIELDS: Final = frozenset({"rule", "digest", "owner", "reason", "ticket", "expires", "path"})
_OPTIONAL: Final = frozenset({"path"})


class WaiverError(Exception):
    """An entry is no waiver. ``field`` is what is wrong, "" for the entry; ``why`` is one clause."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.field = field
        self.why = why


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry. It holds up to the end of the day ``expires`` (UTC); ``path`` narrows it to that file."""

    rule: str
    digest: Digest
    owner: str
    reason: str
    ticket: str
    expires: dt.date
    path: str | None = None

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> Self:
        """Return the waiver that an entry of a YAML file is; raises WaiverError."""
        lacking = sorted(WAIVER_FIELDS - _OPTIONAL - fields.keys())
        if lacking:
            raise WaiverError("", f"the waiver lacks {', '.join(lacking)}")
        for name in sorted(fields):
            if name not in WAIVER_FIELDS:
                raise WaiverError(name, f"a waiver has no field {shown(name)!r}")
        texts = {name: _text(name, fields[name]) for name in ("rule", "owner", "reason", "ticket")}
        return cls(
            **texts,
            digest=_digest(fields["digest"]),
            expires=_date(fields["expires"]),
            path=_text("path", fields["path"]) if "path" in fields else None,
        )

    def refusal(self, today: dt.date) -> str | None:
        """Return why the waiver does not count today, as a clause; None if it does."""
        if today > self.expires:
            return f"it expired on {self.expires}"
        if self.expires - today > dt.timedelta(days=MAX_WAIVER_DAYS):
            return f"it expires on {self.expires}, more than {MAX_WAIVER_DAYS} days ahead"
        return None

    def covers(self, finding: Finding, digest: Digest | None, path: str) -> bool:
        """Return whether it is about this finding in this file; it may still not count today."""
        return self.covers_rule(finding.rule, finding.severity, digest, path)

    def covers_rule(self, rule: str, severity: Severity | None, digest: Digest | None, path: str) -> bool:
        """Return what ``covers`` does for a finding in parts; an unknown severity is critical."""
        return (
            severity is not None
            and severity < Severity.CRITICAL
            and rule == self.rule
            and digest is not None
            and digest == self.digest
            and self.path in {None, path}
        )

    def to_json(self) -> dict[str, str]:
        """Return what a result says of it."""
        return {
            "owner": self.owner,
            "reason": self.reason,
            "ticket": self.ticket,
            "expires": self.expires.isoformat(),
        }


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT_CHARACTERS:
        raise WaiverError(name, f"{name} must be a text of 1 to {MAX_TEXT_CHARACTERS} characters")
    return value


def _digest(value: object) -> Digest:
    try:
        return Digest.parse(value)
    except DeniedError as error:
        raise WaiverError(
            "digest", "digest must be sha256: and the 64 hexadecimal digits of the file"
        ) from error


def _date(value: object) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else _no_date()
    except ValueError as error:
        raise WaiverError("expires", "expires must be a date such as 2027-01-31") from error


def _no_date() -> dt.date:
    raise ValueError
