"""Pull models from trusted sources into the experimentation store, and pin them in the lock.

The steps for each model: the settings trust the source → it is resolved, held against the
lock → its files go into the store, each digested in the pass that writes it and held against
what was promised → only when all are there, the manifest is listed under its name → a signed
provenance is attached → the lock is written, if the model was not locked or an update was
asked for. What is done for one model is in ``pull_model``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import UsageError, WeighlockError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.store_reference import check_name
from weighlock.core.text import shown
from weighlock.ledger.entry import Action
from weighlock.service.lock_file import read_lock
from weighlock.service.pull_arrival import PullPlace
from weighlock.service.pull_check import check_task, not_locked
from weighlock.service.pull_model import pull_model
from weighlock.service.pull_task import Confirm, Pulled, PullRequest, Status, Task
from weighlock.service.sources import Sources
from weighlock.service.workspace import Workspace
from weighlock.source.interface import Source
from weighlock.source.permission import parse_source


class Puller:
    """Pulls for one workspace.

    Args:
        workspace: the settings in force.
        folder: where the person is.
        environ: what pip, proxies and credentials may be read from.
        progress: told about every byte.
        confirm: asked before an update changes anything.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        folder: Path,
        environ: Mapping[str, str],
        progress: Progress = NO_PROGRESS,
        confirm: Confirm = lambda _: True,
    ) -> None:
        self._workspace = workspace
        self._folder = folder
        self._environ = environ
        self._progress = progress
        self._confirm = confirm

    def pull(self, request: PullRequest) -> list[Pulled]:
        """Return what was pulled, one model after the other.

        Raises the errors of ``Source``, ``Transfer`` and the store; UsageError ``lock_missing`` or
        ``name_invalid``; DeniedError ``source_not_allowed``, ``owner_changed``, ``origin_unconfirmed``,
        ``revision_too_young``, ``age_unknown``, ``lock_conflict`` or ``lock_invalid``. What was pulled before
        an error stays pulled. Offline also UsageError ``mirror_missing``, UndecidedError ``offline_missing``.
        """
        home = request.lock_file.absolute().parent
        if not home.is_dir():
            raise UsageError(
                "lock_missing",
                f"the folder {shown(str(home))!r} of the lock file does not exist",
                hint="make it, or name another file with --lock",
            )
        settings = self._workspace.settings
        notify = self._workspace.notify
        with Sources(settings, self._environ, home=home, folder=self._folder, notify=notify) as sources:
            tasks = self._tasks(request, sources)
            store = self._workspace.store(EXPERIMENTATION)
            place = PullPlace(
                workspace=self._workspace,
                store=store,
                request=request,
                environ=self._environ,
                progress=self._progress,
                confirm=self._confirm,
                interrupt=sources.interrupt,
            )
            if not request.offline:
                return [
                    self._noted(task, request, partial(pull_model, place, task, sources[task.spec.scheme]))
                    for task in tasks
                ]
            return self._pull_offline(place, tasks, sources)

    def _tasks(self, request: PullRequest, sources: Mapping[str, Source]) -> list[Task]:
        models = read_lock(request.lock_file).models
        if request.source is None:
            names = sorted(models) if request.name is None else [request.name]
            if not names or names[0] not in models:
                raise not_locked(request.name or "anything", request)
            return [Task(parse_source(models[name].source), name, models[name]) for name in names]
        named = parse_source(request.source)
        source = sources[named.scheme]
        spec = source.canonical(named, self._folder)
        name = request.name or source.name_of(spec)
        task = Task(spec, _check_name(name, chosen=request.name is not None), models.get(name))
        check_task(task, request)
        return [task]

    def _pull_offline(
        self, place: PullPlace, tasks: Sequence[Task], sources: Mapping[str, Source]
    ) -> list[Pulled]:
        request = place.request
        models = []
        for task in tasks:
            if task.entry is None:
                raise not_locked(task.name, request)
            sources[task.spec.scheme].check_allowed(task.spec)
            models.append(task.entry)
        # a registry's client and what copies from it: a pull from a source needs neither
        from weighlock.service.mirror_place import open_mirror  # noqa: PLC0415  # as said above
        from weighlock.service.offline import check_offline, pull_offline  # noqa: PLC0415  # as said above

        named = request.mirror or self._workspace.settings.text("pull.mirror")
        mirror = None if named is None else open_mirror(self._workspace, named, folder=self._folder)
        check_offline(place, models, mirror)
        return [
            self._noted(task, request, partial(pull_offline, place, model, mirror))
            for task, model in zip(tasks, models, strict=True)
        ]

    def _noted(self, task: Task, request: PullRequest, pull: Callable[[], Pulled]) -> Pulled:
        note = self._workspace.note_decision
        message = f"{task.name} from {task.spec}{' offline' if request.offline else ''}"
        try:
            pulled = pull()
        except WeighlockError as error:
            subjects = [task.entry.manifest] if task.entry else []
            try:
                note(
                    EXPERIMENTATION, Action.PULL, subjects, error=error, message=f"{message}: {error.message}"
                )
            except OSError as problem:  # a full disk has no room for the log either, and that says less
                raise error from problem
            raise
        if pulled.manifest is not None and not pulled.dry_run and pulled.status is not Status.DECLINED:
            note(EXPERIMENTATION, Action.PULL, [pulled.manifest], message=message)
        return pulled


def _check_name(name: str, *, chosen: bool) -> str:
    try:
        return check_name(name)
    except UsageError as error:
        if chosen:
            raise
        raise UsageError(
            error.code, f"the model cannot be called {shown(name)!r}", hint="choose a name with --name"
        ) from error
