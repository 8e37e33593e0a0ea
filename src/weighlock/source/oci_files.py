"""Put together the files of a model from the members of its tar layers. No I/O.

For an image: OCI image-spec, layer.md, "Applying Changesets" and "Whiteouts". Only ``/models``
is a model's; the rest of an image's layers is read past, and no link is ever followed.
"""

import posixpath
from collections.abc import Sequence
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.text import shown
from weighlock.source.layer import check_regular
from weighlock.source.oci_plan import TarLayer
from weighlock.source.tar_header import Kind, invalid
from weighlock.source.tar_index import Member

MODELS: Final = "models"  # where KServe looks in a modelcar
WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"


class Place(NamedTuple):
    """Where a file's bytes are: the number of the tar layer, and the member."""

    layer: int
    member: Member


def is_of_image(path: str) -> bool:
    """Return whether a path in an image's layer may change what lies under ``/models``."""
    top, slash, _ = path.partition("/")
    return top == MODELS or (not slash and top.startswith(WHITEOUT))


def join_layers(tars: Sequence[TarLayer], members: Sequence[Sequence[Member]]) -> dict[str, Place]:
    """Return the files of a kit, pack or ORAS artifact by path.

    Raises DeniedError ``path_disagreement``, ``path_collision``, ``link_refused`` or ``file_special``.
    """
    files: dict[str, Place] = {}
    for number, (tar, found) in enumerate(zip(tars, members, strict=True)):
        for member in found:
            path = posixpath.join(tar.folder, member.path) if member.path else tar.folder
            if member.kind is Kind.FOLDER:
                continue
            _check_inside(path, tar.inside)
            check_regular(member)
            _add(files, path, Place(number, member))
    return files


def apply_layers(members: Sequence[Sequence[Member]]) -> dict[str, Place]:
    """Return the files under ``/models`` of an image, by their paths below it.

    Raises DeniedError ``artifact_empty``, ``archive_invalid``, ``path_collision``, ``link_refused`` or
    ``file_special``.
    """
    there: dict[str, Place] = {}
    for number, found in enumerate(members):
        there = _apply(there, number, found)
    files: dict[str, Place] = {}
    for path, place in there.items():
        check_regular(place.member)
        if path == MODELS:
            raise invalid("/models is a file")
        files[path.removeprefix(f"{MODELS}/")] = place
    if not files:
        raise DeniedError(
            "artifact_empty",
            "the image has no files under /models",
            hint="an image holds a model if its files lie under /models; name another image",
        )
    return files


def _apply(below: dict[str, Place], number: int, members: Sequence[Member]) -> dict[str, Place]:
    """Return what is there after one more layer; its whiteouts concern only what was ``below``."""
    added: dict[str, Place] = {}
    replaced: set[str] = set()  # what is gone with all that lay in it
    emptied: set[str] = set()  # folders whose content is gone
    folders: set[str] = set()
    for member in members:
        *parents, name = member.path.split("/")
        if any(parent.startswith(WHITEOUT) for parent in parents):
            raise invalid(f"{shown(member.path)!r} lies in a whiteout")
        if name.startswith(WHITEOUT):
            target = _whited_out(member, name)
            (emptied if name == OPAQUE else replaced).add(target)
        elif member.kind is Kind.FOLDER:
            folders.add(member.path)
        elif member.path.split("/")[0] == MODELS:
            _add(added, member.path, Place(number, member))
            replaced.add(member.path)
    kept = {
        path: place
        for path, place in below.items()
        if path not in replaced and path not in folders and not _is_below(path, replaced | emptied)
    }
    return {**kept, **added}


def _whited_out(member: Member, name: str) -> str:
    """Return what a whiteout removes, or the folder that it empties."""
    folder = posixpath.dirname(member.path)
    target = name.removeprefix(WHITEOUT)
    if member.kind is not Kind.FILE or member.size:
        raise invalid(f"the whiteout {shown(member.path)!r} is not an empty file")
    if name == OPAQUE:
        return folder
    if target in {"", ".", ".."} or target.startswith(WHITEOUT):
        raise invalid(f"the whiteout {shown(member.path)!r} removes nothing that has a name")
    return posixpath.join(folder, target)


def _is_below(path: str, folders: set[str]) -> bool:
    if "" in folders:  # the root was emptied
        return True
    parts = path.split("/")
    return any("/".join(parts[:depth]) in folders for depth in range(1, len(parts)))


def _add(files: dict[str, Place], path: str, place: Place) -> None:
    if path in files:
        raise DeniedError(
            "path_collision",
            f"the file {shown(path)!r} occurs twice",
            hint="two readers would take two different ones; report it to whoever published it",
        )
    files[path] = place


def _check_inside(path: str, inside: str) -> None:
    if inside and path != inside and not path.startswith(f"{inside}/"):
        raise DeniedError(
            "path_disagreement",
            f"a layer that should hold {shown(inside)!r} has the file {shown(path)!r} in it",
            hint="two readers would see two models; report it to whoever published it",
        )
