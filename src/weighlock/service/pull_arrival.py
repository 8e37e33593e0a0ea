"""The files of one model as they come in: looked at, shown before an update, moved, and what they make up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.lock import LockedModel
from weighlock.core.progress import Progress
from weighlock.service.pull_check import check_same
from weighlock.service.pull_memory import PullMemory
from weighlock.service.pull_task import (
    Confirm,
    Mode,
    Preview,
    Pulled,
    PulledFile,
    PullRequest,
    Status,
    Task,
)
from weighlock.service.sink import LookingSink, Sink, StoreSink
from weighlock.service.transfer import Demand, Traffic, Transfer
from weighlock.service.update_preview import find_changes, find_texts, is_readable, needed_early
from weighlock.service.workspace import Workspace
from weighlock.source.interface import Fetched, Item, Resolved
from weighlock.store.interface import Store


@dataclass(frozen=True, slots=True)
class PullPlace:
    """Where models are pulled to, and who is told: what all models of one request share."""

    workspace: Workspace
    store: Store
    request: PullRequest
    environ: Mapping[str, str]
    progress: Progress
    confirm: Confirm
    interrupt: Callable[[], None]  # ends what is being read from a network


class Arrival:
    """The files of one model. With a dry run nothing of them is kept, and of a remote source little fetched."""

    def __init__(
        self, place: PullPlace, task: Task, resolved: Resolved, fetched: Fetched, *, remote: bool
    ) -> None:
        """Raise as ``Transfer`` does if the files are not those of the lock."""
        self._place = place
        self._task = task
        self._resolved = resolved
        self._items: Sequence[Item] = fetched.items
        self._remote = remote
        self._dry_run = place.request.dry_run
        self._update = place.request.mode is Mode.UPDATE
        self._locked = None if self._update else task.entry
        self.memory = PullMemory.of_user(place.environ, str(task.spec), resolved, task.entry)
        self._sink: Sink = (
            LookingSink(is_readable) if self._dry_run else StoreSink(place.store, resume=remote)
        )
        locked_files = self._locked.files if self._locked else None
        demand = Demand(task.spec.scheme, locked_files, self.memory)
        self._transfer = Transfer(
            fetched, self._sink, demand, place.progress, interrupt=place.interrupt if remote else None
        )
        self._preview: Preview | None = None

    def show(self) -> Preview | None:
        """Return what an update of the locked model would change, or None if it is no update or changes nothing.

        What must be here to show it is moved first.
        """
        entry = self._task.entry
        if entry is None or not self._update:
            return None
        early = needed_early(self._items, self._files(), entry)
        if self._dry_run and self._remote:
            early = [item for item in early if is_readable(item.path, item.size)]
        self._transfer.move(early)
        changes = find_changes(entry, self._files().values())
        self._preview = Preview(
            name=self._task.name,
            before=entry,
            source=str(self._task.spec),
            revision=self._resolved.revision,
            owner=self._resolved.owner,
            changes=changes,
            texts=find_texts(self._place.store, self._sink, changes),
        )
        return self._preview if changes or self._model(entry.files) != entry else None

    def look(self) -> Pulled:
        """Return what a pull would bring; a local source is digested, of a remote one nothing more is fetched."""
        self.show()
        if not self._remote:
            self._transfer.move(item for item in self._items if item.path not in self._transfer.files)
        files = self._files()
        whole = {path: file for path, each in files.items() if (file := _whole(each)) is not None}
        if len(whole) == len(files):
            return self.result(self._checked(self._model(whole)))
        return self._pulled(files, None, Status.UPDATED if self._task.entry else Status.PULLED)

    def complete(self) -> LockedModel:
        """Move what is not here yet and return the model, as the lock demands it if there is one.

        Raises as ``Transfer.move``; DeniedError ``lock_conflict``.
        """
        arrived = self._transfer.files
        self._transfer.move(item for item in self._items if item.path not in arrived)
        return self._checked(self._model(self._transfer.files))

    def result(self, model: LockedModel) -> Pulled:
        """Return what a pull of ``model`` came to."""
        entry = self._task.entry
        if entry is None:
            status = Status.PULLED
        elif not self._update:
            status = Status.VERIFIED
        else:
            status = Status.UNCHANGED if model == entry else Status.UPDATED
        files = {path: PulledFile.of(file) for path, file in model.files.items()}
        return self._pulled(files, model, status)

    def declined(self) -> Pulled:
        """Return that an update was shown and not wanted."""
        return self._pulled(self._files(), None, Status.DECLINED)

    def _files(self) -> dict[str, PulledFile]:
        """Return the files as far as they are known."""
        return {
            item.path: PulledFile(item.path, item.size, self._transfer.known(item)) for item in self._items
        }

    def _checked(self, model: LockedModel) -> LockedModel:
        if self._locked is not None:
            check_same(self._locked, model)
        return model

    def _model(self, files: Mapping[str, ArtifactFile]) -> LockedModel:
        resolved, locked = self._resolved, self._locked
        git_names = {item.path: item.git_sha1 for item in self._items if item.git_sha1}
        versions = {item.path: item.version_id for item in self._items if item.version_id}
        return LockedModel(
            name=self._task.name,
            source=str(self._task.spec),
            revision=resolved.revision,
            # against a lock the bytes count: a mirror need not know whose they are, nor an origin be reached
            owner=locked.owner if locked else resolved.owner,
            origin_confirmed=resolved.origin_confirmed or (locked is not None and locked.origin_confirmed),
            manifest=Artifact.build(list(files.values()))[0].digest,
            files=dict(sorted(files.items())),
            facts=resolved.facts,
            git_sha1={**(locked.git_sha1 if locked else {}), **git_names},
            version_ids={**(locked.version_ids if locked else {}), **versions},
        )

    def _pulled(self, files: Mapping[str, PulledFile], model: LockedModel | None, status: Status) -> Pulled:
        entry = self._task.entry
        preview = self._preview
        changes = find_changes(entry, files.values()) if entry else []
        return Pulled(
            name=self._task.name,
            source=str(self._task.spec),
            revision=self._resolved.revision,
            owner=model.owner if model else self._resolved.owner,
            origin_confirmed=model.origin_confirmed if model else self._resolved.origin_confirmed,
            manifest=model.manifest if model else None,
            files=[files[path] for path in sorted(files)],
            status=status,
            facts=self._resolved.facts,
            changes=changes,
            texts=preview.texts if preview else (),
            before=entry if self._update else None,
            dry_run=self._dry_run,
            traffic=self._transfer.traffic,
        )


def describe(model: LockedModel, status: Status, *, dry_run: bool, traffic: Traffic) -> Pulled:
    """Return the result for a model that is as locked."""
    return Pulled(
        name=model.name,
        source=model.source,
        revision=model.revision,
        owner=model.owner,
        origin_confirmed=model.origin_confirmed,
        manifest=model.manifest,
        files=[PulledFile.of(file) for file in model.files.values()],
        status=status,
        facts=model.facts,
        dry_run=dry_run,
        traffic=traffic,
    )


def _whole(file: PulledFile) -> ArtifactFile | None:
    return None if file.digest is None else ArtifactFile(file.path, file.digest, file.size)
