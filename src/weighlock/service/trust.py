"""The trust folder: read the chain, draft a version, sign it.

``N.json`` is version N, and ``N.KEY.sigstore.json`` a signature over its exact bytes, where KEY is the
beginning of the signer's key id. A version that does not chain is a draft: gates go on with the version
before it, and each gate's own memory tells when a version that it saw is gone.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from weighlock.attestation.key import PublicKey
from weighlock.attestation.signer import Signer
from weighlock.attestation.trust import Tally, Trust, TrustedRoot, sign_trust, tally, wrong_pin
from weighlock.attestation.trust_document import MAX_TRUST_BYTES, MAX_VERSION, Assignment, Role, TrustDocument
from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.limit import MAX_BUNDLE_BYTES
from weighlock.core.text import shown
from weighlock.service.file import read_limited, write_new, write_whole

SIGNATURE_SUFFIX: Final = ".sigstore.json"
KEY_CHARACTERS: Final = 16  # of the key id, in a signature's file name


@dataclass(frozen=True, slots=True)
class Chain:
    """A verified root, and why the next version in the folder, if there is one, does not follow from it."""

    root: TrustedRoot
    draft: DeniedError | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it lies in the folder, unverified."""

    number: int
    raw: bytes
    bundles: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a draft has that the version before had not. Principals are ids; keys map a key to its owner."""

    people: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    keys: Sequence[tuple[str, PublicKey]] = ()
    revoked: Sequence[str] = ()
    roles: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    thresholds: Mapping[Role, int] = field(default_factory=dict)
    removed: Sequence[str] = ()


def load_trust(folder: Path, pin: Digest | None, now: dt.datetime, *, minimum_version: int = 1) -> Trust:
    """Return the trust in force: the highest version that chains from the pin.

    Raises UsageError ``trust_unpinned`` or ``trust_missing``, and what ``TrustedRoot`` raises.
    """
    return load_chain(folder, pin).root.trust(now, minimum_version=minimum_version)


def load_chain(folder: Path, pin: Digest | None, *, until: int = MAX_VERSION) -> Chain:
    """Return the verified chain of a folder up to a version; raises as ``load_trust``, but not about time."""
    first = read_version(folder, 1)
    if pin is None:
        raise UsageError(
            "trust_unpinned",
            "no digest pins the first trust document, so whoever can write it could be anyone",
            hint="set trust.root in weighlock.yaml to the digest that the people of the root role told you",
        )
    root = TrustedRoot.begin(pin, first.raw, first.bundles)
    newest = min(until, max(numbers(folder)))
    while root.document.version < newest:
        try:
            following = read_version(folder, root.document.version + 1)
            root = root.extend(following.raw, following.bundles)
        except (DeniedError, UsageError) as error:
            return Chain(root, _draft(error, newest))
    return Chain(root, None)


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the versions in a folder, ascending; of those that have a name as we write it."""
    stems = (path.stem for path in folder.glob("*.json") if not path.name.endswith(SIGNATURE_SUFFIX))
    return sorted(
        int(stem) for stem in stems if stem.isascii() and stem.isdigit() and not stem.startswith("0")
    )


def read_version(folder: Path, number: int) -> Version:
    """Return a version's bytes and signatures; raises UsageError ``trust_missing``."""
    path = folder / f"{number}.json"
    if not path.is_file():
        raise UsageError(
            "trust_missing",
            f"there is no version {number} of the trust document in {shown(str(folder))}",
            hint="`weighlock trust make` drafts the first one"
            if number == 1
            else "fetch the trust folder again",
        )
    signatures = sorted(folder.glob(f"{number}.*{SIGNATURE_SUFFIX}"))
    bundles = tuple(read_limited(each, MAX_BUNDLE_BYTES, missing="trust_missing") for each in signatures)
    return Version(number, read_limited(path, MAX_TRUST_BYTES, missing="trust_missing"), bundles)


def tallies(folder: Path, number: int) -> tuple[Tally, ...]:
    """Return who has signed a version and who may still; who must is as the documents claim, unverified."""
    version = read_version(folder, number)
    previous = None if number == 1 else TrustDocument.parse(read_version(folder, number - 1).raw)
    return tally(previous, version.raw, version.bundles)


def make(folder: Path, changes: Changes, *, trial: bool, created: dt.datetime, days: int) -> Version:
    """Write version 1, unsigned; raises UsageError ``trust_exists`` or what ``TrustDocument.parse`` raises."""
    expires = created + dt.timedelta(days=days)
    empty = TrustDocument(1, created, expires, trial, {}, {}, {}, {}, {})
    return _write(folder, apply(empty, changes))


def extend(folder: Path, root: TrustedRoot, changes: Changes, *, created: dt.datetime, days: int) -> Version:
    """Write the version after ``root``, unsigned; raises as ``make``."""
    following = dataclasses.replace(
        root.document,
        version=root.document.version + 1,
        created=created,
        expires=created + dt.timedelta(days=days),
    )
    return _write(folder, apply(following, changes))


def apply(document: TrustDocument, changes: Changes) -> TrustDocument:
    """Return ``document`` with ``changes``, not yet checked; raises UsageError ``trust_change_invalid``."""
    gone = set(changes.removed)
    people = {**document.people, **changes.people}
    services = {**document.services, **changes.services}
    if strangers := gone - people.keys() - services.keys():
        raise _unclear(f"{', '.join(sorted(strangers))} is not in the trust document")
    revoked = {_one_key(document, prefix) for prefix in changes.revoked}
    keys, owners = dict(document.keys), dict(document.owners)
    for owner, key in changes.keys:
        if owners.get(key.key_id, owner) != owner:
            raise _unclear(f"the key {key.key_id[:KEY_CHARACTERS]}… belongs to {owners[key.key_id]} already")
        keys[key.key_id], owners[key.key_id] = key, owner
    for key_id in [each for each, owner in owners.items() if each in revoked or owner in gone]:
        del keys[key_id], owners[key_id]
    return dataclasses.replace(
        document,
        people={each: name for each, name in people.items() if each not in gone},
        services={each: name for each, name in services.items() if each not in gone},
        keys=keys,
        owners=owners,
        roles=_assign(document.roles, changes),
    )


def sign(
    folder: Path, number: int, signer: Signer, *, pin: Digest | None = None
) -> tuple[Path, tuple[Tally, ...]]:
    """Sign a version; return the new file and who has signed now.

    The version before must be verified from the pin, or its successor could be appointed by anyone.
    Raises UsageError ``trust_missing`` or ``trust_unpinned``, DeniedError ``signer_unknown`` if the signer is in
    neither root, or what ``TrustedRoot`` raises.
    """
    version = read_version(folder, number)
    previous = verified_previous(folder, number, pin)
    documents = [TrustDocument.parse(version.raw), *([previous] if previous else [])]
    key_id = signer.public.key_id
    if not any(key_id in document.keys_of(Role.ROOT) for document in documents):
        raise DeniedError(
            "signer_unknown",
            f"the key {key_id[:KEY_CHARACTERS]}… belongs to nobody who holds the role root",
            hint="only the root of this version and of the one before sign it",
        )
    path = folder / f"{number}.{key_id[:KEY_CHARACTERS]}{SIGNATURE_SUFFIX}"
    write_whole(path, sign_trust(version.raw, signer))
    return path, tally(previous, version.raw, read_version(folder, number).bundles)


def verified_previous(folder: Path, number: int, pin: Digest | None) -> TrustDocument | None:
    """Return the verified version before ``number``, None before the first; raises as ``load_chain``.

    A first version that is not the one that was pinned raises DeniedError ``trust_pin_mismatch``.
    """
    if number == 1:
        digest = Digest.of(read_version(folder, 1).raw)
        if pin is not None and digest != pin:
            raise wrong_pin(digest, pin)
        return None
    chain = load_chain(folder, pin, until=number - 1)
    if chain.draft is not None:
        raise chain.draft
    return chain.root.document


def describe(document: TrustDocument, digest: Digest) -> dict[str, Any]:
    """Return a document's facts as JSON."""
    return {
        "version": document.version,
        "digest": str(digest),
        "created": write_time(document.created),
        "expires": write_time(document.expires),
        "trial": document.trial,
        "people": dict(document.people),
        "services": dict(document.services),
        "keys": {
            key_id: {"principal": document.owners[key_id], "algorithm": key.algorithm, "trial": key.trial}
            for key_id, key in document.keys.items()
        },
        "roles": {
            str(role): {"principals": list(each.principals), "threshold": each.threshold}
            for role, each in document.roles.items()
        },
    }


def describe_tally(each: Tally) -> dict[str, Any]:
    """Return who has signed as JSON."""
    return {
        "root_version": each.version,
        "threshold": each.threshold,
        "signed": sorted(each.signed),
        "outstanding": sorted(each.outstanding),
        "reached": each.reached,
        "refused": list(each.refused),
    }


def _assign(roles: Mapping[Role, Assignment], changes: Changes) -> dict[Role, Assignment]:
    made = dict(roles)
    for role, principals in changes.roles.items():
        if not principals:
            made.pop(role, None)
            continue
        known = made.get(role)
        if role not in changes.thresholds and known is None and len(principals) > 1:
            raise _unclear(
                f"how many of {', '.join(principals)} must agree as {role}? give --threshold {role}=N"
            )
        made[role] = Assignment(tuple(principals), known.threshold if known else 1)
    for role, threshold in changes.thresholds.items():
        if role not in made:
            raise _unclear(f"nobody has the role {role}, so it has no threshold; give --role {role}=…")
        made[role] = Assignment(made[role].principals, threshold)
    gone = set(changes.removed)
    return {
        role: Assignment(
            tuple(each for each in assignment.principals if each not in gone), assignment.threshold
        )
        for role, assignment in made.items()
    }


def _one_key(document: TrustDocument, prefix: str) -> str:
    found = [key_id for key_id in document.keys if key_id.startswith(prefix)]
    if len(found) != 1 or len(prefix) < 8:
        raise _unclear(f"{shown(prefix)!r} is not the beginning (8 digits or more) of one key's id")
    return found[0]


def _write(folder: Path, document: TrustDocument) -> Version:
    raw = document.to_bytes()
    TrustDocument.parse(raw)  # what no gate would read is not offered for signing
    folder.mkdir(parents=True, exist_ok=True)
    write_new(folder / f"{document.version}.json", raw, mode=0o644, exists="trust_exists")
    return Version(document.version, raw, ())


def _draft(error: DeniedError | UsageError, newest: int) -> DeniedError:
    if isinstance(error, DeniedError):
        return error
    return DeniedError(
        "trust_version_invalid", f"{error.message}, and there is a version {newest}", hint=error.hint
    )


def _unclear(why: str) -> UsageError:
    return UsageError("trust_change_invalid", why, hint="`weighlock trust show` lists what is there")
