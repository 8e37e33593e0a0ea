"""What an environment may run now: signed, versioned, expiring.

A state is believed only together with what a gate remembers of earlier ones
(``Memory``, kept outside every store), so that an old state put back, a state that
is kept from being renewed, two states of one version and a clock set back are seen
(rule of trust 10; the attacks are those of the TUF specification, section 1.5.2).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from weighlock.core.clock import MAX_CLOCK_SKEW, read_time, write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import write_json
from weighlock.core.text import shown
from weighlock.promotion import record
from weighlock.promotion.record import invalid
from weighlock.promotion.revocation import is_value

MEDIA_TYPE: Final = "application/vnd.weighlock.state.v1+json"
NAME: Final = "state"  # the tag under which a store keeps the newest
WHAT: Final = "the state"
_FIELDS: Final = frozenset(
    {"version", "number", "environment", "madeAt", "expiresAt", "trust", "releases", "revoked"}
)
_ENTRY_FIELDS: Final = frozenset({"name", "number", "release", "candidate", "model"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One release that may run, by digest."""

    name: str
    number: int
    release: Digest
    candidate: Digest
    model: Digest

    @property
    def alias(self) -> str:
        """``name@N``, for people."""
        return f"{self.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class State:
    """The state of an environment; ``number`` rises by one each time it is signed.

    ``revoked`` holds what is withdrawn, as the texts of revocation values.
    """

    number: int
    environment: str
    made_at: dt.datetime
    expires_at: dt.datetime
    trust_version: int
    releases: tuple[Entry, ...] = ()
    revoked: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the record."""
        return write_json(
            {
                "version": 1,
                "number": self.number,
                "environment": self.environment,
                "madeAt": write_time(self.made_at),
                "expiresAt": write_time(self.expires_at),
                "trust": self.trust_version,
                "releases": [_write_entry(entry) for entry in self.releases],
                "revoked": list(self.revoked),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the state of a record; raises DeniedError ``record_invalid`` or a grammar's own code."""
        value = record.read_record(raw, what=WHAT, fields=_FIELDS)
        releases = value["releases"]
        if not isinstance(releases, list):
            raise invalid(WHAT, "its releases are not a list")
        return cls(
            number=record.number(value["number"], what=WHAT, field="number"),
            environment=record.text(value["environment"], what=WHAT, field="environment"),
            made_at=read_time(value["madeAt"], what="the state's time"),
            expires_at=read_time(value["expiresAt"], what="the state's expiry"),
            trust_version=record.number(value["trust"], what=WHAT, field="trust"),
            releases=tuple(map(_read_entry, releases)),
            revoked=_read_revoked(value["revoked"]),
        )

    def find(self, wanted: str) -> Entry:
        """Return the newest release of a name, or the one of ``name@N`` or of a digest.

        Raises DeniedError ``release_unknown``.
        """
        found = [entry for entry in self.releases if wanted in {entry.name, entry.alias, str(entry.release)}]
        if not found:
            raise DeniedError(
                "release_unknown",
                f"{self.environment} has no release {shown(wanted)!r}",
                hint="`weighlock release show` lists what may run",
            )
        return max(found, key=lambda entry: entry.number)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a gate remembers: the newest state, trust version and time it saw, and every revocation.

    A revocation once seen is never forgotten, whatever a later state says.
    """

    number: int = 0
    digest: Digest | None = None
    trust_version: int = 0
    newest: dt.datetime | None = None
    revoked: frozenset[str] = frozenset()

    def check_clock(self, now: dt.datetime) -> None:
        """Raise DeniedError ``clock_set_back`` if ``now`` lies before what was already seen."""
        if self.newest is not None and now < self.newest - MAX_CLOCK_SKEW:
            raise DeniedError(
                "clock_set_back",
                f"the clock says {write_time(now)}, but {write_time(self.newest)} was seen already",
                hint="correct the clock; if it was wrong before, see docs/state.md on resetting the memory",
            )

    def check_order(self, state: State, digest: Digest, now: dt.datetime) -> None:
        """Raise DeniedError if ``state``, whose signature was verified, cannot follow what was seen.

        The codes are ``clock_set_back``, ``state_replayed``, ``state_forked``, ``state_from_future``.
        """
        self.check_clock(now)
        if state.number < self.number:
            raise DeniedError(
                "state_replayed",
                f"state {state.number} is older than state {self.number}, which was seen already",
                hint="somebody put an old state back; restore the newest one",
            )
        if state.number == self.number and self.digest is not None and digest != self.digest:
            raise DeniedError(
                "state_forked",
                f"there are two different states {state.number}",
                hint="two services signed at once, or one key is abused; compare them before anything runs",
            )
        if state.made_at > now + MAX_CLOCK_SKEW:
            raise DeniedError(
                "state_from_future",
                f"the state was made at {write_time(state.made_at)}, which is yet to come",
            )

    def admit(self, state: State, digest: Digest, now: dt.datetime) -> "Memory":
        """Return the memory after seeing ``state``; raises as ``check_order``."""
        self.check_order(state, digest, now)
        return replace(
            self,
            number=state.number,
            digest=digest,
            trust_version=max(self.trust_version, state.trust_version),
            newest=max(filter(None, (self.newest, state.made_at, now))),
            revoked=self.revoked | frozenset(state.revoked),
        )


def check_fresh(state: State, now: dt.datetime) -> None:
    """Raise DeniedError ``state_expired`` if the state is too old to be believed."""
    if now >= state.expires_at:
        raise DeniedError(
            "state_expired",
            f"the state of {state.environment} expired at {write_time(state.expires_at)}",
            hint="`weighlock renew` signs it again; if that fails, somebody may be keeping news from this gate",
        )


def _read_revoked(value: Any) -> tuple[str, ...]:
    # a gate remembers each for ever: what is no digest and no key would stop it for ever, too
    texts = record.texts(value, what=WHAT, field="revoked")
    odd = next((text for text in texts if not is_value(text)), None)
    if odd is not None:
        raise invalid(WHAT, f"it revokes {shown(odd)!r}, which is neither a digest nor a key")
    return texts


def _write_entry(entry: Entry) -> Mapping[str, Any]:
    return {
        "name": entry.name,
        "number": entry.number,
        "release": str(entry.release),
        "candidate": str(entry.candidate),
        "model": str(entry.model),
    }


def _read_entry(value: Any) -> Entry:
    if not isinstance(value, dict) or value.keys() != _ENTRY_FIELDS:
        raise invalid(WHAT, "a release in it does not have exactly the known fields")
    return Entry(
        name=record.check_name(value["name"], what=WHAT),
        number=record.number(value["number"], what=WHAT, field="number"),
        release=Digest.parse(value["release"]),
        candidate=Digest.parse(value["candidate"]),
        model=Digest.parse(value["model"]),
    )
