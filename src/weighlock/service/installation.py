"""Bind an installation to a candidate, and check that it is still the one that was approved.

The package lock says which versions. The listing says what they consisted of when people
approved: for each package the digest over the files that its RECORD names, the compiled
files, which Python runs in place of their source, the interpreter's own bytes, the
lines of ``pyvenv.cfg`` that decide which other files it reads, and everything that lies
beside the package folders: a ``python._pth`` there decides what Python imports, too.

What the listing does not bind: the standard library and the system's libraries, which
belong to the host, and RECORDs that lied from the start, since the locked wheels' digests
are not compared with installed files yet.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.installation import Installation, InstalledPackage
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.package_lock import PackageLock
from weighlock.core.text import shown
from weighlock.core.tree import Entry, EntryKind
from weighlock.drift.difference import Drift, DriftKind
from weighlock.service.drift import DriftReport, find_drift
from weighlock.service.inventory import MAX_CONFIG_BYTES, open_installation
from weighlock.source.tree import FolderTree

INSTALLATION: Final = "{installation}"  # in a candidate's command line: where the installation is
# Scripts for a person's shell, and notes of installers: they hold the installation's own path, and no server runs them.
_FOR_PEOPLE: Final = re.compile(
    r"bin/(activate(\.(csh|fish|nu|ps1|bat))?|Activate\.ps1|deactivate\.bat)|pyvenv\.cfg|\.gitignore|\.lock|CACHEDIR\.TAG"
)
_SHEBANG: Final = re.compile(
    rb"\A#!/[\w./@+-]+\n", re.ASCII
)  # narrow: nothing that Python reads may hide in it
_DECIDING: Final = ("home", "include-system-site-packages", "version")  # of pyvenv.cfg (PEP 405)


def describe_installation(path: Path, program: str) -> bytes:
    """Return the listing of the installation at ``path`` that runs ``program``, the first word of a command.

    Raises UsageError ``program_unbound`` if the program is not in the installation, UndecidedError
    ``installation_unreadable`` if something in it cannot be read, DeniedError ``others_may_write``.
    """
    tree, installation = open_installation(path)
    packages = {
        package.name: {"version": package.version, "files": str(_files_digest(package))}
        for package in installation.packages
    }
    beside = _beside_digest(tree, installation.folders)
    if tree.open_to_all:  # by now everything was listed
        raise DeniedError(
            "others_may_write",
            f"every user of this machine can write {shown(tree.open_to_all[0])!r} in the installation",
            hint="take that right away: chmod -R o-w",
        )
    return write_json(
        {
            "version": 1,
            "program": str(_program_digest(path, program)),
            "configuration": _configuration(tree),
            "compiled": str(_compiled_digest(tree, installation)),
            "beside": str(beside),
            "packages": packages,
        }
    )


def compare_installation(path: Path, lock: PackageLock, listing: bytes, program: str) -> DriftReport:
    """Return how the installation at ``path`` differs from its lock, its RECORDs and the approved listing."""
    report = find_drift(path, lock, files=True)
    unapproved = _differences(listing, describe_installation(path, program))
    return replace(report, differences=(*report.differences, *unapproved))


def check_installation(path: Path, lock: PackageLock, listing: bytes, program: str) -> None:
    """Return if the installation at ``path`` is the approved one, every recorded file digested.

    Raises DeniedError ``package_drift``, ``installation_differs`` or ``others_may_write``, naming what is wrong.
    """
    found = compare_installation(path, lock, listing, program).differences
    drift = [each for each in found if each.kind is not DriftKind.UNAPPROVED]
    told = "; ".join(shown(str(each)) for each in (drift or found)[:5])
    if drift:
        raise DeniedError(
            "package_drift",
            f"the installation differs from the package lock in {len(drift)} places: {told}",
            hint="make the installation again from its package lock",
        )
    if found:
        raise DeniedError(
            "installation_differs",
            f"the installation is not the approved one: {told}",
            hint="make it again from its package lock, or request a new candidate with this one; "
            "Python rewrites compiled files when it is used outside the sandbox",
        )


class CheckedInstallation:
    """An installation that was found to be the approved one, and is looked at again while it is used.

    Between the check and the server's imports whoever may write it can exchange a file. Names, sizes and times
    are cheap to compare: taken before the check, they tell afterwards whether all has to be digested again.
    """

    def __init__(self, path: Path, lock: PackageLock, listing: bytes, program: str) -> None:
        """Check the installation; raises as ``check_installation``."""
        self.path = path
        self._approved = (lock, listing, program)
        self._stamp = _stamp(path)
        check_installation(path, *self._approved)

    def recheck(self) -> None:
        """Check it again if anything in it was written; raises as ``check_installation``, never UndecidedError."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        try:
            check_installation(self.path, *self._approved)
        except UndecidedError as error:
            raise DeniedError("installation_differs", f"the installation changed: {error.message}") from error
        self._stamp = stamp


def _stamp(path: Path) -> Digest:
    """Return a digest over names, inodes, sizes and times of all that lies below ``path``: a hint, no proof."""
    running = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in (*folders, *sorted(files)):
            place = f"{folder}/{name}"
            with contextlib.suppress(OSError):  # it went away just now: the stamp differs
                facts = os.lstat(place)
                state = (facts.st_ino, facts.st_size, facts.st_mode, facts.st_mtime_ns, facts.st_ctime_ns)
                running.update(f"{place}\0{state}\n".encode("utf-8", "surrogateescape"))
    return Digest("sha256", running.hexdigest())


def inner_program(program: str) -> str:
    """Return where in an installation a program lies; raises UsageError ``program_unbound`` if in none."""
    place, _, inner = program.partition("/")
    if place != INSTALLATION or not inner or ".." in inner.split("/"):
        raise UsageError(
            "program_unbound",
            f"the command begins with {shown(program)!r}, which no digest would bind",
            hint=f"begin it with {INSTALLATION}/bin/python, or another program of the installation",
        )
    return inner


def _program_digest(path: Path, program: str) -> Digest:
    inner = inner_program(program)
    try:
        return Digest.of((path / inner).read_bytes())
    except OSError as error:
        raise UndecidedError(
            "installation_unreadable", f"{shown(str(path / inner))!r} cannot be read: {error.strerror}"
        ) from error


def _configuration(tree: FolderTree) -> Mapping[str, str]:
    """Return the deciding lines of pyvenv.cfg, read as Python's getpath and site read it.

    A file that the two could read differently (a key twice, a carriage return) is refused.
    """
    raw = tree.read("pyvenv.cfg", limit=MAX_CONFIG_BYTES) or b""
    if b"\r" in raw:  # a line's end to site, but not to getpath
        raise _ambiguous("has a carriage return")
    found: dict[str, str] = {}
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        name, equals, value = line.partition("=")
        name = name.strip().lower()
        if not equals or name not in _DECIDING:
            continue
        if name in found:
            raise _ambiguous(f"says {name} twice")
        found[name] = value.strip()
    return found


def _ambiguous(what: str) -> UndecidedError:
    return UndecidedError(
        "installation_unreadable", f"pyvenv.cfg {what}, so Python's parts may read it differently"
    )


def _compiled_digest(tree: FolderTree, installation: Installation) -> Digest:
    lines = []
    for path in sorted(installation.compiled):
        found = tree.digest(path)
        if found is None:
            raise UndecidedError("installation_unreadable", f"{shown(path)!r} cannot be read")
        lines.append(f"{found[0]} {path}")
    return Digest.of("\n".join(lines).encode("utf-8", "surrogateescape"))


def _beside_digest(tree: FolderTree, folders: Collection[str]) -> Digest:
    """Return the digest over all that lies outside the package folders: files, and where links lead."""
    lines = []
    for entry in _beside(tree, folders):
        if entry.kind is EntryKind.LINK:
            lines.append(f"{_link_target(tree.root, entry.path)} {entry.path}")
        elif not _FOR_PEOPLE.fullmatch(entry.path):
            lines.append(f"{_script_digest(tree, entry)} {entry.path}")
    return Digest.of("\n".join(sorted(lines)).encode("utf-8", "surrogateescape"))


def _beside(tree: FolderTree, folders: Collection[str]) -> Iterator[Entry]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in tree.entries(folder) if folder not in folders else []:
            if entry.kind is EntryKind.FOLDER:
                waiting.append(entry.path)
            else:
                yield entry


def _link_target(root: Path, path: str) -> str:
    real = Path(os.path.realpath(root / path))
    # an interpreter finds its libraries from where it really lies
    return f"./{real.relative_to(root)}" if real.is_relative_to(root) else str(real)


def _script_digest(tree: FolderTree, entry: Entry) -> Digest:
    """Return the digest of a file, without the first line that names the installation's own interpreter."""
    found = tree.digest(entry.path)
    if found is None:
        raise UndecidedError("installation_unreadable", f"{shown(entry.path)!r} cannot be read")
    if entry.size > MAX_CONFIG_BYTES:
        return found[0]
    return Digest.of(_SHEBANG.sub(b"", tree.read(entry.path, limit=MAX_CONFIG_BYTES) or b"", count=1))


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
    return not in_packages or name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def _differences(approved: bytes, observed: bytes) -> list[Drift]:
    before, after = (read_object(raw, what="the listing of an installation") for raw in (approved, observed))
    words = {
        "program": "the program",
        "configuration": "pyvenv.cfg",
        "compiled": "compiled files",
        "beside": "files beside the packages",
    }
    odd = [
        Drift(DriftKind.UNAPPROVED, "", path=words.get(name, name))
        for name in sorted(before.keys() | after.keys())
        if name != "packages" and before.get(name) != after.get(name)
    ]
    old, new = _packages(before), _packages(after)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return odd + [Drift(DriftKind.UNAPPROVED, name) for name in names]


def _packages(listing: Mapping[str, Any]) -> Mapping[str, Any]:
    packages = listing.get("packages")
    return packages if isinstance(packages, dict) else {}
