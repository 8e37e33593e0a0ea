"""Compare the packages of an installation with its package lock.

The lock says which versions may be there; it says nothing about the bytes that were
installed (rule of trust 11): ``file`` compares those with what the installer recorded.
"""

from collections.abc import Collection
from typing import Final

from packaging.version import InvalidVersion, Version

from weighlock.core.error import DeniedError
from weighlock.core.installation import Installation
from weighlock.core.package_lock import LockedPackage, PackageLock
from weighlock.drift.difference import Drift, DriftKind
from weighlock.drift.marker import applies, environments_of

# `python -m venv` installs these by itself, so locks seldom name them. They are shown as
# tolerated; a lock that does name them binds them.
INSTALLERS: Final = frozenset({"pip", "setuptools", "wheel"})


def compare(
    baseline: PackageLock, observed: Installation, *, tolerated: Collection[str] = INSTALLERS
) -> tuple[Drift, ...]:
    """Return every difference in packages and versions, by package.

    Args:
        baseline: what should be installed.
        observed: what is installed.
        tolerated: normalised names that may be installed though the lock does not name them.

    Raises DeniedError ``package_lock_invalid`` or UndecidedError ``marker_undecided``.
    """
    expected = expected_packages(baseline, observed.python)
    found = observed.by_name
    drifts = []
    for name in sorted(expected.keys() | found.keys()):
        versions = [package.version for package in found.get(name, ())]
        locked = expected.get(name)
        if len(versions) > 1:
            wanted = locked.version if locked else ""
            drifts.append(Drift(DriftKind.DUPLICATE, name, wanted, ", ".join(versions)))
        elif locked is None:
            if name not in tolerated:
                drifts.append(Drift(DriftKind.ADDED, name, "", versions[0]))
        elif not versions:
            drifts.append(Drift(DriftKind.MISSING, name, locked.version))
        elif not _same_version(locked.version, versions[0]):
            drifts.append(Drift(DriftKind.VERSION, name, locked.version, versions[0]))
    return tuple(drifts)


def expected_packages(baseline: PackageLock, python: str) -> dict[str, LockedPackage]:
    """Return the locked packages whose markers hold for an installation of ``python``, by name."""
    environments = environments_of(python)
    expected = {}
    for name, entries in baseline.packages.items():
        holding = [entry for entry in entries if applies(entry, environments)]
        if len(holding) > 1:
            lines = " and ".join(str(entry.line) for entry in holding)
            why = f"lines {lines} of the package lock both pin {name} for this installation"
            raise DeniedError("package_lock_invalid", why, details={"line": holding[1].line})
        if holding:
            expected[name] = holding[0]
    return expected


def tolerated_packages(
    baseline: PackageLock, observed: Installation, *, tolerated: Collection[str] = INSTALLERS
) -> tuple[str, ...]:
    """Return the installed packages that no one locked and that are let be, as ``name version``."""
    expected = expected_packages(baseline, observed.python)
    return tuple(
        f"{package.name} {package.version}"
        for package in observed.packages
        if package.name in tolerated and package.name not in expected
    )


def _same_version(locked: str, installed: str) -> bool:
    # Stricter than pip's ==, which lets 2.5 be satisfied by 2.5+local: those are other bytes.
    try:
        return Version(locked) == Version(installed)
    except InvalidVersion:
        return locked == installed
