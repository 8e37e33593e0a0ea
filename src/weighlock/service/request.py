"""Ask for a model to be promoted: make the candidate that people will approve.

1. resolve the model and the requester, who must hold the role
2. bind the installation: it must agree with its package lock now
3. write the candidate record, with the package lock and the listing as its links
4. sign the request, make and attach the bill of materials
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from weighlock.attestation.signer import Signer
from weighlock.attestation.trust_document import Role
from weighlock.core.artifact import Artifact
from weighlock.core.clock import write_time
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION, PRODUCTION
from weighlock.core.evidence import MADE_AT, Kind
from weighlock.core.installation import Installation as Installed
from weighlock.core.jsontext import read_object
from weighlock.core.package_lock import MAX_LOCK_BYTES, PackageLock
from weighlock.core.reference import PinnedReference
from weighlock.core.store_reference import StoreReference
from weighlock.inspection.options import Options
from weighlock.ledger.entry import Action, Actor
from weighlock.promotion.candidate import MEDIA_TYPE, MODEL, Candidate, Installation, Sandbox
from weighlock.promotion.record import check_name
from weighlock.service.approve import principal_in
from weighlock.service.evidence import attach, gather
from weighlock.service.file import read_limited
from weighlock.service.inspect_stored import inspect_artifact
from weighlock.service.installation import check_installation, describe_installation
from weighlock.service.inventory import make_candidate_bom, open_installation
from weighlock.service.record import put_record
from weighlock.service.workspace import Workspace
from weighlock.store.interface import Store
from weighlock.store.manifest import read_model

LOCK_MEDIA_TYPE = "text/plain"
LISTING_MEDIA_TYPE = "application/vnd.weighlock.packages.v1+json"
POLICY_MEDIA_TYPE = "application/vnd.weighlock.policy.v1+yaml"


class InstalledHere(NamedTuple):
    """A Python installation of this machine, and the package lock that it was made from."""

    installation: Path
    package_lock: Path


@dataclass(frozen=True, slots=True)
class Wish:
    """What the requester wants to run, and what serves it."""

    model: StoreReference
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    sandbox: Sandbox
    serving: "InstalledHere | PinnedReference"


@dataclass(frozen=True, slots=True)
class Requested:
    """The candidate and its digest."""

    candidate: Candidate
    digest: Digest
    sbom: Digest


def request(workspace: Workspace, wish: Wish, signer: Signer) -> Requested:
    """Make the candidate; raises DeniedError ``role_missing``, ``package_drift`` and the store's codes."""
    check_name(wish.name, what="the request")
    store = workspace.store(EXPERIMENTATION)
    trust = workspace.trust_for(EXPERIMENTATION)
    requester = principal_in(trust, signer, Role.REQUESTER)
    wanted = store.resolve(wish.model.within(EXPERIMENTATION))
    artifact = read_model(store, wanted.digest)
    serving, installed, links = _bind_serving(store, wish)
    policy, policy_text = workspace.policy
    blob = store.write_blob([policy_text], expected=policy.digest)
    links.append(Descriptor(POLICY_MEDIA_TYPE, blob.digest, blob.size))  # gates count approvals by it
    _attach_inspection(workspace, store, artifact, name=wish.name)
    evaluations = gather(store, artifact.digest, trust).of(Kind.EVALUATION)
    newest = max(evaluations, key=lambda each: each.made_at, default=None)
    candidate = Candidate(
        name=wish.name,
        environment=PRODUCTION,
        artifacts={MODEL: artifact.digest},
        serving=serving,
        argv=wish.argv,
        env=wish.env,
        sandbox=wish.sandbox,
        evaluation=None if newest is None else newest.digest,
        policy=policy.digest,
        requester=requester,
        made_at=workspace.clock(),
    )
    descriptor = put_record(store, MEDIA_TYPE, candidate.to_bytes(), links=links)
    store.tag(descriptor.digest, f"candidate/{wish.name}/{descriptor.digest.short[:8]}-request")
    predicate = {"candidate": str(descriptor.digest), MADE_AT: write_time(workspace.clock())}
    attach(store, descriptor, Kind.REQUEST, predicate, signer, name=wish.name)
    sbom = _attach_sbom(workspace, store, candidate, descriptor, artifact, installed)
    actor = Actor(signer.public.key_id, requester)
    workspace.note_decision(
        EXPERIMENTATION, Action.REQUEST, [descriptor.digest, artifact.digest], actor=actor
    )
    return Requested(candidate, descriptor.digest, sbom)


def _attach_inspection(workspace: Workspace, store: Store, artifact: Artifact, *, name: str) -> None:
    """Sign what was found in the model, for those who approve; promotion inspects again with its own key."""
    predicate = {
        **inspect_artifact(store, artifact, options=Options(dict(workspace.policy[0].allow))).to_json(),
        MADE_AT: write_time(workspace.clock()),
    }
    signer = workspace.signer(EXPERIMENTATION)
    attach(store, artifact.descriptor, Kind.INSPECTION, predicate, signer, name=name)


def _bind_serving(
    store: Store, wish: Wish
) -> tuple[Installation | PinnedReference, Installed | None, list[Descriptor]]:
    if isinstance(wish.serving, PinnedReference):
        return wish.serving, None, []
    installation, package_lock = wish.serving
    raw = read_limited(package_lock, MAX_LOCK_BYTES, missing="source_missing")
    lock = PackageLock.parse(raw)
    listing = describe_installation(installation, wish.argv[0])
    check_installation(installation, lock, listing, wish.argv[0])
    _, installed = open_installation(installation)
    blobs = [store.write_blob([raw]), store.write_blob([listing])]
    links = [
        Descriptor(LOCK_MEDIA_TYPE, blobs[0].digest, blobs[0].size),
        Descriptor(LISTING_MEDIA_TYPE, blobs[1].digest, blobs[1].size),
    ]
    return Installation(blobs[0].digest, blobs[1].digest), installed, links


def _attach_sbom(
    workspace: Workspace,
    store: Store,
    candidate: Candidate,
    descriptor: Descriptor,
    artifact: Artifact,
    installed: Installed | None,
) -> Digest:
    document = make_candidate_bom(
        [(candidate.name, artifact)],
        installed,
        name=candidate.name,
        digest=descriptor.digest,
        moment=workspace.clock(),
    )
    predicate = read_object(document, what="the bill of materials")
    return attach(
        store, descriptor, Kind.SBOM, predicate, workspace.signer(EXPERIMENTATION), name=candidate.name
    )
