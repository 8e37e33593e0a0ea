"""What the log says of one decision: who, what, about which bytes, and how it ended."""

import datetime as dt
import enum
import re
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

from weighlock.core.clock import read_time, write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.text import shown

MAX_ENTRY_BYTES: Final = (
    65_535  # what one leaf may have in C2SP tlog-tiles, so that a log can be served that way
)
FORMAT: Final = 1
_FIELDS: Final = frozenset(
    {"format", "time", "environment", "action", "outcome", "code", "subjects", "actor", "message"}
)
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}|", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII)
_Member = TypeVar("_Member", bound=enum.StrEnum)


class Action(enum.StrEnum):
    """What was attempted, of that which is recorded (docs/log.md)."""

    PULL = "pull"
    ATTEST = "attest"
    REQUEST = "request"
    APPROVE = "approve"
    REJECT = "reject"
    PROMOTE = "promote"
    RENEW = "renew"
    RUN = "run"
    STOP = "stop"
    REVOKE = "revoke"
    CHECK = "check"
    VERIFY = "verify"


class Ending(enum.StrEnum):
    """How it ended. An attempt that was denied or broke off is an entry like any other."""

    ALLOW = "allow"
    DENY = "deny"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whose key acted, and the person or service it belonged to; either is empty when not known."""

    key_id: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision. ``code`` is the error's, or empty; ``message`` is for people and never believed."""

    time: dt.datetime
    environment: str
    action: Action
    outcome: Ending
    subjects: tuple[Digest, ...] = ()
    code: str = ""
    actor: Actor = field(default_factory=Actor)
    message: str = ""

    def to_bytes(self) -> bytes:
        """Return the entry's JSON, without a newline in it; raises DeniedError ``log_entry_invalid``."""
        raw = write_json(
            {
                "format": FORMAT,
                "time": write_time(self.time),
                "environment": self.environment,
                "action": str(self.action),
                "outcome": str(self.outcome),
                "code": self.code,
                "subjects": [str(digest) for digest in self.subjects],
                "actor": {"key": self.actor.key_id, "principal": self.actor.principal},
                "message": self.message,
            }
        )
        type(self).parse(raw)  # what we could not read back must not get into a log that only grows
        return raw

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the entry that ``raw`` writes; raises DeniedError ``log_entry_invalid`` or ``json_invalid``."""
        document = read_object(raw, what="an entry of the log", limit=MAX_ENTRY_BYTES)
        if document.keys() != _FIELDS or document["format"] != FORMAT:
            raise _invalid("its fields are not those of format 1")
        actor, subjects = document["actor"], document["subjects"]
        if (
            not isinstance(subjects, list)
            or not isinstance(actor, dict)
            or actor.keys() != {"key", "principal"}
        ):
            raise _invalid("its subjects or its actor are malformed")
        return cls(
            time=read_time(document["time"], what="the time of an entry"),
            environment=_matched(document["environment"], _NAME),
            action=_member(Action, document["action"]),
            outcome=_member(Ending, document["outcome"]),
            subjects=tuple(map(Digest.parse, subjects)),
            code=_matched(document["code"], _CODE),
            actor=Actor(_text(actor["key"]), _text(actor["principal"])),
            message=_text(document["message"]),
        )


def _member(kind: type[_Member], value: object) -> _Member:
    try:
        return kind(_text(value))
    except ValueError as error:
        raise _invalid(f"{shown(repr(value))} is none of {', '.join(kind)}") from error


def _matched(value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _invalid(f"{shown(repr(value))} is not what it should be")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _invalid(f"{shown(repr(value))} is not text")
    return value


def _invalid(why: str) -> DeniedError:
    return DeniedError("log_entry_invalid", f"an entry of the log is refused: {why}")
