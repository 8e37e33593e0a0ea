"""Attach signed statements to artifacts, and gather those that count.

A statement counts if its signature verifies with a key of the trust document, the
key's principal holds the role for that kind of statement, the key is not revoked and
the statement is about the asked digest. Everything else is ignored, and said.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from weighlock.attestation.bundle import MEDIA_TYPE, read_bundle, sign_statement, verify_with_keys
from weighlock.attestation.signer import Signer
from weighlock.attestation.statement import Statement, Subject
from weighlock.attestation.trust import Trust
from weighlock.attestation.trust_document import Role
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import PREDICATE_TYPES, Evidence, Kind, kind_of
from weighlock.core.limit import MAX_BUNDLE_BYTES
from weighlock.store.interface import Store
from weighlock.store.manifest import Manifest, read_manifest

CONTENT_ANNOTATION: Final = "dev.sigstore.bundle.content"
PREDICATE_ANNOTATION: Final = "dev.sigstore.bundle.predicateType"

ROLE_FOR: Final[Mapping[Kind, Role]] = {
    Kind.PROVENANCE: Role.INSPECTOR,
    Kind.INSPECTION: Role.INSPECTOR,
    Kind.SBOM: Role.INSPECTOR,
    Kind.REVIEW: Role.REVIEWER,
    Kind.EVALUATION: Role.EVALUATOR,
    Kind.WAIVER: Role.APPROVER,
    Kind.REQUEST: Role.REQUESTER,
    Kind.APPROVAL: Role.APPROVER,
    Kind.PROMOTION: Role.RELEASER,
    Kind.SUMMARY: Role.RELEASER,
    Kind.STATE: Role.RELEASER,
    Kind.REVOCATION: Role.REVOKER,
}


@dataclass(frozen=True, slots=True)
class Ignored:
    """A referrer that does not count, and why."""

    digest: Digest
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """What counts about a subject, oldest first, and what was ignored."""

    evidence: tuple[Evidence, ...] = ()
    ignored: tuple[Ignored, ...] = ()

    def of(self, kind: Kind) -> list[Evidence]:
        """Return the evidence of one kind."""
        return [each for each in self.evidence if each.kind is kind]


def attach(
    store: Store, subject: Descriptor, kind: Kind, predicate: Mapping[str, Any], signer: Signer, *, name: str
) -> Digest:
    """Sign a statement about ``subject``, store it as its referrer and return the bundle's digest."""
    statement = Statement((Subject.of(name, subject.digest),), PREDICATE_TYPES[kind], predicate)
    return attach_bundle(store, subject, PREDICATE_TYPES[kind], sign_statement(statement, signer))


def attach_bundle(store: Store, subject: Descriptor, predicate_type: str, bundle: bytes) -> Digest:
    """Store a bundle as a referrer of ``subject``, labelled as cosign does, and return the bundle's digest."""
    annotations = {CONTENT_ANNOTATION: "dsse-envelope", PREDICATE_ANNOTATION: predicate_type}
    store.attach(subject, MEDIA_TYPE, bundle, MEDIA_TYPE, annotations)
    return Digest.of(bundle)


def gather(store: Store, subject: Digest, trust: Trust, *, revoked_keys: Collection[str] = ()) -> Gathered:
    """Return the evidence about ``subject``; raises the store's errors, since a referrer may be a revocation."""
    evidence: list[Evidence] = []
    ignored: list[Ignored] = []
    for descriptor in store.referrers(subject):
        # Whatever the reason that it cannot be read, it may be a rejection or a revocation: that is raised.
        manifest = read_manifest(store, descriptor.digest)
        reason = _reason_against(manifest)
        if reason is None:
            raw = store.read_blob(manifest.blobs[1].digest, limit=MAX_BUNDLE_BYTES)
            try:
                evidence.append(_verify(raw, subject, trust, revoked_keys))
            except DeniedError as error:
                reason = error
        if reason is not None:
            ignored.append(Ignored(descriptor.digest, reason.code, reason.message))
    return Gathered(tuple(evidence), tuple(ignored))


def _reason_against(manifest: Manifest) -> DeniedError | None:
    """Return why a referrer cannot hold a bundle; its annotations and type are its writer's claims, and not looked at."""
    payloads = manifest.blobs[1:]
    if len(payloads) != 1:
        return DeniedError("bundle_invalid", "the referrer does not hold exactly one bundle")
    if payloads[0].size > MAX_BUNDLE_BYTES:
        return DeniedError("blob_too_large", f"the referrer's bundle is larger than {MAX_BUNDLE_BYTES} bytes")
    return None


def _verify(raw: bytes, subject: Digest, trust: Trust, revoked_keys: Collection[str]) -> Evidence:
    # 1. the signature, by a key of the trust document
    attestation = verify_with_keys(read_bundle(raw), trust.document.keys)
    # 2. what it says, about what
    kind = kind_of(attestation.statement.predicate_type)
    if kind is None:
        raise DeniedError("statement_unknown", "the statement is of a kind that Weighlock does not know")
    if not attestation.statement.is_about(subject):
        raise DeniedError("statement_elsewhere", "the statement is about another artifact")
    # 3. whether its signer may say so
    if attestation.key_id in revoked_keys:
        raise DeniedError("key_revoked", f"its key {attestation.key_id[:16]}… was revoked")
    principal = trust.principal_of(attestation.key_id)
    if attestation.key_id not in trust.keys_of(ROLE_FOR[kind]):
        raise DeniedError("role_missing", f"{principal} does not hold the role {ROLE_FOR[kind]}")
    return Evidence(
        kind=kind,
        subject=subject,
        predicate=attestation.statement.predicate,
        digest=Digest.of(raw),
        key_id=attestation.key_id,
        principal=principal,
    )
