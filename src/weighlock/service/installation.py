"""Bind an installation to a candidate, and check that it is still the one that was approved.

The package lock says which versions; the listing says, for each package, the digest
over the files that its RECORD names, so that one changed file is a difference even
where versions agree. What the listing cannot bind are RECORDs that lied from the
start: the locked wheels' own digests are not compared with installed files yet.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.installation import Installation, InstalledPackage
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.package_lock import PackageLock
from weighlock.core.text import shown
from weighlock.service.drift import find_drift
from weighlock.service.inventory import open_installation


def describe_packages(installation: Installation) -> bytes:
    """Return the listing: package → version and the digest over its recorded files' paths and digests."""
    packages = {
        package.name: {"version": package.version, "files": str(_files_digest(package))}
        for package in installation.packages
    }
    return write_json({"version": 1, "python": _minor(installation.python), "packages": packages})


def check_installation(path: Path, lock: PackageLock, listing: bytes) -> Installation:
    """Return the installation at ``path`` if it is the approved one, every recorded file digested.

    Raises DeniedError ``package_drift`` naming what differs, or ``installation_differs``.
    """
    drift = find_drift(path, lock, files=True)
    if drift.differences:
        told = "; ".join(shown(str(each)) for each in drift.differences[:5])
        raise DeniedError(
            "package_drift",
            f"the installation differs from the package lock in {len(drift.differences)} places: {told}",
            hint="make the installation again from its package lock",
        )
    _, installation = open_installation(path)
    observed = describe_packages(installation)
    if observed != listing:
        raise DeniedError(
            "installation_differs",
            f"the installation is not the approved one: {_difference(listing, observed)}",
            hint="make it again from its package lock, or request a new candidate with this one",
        )
    return installation


def _files_digest(package: InstalledPackage) -> Digest:
    # Scripts above the package folder carry the interpreter's path, and the installer's own
    # notes differ from machine to machine: neither is part of what the wheel brought.
    lines = [
        f"{file.digest} {file.path}"
        for file in sorted(package.files)
        if file.digest is not None and not _is_local(file.path)
    ]
    return Digest.of("\n".join(lines).encode("utf-8", "surrogateescape"))


def _is_local(path: str) -> bool:
    name = path.rpartition("/")[2]
    in_packages = "-packages/" in path
    return (
        not in_packages
        or name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
        or name.endswith(".pyc")
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _difference(approved: bytes, observed: bytes) -> str:
    before, after = (_packages(raw) for raw in (approved, observed))
    odd = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return shown(", ".join(odd)) if odd else "the Python version"


def _packages(raw: bytes) -> Mapping[str, Any]:
    packages = read_object(raw, what="the listing of packages").get("packages")
    return packages if isinstance(packages, dict) else {}
