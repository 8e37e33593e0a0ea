"""Read an installation from disk; make the bill of materials of installations and models."""

import dataclasses
import datetime as dt
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from weighlock.core.artifact import Artifact
from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError, UsageError
from weighlock.core.installation import Installation
from weighlock.core.text import shown
from weighlock.core.tree import EntryKind
from weighlock.inventory.bom import (
    candidate_component,
    installation_components,
    installation_properties,
    model_component,
    write_bom,
)
from weighlock.inventory.python import read_installation
from weighlock.source.tree import FolderTree

MAX_CONFIG_BYTES: Final = 64 * 1024  # pyvenv.cfg has five lines
_PACKAGE_FOLDERS: Final = ("site-packages", "dist-packages")
_LIBRARIES: Final = ("lib", "lib64", "local/lib")  # as venv, Fedora and Debian lay them out


def open_installation(path: Path, *, python: str = "") -> tuple[FolderTree, Installation]:
    """Return the tree and the contents of the installation at ``path``, without running it.

    ``path`` is the root of a virtual environment or prefix, or its ``site-packages``;
    ``python`` its version, where it does not say so itself.
    Raises UsageError ``installation_missing``; UndecidedError ``installation_unreadable`` or ``io_failed``.
    """
    root = _root(path)
    tree = FolderTree(root)
    config = tree.read("pyvenv.cfg", limit=MAX_CONFIG_BYTES)
    folders = _package_folders(tree) if root != path.resolve() or _is_prefix(tree) else [""]
    installation = read_installation(tree, folders, config=config)
    if not installation.packages:
        why = f"{shown(str(path))!r} holds no package at all"
        raise UndecidedError(
            "installation_unreadable", why, hint="check that it is the installation you mean"
        )
    return tree, dataclasses.replace(installation, python=python) if python else installation


def make_installation_bom(installation: Installation, *, moment: dt.datetime | None = None) -> bytes:
    """Return the CycloneDX document of an installation."""
    properties = installation_properties(installation)
    return write_bom(installation_components(installation), properties=properties, moment=moment)


def make_candidate_bom(
    models: Sequence[tuple[str, Artifact]],
    installation: Installation | None,
    *,
    name: str,
    digest: Digest,
    moment: dt.datetime | None = None,
) -> bytes:
    """Return one CycloneDX document of the models (name, artifact) and the installation that serves them.

    ``digest`` is that of the candidate, or of what else binds them.
    """
    components = [model_component(artifact, name=model) for model, artifact in models]
    properties = {}
    if installation is not None:
        components += installation_components(installation)
        properties = installation_properties(installation)
    return write_bom(
        components, subject=candidate_component(name, digest), properties=properties, moment=moment
    )


def _root(path: Path) -> Path:
    if not path.is_dir():
        raise UsageError(
            "installation_missing",
            f"{shown(str(path))!r} is not a folder",
            hint="name the root of a virtual environment, or a site-packages folder",
        )
    real = path.resolve()
    # lib/python3.11/site-packages: RECORD also lists what lies beside lib
    if real.name in _PACKAGE_FOLDERS and real.parent.name.startswith("python") and len(real.parents) > 3:
        return real.parents[2]
    return real


def _is_prefix(tree: FolderTree) -> bool:
    return bool(_package_folders(tree)) or any(entry.path == "pyvenv.cfg" for entry in tree.entries(""))


def _package_folders(tree: FolderTree) -> list[str]:
    found = []
    for library in _LIBRARIES:
        for entry in tree.entries(library):
            if posixpath.basename(entry.path).startswith("python") and entry.kind is EntryKind.FOLDER:
                inside = (f"{entry.path}/{name}" for name in _PACKAGE_FOLDERS)
                present = {each.path for each in tree.entries(entry.path) if each.kind is EntryKind.FOLDER}
                found += [folder for folder in inside if folder in present]
    return found
