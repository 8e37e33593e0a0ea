"""Check a store and clean it."""

from weighlock.core.error import UsageError
from weighlock.core.outcome import Outcome
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.service.workspace import Workspace
from weighlock.store.check import StoreReport, check_store
from weighlock.store.collect import Garbage, collect_garbage
from weighlock.store.layout import LayoutStore


def check_environment(workspace: Workspace, environment: str, *, progress: Progress) -> StoreReport:
    """Check every byte and name of an environment's store; raises UsageError ``store_missing``."""
    found = workspace.settings.environment(environment)
    if found.repository is None:
        return check_store(found.folder, progress=progress)
    from weighlock.store.registry_check import check_repository  # noqa: PLC0415  # HTTP, which a folder needs not

    return check_repository(workspace.registry_store(environment), progress=progress)


def outcome_of_check(report: StoreReport) -> Outcome:
    """Return FINDINGS if there is any, be it only a leftover."""
    return Outcome.FINDINGS if report.findings else Outcome.CLEAN


def clean_environment(workspace: Workspace, environment: str, *, dry_run: bool) -> Garbage:
    """Free what nothing refers to in an environment's store, or say what would be freed.

    Raises UsageError ``registry_collects`` where the store is a repository.
    """
    found = workspace.settings.environment(environment)
    if found.repository is not None:
        raise UsageError(
            "registry_collects",
            f"the store of {environment} is the repository {shown(found.repository)}, which its registry cleans",
            hint="run the registry's own garbage collection: all that is listed has a tag, so it stays",
        )
    with LayoutStore.open(found.folder) as store:
        return collect_garbage(store, dry_run=dry_run)
