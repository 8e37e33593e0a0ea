"""The chain of trust documents, without I/O. What it hands out is verified by construction.

The order of calls:

1. ``TrustedRoot.begin`` takes the pin, version 1 and its signatures.
2. ``extend`` takes version 2, version 3, … each with its signatures. An expired version
   may still be extended: otherwise a house that overslept could never wake.
3. ``trust`` takes the time, and gives the ``Trust`` that everything else asks. Only it
   does, and only if the newest version has not expired.

Each step raises and leaves the root as it was. Thresholds count principals, never keys
and never signatures. After python-tuf's trusted metadata set in shape, and after the
TUF specification, section 5.3, in the rules of the chain.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from weighlock.attestation.bundle import read_bundle, sign_statement, verify_with_keys
from weighlock.attestation.key import PublicKey
from weighlock.attestation.signer import Signer
from weighlock.attestation.statement import Statement, Subject
from weighlock.attestation.trust_document import Role, TrustDocument, invalid
from weighlock.core.clock import MAX_CLOCK_SKEW, write_time
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, InternalError
from weighlock.core.text import shown

PREDICATE_TYPE: Final = "https://weighlock.dev/trust/v1"
MAX_SIGNATURES: Final = 1_000  # one a principal, and no more principals than that
_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class Tally:
    """Who of one version's root has signed a document. ``refused`` says why a signature did not count."""

    version: int
    threshold: int
    signed: frozenset[str]
    outstanding: frozenset[str]
    refused: tuple[str, ...]

    @property
    def reached(self) -> bool:
        """Whether enough have signed."""
        return len(self.signed) >= self.threshold

    def __str__(self) -> str:
        done = f"{len(self.signed)} of {self.threshold} signatures by the root of version {self.version}"
        if self.reached:
            return done
        return f"{done}; still able to sign: {', '.join(sorted(self.outstanding))}"


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is trusted with what, now."""

    document: TrustDocument
    digest: Digest
    _proof: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise InternalError unless ``TrustedRoot.trust`` makes the object."""
        if self._proof is not _MADE_HERE:
            raise InternalError("unexpected", "a trust was made without verifying its documents")

    @property
    def version(self) -> int:
        """The version of the document, from 1."""
        return self.document.version

    @property
    def expires(self) -> dt.datetime:
        """When the document stops to be trusted."""
        return self.document.expires

    @property
    def trial(self) -> bool:
        """Whether this is only a trial."""
        return self.document.trial

    def keys_of(self, role: Role) -> Mapping[str, PublicKey]:
        """Return the keys, by id, of those that hold ``role``; of a role that nobody holds, none."""
        return self.document.keys_of(role)

    def principal_of(self, key_id: str) -> str:
        """Return whose key it is; raises DeniedError ``signer_unknown`` if it is nobody's."""
        owner = self.document.owners.get(key_id)
        if owner is None:
            raise DeniedError(
                "signer_unknown", f"the key {shown(key_id, limit=17)} belongs to nobody in the trust document"
            )
        return owner

    def threshold(self, role: Role) -> int:
        """Return how many principals must agree; raises DeniedError ``trust_role_missing`` if nobody holds ``role``."""
        assignment = self.document.roles.get(role)
        if assignment is None:
            raise DeniedError(
                "trust_role_missing",
                f"the trust document gives nobody the role {role}",
                hint=f"`weighlock trust extend --role {role}=…` drafts a document that does",
            )
        return assignment.threshold


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """The newest document of a verified chain, which may have expired."""

    document: TrustDocument
    digest: Digest
    _proof: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise InternalError unless this class's own methods make the object."""
        if self._proof is not _MADE_HERE:
            raise InternalError("unexpected", "a trusted root was made without verifying its documents")

    @classmethod
    def begin(cls, pin: Digest, document: bytes, bundles: Sequence[bytes]) -> Self:
        """Return the root that ``pin`` names, if its own root role signed it.

        Raises DeniedError ``trust_pin_mismatch``, ``trust_version_invalid``, ``trust_signatures_missing``, or what
        ``TrustDocument.parse`` raises.
        """
        # 1. the pin, before anything in the document is read
        digest = Digest.of(document)
        if digest != pin:
            raise wrong_pin(digest, pin)
        parsed = TrustDocument.parse(document)
        # 2. it is a beginning
        _check_version(parsed, 1)
        # 3. a threshold of its own root
        _require(tally(None, document, bundles))
        return cls(parsed, digest, _MADE_HERE)

    def extend(self, document: bytes, bundles: Sequence[bytes]) -> Self:
        """Return the root with the next version, if both roots signed it.

        Raises DeniedError ``trust_version_invalid``, ``trust_signatures_missing``, ``trust_document_invalid``, or
        what ``TrustDocument.parse`` raises.
        """
        parsed = TrustDocument.parse(document)
        # 1. version numbers without gaps (TUF 5.3.5)
        _check_version(parsed, self.document.version + 1)
        # 2. a trial stays one: everyone may hold its keys, so they must not appoint real ones
        if parsed.trial is not self.document.trial:
            raise invalid(
                "a trial cannot become real, nor the real a trial; begin a new chain with a new pin"
            )
        # 3. a threshold of the old root and of the new one (TUF 5.3.4)
        _require(tally(self.document, document, bundles))
        return type(self)(parsed, Digest.of(document), _MADE_HERE)

    def trust(self, now: dt.datetime, *, minimum_version: int = 1) -> Trust:
        """Return the trust at ``now``.

        Raises DeniedError ``trust_expired``, ``trust_not_yet_valid`` if the clock stands before its creation, or
        ``trust_rolled_back`` if version ``minimum_version`` was seen before and is not there.
        """
        document = self.document
        if document.version < minimum_version:
            raise DeniedError(
                "trust_rolled_back",
                f"the newest trust document is version {document.version}, and {minimum_version} was seen before",
                hint="fetch the trust folder again; if someone put an old one back, find out who can write it",
            )
        if now >= document.expires:
            raise DeniedError(
                "trust_expired",
                f"version {document.version} of the trust document expired at {write_time(document.expires)}",
                hint="`weighlock trust extend --expires DAYS` drafts the next one, for the root to sign",
            )
        if now + MAX_CLOCK_SKEW < document.created:
            raise DeniedError(
                "trust_not_yet_valid",
                f"it is {write_time(now)} here, and the trust document was made at {write_time(document.created)}",
                hint="set this machine's clock",
            )
        return Trust(document, self.digest, _MADE_HERE)


def tally(previous: TrustDocument | None, document: bytes, bundles: Sequence[bytes]) -> tuple[Tally, ...]:
    """Return who has signed ``document``, for each root that must: its own, and that of the version before.

    ``previous`` None stands for a first version. Raises what ``TrustDocument.parse`` raises.
    """
    parsed = TrustDocument.parse(document)
    roots = [parsed] if previous is None else [previous, parsed]
    keys = {key_id: key for root in roots for key_id, key in root.keys_of(Role.ROOT).items()}
    signers, refused = _verified_signers(Digest.of(document), bundles, keys)
    return tuple(_count(root, signers, refused) for root in roots)


def sign_trust(document: bytes, signer: Signer) -> bytes:
    """Return the bundle by which ``signer`` signs the exact bytes of ``document``.

    Raises what ``TrustDocument.parse`` raises: nobody signs what no gate would read.
    """
    version = TrustDocument.parse(document).version
    subject = Subject.of(f"{version}.json", Digest.of(document))
    return sign_statement(Statement((subject,), PREDICATE_TYPE, {"version": version}), signer)


def require_real(trust: Trust) -> None:
    """Return unless ``trust`` is a trial, which never satisfies a real environment; raises DeniedError ``trial_keys``."""
    if trust.trial:
        raise DeniedError(
            "trial_keys",
            "the trust document is a trial, and this environment is real",
            hint="make real keys and a trust document without --trial, or set the environment's trial to true",
        )


def wrong_pin(digest: Digest, pin: Digest) -> DeniedError:
    """Return the error for a first version that is not the one that was pinned."""
    return DeniedError(
        "trust_pin_mismatch",
        f"the first trust document is {digest}, and {pin} was pinned",
        hint="ask the people of the root role for the digest, on another way than the document came",
    )


def _check_version(document: TrustDocument, expected: int) -> None:
    if document.version != expected:
        raise DeniedError(
            "trust_version_invalid",
            f"the trust document says that it is version {document.version}, and version {expected} comes next",
        )


def _verified_signers(
    digest: Digest, bundles: Sequence[bytes], keys: Mapping[str, PublicKey]
) -> tuple[set[str], tuple[str, ...]]:
    """Return the ids of the keys that signed ``digest``, and why other bundles did not count."""
    if len(bundles) > MAX_SIGNATURES:
        raise invalid(f"it has {len(bundles)} signatures; the limit is {MAX_SIGNATURES}")
    signers: set[str] = set()
    refused: list[str] = []
    for raw in bundles:
        # A bad signature beside enough good ones changes nothing; alone it leaves the threshold unreached.
        try:
            attestation = verify_with_keys(read_bundle(raw), keys)
        except DeniedError as error:
            refused.append(error.message)
            continue
        if attestation.statement.predicate_type != PREDICATE_TYPE:
            refused.append(f"the signature by {attestation.key_id[:16]}… is under another kind of statement")
        elif not attestation.statement.is_about(digest):
            refused.append(
                f"the signature by {attestation.key_id[:16]}… is about other bytes than this document's"
            )
        else:
            signers.add(attestation.key_id)
    return signers, tuple(refused)


def _count(root: TrustDocument, signers: set[str], refused: tuple[str, ...]) -> Tally:
    signed = _principals(root, Role.ROOT, signers)
    able = _principals(root, Role.ROOT, root.keys)
    return Tally(root.version, root.roles[Role.ROOT].threshold, signed, able - signed, refused)


def _principals(document: TrustDocument, role: Role, key_ids: Iterable[str]) -> frozenset[str]:
    owners = {document.owners[key_id] for key_id in key_ids if key_id in document.owners}
    return frozenset(owners & document.holders(role))


def _require(tallies: tuple[Tally, ...]) -> None:
    unreached = [each for each in tallies if not each.reached]
    if not unreached:
        return
    refused = unreached[0].refused
    raise DeniedError(
        "trust_signatures_missing",
        f"the trust document is not signed by enough of those who must: {'; '.join(map(str, unreached))}"
        + (f" ({refused[0]})" if refused else ""),
        hint="each of them runs `weighlock trust sign --key FILE`",
        details={"refused": list(refused), "outstanding": sorted(unreached[0].outstanding)},
    )
