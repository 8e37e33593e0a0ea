"""Record how a model was evaluated, and how it was derived from another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from weighlock.attestation.signer import Signer
from weighlock.core.clock import write_time
from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import UsageError
from weighlock.core.evidence import MADE_AT, OWN, Kind
from weighlock.core.jsontext import read_object
from weighlock.core.store_reference import StoreReference
from weighlock.core.text import shown
from weighlock.ledger.entry import Action, Actor
from weighlock.service.approve import principal_in
from weighlock.service.evidence import ROLE_FOR, attach
from weighlock.service.file import read_limited
from weighlock.service.workspace import Workspace

MAX_RESULT_BYTES: Final = 1024 * 1024  # a summary; the raw outputs stay where they were made
DERIVATION: Final = f"{OWN}derivation/v1"


def record_evaluation(workspace: Workspace, model: StoreReference, file: Path, signer: Signer) -> Digest:
    """Sign an in-toto test result (spec/predicates/test-result.md) about a model; return the bundle's digest.

    ``file`` is a JSON object whose ``passed`` is true or false; the rest of it is kept as ``details``.
    Raises UsageError ``source_missing``, ``evaluation_invalid`` or ``artifact_unknown``, DeniedError ``role_missing``.
    """
    raw = read_limited(file, MAX_RESULT_BYTES, missing="source_missing")
    result = read_object(raw, what=shown(str(file)), limit=MAX_RESULT_BYTES)
    passed = result.get("passed")
    if not isinstance(passed, bool):
        raise UsageError(
            "evaluation_invalid",
            f"{shown(str(file))} does not say whether the evaluation passed",
            hint='it needs "passed": true or "passed": false',
        )
    predicate = {
        "result": "PASSED" if passed else "FAILED",
        "configuration": [{"name": file.name, "digest": {"sha256": Digest.of(raw).hex}}],
        "details": result,
        MADE_AT: write_time(workspace.clock()),
    }
    return _attach(workspace, model, Kind.EVALUATION, predicate, signer)


def record_derivation(
    workspace: Workspace, model: StoreReference, sources: Sequence[str], tools: Sequence[Path], signer: Signer
) -> Digest:
    """Sign SLSA provenance (slsa.dev/spec/v1.1/provenance) that says what a model was made from, and by what.

    ``sources`` are artifacts of experimentation, ``tools`` the files of the program that made it.
    Raises UsageError ``artifact_unknown``, DeniedError ``role_missing``.
    """
    store = workspace.store(EXPERIMENTATION)
    made_from = [
        {
            "name": text,
            "digest": {"sha256": store.resolve(text).digest.hex},
            "annotations": {"role": "source"},
        }
        for text in sources
    ]
    made_by = [
        {
            "name": tool.name,
            "digest": {"sha256": Digest.of(tool.read_bytes()).hex},
            "annotations": {"role": "tool"},
        }
        for tool in tools
    ]
    predicate = {
        "buildDefinition": {
            "buildType": DERIVATION,
            "externalParameters": {"model": model.text},
            "resolvedDependencies": [*made_from, *made_by],
        },
        "runDetails": {
            "builder": {"id": DERIVATION},
            "metadata": {"startedOn": write_time(workspace.clock())},
        },
    }
    return _attach(workspace, model, Kind.PROVENANCE, predicate, signer)


def _attach(
    workspace: Workspace, model: StoreReference, kind: Kind, predicate: dict[str, Any], signer: Signer
) -> Digest:
    store = workspace.store(EXPERIMENTATION)
    trust = workspace.trust_for(EXPERIMENTATION)
    principal = principal_in(trust, signer, ROLE_FOR[kind])
    name = model.within(EXPERIMENTATION)
    descriptor = store.resolve(name)
    bundle = attach(store, descriptor, kind, predicate, signer, name=name)
    actor = Actor(signer.public.key_id, principal)
    workspace.note_decision(
        EXPERIMENTATION, Action.ATTEST, [descriptor.digest], actor=actor, message=str(kind)
    )
    return bundle
