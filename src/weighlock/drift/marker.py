"""Decide environment markers (PEP 508) for an installation that is not our own interpreter."""

import re
from collections.abc import Mapping
from typing import Final

from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName, default_environment

from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.package_lock import LockedPackage
from weighlock.core.text import shown

LAST_PATCH: Final = 999  # above any patch release: the upper end of an unknown one


def applies(entry: LockedPackage, environments: tuple[Mapping[str, str], ...]) -> bool:
    """Return whether a locked package is meant for an installation.

    Raises DeniedError ``package_lock_invalid`` if the marker is malformed; UndecidedError
    ``marker_undecided`` if the environments that the installation may have disagree.
    """
    if not entry.marker:
        return True
    try:
        marker = Marker(entry.marker)
        answers = {marker.evaluate(dict(environment)) for environment in environments}
    except (InvalidMarker, UndefinedEnvironmentName) as error:
        why = f"line {entry.line} of the package lock has a malformed marker: {shown(str(error), limit=120)}"
        raise DeniedError("package_lock_invalid", why, details={"line": entry.line}) from error
    if len(answers) != 1:
        raise UndecidedError(
            "marker_undecided",
            f"line {entry.line} of the package lock has the marker {shown(entry.marker)!r}, and the "
            "installation does not say which Python it is",
            hint="name its version exactly, for example --python 3.11.9",
        )
    return answers.pop()


def environments_of(python: str) -> tuple[Mapping[str, str], ...]:
    """Return the marker environments that an installation of CPython ``python`` may have.

    The machine's own platform is taken: an installation is compared where it runs. Of
    ``3.11`` the first and the last patch release are given, of an unknown version none
    but two that agree only on markers that do not ask.
    """
    if not python:
        versions: tuple[str, ...] = ("3.0.0", f"3.{LAST_PATCH}.0")
    elif re.fullmatch(r"\d+\.\d+", python):
        versions = (f"{python}.0", f"{python}.{LAST_PATCH}")
    else:
        versions = (python,)
    return tuple(_environment(version) for version in versions)


def _environment(version: str) -> dict[str, str]:
    known = {name: str(value) for name, value in default_environment().items()}
    return known | {
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
        "implementation_name": "cpython",
        "implementation_version": version,
        "platform_python_implementation": "CPython",
        "extra": "",
    }
