"""What a new version of the trust document changes, in sentences: what a signer agrees to."""

from collections.abc import Iterator, Mapping

from weighlock.attestation.trust_document import Assignment, Role, TrustDocument
from weighlock.core.clock import write_time
from weighlock.core.text import shown


def differences(old: TrustDocument, new: TrustDocument) -> list[str]:
    """Return one sentence for each change that matters from ``old`` to ``new``, nothing left out."""
    return [
        *_names("person", old.people, new.people),
        *_names("service", old.services, new.services),
        *_keys(old, new),
        *(sentence for role in Role for sentence in _role(role, old.roles.get(role), new.roles.get(role))),
        f"it expires at {write_time(new.expires)}, where the version before expires at {write_time(old.expires)}",
    ]


def _names(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for each in sorted(old.keys() | new.keys()):
        if each not in old:
            yield f"the {kind} {each} ({shown(new[each])}) is added"
        elif each not in new:
            yield f"the {kind} {each} ({shown(old[each])}) is removed"
        elif old[each] != new[each]:
            yield f"the {kind} {each} is named {shown(new[each])}, not {shown(old[each])}"


def _keys(old: TrustDocument, new: TrustDocument) -> Iterator[str]:
    for key_id in sorted(old.keys.keys() | new.keys.keys()):
        before, after = old.owners.get(key_id), new.owners.get(key_id)
        if before is None:
            yield f"the key {key_id} of {after} is added"
        elif after is None:
            yield f"the key {key_id} of {before} is revoked"
        elif before != after:
            yield f"the key {key_id} passes from {before} to {after}"


def _role(role: Role, old: Assignment | None, new: Assignment | None) -> Iterator[str]:
    before, after = _described(old), _described(new)
    if before != after:
        yield f"the role {role} is held by {after}, not by {before}"


def _described(assignment: Assignment | None) -> str:
    if assignment is None:
        return "nobody"
    return f"{assignment.threshold} of {', '.join(sorted(assignment.principals))}"
