"""Bring an environment from its folder into the repository that the settings name for it.

Everything keeps its digest, its names and its order. Nothing is decided anew: what is copied is the
same environment, and gates verify it there as they did here. The folder stays as it is.
"""

from dataclasses import dataclass

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.service.workspace import Workspace
from weighlock.store.copying import carry_out, plan_copy
from weighlock.store.interface import Entry, Store
from weighlock.store.layout import LayoutStore


@dataclass(frozen=True, slots=True)
class Migrated:
    """How much came into which repository: manifests, names, bytes of blobs that were sent."""

    repository: str
    manifests: int
    names: int
    sent: int


def migrate(workspace: Workspace, environment: str, *, progress: Progress = NO_PROGRESS) -> Migrated:
    """Copy all that the folder of an environment holds to its repository; can be repeated after a break.

    Raises UsageError ``repository_missing`` if the settings name none, ``store_missing``; DeniedError
    ``name_taken`` before anything is copied, if the repository has one of the names for something else.
    """
    found = workspace.settings.environment(environment)
    if found.repository is None:
        raise UsageError(
            "repository_missing",
            f"the settings name no repository for {environment}",
            hint="add to what weighlock.yaml has:\n    environments:\n"
            f"      {environment}:\n        repository: REGISTRY/REPOSITORY",
        )
    target = workspace.registry_store(environment)
    with LayoutStore.open(found.folder, workspace.clock) as source:
        entries = source.entries()
        _check_names(entries, target)
        sent = sum(_copy(source, target, entry, progress) for entry in entries)
    return Migrated(found.repository, len(entries), sum(len(entry.names) for entry in entries), sent)


def _copy(source: Store, target: Store, entry: Entry, progress: Progress) -> int:
    plan = plan_copy(source, entry.descriptor.digest, with_referrers=False)
    progress.begin("copying", plan.size)
    try:
        done = carry_out(plan, source, target, reread=False, progress=progress)
    finally:
        progress.end()
    for name in entry.names:
        target.tag(entry.descriptor.digest, name)
    return done.sent.size


def _check_names(entries: list[Entry], target: Store) -> None:
    for entry in entries:
        for name in entry.names:
            there = _resolve(target, name)
            if there not in {None, entry.descriptor.digest}:
                raise DeniedError(
                    "name_taken",
                    f"the repository has the name {shown(name)} for {there}",
                    hint="it is in use already, perhaps with a newer state: take another repository",
                )


def _resolve(store: Store, name: str) -> Digest | None:
    try:
        return store.resolve(name).digest
    except UsageError as error:
        if error.code != "artifact_unknown":
            raise
        return None
