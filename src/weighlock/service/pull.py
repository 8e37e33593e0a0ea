"""Pull a model from a trusted source into the experimentation store, and pin it in the lock.

The steps: the settings trust the source → it is resolved, held against the lock → its
files go into the store, each digested in the pass that writes it and held against what
was promised → only when all are there, the manifest is listed under its name → a signed
provenance is attached → the lock is written, if the model was not locked or an update
was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from weighlock import __version__
from weighlock.attestation.signer import Signer
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.evidence import Kind
from weighlock.core.lock import Change, LockedModel, compare
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.store_reference import check_name
from weighlock.core.text import shown
from weighlock.ledger.entry import Action
from weighlock.service.evidence import attach
from weighlock.service.lock_file import read_lock, write_entry
from weighlock.service.staging import StoreStaging
from weighlock.service.transfer import into_nothing, into_store, transfer
from weighlock.service.workspace import Workspace
from weighlock.source.interface import Resolved, Source, SourceSpec
from weighlock.source.local import LocalSource
from weighlock.source.permission import parse_source
from weighlock.source.pip import Pip
from weighlock.source.provenance import describe_pull
from weighlock.source.pypi import PypiSource
from weighlock.store.interface import Store


class Mode(StrEnum):
    """What may happen to the lock."""

    NORMAL = "normal"  # a new model is added; a locked one must be byte-exact
    LOCKED = "locked"  # nothing is added
    UPDATE = "update"  # the entry follows the source


class Status(StrEnum):
    """What a pull came to."""

    PULLED = "pulled"  # new in the lock
    VERIFIED = "verified"  # fetched, and as locked
    PRESENT = (
        "present"  # from afar, locked, and every byte of it was in the store already: nothing was fetched
    )
    UPDATED = "updated"  # the lock follows the source now
    UNCHANGED = "unchanged"  # an update found nothing new


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull: a source, or with None all that is locked, or the one that is locked as ``name``."""

    lock_file: Path
    source: str | None = None
    name: str | None = None
    mode: Mode = Mode.NORMAL
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """One model that was pulled, or with ``dry_run`` would have been."""

    model: LockedModel
    status: Status
    changes: Sequence[Change]  # against the lock as it was; empty for a new model
    signed: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _Task:
    """One model of a request: where it is from and what is locked."""

    spec: SourceSpec
    name: str
    entry: LockedModel | None


class Puller:
    """Pulls for one workspace; ``folder`` is where the person is, ``environ`` what pip may read."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        folder: Path,
        environ: Mapping[str, str],
        progress: Progress = NO_PROGRESS,
    ) -> None:
        self._workspace = workspace
        self._folder = folder
        self._environ = environ
        self._progress = progress

    def pull(self, request: PullRequest) -> list[Pulled]:
        """Return what was pulled, one model after the other.

        Raises the errors of ``Source``, ``transfer`` and the store; UsageError ``lock_missing`` or
        ``name_invalid``; DeniedError ``source_not_allowed``, ``owner_changed``, ``lock_conflict`` or
        ``lock_invalid``. What was pulled before an error stays pulled.
        """
        home = request.lock_file.absolute().parent
        if not home.is_dir():
            raise UsageError(
                "lock_missing",
                f"the folder {shown(str(home))!r} of the lock file does not exist",
                hint="make it, or name another file with --lock",
            )
        sources = self._sources(home)
        return [
            self._noted(task, sources[task.spec.scheme], request) for task in self._tasks(request, sources)
        ]

    def _sources(self, home: Path) -> dict[str, Source]:
        settings = self._workspace.settings
        base = settings.file.absolute().parent if settings.file else self._folder
        allowed = settings.sources
        return {
            "path": LocalSource(home=home, allowed=allowed.get("path", ()), settings_folder=base),
            "pypi": PypiSource(Pip(self._environ), allowed=allowed.get("pypi", ())),
        }

    def _tasks(self, request: PullRequest, sources: Mapping[str, Source]) -> list[_Task]:
        models = read_lock(request.lock_file).models
        if request.source is None:
            names = sorted(models) if request.name is None else [request.name]
            if not names or names[0] not in models:
                raise _not_locked(request.name or "anything", request.lock_file)
            return [_Task(parse_source(models[name].source), name, models[name]) for name in names]
        named = parse_source(request.source)
        source = sources[named.scheme]
        spec = source.canonical(named, self._folder)
        name = request.name or source.name_of(spec)
        task = _Task(spec, _check_name(name, chosen=request.name is not None), models.get(name))
        _check_task(task, request)
        return [task]

    def _noted(self, task: _Task, source: Source, request: PullRequest) -> Pulled:
        note = self._workspace.note_decision
        message = f"{task.name} from {task.spec}"
        try:
            pulled = self._pull(task, source, request)
        except WeighlockError as error:
            subjects = [task.entry.manifest] if task.entry else []
            note(EXPERIMENTATION, Action.PULL, subjects, error=error, message=f"{message}: {error.message}")
            raise
        if not request.dry_run:
            note(EXPERIMENTATION, Action.PULL, [pulled.model.manifest], message=message)
        return pulled

    def _pull(self, task: _Task, source: Source, request: PullRequest) -> Pulled:
        store = self._workspace.store(EXPERIMENTATION)
        signer = None if request.dry_run else self._signer()  # a missing key should cost no download
        locked = None if request.mode is Mode.UPDATE else task.entry
        # 1. the settings trust the source; it is resolved only if something has to be fetched
        source.check_allowed(task.spec)
        if locked and source.remote and self._is_present(store, locked):
            if not request.dry_run:
                store.tag(locked.manifest, task.name)
            return Pulled(locked, Status.PRESENT, (), signed=False, dry_run=request.dry_run)
        started = self._workspace.clock()
        resolved = source.resolve(task.spec, locked.facts if locked else {})
        _check_owner(task, resolved)
        # 2. the bytes, held against the lock as they pass
        sink = into_nothing if request.dry_run else into_store(store)
        with source.fetch(task.spec, resolved, locked, StoreStaging(store), self._progress) as fetched:
            files = transfer(fetched, sink, locked.files if locked else None, self._progress)
        artifact, config = Artifact.build(list(files.values()))
        model = _model(task, resolved, artifact.digest, files)
        _check_same(locked, model)
        if not request.dry_run:
            # 3. all files are there: the manifest gets its name, then its provenance
            store.write_blob([config], expected=artifact.config.digest)
            store.put_manifest(artifact.manifest, name=task.name)
            if signer:
                finished = self._workspace.clock()
                predicate = describe_pull(
                    model, fetched.materials, version=__version__, started=started, finished=finished
                )
                attach(store, artifact.descriptor, Kind.PROVENANCE, predicate, signer, name=task.name)
            # 4. the lock, last: an entry is a model that was here whole
            if model != task.entry:
                write_entry(request.lock_file, model, before=task.entry)
        return _result(task, model, request, signed=signer is not None)

    def _signer(self) -> Signer | None:
        keyed = self._workspace.settings.environment(EXPERIMENTATION).key is not None
        return self._workspace.signer(EXPERIMENTATION) if keyed else None

    def _is_present(self, store: Store, model: LockedModel) -> bool:
        """Return whether the store holds the model, after reading every byte of it.

        Raises DeniedError ``digest_mismatch`` if the store is damaged.
        """
        self._progress.begin("reading the store", model.size)
        try:
            store.resolve(str(model.manifest))
            for digest in sorted({file.digest for file in model.files.values()}):
                store.verify_blob(digest, progress=self._progress)
        except WeighlockError as error:
            if error.code not in {"artifact_unknown", "blob_missing"}:
                raise
            return False
        finally:
            self._progress.end()
        return True


def _check_name(name: str, *, chosen: bool) -> str:
    try:
        return check_name(name)
    except UsageError as error:
        if chosen:
            raise
        raise UsageError(
            error.code, f"the model cannot be called {shown(name)!r}", hint="choose a name with --name"
        ) from error


def _check_task(task: _Task, request: PullRequest) -> None:
    if task.entry is None and request.mode is Mode.LOCKED:
        raise _not_locked(task.name, request.lock_file)
    if task.entry and task.entry.source != str(task.spec) and request.mode is not Mode.UPDATE:
        raise DeniedError(
            "lock_conflict",
            f"{task.name} is locked from {shown(task.entry.source)}, not from {shown(str(task.spec))}",
            hint="pull it under another --name, or change the lock with --update",
        )


def _not_locked(name: str, lock_file: Path) -> UsageError:
    return UsageError(
        "lock_missing",
        f"{shown(str(lock_file))} does not lock {shown(name)}",
        hint="`weighlock pull SOURCE --name NAME`, without --locked, locks it; review the lock file and commit it",
    )


def _check_owner(task: _Task, resolved: Resolved) -> None:
    if task.entry and resolved.owner != task.entry.owner:
        was, is_now = task.entry.owner, resolved.owner
        raise DeniedError(
            "owner_changed",
            f"{task.name} was locked as {shown(was.scheme)} {shown(was.name)} ({shown(was.id)}), and is now "
            f"{shown(is_now.scheme)} {shown(is_now.name)} ({shown(is_now.id)})",
            hint="find out why; pull it under another --name if you trust the new owner",
        )


def _check_same(locked: LockedModel | None, found: LockedModel) -> None:
    """Return unless the lock says anything else of the model than was found: the provenance would repeat it."""
    if locked is None or locked == found:
        return
    fields = ("revision", "origin_confirmed", "facts", "manifest")
    differing = [name for name in fields if getattr(locked, name) != getattr(found, name)]
    raise DeniedError(
        "lock_conflict",
        f"the lock says another {' and '.join(differing or ['size'])} of {found.name} than its source does",
        hint="a line of the lock was edited: take it back from version control, or change the lock with --update",
    )


def _model(task: _Task, resolved: Resolved, manifest: Digest, files: dict[str, ArtifactFile]) -> LockedModel:
    return LockedModel(
        name=task.name,
        source=str(task.spec),
        revision=resolved.revision,
        owner=resolved.owner,
        origin_confirmed=resolved.origin_confirmed,
        manifest=manifest,
        files=files,
        facts=resolved.facts,
    )


def _result(task: _Task, model: LockedModel, request: PullRequest, *, signed: bool) -> Pulled:
    changes = compare(task.entry.files, model.files) if task.entry else []
    if task.entry is None:
        status = Status.PULLED
    elif request.mode is not Mode.UPDATE:
        status = Status.VERIFIED
    else:
        status = Status.UNCHANGED if model == task.entry else Status.UPDATED
    return Pulled(model, status, changes, signed=signed, dry_run=request.dry_run)
