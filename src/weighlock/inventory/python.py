"""Catalog a Python installation from its files: nothing of it is run or imported.

1. Read every ``*.dist-info`` and ``*.egg-info`` of each package folder.
2. Read each RECORD: these files are owned.
3. Walk the package folders: what nobody owns is a finding, start-up files above all.
4. Two packages of one name are a finding: which one Python imports is chance.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.finding import Confidence, Finding, Severity
from weighlock.core.installation import Installation, InstalledPackage, RecordedFile
from weighlock.core.package_lock import normalize_name
from weighlock.core.text import shown
from weighlock.core.tree import Entry, EntryKind, Tree, walk
from weighlock.inventory.metadata import (
    MAX_DIRECT_URL_BYTES,
    MAX_METADATA_BYTES,
    Metadata,
    MetadataError,
    Origin,
    read_metadata,
    read_origin,
)
from weighlock.inventory.record import MAX_RECORD_BYTES, RecordError, read_record
from weighlock.inventory.startup import MAX_HOOK_BYTES, examine_hook, is_hook

MAX_INSTALLED_FILES: Final = 2_000_000  # a large serving installation has about 80,000
_COMPILED: Final = re.compile(r"(?P<folder>.*/)?__pycache__/(?P<module>[^/.]+)\.[^/]+\.pyc", re.DOTALL)
_VERSION: Final = re.compile(r"\d+\.\d+(?:\.\d+)?")
_FOLDER: Final = re.compile(r"(?:.*/)?python(3\.\d+)/[^/]+-packages", re.DOTALL)
_REMEDY: Final = "make the installation again from its package lock, in an empty folder"


def read_installation(tree: Tree, folders: Sequence[str], *, config: bytes | None = None) -> Installation:
    """Return what the package ``folders`` of ``tree`` hold.

    Args:
        tree: the installation's files.
        folders: its ``site-packages`` or ``dist-packages``, relative to the tree's root.
        config: the bytes of ``pyvenv.cfg``, None if there is none.

    Raises UndecidedError ``installation_unreadable`` if there is no package folder.
    """
    if not folders:
        raise UndecidedError(
            "installation_unreadable",
            "the installation has no site-packages folder",
            hint="name the root of a virtual environment, or a site-packages folder",
        )
    settings = _read_config(config)
    findings = _about_config(settings)
    packages = _packages(tree, folders, findings)
    _report_duplicates(packages, findings)
    unowned, compiled = _examine_files(tree, folders, packages, findings)
    return Installation(
        packages=packages,
        python=_python_version(settings, folders),
        folders=tuple(folders),
        unowned=unowned,
        compiled=compiled,
        findings=tuple(
            sorted(findings, key=lambda finding: (-finding.severity, finding.location, finding.rule))
        ),
    )


def _packages(tree: Tree, folders: Sequence[str], findings: list[Finding]) -> tuple[InstalledPackage, ...]:
    found = [
        _read_package(tree, folder, entry, findings)
        for folder in folders
        for entry in tree.entries(folder)
        if entry.path.endswith((".dist-info", ".egg-info", ".egg-link"))
    ]
    return tuple(sorted(found, key=lambda package: (package.name, package.location)))


def _read_package(tree: Tree, folder: str, entry: Entry, findings: list[Finding]) -> InstalledPackage:
    location = entry.path
    metadata = _metadata(tree, entry, findings)
    if not location.endswith(".dist-info"):
        why = "an egg lists neither its files nor their digests"
        findings.append(_finding("installation_record_missing", Severity.MEDIUM, location, why))
        return _described(metadata, location)
    origin = _origin(tree, location, findings)
    record = _read(tree, f"{location}/RECORD", MAX_RECORD_BYTES, findings)
    installer = _read(tree, f"{location}/INSTALLER", MAX_DIRECT_URL_BYTES, findings) or b""
    package = InstalledPackage(
        name=normalize_name(metadata.name),
        version=metadata.version,
        location=location,
        licence=metadata.licence,
        licence_is_expression=metadata.licence_is_expression,
        installer=shown(installer.decode("utf-8", "replace").strip(), limit=40),
        url=origin.url,
        editable=origin.editable,
        archive=origin.archive,
        record=None if record is None else Digest.of(record),
        files=_recorded_files(record, location, folder, findings),
    )
    if bare := package.undigested:
        why = f"{len(bare)} files are recorded without a digest, {bare[0]} among them"
        findings.append(_finding("installation_record_invalid", Severity.MEDIUM, f"{location}/RECORD", why))
    return package


def _described(metadata: Metadata, location: str) -> InstalledPackage:
    return InstalledPackage(
        name=normalize_name(metadata.name),
        version=metadata.version,
        location=location,
        licence=metadata.licence,
        licence_is_expression=metadata.licence_is_expression,
    )


def _metadata(tree: Tree, entry: Entry, findings: list[Finding]) -> Metadata:
    """Return the metadata; where they cannot be read, the folder's name, with a finding."""
    location = entry.path
    names = ("/METADATA",) if location.endswith(".dist-info") else ("/PKG-INFO", "")
    stem = location.rpartition("/")[2].rpartition(".")[0]
    name, _, version = stem.partition("-")
    named = Metadata(name, version.partition("-py")[0] or "0", "", licence_is_expression=False)
    paths = (
        [location + suffix for suffix in names] if entry.kind in {EntryKind.FOLDER, EntryKind.FILE} else []
    )
    contents = (_read(tree, path, MAX_METADATA_BYTES, findings) for path in paths)
    raw = next((content for content in contents if content is not None), None)
    try:
        if raw is None:
            raise MetadataError("it has no metadata file")
        metadata = read_metadata(raw)
    except MetadataError as error:
        findings.append(_finding("installation_metadata_invalid", Severity.HIGH, location, str(error)))
        return named
    if location.endswith(".dist-info") and _differ(named, metadata):
        why = f"the folder is named for {stem}, but its metadata say {metadata.name} {metadata.version}"
        findings.append(_finding("installation_metadata_invalid", Severity.HIGH, location, why))
    return metadata


def _differ(named: Metadata, metadata: Metadata) -> bool:
    # Folder names escape runs of -_. (and in old wheels + in versions) as one underscore.
    escaped = (normalize_name(text.replace("+", "_")) for text in (named.version, metadata.version))
    return normalize_name(named.name) != normalize_name(metadata.name) or len(set(escaped)) != 1


def _origin(tree: Tree, location: str, findings: list[Finding]) -> Origin:
    raw = _read(tree, f"{location}/direct_url.json", MAX_DIRECT_URL_BYTES, findings)
    if raw is None:
        return Origin("", editable=False, archive=None)
    try:
        origin = read_origin(raw)
    except MetadataError as error:
        findings.append(_finding("installation_metadata_invalid", Severity.HIGH, location, str(error)))
        return Origin("", editable=False, archive=None)
    if origin.editable:
        why = f"it is an editable install of {origin.url}: its code lies outside and is not examined"
        findings.append(_finding("installation_editable", Severity.HIGH, location, why))
    return origin


def _recorded_files(
    raw: bytes | None, location: str, folder: str, findings: list[Finding]
) -> tuple[RecordedFile, ...]:
    if raw is None:
        why = "it has no RECORD: nothing says which files it has"
        findings.append(_finding("installation_record_missing", Severity.MEDIUM, location, why))
        return ()
    try:
        files, problems = read_record(raw, folder=folder)
    except RecordError as error:
        findings.append(
            _finding("installation_record_invalid", Severity.HIGH, f"{location}/RECORD", str(error))
        )
        return ()
    for line, why in problems:
        findings.append(
            _finding("installation_record_invalid", Severity.HIGH, f"{location}/RECORD:{line}", why)
        )
    return files


def _report_duplicates(packages: Sequence[InstalledPackage], findings: list[Finding]) -> None:
    counted = Counter(package.name for package in packages)
    for name in sorted(name for name, count in counted.items() if count > 1):
        versions = ", ".join(package.version for package in packages if package.name == name)
        location = next(package.location for package in packages if package.name == name)
        why = f"{name} is installed {counted[name]} times ({versions}): which one is imported is chance"
        findings.append(_finding("installation_duplicate_package", Severity.HIGH, location, why))


def _examine_files(
    tree: Tree, folders: Sequence[str], packages: Sequence[InstalledPackage], findings: list[Finding]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files nobody owns and the compiled ones whose source is owned, both sorted."""
    owned = {file.path for package in packages for file in package.files}
    unowned: set[str] = set()
    compiled: set[str] = set()
    everything = ((place, entry) for place in folders for entry in walk(tree, place))
    for count, (folder, entry) in enumerate(everything):
        if count >= MAX_INSTALLED_FILES:
            why = f"the installation has more than {MAX_INSTALLED_FILES} files, so it was not examined"
            raise UndecidedError("installation_unreadable", why)
        if is_hook(entry.path.removeprefix(f"{folder}/").partition("/")[0]):
            content = _read(tree, entry.path, MAX_HOOK_BYTES, findings)
            findings.append(examine_hook(entry.path, content, owned=entry.path in owned))
        elif _source_of(entry.path) in owned:
            compiled.add(entry.path)
            continue
        if entry.path not in owned:
            unowned.add(entry.path)
    _report_unowned(folders, unowned, findings)
    return tuple(sorted(unowned)), tuple(sorted(compiled))


def _source_of(path: str) -> str | None:
    match = _COMPILED.fullmatch(path)
    return f"{match['folder'] or ''}{match['module']}.py" if match else None


def _report_unowned(folders: Sequence[str], unowned: set[str], findings: list[Finding]) -> None:
    """Add one finding for each name in a package folder: a package without RECORD has thousands of files."""
    counted: Counter[str] = Counter()
    for path in unowned:
        folder = max((folder for folder in folders if path.startswith(f"{folder}/")), key=len, default="")
        name = path.removeprefix(f"{folder}/").partition("/")[0]
        if not is_hook(name):
            counted[f"{folder}/{name}" if folder else name] += 1
    for location, count in counted.items():
        why = f"{count} file{'s' if count > 1 else ''} here belong to no package"
        findings.append(_finding("installation_unowned_file", Severity.MEDIUM, location, why))


def _read(tree: Tree, path: str, limit: int, findings: list[Finding]) -> bytes | None:
    try:
        return tree.read(path, limit=limit)
    except DeniedError as error:
        findings.append(_finding("installation_metadata_invalid", Severity.HIGH, path, error.message))
        return None


def _read_config(raw: bytes | None) -> dict[str, str]:
    """Return the settings of ``pyvenv.cfg`` (docs.python.org, ``site`` and ``venv``)."""
    lines = (line.partition("=") for line in (raw or b"").decode("utf-8", "replace").splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in lines if equals}


def _about_config(settings: dict[str, str]) -> list[Finding]:
    if settings.get("include-system-site-packages", "false").lower() != "true":
        return []
    why = "packages of the system are importable too, and are not examined"
    return [_finding("installation_not_isolated", Severity.HIGH, "pyvenv.cfg", why)]


def _python_version(settings: dict[str, str], folders: Sequence[str]) -> str:
    stated = settings.get("version") or settings.get("version_info") or ""
    if match := _VERSION.match(stated):
        return match.group()
    named = {match[1] for match in map(_FOLDER.fullmatch, folders) if match}
    return named.pop() if len(named) == 1 else ""


def _finding(rule: str, severity: Severity, location: str, why: str) -> Finding:
    return Finding(rule, severity, Confidence.HIGH, shown(location), shown(why), _REMEDY)
