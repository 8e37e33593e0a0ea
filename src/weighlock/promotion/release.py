"""A release: the record that promotion writes once, naming the approved candidate and what decided.

Its id is the digest of the manifest that holds it; ``name@N`` is only an alias.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.clock import read_time, write_time
from weighlock.core.digest import Digest
from weighlock.core.jsontext import write_json
from weighlock.promotion import record

MEDIA_TYPE: Final = "application/vnd.weighlock.release.v1+json"
WHAT: Final = "the release"
_FIELDS: Final = frozenset(
    {
        "version",
        "name",
        "number",
        "environment",
        "candidate",
        "model",
        "policy",
        "evidence",
        "trust",
        "madeAt",
    }
)


@dataclass(frozen=True, slots=True)
class Release:
    """What was released: number ``number`` of ``name``, from ``candidate``, decided on ``evidence``."""

    name: str
    number: int
    environment: str
    candidate: Digest
    model: Digest
    policy: Digest
    evidence: tuple[Digest, ...]
    trust_version: int
    made_at: dt.datetime

    @property
    def alias(self) -> str:
        """``name@N``, for people."""
        return f"{self.name}@{self.number}"

    def to_bytes(self) -> bytes:
        """Return the record."""
        return write_json(
            {
                "version": 1,
                "name": self.name,
                "number": self.number,
                "environment": self.environment,
                "candidate": str(self.candidate),
                "model": str(self.model),
                "policy": str(self.policy),
                "evidence": [str(digest) for digest in self.evidence],
                "trust": self.trust_version,
                "madeAt": write_time(self.made_at),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the release of a record; raises DeniedError ``record_invalid`` or a grammar's own code."""
        value = record.read_record(raw, what=WHAT, fields=_FIELDS)
        return cls(
            name=record.check_name(value["name"], what=WHAT),
            number=record.number(value["number"], what=WHAT, field="number"),
            environment=record.text(value["environment"], what=WHAT, field="environment"),
            candidate=Digest.parse(value["candidate"]),
            model=Digest.parse(value["model"]),
            policy=Digest.parse(value["policy"]),
            evidence=record.digests(value["evidence"], what=WHAT, field="evidence"),
            trust_version=record.number(value["trust"], what=WHAT, field="trust"),
            made_at=read_time(value["madeAt"], what="the release's time"),
        )
