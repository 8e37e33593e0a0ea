"""The trust document: which key is whose, who may do what, and how many must agree.

Its exact bytes are what is signed. It is read strictly, because two readers that
disagree about it would disagree about who may release a model: an unknown field, a
key under a wrong id, a key of two people, a threshold that nobody can reach, a
service in a role that asks for a person's judgement: each is refused.
"""

import datetime as dt
import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from weighlock.attestation.key import PublicKey
from weighlock.core.clock import read_time, write_time
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.text import shown

MAX_TRUST_BYTES: Final = 4 * 1024 * 1024  # a thousand keys in PEM take a quarter of it
MAX_PRINCIPALS: Final = 1_000  # a role with more people than that is no role
MAX_VERSION: Final = 10_000  # a version a day for a generation; bounds the chain that a gate verifies
MAX_NAME_CHARACTERS: Final = 200

_FIELDS: Final = frozenset({"version", "created", "expires", "trial", "people", "services", "keys", "roles"})
_PRINCIPAL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class Role(enum.StrEnum):
    """What a principal may do."""

    ROOT = "root"  # sign trust documents
    REQUESTER = "requester"  # ask for a promotion
    APPROVER = "approver"  # approve or reject a candidate
    REVIEWER = "reviewer"  # say that a bill of materials was reviewed
    EVALUATOR = "evaluator"  # say how a model was evaluated
    INSPECTOR = "inspector"  # sign what inspection and inventory found
    RELEASER = "releaser"  # sign releases and the state of an environment
    REVOKER = "revoker"  # withdraw what was released
    LEDGER = "ledger"  # sign the log


PEOPLE_ONLY: Final = frozenset({Role.ROOT, Role.APPROVER, Role.REVIEWER, Role.REVOKER})


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who holds a role, and how many of them must agree."""

    principals: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class TrustDocument:
    """A well-formed trust document. It is a claim until ``TrustedRoot`` has verified who signed it.

    ``people`` and ``services`` map a principal's id to its name for people; ``owners`` maps a key id to
    the id of the one principal whose key it is.
    """

    version: int
    created: dt.datetime
    expires: dt.datetime
    trial: bool
    people: Mapping[str, str]
    services: Mapping[str, str]
    keys: Mapping[str, PublicKey]
    owners: Mapping[str, str]
    roles: Mapping[Role, Assignment]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the document in ``raw``.

        Raises DeniedError ``trust_document_invalid``, ``trial_key``, ``json_invalid``, ``time_invalid``,
        ``key_invalid`` or ``key_unsupported``.
        """
        value = read_object(raw, what="the trust document", limit=MAX_TRUST_BYTES)
        if value.keys() != _FIELDS:
            raise invalid(f"its fields are not exactly {', '.join(sorted(_FIELDS))}")
        keys, owners = _read_keys(value["keys"])
        document = cls(
            version=_read_count(value["version"], "its version", MAX_VERSION),
            created=read_time(value["created"], what="the trust document's creation"),
            expires=read_time(value["expires"], what="the trust document's expiry"),
            trial=value["trial"],
            people=_read_names(value["people"], "people"),
            services=_read_names(value["services"], "services"),
            keys=keys,
            owners=owners,
            roles=_read_roles(value["roles"]),
        )
        document.check()
        return document

    def check(self) -> None:
        """Raise DeniedError ``trust_document_invalid`` or ``trial_key`` if the parts contradict each other."""
        if type(self.trial) is not bool:
            raise invalid("trial is not true or false")
        if self.expires <= self.created:
            raise invalid("it expires before it was created")
        if both := self.people.keys() & self.services.keys():
            raise invalid(f"{_listed(both)} is a person and a service")
        if strangers := set(self.owners.values()) - self.people.keys() - self.services.keys():
            raise invalid(
                f"a key belongs to {_listed(strangers)}, who is neither a person nor a service here"
            )
        if Role.ROOT not in self.roles:
            raise invalid("nobody has the role root")
        for role, assignment in self.roles.items():
            self._check_role(role, assignment)
        self._check_trial()

    def holders(self, role: Role) -> frozenset[str]:
        """Return the principals that hold a role; of a role that is not there, none."""
        assignment = self.roles.get(role)
        return frozenset(assignment.principals if assignment else ())

    def keys_of(self, role: Role) -> dict[str, PublicKey]:
        """Return the keys, by id, of the principals that hold a role."""
        holders = self.holders(role)
        return {key_id: key for key_id, key in self.keys.items() if self.owners[key_id] in holders}

    def to_bytes(self) -> bytes:
        """Return the text that people read and sign."""
        keys = {
            key_id: {"principal": self.owners[key_id], "public": key.to_pem().decode()}
            for key_id, key in self.keys.items()
        }
        roles = {
            str(role): {"principals": sorted(each.principals), "threshold": each.threshold}
            for role, each in self.roles.items()
        }
        value = {
            "version": self.version,
            "created": write_time(self.created),
            "expires": write_time(self.expires),
            "trial": self.trial,
            "people": {principal: {"name": name} for principal, name in self.people.items()},
            "services": {principal: {"name": name} for principal, name in self.services.items()},
            "keys": keys,
            "roles": roles,
        }
        return write_json(value, indent=2) + b"\n"

    def _check_role(self, role: Role, assignment: Assignment) -> None:
        holders = set(assignment.principals)
        if len(holders) != len(assignment.principals):
            raise invalid(f"the role {role} names somebody twice")
        if strangers := holders - self.people.keys() - self.services.keys():
            raise invalid(
                f"the role {role} names {_listed(strangers)}, who is neither a person nor a service here"
            )
        if role in PEOPLE_ONLY and (machines := holders & self.services.keys()):
            raise invalid(f"the role {role} needs people, and {_listed(machines)} is a service")
        able = holders & set(self.owners.values())
        if not 1 <= assignment.threshold <= len(able):
            raise invalid(
                f"the role {role} needs {assignment.threshold} to agree, and {len(able)} of its principals have a key"
            )

    def _check_trial(self) -> None:
        trial_keys = [key_id for key_id, key in self.keys.items() if key.trial]
        if trial_keys and not self.trial:
            raise DeniedError(
                "trial_key",
                f"the trust document is not a trial and names the trial key {trial_keys[0][:16]}…",
                hint="make real keys with `weighlock keys make`; trial keys prove nothing",
            )


def _read_keys(value: Any) -> tuple[dict[str, PublicKey], dict[str, str]]:
    keys: dict[str, PublicKey] = {}
    owners: dict[str, str] = {}
    for key_id, fields in _read_map(value, "keys").items():
        if not isinstance(fields, dict) or fields.keys() != {"principal", "public"}:
            raise invalid("a key does not have exactly principal and public")
        public = fields["public"]
        if not isinstance(public, str):
            raise invalid("a public key is not text")
        key = PublicKey.from_pem(public.encode())
        # Compared as text too: what stands around a PEM block would be read by nobody and signed by all.
        if key.key_id != key_id or key.to_pem().decode() != public:
            raise invalid(f"the key {shown(key_id, limit=70)!r} is not the key that stands there")
        keys[key_id] = key
        owners[key_id] = _read_principal(fields["principal"])
    return keys, owners


def _read_names(value: Any, what: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for principal, fields in _read_map(value, what).items():
        if not isinstance(fields, dict) or fields.keys() != {"name"}:
            raise invalid(f"an entry of {what} does not have exactly a name")
        name = fields["name"]
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
            raise invalid(f"a name in {what} is not a text of at most {MAX_NAME_CHARACTERS} characters")
        names[_read_principal(principal)] = name
    return names


def _read_roles(value: Any) -> dict[Role, Assignment]:
    roles: dict[Role, Assignment] = {}
    for name, fields in _read_map(value, "roles").items():
        if name not in set(Role):
            raise invalid(f"there is no role {shown(name)!r}")
        if not isinstance(fields, dict) or fields.keys() != {"principals", "threshold"}:
            raise invalid(f"the role {name} does not have exactly principals and threshold")
        principals = fields["principals"]
        if not isinstance(principals, list) or len(principals) > MAX_PRINCIPALS:
            raise invalid(f"the principals of the role {name} are not a list of at most {MAX_PRINCIPALS}")
        threshold = _read_count(fields["threshold"], f"the threshold of the role {name}", MAX_PRINCIPALS)
        roles[Role(name)] = Assignment(tuple(map(_read_principal, principals)), threshold)
    return roles


def _read_map(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MAX_PRINCIPALS:
        raise invalid(f"{what} is not an object with at most {MAX_PRINCIPALS} entries")
    return value


def _read_principal(value: Any) -> str:
    if not isinstance(value, str) or not _PRINCIPAL.fullmatch(value):
        raise invalid(
            f"{shown(repr(value))} is not the id of a person or a service, such as ada or ci-inspector"
        )
    return value


def _read_count(value: Any, what: str, limit: int) -> int:
    if type(value) is not int or not 1 <= value <= limit:
        raise invalid(f"{what} is not a number from 1 to {limit}")
    return value


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def invalid(why: str) -> DeniedError:
    """Return the error for a trust document that is refused because of ``why``."""
    return DeniedError("trust_document_invalid", f"the trust document is refused: {why}")
