"""Export from a store, check it and clean it."""

from pathlib import Path

from weighlock.core.artifact import Artifact
from weighlock.core.outcome import Outcome
from weighlock.core.progress import Progress
from weighlock.store.check import StoreReport, check_store
from weighlock.store.collect import Garbage, collect_garbage
from weighlock.store.export import export_artifact
from weighlock.store.interface import Store
from weighlock.store.layout import LayoutStore
from weighlock.store.manifest import read_model


def export_model(store: Store, text: str, destination: Path, *, progress: Progress) -> Artifact:
    """Write the files of the model that ``text`` names into a new folder; raises the store's errors."""
    digest = store.resolve(text).digest
    model = read_model(store, digest)
    progress.begin("exporting", model.size)
    try:
        return export_artifact(store, digest, destination, progress=progress)
    finally:
        progress.end()


def check_folder(folder: Path, *, progress: Progress) -> StoreReport:
    """Check every byte and name of the store in ``folder``; raises UsageError ``store_missing``."""
    return check_store(folder, progress=progress)


def outcome_of_check(report: StoreReport) -> Outcome:
    """Return FINDINGS if there is any, be it only a leftover."""
    return Outcome.FINDINGS if report.findings else Outcome.CLEAN


def clean_folder(folder: Path, *, dry_run: bool) -> Garbage:
    """Free what nothing refers to in the store in ``folder``, or say what would be freed."""
    with LayoutStore.open(folder) as store:
        return collect_garbage(store, dry_run=dry_run)
