"""What the names of an archive's members do to whoever unpacks it."""

import posixpath
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.core.path import check_path
from weighlock.core.text import shown
from weighlock.inspection.report import Report

_DRIVE: Final = re.compile(r"[A-Za-z]:(?:[\\/]|\Z)|[A-Za-z]:[^\\/]*[\\/]")
# what needs no second look: most names
_PLAIN: Final = re.compile(r"[A-Za-z0-9_+-]+(?:[./][A-Za-z0-9_+-]+)*")
_DEVICE: Final = re.compile(r"(?:.*/)?(?:con|prn|aux|nul|com\d|lpt\d)\b", re.IGNORECASE)
MAX_PLAIN_CHARACTERS: Final = 200  # longer names may have too long a component


def check_names(report: Report, names: Iterable[tuple[str, int]], *, looked_up_exactly: bool = False) -> None:
    """Report names, given with their offsets, that leave the folder, deceive, or stand for the same file.

    ``looked_up_exactly``: the archive's reader tells capitals and forms of letters apart and unpacks nothing.
    """
    seen: dict[str, str] = {}
    for name, offset in names:
        check_name(report, name, offset)
        folded = _folded(name.rstrip("/"))
        if folded not in seen:
            seen[folded] = name
            continue
        other = seen[folded]
        if other.rstrip("/") == name.rstrip("/"):
            report.find("archive-duplicate", f"the member {shown(name)!r} is there twice", offset=offset)
        elif not looked_up_exactly:
            report.find(
                "archive-collision",
                f"{shown(other)!r} and {shown(name)!r} are one file for some readers",
                offset=offset,
            )


def check_name(report: Report, name: str, offset: int | None = None) -> None:
    """Report a name that leaves the folder, or that means another file elsewhere."""
    if len(name) <= MAX_PLAIN_CHARACTERS and _PLAIN.fullmatch(name) and not _DEVICE.match(name):
        return
    if leaves(name):
        report.find(
            "archive-path", f"the member {shown(name)!r} leaves the folder it is unpacked to", offset=offset
        )
        return
    if "\0" in name:
        report.find(
            "archive-path", f"the name {shown(name)!r} ends earlier for readers written in C", offset=offset
        )
        return
    try:
        check_path(name.removeprefix("./").removesuffix("/").replace(":", "_"))
    except DeniedError as error:
        if name not in {".", "./"}:
            report.find("archive-name", error.message, offset=offset)


def leaves(name: str) -> bool:
    """Return whether a path leads out of the folder on some system."""
    parts = re.split(r"[\\/]", name)
    return name.startswith(("/", "\\", "~/")) or ".." in parts or bool(_DRIVE.match(name))


def link_leaves(base: str, target: str) -> bool:
    """Return whether a link in the folder ``base`` leads out of the archive's folder."""
    if target.startswith(("/", "\\", "~")) or ("\\" in target and leaves(target)):
        return True
    return leaves(posixpath.normpath(posixpath.join(base, target)))


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
