"""What is held against a source once it is resolved, before a byte of it is fetched.

1. it belongs to whom it belonged when it was locked
2. its history goes on from what is locked
3. its origin confirmed it
4. it is as old as the settings want it to be
"""

import datetime as dt

from weighlock.core.clock import Clock, write_time
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.text import shown
from weighlock.service.pull_task import Mode, PullRequest, Task
from weighlock.settings import Settings
from weighlock.source.interface import Resolved, Source


def check_task(task: Task, request: PullRequest) -> None:
    """Return if the lock lets a request be carried out; raises UsageError ``lock_missing``, DeniedError ``lock_conflict``."""
    if task.entry is None and request.mode is Mode.LOCKED:
        raise not_locked(task.name, request)
    if task.entry and task.entry.source != str(task.spec) and request.mode is not Mode.UPDATE:
        raise DeniedError(
            "lock_conflict",
            f"{task.name} is locked from {shown(task.entry.source)}, not from {shown(str(task.spec))}",
            hint="pull it under another --name, or change the lock with --update",
        )


def not_locked(name: str, request: PullRequest) -> UsageError:
    """Return the error for a model that should be in the lock and is not."""
    return UsageError(
        "lock_missing",
        f"{shown(str(request.lock_file))} does not lock {shown(name)}",
        hint="`weighlock pull SOURCE --name NAME`, without --locked and --offline, locks it; review the lock file and commit it",
    )


def check_resolved(
    task: Task, source: Source, resolved: Resolved, mode: Mode, settings: Settings, clock: Clock
) -> None:
    """Return if what was found may be pulled.

    Raises DeniedError ``owner_changed``, ``origin_unconfirmed``, ``revision_too_young``, ``age_unknown``
    and those of ``Source.check_continues``.
    """
    entry = task.entry
    if entry is not None:
        _check_owner(entry, resolved.owner, update=mode is Mode.UPDATE)
    if entry is not None and mode is not Mode.UPDATE:
        return  # every byte is held against the lock, whoever confirms it, however young it is
    if entry is not None and entry.source.partition(":")[0] == task.spec.scheme:
        # another pattern or ref too: the source itself knows what is still the same history
        source.check_continues(task.spec, entry, resolved)
    if not resolved.origin_confirmed and not settings.flag("pull.unconfirmed"):
        raise _unconfirmed(task.name, "its digests do not come, over TLS, from its canonical origin")
    is_new = entry is None or entry.revision != resolved.revision or entry.source != str(task.spec)
    if source.remote and is_new and not resolved.pinned:
        _check_age(task, resolved, settings.count("pull.cooldown_days"), clock())


def _check_owner(entry: LockedModel, found: Owner, *, update: bool) -> None:
    was = entry.owner
    told = UNAVAILABLE not in {was.id, found.id}
    if was.scheme == found.scheme and (was.id == found.id if told else was.name == found.name):
        if update and found.id == UNAVAILABLE != was.id:
            raise DeniedError(
                "origin_unconfirmed",
                f"{entry.name} is refused: nobody says now whether {shown(found.name)} is still who it was "
                "when it was locked",
                hint="let this machine reach the origin for the update; or pull it under another --name",
            )
        return
    raise DeniedError(
        "owner_changed",
        f"{entry.name} was locked as {shown(was.scheme)} {shown(was.name)} ({shown(was.id)}), and is now "
        f"{shown(found.scheme)} {shown(found.name)} ({shown(found.id)})",
        hint="find out why; pull it under another --name if you trust the new owner",
    )


def _unconfirmed(name: str, why: str) -> DeniedError:
    return DeniedError(
        "origin_unconfirmed",
        f"{name} is refused: {why}",
        hint="let this machine reach the origin over TLS for a first pull or an update, or lock the model on one that "
        "does; or name the bytes themselves, with @sha256:… or a commit; to accept it all the same, for this pull "
        "alone: `weighlock --set pull.unconfirmed=true pull …`",
    )


def _check_age(task: Task, resolved: Resolved, days: int, now: dt.datetime) -> None:
    if not days:
        return
    what = f"the revision {shown(resolved.revision)} of {task.name}"
    if resolved.changed_at is None or not resolved.origin_confirmed:  # a mirror's word about time is none
        who = "nobody" if resolved.origin_confirmed else "nobody whose word counts"
        raise DeniedError(
            "age_unknown",
            f"{who} says when {what} appeared, and pull.cooldown_days is {days}",
            hint="name the bytes themselves, by digest or commit, after looking at them; or, for this pull alone, "
            "`weighlock --set pull.cooldown_days=0 pull …`",
        )
    ready = resolved.changed_at + dt.timedelta(days=days)
    if now < ready:
        raise DeniedError(
            "revision_too_young",
            f"{what} appeared {write_time(resolved.changed_at)}, and pull.cooldown_days is {days}",
            hint=f"wait until {write_time(ready)}, name an older revision, or pin this one by digest or commit",
            details={"appeared": write_time(resolved.changed_at), "ready": write_time(ready)},
        )


def check_same(locked: LockedModel, found: LockedModel) -> None:
    """Return unless the lock says anything else of the model than was found: the provenance would repeat it.

    Raises DeniedError ``lock_conflict``.
    """
    if locked == found:
        return
    fields = ("revision", "origin_confirmed", "facts", "git_sha1", "version_ids", "manifest")
    differing = [name for name in fields if getattr(locked, name) != getattr(found, name)]
    raise DeniedError(
        "lock_conflict",
        f"the lock says another {' and '.join(differing or ['size'])} of {found.name} than its source does",
        hint="a line of the lock was edited: take it back from version control, or change the lock with --update",
    )
