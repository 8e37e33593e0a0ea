"""Names of files inside an artifact: plain relative POSIX paths that mean one thing everywhere.

A model travels between Linux, macOS, Windows and object stores. A name that one of
them reads differently is refused when it comes in, not repaired.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

MAX_PATH_BYTES: Final = 1024  # object stores' limit on keys
MAX_COMPONENT_BYTES: Final = 255  # Linux NAME_MAX
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def check_path(path: str) -> str:
    """Return ``path`` if it may name a file of an artifact; raises DeniedError ``path_invalid``."""
    why = _objection(path)
    if why:
        raise DeniedError(
            "path_invalid",
            f"the file name {shown(path)!r} is refused: {why}",
            hint="rename the file at its source; Weighlock never renames files of a model",
        )
    return path


def check_paths(paths: Iterable[str]) -> list[str]:
    """Return the paths, sorted by code point, if each is valid and no two can collide.

    Two names collide if they are equal after NFC and case folding, or if one names a
    folder of the other. Raises DeniedError ``path_invalid`` or ``path_collision``.
    """
    ordered = sorted(check_path(path) for path in paths)
    seen: dict[str, str] = {}
    for path in ordered:
        other = seen.setdefault(_folded(path), path)
        if other is not path:
            raise _collision(path, other)
    folders: dict[str, str] = {}
    for path in ordered:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            folded = _folded(folder)
            if folded in seen:
                raise _collision(path, seen[folded])
            if folders.setdefault(folded, folder) != folder:
                raise _collision(folder, folders[folded])
    return ordered


def _folded(path: str) -> str:
    # NFC, fold, NFC: folding can undo a normal form (Unicode, section 3.13, D145)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _collision(path: str, other: str) -> DeniedError:
    return DeniedError(
        "path_collision",
        f"the names {shown(path)!r} and {shown(other)!r} are the same on some file system",
        hint="rename one of them at the source",
    )


def _objection(path: str) -> str | None:
    if not path:
        return "it is empty"
    try:
        size = len(path.encode("utf-8"))
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if size > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    if path.startswith("/"):
        return "it is an absolute path"
    if found := _FORBIDDEN.search(path):
        return f"it contains {shown(found.group())!r}"
    return next(filter(None, map(_component_objection, path.split("/"))), None)


def _component_objection(component: str) -> str | None:
    if component in {"", ".", ".."}:
        return f"it has the component {component!r}"
    if len(component.encode("utf-8")) > MAX_COMPONENT_BYTES:
        return f"a component is longer than {MAX_COMPONENT_BYTES} bytes"
    if component.endswith((" ", ".")) or component.startswith(" "):
        return "a component begins or ends with a space, or ends with a dot"
    if any(unicodedata.category(character) in _INVISIBLE for character in component):
        return "it contains an invisible or direction-changing character"
    if _DEVICE.match(component):
        return f"{component!r} is a device on Windows"
    return None
