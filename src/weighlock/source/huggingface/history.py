"""Which commits belong to the owner, and whether history goes on or was rewritten.

A hub finds any commit of a repository by its digits, also one that only a stranger's pull
request holds. And a branch can be made to point anywhere. So a commit counts if a branch or
tag leads to it, and a new revision if the locked one is in its past.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.lock import LockedModel
from weighlock.core.text import shown
from weighlock.source.huggingface.answer import Model, Refs
from weighlock.source.huggingface.hub import Hub
from weighlock.source.huggingface.name import DEFAULT_REVISION, HubModel, parse_model
from weighlock.source.permission import parse_source

COMMIT_FACT: Final = "commit"  # in the lock: the commit, again, for whoever has the facts alone
REF_FACT: Final = "ref"  # the branch or tag that was named, if one was: an update asks it again
MAX_HEADS: Final = 20  # branches and tags whose history is read to find one commit


def find_commit(hub: Hub, model: HubModel, refs: Refs) -> str:
    """Return the commit that a branch or tag of the owner points to, or the named one if one of them leads to it.

    Raises UsageError ``source_missing``; DeniedError ``revision_ambiguous``, ``revision_detached``.
    """
    if model.names_commit:
        _check_attached(hub, model, refs)
        return model.revision
    targets = {names[model.revision] for names in (refs.branches, refs.tags) if model.revision in names}
    if len(targets) > 1:
        raise DeniedError(
            "revision_ambiguous",
            f"{shown(model.revision)} is a branch of {model.repository} and a tag, and they differ",
            hint="name the commit, with all its 40 digits",
        )
    if not targets:
        raise UsageError(
            "source_missing",
            f"{model.repository} has no branch or tag {shown(model.revision)!r}",
            hint=f"it has {_some([*refs.branches, *refs.tags])}; a commit is written with all its 40 digits",
        )
    return targets.pop()


def appeared_at(found: Model, made_at: dt.datetime) -> dt.datetime | None:
    """Return when the revision appeared at the latest, or None if nobody but its author says it.

    A commit's date is its author's word, and can be set back. The hub's own word is the time of the
    repository's last change: whatever is in it, old commits and tags too, was there then.
    """
    return None if found.modified_at is None else max(made_at, found.modified_at)


def check_follows(hub: Hub, model: HubModel, before: LockedModel, commit: str) -> None:
    """Return if the locked revision still exists and, for the ref that was locked, is in the past of ``commit``.

    Raises DeniedError ``lock_conflict``, ``revision_vanished``, ``history_rewritten``.
    """
    locked_ref = _locked_ref(before)
    try:
        hub.model(model.repository, before.revision)
    except UsageError as error:
        raise DeniedError(
            "revision_vanished",
            f"the locked revision {shown(before.revision)} of {model.repository} does not exist any more",
            hint="the owner removed it: find out why; what is in the store stays valid as it was locked",
        ) from error
    if locked_ref != model.revision:
        return  # the person names another branch, tag or commit: going there is their choice
    if all(item.id != before.revision for item in hub.commits(model.repository, commit)):
        raise DeniedError(
            "history_rewritten",
            f"{model.repository}@{shown(model.revision)} does not continue the locked revision "
            f"{shown(before.revision)}: its history was rewritten",
            hint="find out why; if you trust the new history, pull it under another --name",
        )


def _locked_ref(before: LockedModel) -> str:
    """Return the branch, tag or commit that was locked, which the lock says twice; raises DeniedError ``lock_conflict``."""
    named = parse_model(parse_source(before.source)).revision
    if before.facts.get(REF_FACT, before.revision) != named:
        raise DeniedError(
            "lock_conflict",
            f"the lock says by its facts and by its source that {before.name} comes from two revisions, "
            "so it cannot be told whether its history goes on",
            hint="a line of the lock was edited: take it back from version control",
        )
    return named


def _check_attached(hub: Hub, model: HubModel, refs: Refs) -> None:
    heads = {*refs.branches.values(), *refs.tags.values()}
    if model.revision in heads:
        return
    first = refs.branches.get(DEFAULT_REVISION)
    for head in sorted(heads, key=lambda commit: (commit != first, commit))[:MAX_HEADS]:
        if any(item.id == model.revision for item in hub.commits(model.repository, head)):
            return
    raise DeniedError(
        "revision_detached",
        f"the commit {model.revision} is on no branch or tag of {model.repository}",
        hint="anybody can bring a commit into a repository by a pull request; name a branch, a tag or a commit on one",
    )


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 10} more" if len(ordered) > 10 else ""
    return (", ".join(shown(name, limit=60) for name in ordered[:10]) or "none") + more
