"""Pull one model: the steps from a source that was named to a model that is in the store and in the lock."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import replace

from weighlock import __version__
from weighlock.attestation.signer import Signer
from weighlock.core.artifact import Artifact
from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import WeighlockError
from weighlock.core.evidence import Kind
from weighlock.core.lock import LockedModel
from weighlock.core.progress import Progress
from weighlock.service.evidence import attach
from weighlock.service.lock_file import write_entry
from weighlock.service.pull_arrival import Arrival, PullPlace, describe
from weighlock.service.pull_check import check_resolved
from weighlock.service.pull_task import Mode, Pulled, Status, Task
from weighlock.service.staging import StoreStaging
from weighlock.service.transfer import Traffic
from weighlock.source.interface import Material, Source
from weighlock.source.provenance import describe_pull
from weighlock.store.interface import Store


def pull_model(place: PullPlace, task: Task, source: Source) -> Pulled:
    """Pull a model from its source; see ``Puller.pull`` for what it raises."""
    begun = time.monotonic()
    source.check_allowed(task.spec)
    pulled = _present(place, task, source) or _fetched(place, task, source)
    return replace(pulled, seconds=time.monotonic() - begun)


def _present(place: PullPlace, task: Task, source: Source) -> Pulled | None:
    """Return the model if it is locked, from afar, and here whole: then nobody is asked for anything."""
    entry, request = task.entry, place.request
    if entry is None or request.mode is Mode.UPDATE or not source.remote:
        return None
    if not is_present(place.store, entry, place.progress):
        return None
    if not request.dry_run:
        place.store.tag(entry.manifest, task.name)
    return describe(entry, Status.PRESENT, dry_run=request.dry_run, traffic=Traffic(present=entry.size))


def _fetched(place: PullPlace, task: Task, source: Source) -> Pulled:
    workspace, request = place.workspace, place.request
    locked = None if request.mode is Mode.UPDATE else task.entry
    signer = None if request.dry_run else _signer(place)  # a missing key should cost no download
    started = workspace.clock()
    # 1. what the source stands for now: whose it is, whether it goes on from what is locked, how old it is
    resolved = source.resolve(task.spec, locked.facts if locked else {})
    check_resolved(task, source, resolved, request.mode, workspace.settings, workspace.clock)
    staging = StoreStaging(place.store)
    with source.fetch(task.spec, resolved, locked, staging, place.progress) as fetched:
        arrival = Arrival(place, task, resolved, fetched, remote=source.remote)
        if request.dry_run:
            return arrival.look()
        # 2. what an update would change, and only if that is wanted the rest
        preview = arrival.show()
        if preview is not None and not place.confirm(preview):
            return arrival.declined()
        # 3. the bytes, held against the lock as they pass
        model = arrival.complete()
        materials = fetched.materials
    # 4. all files are there: the manifest gets its name, then its provenance, then the lock its entry
    artifact = keep_model(place.store, model)
    if signer is not None:
        _attest(place, model, artifact, materials, signer, started)
    if model != task.entry:
        write_entry(request.lock_file, model, before=task.entry)
    arrival.memory.forget()
    return replace(arrival.result(model), signed=signer is not None)


def keep_model(store: Store, model: LockedModel) -> Artifact:
    """List a model, whose files are there, under its name and return it; raises the store's errors."""
    artifact, config = Artifact.build(list(model.files.values()))
    store.write_blob([config], expected=artifact.config.digest)
    store.put_manifest(artifact.manifest, name=model.name)
    return artifact


def is_present(store: Store, model: LockedModel, progress: Progress) -> bool:
    """Return whether the store holds the model, after reading every byte of it.

    Raises DeniedError ``digest_mismatch`` if the store is damaged.
    """
    blobs = {file.digest: file.size for file in model.files.values()}
    try:
        store.resolve(str(model.manifest))
        for digest in blobs:  # one that is missing is noticed before the others are read
            store.blob_size(digest)
        progress.begin("reading the store", sum(blobs.values()))
        try:
            for digest in sorted(blobs):
                store.verify_blob(digest, progress=progress)
        finally:
            progress.end()
    except WeighlockError as error:
        if error.code not in {"artifact_unknown", "blob_missing"}:
            raise
        return False
    return True


def _signer(place: PullPlace) -> Signer | None:
    keyed = place.workspace.settings.environment(EXPERIMENTATION).key is not None
    return place.workspace.signer(EXPERIMENTATION) if keyed else None


def _attest(
    place: PullPlace,
    model: LockedModel,
    artifact: Artifact,
    materials: Sequence[Material],
    signer: Signer,
    started: dt.datetime,
) -> None:
    finished = place.workspace.clock()
    predicate = describe_pull(model, materials, version=__version__, started=started, finished=finished)
    attach(place.store, artifact.descriptor, Kind.PROVENANCE, predicate, signer, name=model.name)
