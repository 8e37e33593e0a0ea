"""List what lies under ignored paths: no signature covers it, and people should know."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

MAX_LISTED: Final = 1_000  # a git folder has thousands of objects; people need to know that it is there


def list_ignored(root: Path, ignore: Iterable[str]) -> list[str]:
    """Return up to ``MAX_LISTED`` paths of files and links under the ignored paths that exist, in code-point order."""
    found = (path for entry in sorted(set(ignore)) for path in _under(root, entry))
    return sorted(islice(found, MAX_LISTED))


def _under(root: Path, entry: str) -> Iterator[str]:
    location = root / entry
    if location.is_symlink() or not location.is_dir():
        if os.path.lexists(location):
            yield entry
        return
    for folder, _, names in os.walk(location):
        for name in names:
            yield str((Path(folder) / name).relative_to(root))
