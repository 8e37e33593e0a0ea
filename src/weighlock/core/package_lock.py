"""The package lock: a requirements file in which every line is pinned and names digests.

Grammar: pip, "Requirements File Format" and "Hash-checking Mode", narrowed to
``name[extra]==version [; marker] --hash=algorithm:hex …`` with continuation lines and
comments. Whatever else pip would act on (another file, an index, a URL, an editable
install, a variable) decides what is installed from outside the file, so it is refused.
Markers stay text here: the standard library cannot evaluate them.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.text import shown

MAX_LOCK_BYTES: Final = 16 * 1024 * 1024  # 300 packages with every wheel's digest have about 1 MB
MAX_LOCKED_PACKAGES: Final = 10_000  # entries; a large serving installation has about 400

_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"  # PyPA, "Names and normalization"
_VERSION: Final = r"[A-Za-z0-9][A-Za-z0-9.!+_-]*"  # the letters of PEP 440, without wildcards
_REQUIREMENT: Final = re.compile(
    rf"(?P<name>{_NAME})(?:\[(?P<extras>[^\]]*)\])?\s*==\s*(?P<version>{_VERSION})\s*(?:;\s*(?P<marker>\S.*))?",
    re.ASCII,
)
_EXTRAS: Final = re.compile(rf"\s*{_NAME}\s*(?:,\s*{_NAME}\s*)*", re.ASCII)
_COMMENT: Final = re.compile(r"(?:^|[ \t])#.*")
_LINE_BREAKERS: Final = {"Cc", "Zl", "Zp"}  # pip splits lines at some of these, editors do not show it
_BYTE_ORDER_MARK: Final = "\ufeff"


class LockedPackage(NamedTuple):
    """One pinned requirement. ``digests`` are those of the files that pip may install, never empty."""

    name: str
    version: str
    digests: frozenset[Digest]
    marker: str
    line: int


@dataclass(frozen=True, slots=True)
class PackageLock:
    """The digest of the file's bytes, and per normalised name its entries.

    A name has several entries only where each has a marker of its own; which one holds
    is decided where the installation is known.
    """

    digest: Digest
    packages: Mapping[str, tuple[LockedPackage, ...]]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the lock that ``raw`` writes; raises DeniedError ``package_lock_invalid`` naming the line."""
        packages: dict[str, tuple[LockedPackage, ...]] = {}
        for count, (number, line) in enumerate(_logical_lines(_decode(raw)), start=1):
            if count > MAX_LOCKED_PACKAGES:
                raise _invalid(number, f"there are more than {MAX_LOCKED_PACKAGES} packages")
            entry = _parse_line(number, line)
            packages[entry.name] = (*packages.get(entry.name, ()), entry)
        if not packages:
            raise _invalid(1, "it names no package")
        for entries in packages.values():
            _check_distinct(entries)
        return cls(Digest.of(raw), dict(sorted(packages.items())))


def normalize_name(name: str) -> str:
    """Return the form in which two spellings of one Python package are equal (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_LOCK_BYTES:
        raise _invalid(1, f"it has {len(raw)} bytes; the limit is {MAX_LOCK_BYTES}")
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _invalid(raw.count(b"\n", 0, error.start) + 1, "it is not UTF-8") from error
    for position, character in enumerate(text):
        if character in "\n\t" or (character != _BYTE_ORDER_MARK and character.isprintable()):
            continue
        if character == _BYTE_ORDER_MARK or unicodedata.category(character) in _LINE_BREAKERS:
            raise _invalid(text.count("\n", 0, position) + 1, f"it contains {shown(character)!r}")
    return text


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, joined text without comments)."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        content = _COMMENT.sub("", line).strip()
        commented = content != line.strip()
        if commented and (line.endswith("\\") or (parts and not content)):
            # pip joins lines before it removes comments, people read the other way round
            raise _invalid(number, "a comment and a continued line are mixed")
        start = start if parts else number
        parts.append(content.removesuffix("\\").rstrip())
        if content.endswith("\\"):
            continue
        joined = " ".join(filter(None, parts))
        parts.clear()
        if joined:
            yield start, joined
    if parts:
        raise _invalid(start, "the last line is continued, but nothing follows")


def _parse_line(number: int, line: str) -> LockedPackage:
    # only from the first of several spaces on: else a long run of them is walked once for each
    requirement, *options = re.split(r"(?<![ \t])[ \t]+(?=--)", line)
    match = _REQUIREMENT.fullmatch(requirement.strip())
    if match is None:
        raise _invalid(number, f"{shown(line, limit=120)!r} is not name==version with digests")
    if match["extras"] is not None and not _EXTRAS.fullmatch(match["extras"]):
        raise _invalid(number, f"the extras {shown(match['extras'])!r} are malformed")
    digests = frozenset(_parse_option(number, option.strip()) for option in options)
    if not digests:
        raise _invalid(number, f"{match['name']} has no --hash")
    marker = (match["marker"] or "").strip()
    return LockedPackage(normalize_name(match["name"]), match["version"], digests, marker, number)


def _parse_option(number: int, option: str) -> Digest:
    name, equals, value = option.partition("=")
    if name != "--hash" or not equals:
        raise _invalid(number, f"the option {shown(option, limit=80)!r} is not --hash=sha256:…")
    try:
        return Digest.parse(value)
    except DeniedError as error:
        raise _invalid(number, error.message) from error


def _check_distinct(entries: tuple[LockedPackage, ...]) -> None:
    markers = [entry.marker for entry in entries]
    if len(entries) > 1 and (len(set(markers)) != len(markers) or "" in markers):
        raise _invalid(entries[1].line, f"{entries[1].name} is pinned twice")


def _invalid(line: int, why: str) -> DeniedError:
    return DeniedError(
        "package_lock_invalid",
        f"line {line} of the package lock is refused: {why}",
        hint="write the lock with pip-compile --generate-hashes or uv pip compile --generate-hashes, without URLs or index options",
        details={"line": line},
    )
