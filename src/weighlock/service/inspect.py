"""Inspect a model in a folder, a file or a store, and say what was covered.

Results about a folder inform people. Only ``inspect_artifact`` makes evidence: it digests
each file through the same descriptor that was examined.
"""

import contextlib
import hashlib
import io
import os
import stat
import tempfile
from pathlib import Path

from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.service.inspection_process import InspectionProcess, not_examined, open_regular
from weighlock.source.folder import FolderFile, walk_folder
from weighlock.source.steady import FileIdentity
from weighlock.store.folder import read_chunks, write_all
from weighlock.store.interface import Store
from weighlock.store.manifest import read_model
from weighlock.store.tally import Tally


def inspect_path(root: Path, *, progress: Progress = NO_PROGRESS) -> InspectionResult:
    """Return what the files under ``root``, or the one file, hold; raises what ``walk_folder`` raises."""
    files = walk_folder(root)
    progress.begin("inspecting", sum(file.size for file in files))
    done: list[InspectedFile] = []
    try:
        with InspectionProcess() as process:
            for file in files:
                done.append(_inspect_file(process, file))
                progress.advance(file.size)
    finally:
        progress.end()
    return InspectionResult.of(done)


def inspect_artifact(
    store: Store, artifact: Artifact, *, progress: Progress = NO_PROGRESS
) -> InspectionResult:
    """Return what the files of ``artifact`` hold, as its digests name them.

    Raises DeniedError ``digest_mismatch`` or ``size_mismatch`` if the store holds other bytes, ``file_changed`` if
    somebody writes them meanwhile, ``blob_missing``.
    """
    progress.begin("inspecting", artifact.size)
    done: list[InspectedFile] = []
    try:
        with InspectionProcess() as process:
            for path, descriptor in artifact.files.items():
                done.append(_inspect_blob(process, store, path, descriptor))
                progress.advance(descriptor.size)
    finally:
        progress.end()
    return InspectionResult.of(done)


def inspect_stored(store: Store, text: str, *, progress: Progress = NO_PROGRESS) -> InspectionResult:
    """Return what the model that ``text`` names in a store holds; raises the store's errors."""
    return inspect_artifact(store, read_model(store, store.resolve(text).digest), progress=progress)


def _inspect_file(process: InspectionProcess, file: FolderFile) -> InspectedFile:
    try:
        descriptor = open_regular(file.location)
    except OSError as error:
        return not_examined(file.path, file.size, f"it cannot be opened: {error.strerror}")
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return not_examined(file.path, file.size, "it is not a regular file any more")
        return process.examine(file.path, facts.st_size, descriptor)
    finally:
        os.close(descriptor)


def _inspect_blob(
    process: InspectionProcess, store: Store, path: str, descriptor: Descriptor
) -> InspectedFile:
    with store.open_blob(descriptor.digest) as stream:
        if isinstance(stream, io.FileIO):
            return _inspect_stored_file(process, path, descriptor, stream.fileno())
        with tempfile.TemporaryFile(buffering=0) as copy:  # the worker needs a descriptor
            tally = Tally(
                f"the file {shown(path)!r}", expected=descriptor.digest, expected_size=descriptor.size
            )
            for chunk in read_chunks(stream, size=descriptor.size):
                tally.update(chunk)  # which also ends what is longer than promised
                write_all(copy.fileno(), chunk)
            tally.finish()
            return process.examine(path, descriptor.size, copy.fileno())


def _inspect_stored_file(
    process: InspectionProcess, path: str, descriptor: Descriptor, number: int
) -> InspectedFile:
    before = _identity(number)
    done = process.examine(path, descriptor.size, number)
    _check_digest(path, number, descriptor)
    if _identity(number) != before:  # else whoever can write the store shows the inspector other bytes
        raise DeniedError(
            "file_changed",
            f"{shown(path)!r} was written to in the store while it was inspected",
            hint="nothing writes to a stored file in good faith: find out who can write the store",
        )
    return done


def _identity(number: int) -> FileIdentity:
    with contextlib.suppress(OSError):  # a read-only file system: nobody writes there
        os.fsync(number)  # a page that is mapped and dirty changes unseen until it was written out
    return FileIdentity.of(os.fstat(number))


def _check_digest(path: str, number: int, descriptor: Descriptor) -> None:
    size = os.fstat(number).st_size
    if size != descriptor.size:
        raise DeniedError("size_mismatch", f"{shown(path)!r} has {size} bytes, not {descriptor.size}")
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(READ_BYTES))
    at = 0
    while read := os.preadv(number, [buffer], at):
        digest.update(buffer[:read])
        at += read
    if Digest("sha256", digest.hexdigest()) != descriptor.digest:
        raise DeniedError(
            "digest_mismatch",
            f"the bytes of {shown(path)!r} are not those that its digest names",
            hint="run `weighlock fsck`, and pull the model again",
        )
