"""Copy a model out of a store, in the layout that some program looks for.

``folder``    the files, as every program loads them from a path
``hf-cache``  the cache of a Hugging Face client: vLLM and transformers find it by its name
``ollama``    Ollama's own store
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from weighlock.core.artifact import Artifact
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.evidence import Kind
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.store_reference import StoreReference
from weighlock.core.text import shown
from weighlock.service.evidence import gather
from weighlock.service.export_ollama import ollama_files
from weighlock.service.lock_file import read_lock
from weighlock.service.workspace import Workspace
from weighlock.store.export import export_artifact
from weighlock.store.export_hub import HubSnapshot, export_hub
from weighlock.store.export_ollama import OllamaPlace, export_ollama
from weighlock.store.interface import Store
from weighlock.store.manifest import read_model


class Layout(StrEnum):
    """How files are laid out."""

    FOLDER = "folder"
    HF_CACHE = "hf-cache"
    OLLAMA = "ollama"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export where; ``called`` is Ollama's name for it, ``move`` whether a taken name may be moved."""

    reference: StoreReference
    destination: Path
    layout: Layout = Layout.FOLDER
    called: str | None = None
    move: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported: the folder of the files, or the name by which the program finds them.

    ``pointer`` is the ref or name in the cache; ``pointer_kept`` is what it still leads to, where it was
    taken and not moved. ``others`` are files that were in ``folder`` before, unverified, and are not the model's.
    """

    artifact: Artifact
    folder: Path
    found_as: str
    pointer: str | None = None
    pointer_kept: str | None = None
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a model came from, by the lock or a signed provenance."""

    source: str
    revision: str
    facts: Mapping[str, str]
    git_sha1: Mapping[str, str]


def export_model(
    workspace: Workspace, request: ExportRequest, *, progress: Progress = NO_PROGRESS
) -> Exported:
    """Write the files of a model where they are asked for.

    Raises the store's errors; UsageError ``destination_exists``, ``layout_unsuitable``, ``name_invalid``;
    DeniedError ``lock_conflict``, ``git_mismatch``.
    """
    store = workspace.store(request.reference.environment)
    digest = store.resolve(request.reference.text).digest
    artifact = read_model(store, digest)
    progress.begin("exporting", artifact.size)
    try:
        if request.layout is Layout.FOLDER:
            export_artifact(store, digest, request.destination, progress=progress)
            return Exported(artifact, request.destination, str(request.destination))
        export = _export_hub if request.layout is Layout.HF_CACHE else _export_ollama
        return export(workspace, store, artifact, request, progress)
    finally:
        progress.end()


def _export_hub(
    workspace: Workspace, store: Store, artifact: Artifact, request: ExportRequest, progress: Progress
) -> Exported:
    from weighlock.source.huggingface.name import SCHEME, parse_model  # noqa: PLC0415  # only this layout needs it
    from weighlock.source.permission import parse_source  # noqa: PLC0415  # only this layout needs it

    origin = _origin_of(workspace, store, artifact, scheme="hf")
    if origin is None:
        raise UsageError(
            "layout_unsuitable",
            f"neither the lock nor a signed provenance says from which repository of a hub {artifact.digest} came",
            hint="only what was pulled from hf: has a place in a hub's cache; export it as a folder and load it by path",
        )
    spec = parse_source(origin.source)
    model = parse_model(spec._replace(scheme=SCHEME))
    _check_facts(origin, model.revision)
    snapshot = HubSnapshot(
        repository=model.repository,
        commit=origin.revision,
        ref=None if model.names_commit else model.revision,
        git_sha1=origin.git_sha1,
    )
    done = export_hub(store, artifact, request.destination, snapshot, move=request.move, progress=progress)
    kept = done.ref_commit if done.ref_commit not in {None, snapshot.commit} else None
    found_as = f"{model.repository}@{done.ref or snapshot.commit}"
    return Exported(artifact, done.folder, found_as, done.ref, kept, done.others)


def _check_facts(origin: _Origin, ref: str) -> None:
    """Return if the facts of a lock say the commit and the ref that its entry says, too; a provenance has none.

    Raises DeniedError ``lock_conflict``.
    """
    from weighlock.source.huggingface.history import COMMIT_FACT, REF_FACT  # noqa: PLC0415  # only this layout needs it

    commit = origin.facts.get(COMMIT_FACT, origin.revision)
    if (commit, origin.facts.get(REF_FACT, commit if origin.facts else ref)) != (origin.revision, ref):
        raise DeniedError(
            "lock_conflict",
            f"the lock says of {shown(origin.source)} by its facts another commit, branch or tag than by its entry",
            hint="a line of the lock was edited: take it back from version control",
        )


def _export_ollama(
    workspace: Workspace, store: Store, artifact: Artifact, request: ExportRequest, progress: Progress
) -> Exported:
    files = ollama_files(store, artifact)
    called = request.called
    place = OllamaPlace.parse(
        _name_for_ollama(workspace, store, artifact, request) if called is None else called
    )
    said = export_ollama(store, files, request.destination, place, move=request.move, progress=progress)
    folder = request.destination / "manifests" / Path(*place)
    kept = None if said == files.digest else str(said)
    return Exported(artifact, folder, str(place), str(place), kept)


def _name_for_ollama(workspace: Workspace, store: Store, artifact: Artifact, request: ExportRequest) -> str:
    origin = _origin_of(workspace, store, artifact, scheme="ollama")
    if origin is not None:
        return origin.source.partition(":")[2].partition("@")[0]
    if request.reference.text in _names_of(store, artifact):
        return request.reference.text
    raise UsageError(
        "name_invalid",
        "nothing says what Ollama is to call the model",
        hint="say it with --called NAME:TAG",
    )


def _names_of(store: Store, artifact: Artifact) -> tuple[str, ...]:
    found = (entry.names for entry in store.entries() if entry.descriptor.digest == artifact.digest)
    return next(found, ())


def _origin_of(workspace: Workspace, store: Store, artifact: Artifact, *, scheme: str) -> _Origin | None:
    """Return from which source of ``scheme`` a model came: by the lock, or else by a verified provenance."""
    for model in read_lock(workspace.settings.lock).models.values():
        if model.manifest == artifact.digest and model.source.startswith(f"{scheme}:"):
            return _Origin(model.source, model.revision, model.facts, model.git_sha1)
    if workspace.settings.trust_root is None:
        return None
    for evidence in gather(store, artifact.digest, workspace.trust).of(Kind.PROVENANCE):
        origin = _attested(evidence.predicate)
        if origin is not None and origin.source.startswith(f"{scheme}:"):
            return origin
    return None


def _attested(predicate: Mapping[str, object]) -> _Origin | None:
    definition = predicate.get("buildDefinition")
    parameters = definition.get("externalParameters") if isinstance(definition, Mapping) else None
    if not isinstance(parameters, Mapping):
        return None
    source, revision = parameters.get("source"), parameters.get("revision")
    if not isinstance(source, str) or not isinstance(revision, str):
        return None
    return _Origin(source, revision, {}, {})  # which files git names is not in it: all are named by SHA-256
