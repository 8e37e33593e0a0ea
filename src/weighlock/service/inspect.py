"""Inspect a model in a folder or a file, and say what was covered.

Results about a folder inform people. Only ``inspect_stored.inspect_artifact`` makes evidence: it digests
each file through the same descriptor that was examined.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from weighlock.core.finding import Finding
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.service.inspection_pool import Sized, share_out
from weighlock.service.inspection_process import Asked, InspectionProcess, not_examined
from weighlock.source.folder import FolderFile, walk_folder
from weighlock.source.steady import FileIdentity

if TYPE_CHECKING:
    from weighlock.core.digest import Digest

_Sized = TypeVar("_Sized", bound=Sized)


def inspect_path(
    root: Path, *, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> InspectionResult:
    """Return what the files under ``root``, or the one file, hold; raises what ``walk_folder`` raises."""
    return inspect_paths([root], options=options, progress=progress)


def inspect_paths(
    roots: Sequence[Path],
    *,
    options: Options | None = None,
    wants_digest: Callable[[InspectedFile], bool] = lambda _: False,
    progress: Progress = NO_PROGRESS,
) -> InspectionResult:
    """Return what the files under all ``roots`` hold; raises what ``walk_folder`` raises.

    Of one root, paths are relative to it; of several, they begin with the root as it was named. Files for which
    ``wants_digest`` says so have their digest in the result.
    """
    files = [_within(file, root, alone=len(roots) == 1) for root in roots for file in walk_folder(root)]

    def examine(process: InspectionProcess, batch: Sequence[FolderFile]) -> Iterator[InspectedFile]:
        return _inspect_files(process, batch, wants_digest)

    return examine_shared(files, examine, sum(file.size for file in files), options, progress)


def _within(file: FolderFile, root: Path, *, alone: bool) -> FolderFile:
    if alone:
        return file
    return file._replace(path=str(root if root.is_file() else root / file.path))


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
    inspected = _judge_together(gathered.files)
    return InspectionResult.of(
        inspected, options=options, confinement=gathered.confinement, engine=gathered.engine
    )


def _judge_together(files: list[InspectedFile]) -> list[InspectedFile]:
    """Add what the files say of each other; nothing of their bytes is parsed for it."""
    if not any(file.examined.links for file in files) and len(files) == 1:
        return files
    from weighlock.inspection.repository.examine import examine_repository  # noqa: PLC0415  # not for one file
    from weighlock.inspection.repository.tensor_data import settle_data  # noqa: PLC0415  # as above

    settled = settle_data([(file.examined, file.size) for file in files]) if len(files) > 1 else {}
    files = [replace(file, examined=settled.get(file.examined.path, file.examined)) for file in files]
    told: dict[str, list[Finding]] = {}
    for path, finding in examine_repository([file.examined for file in files]):
        told.setdefault(path, []).append(finding)
    return [_with_findings(file, told.get(file.examined.path, [])) for file in files]


def _with_findings(file: InspectedFile, more: list[Finding]) -> InspectedFile:
    if not more:
        return file
    findings = sorted(
        [*file.examined.findings, *more], key=lambda each: (-each.severity, each.location, each.rule)
    )
    return replace(file, examined=replace(file.examined, findings=tuple(findings)))


def _inspect_files(
    process: InspectionProcess, files: Sequence[FolderFile], wants_digest: Callable[[InspectedFile], bool]
) -> Iterator[InspectedFile]:
    asked: list[Asked] = []
    before: list[FileIdentity] = []
    try:
        for file in files:
            opened = _open(file)
            if isinstance(opened, Asked):
                asked.append(opened)
                before.append(FileIdentity.of(os.fstat(opened.descriptor)))
            else:
                yield opened
        for each, identity, done in zip(asked, before, process.examine_all(asked), strict=False):
            digest = digest_of(each.descriptor) if wants_digest(done) else None
            if FileIdentity.of(os.fstat(each.descriptor)) != identity:
                done = _changed(done)  # noqa: PLW2901  # what was seen of it is not worth more than its findings
            yield replace(done, digest=digest)
    finally:
        for each in asked:
            os.close(each.descriptor)


def _changed(file: InspectedFile) -> InspectedFile:
    reason = "it was written to while it was examined"
    return replace(file, examined=replace(file.examined, not_examined=reason, skipped=(reason,)))


def _open(file: FolderFile) -> Asked | InspectedFile:
    try:
        descriptor = open_regular(file.location)
    except OSError as error:
        return not_examined(file.path, file.size, f"it cannot be opened: {error.strerror}")
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        return not_examined(file.path, file.size, "it is not a regular file any more")
    if not facts.st_size and os.pread(descriptor, 1, 0):
        os.close(descriptor)
        return not_examined(file.path, 0, "its size is not known: it is no file on a disk")
    return Asked(file.path, facts.st_size, descriptor)


def open_regular(location: Path) -> int:
    """Return a descriptor of a file for reading, without following a last link or blocking on a FIFO."""
    return os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)


def digest_of(descriptor: int) -> "Digest":
    """Return the digest of all bytes of an open file, wherever it stands."""
    import hashlib  # noqa: PLC0415  # 3 ms, and few inspections of a folder want digests

    from weighlock.core.digest import Digest  # noqa: PLC0415  # as above

    digest = hashlib.sha256()
    buffer = memoryview(bytearray(READ_BYTES))
    at = 0
    while read := os.preadv(descriptor, [buffer], at):
        digest.update(buffer[:read])
        at += read
    return Digest("sha256", digest.hexdigest())
