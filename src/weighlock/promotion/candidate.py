"""A candidate: everything that will run, by digest. Approvals sign the digest of this record.

What is not in here is not approved: model, installation or image, command line,
environment, sandbox, the policy and the evaluation that people looked at.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from weighlock.core.clock import read_time, write_time
from weighlock.core.digest import Digest
from weighlock.core.jsontext import write_json
from weighlock.core.reference import PinnedReference, Reference
from weighlock.promotion import record
from weighlock.promotion.record import invalid

MEDIA_TYPE: Final = "application/vnd.weighlock.candidate.v1+json"
WHAT: Final = "the candidate"
MODEL: Final = "model"
ROLES: Final = frozenset({MODEL, "tokenizer", "adapter", "draft", "projector", "template"})
_FIELDS: Final = frozenset(
    {"version", "name", "environment", "artifacts", "serving", "argv", "env", "sandbox"}
    | {"evaluation", "policy", "requester", "madeAt"}
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the server may do beyond reading its model: see the sandbox package for each."""

    port: int | None = None
    allow_exec: bool = False
    memory_bytes: int | None = None
    processes: int | None = None

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the profile of a JSON object; raises DeniedError ``record_invalid``."""
        fields = {"port", "allowExec", "memoryBytes", "processes"}
        if not isinstance(value, dict) or value.keys() != fields:
            raise invalid(WHAT, "its sandbox does not have exactly the known fields")
        if not isinstance(value["allowExec"], bool):
            raise invalid(WHAT, "allowExec is not true or false")
        port = _optional(value["port"], "port")
        if port is not None and port > 0xFFFF:
            raise invalid(WHAT, f"{port} is not a port")
        return cls(
            port,
            value["allowExec"],
            _optional(value["memoryBytes"], "memoryBytes"),
            _optional(value["processes"], "processes"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "port": self.port,
            "allowExec": self.allow_exec,
            "memoryBytes": self.memory_bytes,
            "processes": self.processes,
        }


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python environment as it was when asked for: its package lock and what each package's files are.

    ``package_lock`` is the digest of the requirements file, every line of it pinned with digests; ``packages`` that of the
    list of installed files by package (service/installation.py).
    """

    package_lock: Digest
    packages: Digest

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"packageLock": str(self.package_lock), "packages": str(self.packages)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate; ``digest`` is that of the manifest which holds the record, once it is stored."""

    name: str
    environment: str
    artifacts: Mapping[str, Digest]
    serving: Installation | PinnedReference
    argv: tuple[str, ...]
    env: Mapping[str, str]
    sandbox: Sandbox
    evaluation: Digest | None
    policy: Digest
    requester: str
    made_at: dt.datetime

    @property
    def model(self) -> Digest:
        """The manifest digest of the model."""
        return self.artifacts[MODEL]

    def to_bytes(self) -> bytes:
        """Return the record."""
        return write_json(
            {
                "version": 1,
                "name": self.name,
                "environment": self.environment,
                "artifacts": {role: str(digest) for role, digest in self.artifacts.items()},
                "serving": {"image": str(self.serving)}
                if isinstance(self.serving, PinnedReference)
                else self.serving.to_json(),
                "argv": list(self.argv),
                "env": dict(self.env),
                "sandbox": self.sandbox.to_json(),
                "evaluation": None if self.evaluation is None else str(self.evaluation),
                "policy": str(self.policy),
                "requester": self.requester,
                "madeAt": write_time(self.made_at),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the candidate of a record; raises DeniedError ``record_invalid`` or a grammar's own code."""
        value = record.read_record(raw, what=WHAT, fields=_FIELDS)
        evaluation = value["evaluation"]
        return cls(
            name=record.check_name(value["name"], what=WHAT),
            environment=record.text(value["environment"], what=WHAT, field="environment"),
            artifacts=_artifacts(value["artifacts"]),
            serving=_serving(value["serving"]),
            argv=_argv(value["argv"]),
            env=_env(value["env"]),
            sandbox=Sandbox.from_json(value["sandbox"]),
            evaluation=None if evaluation is None else Digest.parse(evaluation),
            policy=Digest.parse(value["policy"]),
            requester=record.text(value["requester"], what=WHAT, field="requester"),
            made_at=read_time(value["madeAt"], what="the candidate's time"),
        )


def _artifacts(value: Any) -> dict[str, Digest]:
    if not isinstance(value, dict) or MODEL not in value or not value.keys() <= ROLES:
        raise invalid(WHAT, "its artifacts are not a model and perhaps known others")
    return {role: Digest.parse(digest) for role, digest in value.items()}


def _serving(value: Any) -> Installation | PinnedReference:
    if isinstance(value, dict) and value.keys() == {"image"}:
        return Reference.parse(record.text(value["image"], what=WHAT, field="image")).pinned
    if isinstance(value, dict) and value.keys() == {"packageLock", "packages"}:
        return Installation(Digest.parse(value["packageLock"]), Digest.parse(value["packages"]))
    raise invalid(WHAT, "it names neither an image nor an installation")


def _argv(value: Any) -> tuple[str, ...]:
    argv = record.texts(value, what=WHAT, field="argv")
    if not argv or any("\0" in argument for argument in argv):
        raise invalid(WHAT, "its command line is empty or has a NUL")
    return argv


def _env(value: Any) -> Mapping[str, str]:
    env = record.text_map(value, what=WHAT, field="env")
    if any(not name or "=" in name or "\0" in name + text for name, text in env.items()):
        raise invalid(WHAT, "a name or value of its environment is malformed")
    return env


def _optional(value: Any, field: str) -> int | None:
    return None if value is None else record.number(value, what=WHAT, field=field)
