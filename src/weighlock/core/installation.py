"""An installation: what a Python environment on disk contains, as facts.

Source of the files' grammar: PyPA, "Recording installed projects" (PEP 376, 627, 610).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.finding import Finding

# PEP 376 and 427: RECORD cannot name its own digest, and compiled files are made afterwards, in
# ``__pycache__``: elsewhere a .pyc is a module of its own, which Python imports without any source.
_WITHOUT_DIGEST: Final = re.compile(r".*/RECORD(\.jws|\.p7s)?|(.*/)?__pycache__/[^/]+\.pyc", re.DOTALL)


class RecordedFile(NamedTuple):
    """A line of RECORD: path relative to the installation's root, digest and size in bytes if recorded."""

    path: str
    digest: Digest | None
    size: int | None


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """One installed project: what its metadata folder says of it.

    ``archive`` is the digest of the wheel if the installer noted it (PEP 610): a claim.
    ``record`` is the digest of RECORD itself, None where there is none.
    """

    name: str
    version: str
    location: str
    licence: str = ""
    licence_is_expression: bool = False
    installer: str = ""
    url: str = ""
    editable: bool = False
    archive: Digest | None = None
    record: Digest | None = None
    files: tuple[RecordedFile, ...] = ()

    @property
    def undigested(self) -> tuple[str, ...]:
        """The recorded files that should have a digest and have none."""
        return tuple(
            file.path
            for file in self.files
            if file.digest is None and not _WITHOUT_DIGEST.fullmatch(file.path)
        )


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python environment, read without running it.

    ``packages`` are sorted by name, two of one name included. ``python`` is the version
    that the installation says it has (``3.11`` or ``3.11.9``), empty if it does not.
    ``unowned`` are the files in its package folders that no RECORD lists, by path.
    """

    packages: tuple[InstalledPackage, ...]
    python: str
    folders: tuple[str, ...]
    unowned: tuple[str, ...]
    compiled: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def by_name(self) -> Mapping[str, tuple[InstalledPackage, ...]]:
        """The packages by normalised name."""
        grouped: dict[str, tuple[InstalledPackage, ...]] = {}
        for package in self.packages:
            grouped[package.name] = (*grouped.get(package.name, ()), package)
        return grouped
