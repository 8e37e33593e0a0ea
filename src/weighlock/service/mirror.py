"""Fill a mirror with what the lock names: for machines that reach nothing else.

A model that the experimentation store has whole is copied from there; any other is pulled
first, as ``weighlock pull --locked`` does. With it goes what is known about it: provenance and
every other signed statement. What the mirror has already is not copied again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import UsageError, WeighlockError
from weighlock.core.lock import LockedModel
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.service.lock_file import read_lock
from weighlock.service.mirror_place import is_registry, open_mirror
from weighlock.service.pull import Puller
from weighlock.service.pull_task import Mode, PullRequest
from weighlock.service.workspace import Workspace
from weighlock.store.copying import NOTHING, Amount, Plan, carry_out, has_blob, missing_blobs, plan_copy
from weighlock.store.interface import Store


class MirrorStatus(StrEnum):
    """What was done about one model."""

    COPIED = "copied"
    PRESENT = "present"  # the mirror had all of it


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One model in the mirror, or with a dry run what would be done; ``sent`` are the bytes that were missing.

    In a dry run ``pulled`` says that the store lacks some of it, so that ``sent`` is the size of its files.
    """

    name: str
    manifest: Digest
    size: int
    status: MirrorStatus
    pulled: bool
    referrers: int
    sent: Amount


class Mirror:
    """Fills mirrors for one workspace; the arguments are those of ``Puller``."""

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

    def fill(self, destination: str, lock_file: Path, *, dry_run: bool = False) -> list[Mirrored]:
        """Return what was done for each model of the lock, in the order of their names.

        Raises UsageError ``lock_missing``; the errors of ``Puller.pull`` and of both stores. What was copied
        before an error stays.
        """
        models = read_lock(lock_file).models
        if not models:
            raise UsageError(
                "lock_missing",
                f"{shown(str(lock_file))} locks nothing that could be mirrored",
                hint="pull a model first: `weighlock pull SOURCE`",
            )
        target = self._open(destination, dry_run=dry_run)
        reread = not is_registry(destination)  # reading a registry again is a download
        return [
            self._fill_one(models[name], lock_file, target, reread=reread, dry_run=dry_run)
            for name in sorted(models)
        ]

    def _open(self, destination: str, *, dry_run: bool) -> Store | None:
        """Return the mirror; None if it is still to be made, and a dry run makes nothing."""
        try:
            return open_mirror(self._workspace, destination, folder=self._folder, make=not dry_run)
        except UsageError as error:
            if not dry_run or error.code != "mirror_missing":
                raise
            return None

    def _fill_one(
        self, model: LockedModel, lock_file: Path, target: Store | None, *, reread: bool, dry_run: bool
    ) -> Mirrored:
        source = self._workspace.store(EXPERIMENTATION)
        pulled = not _is_whole(source, model)
        if pulled and dry_run:
            return _result(model, pulled=True, referrers=0, sent=Amount(len(model.files), model.size))
        if pulled:
            request = PullRequest(lock_file, name=model.name, mode=Mode.LOCKED)
            Puller(self._workspace, folder=self._folder, environ=self._environ, progress=self._progress).pull(
                request
            )
        plan = plan_copy(source, model.manifest, with_referrers=True)
        if dry_run or target is None:
            sent = Amount(len(plan.blobs), plan.size) if target is None else missing_blobs(plan, target)
            return _result(model, pulled=pulled, referrers=plan.referrers, sent=sent)
        return self._copy(model, plan, source, target, pulled=pulled, reread=reread)

    def _copy(
        self, model: LockedModel, plan: Plan, source: Store, target: Store, *, pulled: bool, reread: bool
    ) -> Mirrored:
        self._progress.begin(f"mirroring {model.name}", plan.size)
        try:
            copied = carry_out(plan, source, target, name=model.name, reread=reread, progress=self._progress)
        finally:
            self._progress.end()
        return _result(model, pulled=pulled, referrers=copied.referrers, sent=copied.sent)


def _result(model: LockedModel, *, pulled: bool, referrers: int, sent: Amount) -> Mirrored:
    status = MirrorStatus.PRESENT if sent == NOTHING else MirrorStatus.COPIED
    return Mirrored(model.name, model.manifest, model.size, status, pulled, referrers, sent)


def _is_whole(store: Store, model: LockedModel) -> bool:
    """Return whether the store seems to hold all of a model, unread: it is digested when it is copied."""
    try:
        descriptor = store.resolve(str(model.manifest))
        return all(
            has_blob(store, blob) for blob in plan_copy(store, descriptor.digest, with_referrers=False).blobs
        )
    except WeighlockError as error:
        if error.code not in {"artifact_unknown", "blob_missing"}:
            raise
        return False
