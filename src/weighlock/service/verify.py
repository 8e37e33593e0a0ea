"""Verify a model against its signature, offline: first the signature, then every byte."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from weighlock.attestation.bundle import Attestation, Envelope, read_bundle
from weighlock.attestation.oms import DEFAULT_IGNORED, Comparison, Pieces, SignedModel, is_under, read_model
from weighlock.core.error import DeniedError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.service.target import Target
from weighlock.source.digesting import DigestMemory


@dataclass(frozen=True, slots=True)
class VerifiedModel:
    """A model whose every file is as it was signed, and the files that the signature does not cover."""

    attestation: Attestation
    signed: SignedModel
    uncovered: tuple[str, ...]


def verify_model(
    target: Target,
    bundle: bytes,
    verifier: Callable[[Envelope], Attestation],
    *,
    signature_path: str | None = None,
    memory: DigestMemory | None = None,
    progress: Progress = NO_PROGRESS,
) -> VerifiedModel:
    """Return the verified model.

    Args:
        target: the model.
        bundle: the signature.
        verifier: verifies an envelope with the keys or roots that the caller trusts.
        signature_path: where the signature itself lies in the model, if it does (section 6.2).
        memory: known digests of unchanged files; only for people (rule of trust 12).
        progress: told about every byte.

    Raises DeniedError ``model_mismatch`` with the names in ``details``, and what the parts raise.
    """
    attestation = verifier(read_bundle(bundle))
    signed = read_model(attestation)
    ignore = _ignored(signed, signature_path)
    found = _digest(target, signed, ignore, memory, progress)
    comparison = signed.compare(found)
    if not comparison.same:
        raise _mismatch(comparison)
    unlisted = [path for path in found if path not in signed.files]
    under = [path for path in target.list_ignored(ignore) if path != signature_path]
    return VerifiedModel(attestation, signed, tuple(sorted(unlisted + under)))


def choose_signature(bundles: Sequence[bytes], verifier: Callable[[Envelope], Attestation]) -> bytes:
    """Return the first of ``bundles`` that the verifier accepts; raises its error about the last if none is."""
    for bundle in bundles[:-1]:
        try:
            verifier(read_bundle(bundle))
        except DeniedError:
            continue  # somebody else's signature; the next may be by whom the caller trusts
        return bundle
    return bundles[-1]


def _ignored(signed: SignedModel, signature_path: str | None) -> set[str]:
    # The default is ignored by every verifier (section 6.2.1), unless it was signed after all.
    default = {
        folder for folder in DEFAULT_IGNORED if not any(is_under(path, (folder,)) for path in signed.files)
    }
    own = {signature_path} if signature_path is not None and signature_path not in signed.files else set()
    return default | own | set(signed.ignored)


def _digest(
    target: Target,
    signed: SignedModel,
    ignore: Collection[str],
    memory: DigestMemory | None,
    progress: Progress,
) -> Pieces:
    if signed.shard_size is not None:
        return target.digest_shards(signed.shard_size, ignore=ignore, progress=progress)
    files = target.digest_files(ignore=ignore, progress=progress, memory=memory)
    return {path: (file.digest,) for path, file in files.items()}


def _mismatch(comparison: Comparison) -> DeniedError:
    counts = {"missing": comparison.missing, "added": comparison.added, "changed": comparison.changed}
    said = ", ".join(f"{len(names)} {kind}" for kind, names in counts.items() if names)
    return DeniedError(
        "model_mismatch",
        f"the files are not those that were signed: {said}",
        hint="fetch the model again from its source, or get a signature for this version",
        details={kind: list(names) for kind, names in counts.items()},
    )
