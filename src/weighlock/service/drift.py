"""Compare an installation on disk with the package lock that it was made from."""

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from weighlock.core.digest import Digest
from weighlock.core.finding import Finding, Severity
from weighlock.core.outcome import Outcome
from weighlock.core.package_lock import MAX_LOCK_BYTES, PackageLock
from weighlock.drift.difference import Drift, DriftKind
from weighlock.drift.file import RecordedDigest, compare_coverage, compare_files, recorded_digests
from weighlock.drift.package import INSTALLERS, compare, tolerated_packages
from weighlock.service.file import read_limited
from weighlock.service.inventory import open_installation
from weighlock.source.tree import FolderTree


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was compared and what differs.

    ``files_compared`` is None if files were not asked for; ``compiled`` counts the files
    that Python itself made (``.pyc``), which nothing is compared with.
    """

    packages: int
    differences: tuple[Drift, ...]
    tolerated: tuple[str, ...]
    findings: tuple[Finding, ...]
    files_compared: int | None
    compiled: int

    @property
    def outcome(self) -> Outcome:
        """FINDINGS if anything differs."""
        return Outcome.FINDINGS if self.differences else Outcome.CLEAN


def read_package_lock(file: Path) -> PackageLock:
    """Return the lock in ``file``; raises UsageError ``source_missing``, DeniedError ``package_lock_invalid``, OSError."""
    return PackageLock.parse(read_limited(file, MAX_LOCK_BYTES, missing="source_missing"))


def find_drift(
    path: Path,
    lock: PackageLock,
    *,
    files: bool = False,
    tolerated: Collection[str] = INSTALLERS,
    python: str = "",
) -> DriftReport:
    """Return how the installation at ``path`` differs from ``lock``.

    Args:
        path: a virtual environment, a prefix or a ``site-packages`` folder.
        lock: what should be installed.
        files: also compare every installed file with the digest that its RECORD names.
        tolerated: names that may be there though the lock does not name them.
        python: the installation's version, where it does not say so itself.

    Raises DeniedError ``package_lock_invalid``; UndecidedError ``marker_undecided``,
    ``installation_unreadable`` or ``io_failed``; UsageError ``installation_missing``.
    """
    tree, observed = open_installation(path, python=python)
    differences = [*compare(lock, observed, tolerated=tolerated), *_grave(observed.findings)]
    recorded = recorded_digests(observed) if files else []
    if files:
        differences += compare_files(recorded, _digests(tree, recorded), observed.unowned)
        differences += compare_coverage(observed)
    return DriftReport(
        packages=len(observed.packages),
        differences=tuple(differences),
        tolerated=tolerated_packages(lock, observed, tolerated=tolerated),
        findings=observed.findings,
        files_compared=len(recorded) if files else None,
        compiled=len(observed.compiled),
    )


def _grave(findings: Iterable[Finding]) -> list[Drift]:
    """Return the findings that no lock excuses; a locked package's own start-up file is not among them."""
    grave = (finding for finding in findings if finding.severity >= Severity.HIGH)
    return [Drift(DriftKind.FINDING, "", "", finding.message, finding.location) for finding in grave]


def _digests(tree: FolderTree, recorded: Iterable[RecordedDigest]) -> dict[tuple[str, str], Digest | None]:
    def observe(wanted: tuple[str, str]) -> tuple[tuple[str, str], Digest | None]:
        path, algorithm = wanted
        read = tree.digest(path, algorithm=algorithm)
        return wanted, None if read is None else read[0]

    wanted = {(each.path, each.digest.algorithm) for each in recorded}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="digest") as pool:
        return dict(pool.map(observe, sorted(wanted)))
