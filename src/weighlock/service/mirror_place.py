"""Where a mirror is: a folder that any OCI tool reads, or a repository of a registry."""

import re
from pathlib import Path
from typing import Final

from weighlock.core.environment import PRODUCTION
from weighlock.core.error import UsageError
from weighlock.core.reference import Reference
from weighlock.core.text import shown
from weighlock.service.registry_place import OCI, is_registry_like, parse_place
from weighlock.service.workspace import Workspace
from weighlock.store.interface import Store
from weighlock.store.layout import LayoutStore

_SCHEME: Final = re.compile(r"[a-z0-9]+:", re.ASCII)  # what looks like another kind of place than a folder


def is_registry(place: str) -> bool:
    """Return whether a mirror is a repository of a registry."""
    return place.startswith(OCI)


def open_mirror(workspace: Workspace, place: str, *, folder: Path, make: bool = False) -> Store:
    """Return the mirror that ``place`` names; relative folders begin at ``folder``.

    With ``make`` it is to be filled: a folder that does not exist or is empty becomes one. Raises UsageError
    ``mirror_missing``, ``reference_invalid`` (also for what may be meant as a registry), DeniedError ``push_not_allowed``, ``promotion_required``, and the
    store's errors.
    """
    if is_registry(place):
        return _open_repository(workspace, _repository(place), make=make)
    root = folder / Path(place).expanduser()
    if is_registry_like(place) and not root.exists():
        raise UsageError(
            "reference_invalid",
            f"{shown(place)!r} looks like a repository of a registry, and there is no such folder",
            hint=f"did you mean {OCI}{shown(place)}? For a new folder write ./{shown(place)}",
        )
    if (scheme := _SCHEME.match(place)) and not root.exists():
        raise UsageError(
            "reference_invalid",  # a dry run would take a mirror that is missing for one to be made
            f"{shown(scheme[0])} is no place for a mirror",
            hint="a mirror is a folder, or oci:REGISTRY/REPOSITORY; write ./ before a folder that is called so",
        )
    if make and _is_same(root, workspace.settings.environment(PRODUCTION).folder):
        from weighlock.service.copying import check_environment  # noqa: PLC0415  # HTTP, which a folder needs not

        check_environment(PRODUCTION)
    try:
        return LayoutStore.open(root, workspace.clock)
    except UsageError as error:
        if error.code != "store_missing":
            raise
        if make:
            return LayoutStore.create(root, workspace.clock)
        raise UsageError(
            "mirror_missing",
            f"there is no mirror in {shown(str(root))}",
            hint="`weighlock mirror FOLDER` fills one where there is a network; name it with --mirror or pull.mirror",
        ) from error


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one folder, which may still have to be made."""
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _open_repository(workspace: Workspace, reference: Reference, *, make: bool) -> Store:
    if make:
        from weighlock.service.copying import check_push  # noqa: PLC0415  # HTTP, which a folder needs not

        check_push(workspace, reference)
    return workspace.repository(reference)


def _repository(place: str) -> Reference:
    reference = parse_place(place)
    if reference.tag is not None or reference.digest is not None:
        raise UsageError(
            "reference_invalid",
            f"a mirror is a whole repository, and {shown(place)!r} names one artifact in it",
            hint="leave out tag and digest: oci:REGISTRY/REPOSITORY",
        )
    return reference
