"""Compare installed files with what RECORD says of them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.installation import Installation
from weighlock.drift.difference import Drift, DriftKind


class RecordedDigest(NamedTuple):
    """A file that can be compared: its package, its path and the digest that RECORD names."""

    package: str
    path: str
    digest: Digest


def recorded_digests(observed: Installation) -> list[RecordedDigest]:
    """Return the files of ``observed`` whose digests are recorded, by path."""
    found = [
        RecordedDigest(package.name, file.path, file.digest)
        for package in observed.packages
        for file in package.files
        if file.digest is not None
    ]
    return sorted(found, key=lambda each: (each.path, each.package))


def compare_files(
    recorded: Iterable[RecordedDigest], found: Mapping[tuple[str, str], Digest | None], added: Iterable[str]
) -> tuple[Drift, ...]:
    """Return every difference in files, by path.

    Args:
        recorded: what should be there.
        found: per path and algorithm the digest of the regular file there, None if there is none; what was
            not looked at is a KeyError, never a match.
        added: files that no package owns.
    """
    drifts = []
    for package, path, digest in recorded:
        observed = found[path, digest.algorithm]
        if observed is None:
            drifts.append(Drift(DriftKind.FILE_MISSING, package, str(digest), "", path))
        elif observed != digest:
            drifts.append(Drift(DriftKind.FILE_CHANGED, package, str(digest), str(observed), path))
    drifts += [Drift(DriftKind.FILE_ADDED, "", "", "", path) for path in added]
    return tuple(sorted(drifts, key=lambda drift: (drift.path, drift.package)))


def compare_coverage(observed: Installation) -> tuple[Drift, ...]:
    """Return the packages with files that cannot be compared, because RECORD or a digest is missing."""
    drifts = []
    for package in observed.packages:
        if package.record is None:
            drifts.append(Drift(DriftKind.FILES_UNKNOWN, package.name, path=package.location))
        drifts += [Drift(DriftKind.FILES_UNKNOWN, package.name, path=path) for path in package.undigested]
    return tuple(drifts)
