"""Inspect a model in a folder or a file, and say what was covered.

Results about a folder inform people. Only ``inspect_stored.inspect_artifact`` makes evidence: it digests
each file through the same descriptor that was examined.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.service.inspection_pool import Sized, share_out
from weighlock.service.inspection_process import Asked, InspectionProcess, not_examined
from weighlock.source.folder import FolderFile, walk_folder

_Sized = TypeVar("_Sized", bound=Sized)


def inspect_path(
    root: Path, *, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> InspectionResult:
    """Return what the files under ``root``, or the one file, hold; raises what ``walk_folder`` raises."""
    files = walk_folder(root)
    return examine_shared(files, _inspect_files, sum(file.size for file in files), options, progress)


def examine_shared(
    files: Sequence[_Sized],
    examine: Callable[[InspectionProcess, Sequence[_Sized]], Iterator[InspectedFile]],
    size: int,
    options: Options | None,
    progress: Progress,
) -> InspectionResult:
    """Return the result of what ``examine`` yields for the ``files`` of ``size`` bytes together."""
    progress.begin("inspecting", size)
    try:
        gathered = share_out(files, examine, options=options, done=lambda file: progress.advance(file.size))
    finally:
        progress.end()
    return InspectionResult.of(gathered.files, options=options, confinement=gathered.confinement)


def _inspect_files(process: InspectionProcess, files: Sequence[FolderFile]) -> Iterator[InspectedFile]:
    asked: list[Asked] = []
    try:
        for file in files:
            opened = _open(file)
            if isinstance(opened, Asked):
                asked.append(opened)
            else:
                yield opened
        yield from process.examine_all(asked)
    finally:
        for each in asked:
            os.close(each.descriptor)


def _open(file: FolderFile) -> Asked | InspectedFile:
    try:
        descriptor = open_regular(file.location)
    except OSError as error:
        return not_examined(file.path, file.size, f"it cannot be opened: {error.strerror}")
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        return not_examined(file.path, file.size, "it is not a regular file any more")
    return Asked(file.path, facts.st_size, descriptor)


def open_regular(location: Path) -> int:
    """Return a descriptor of a file for reading, without following a last link or blocking on a FIFO."""
    return os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
