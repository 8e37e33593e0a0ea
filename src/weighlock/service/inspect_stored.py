"""Inspect a model in a store: what promotion signs as evidence.

Each file is digested through the same descriptor that is examined, while the worker is at it.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.error import DeniedError
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.service.inspect import digest_of, examine_shared
from weighlock.service.inspection_process import Asked, InspectionProcess
from weighlock.source.steady import FileIdentity
from weighlock.store.folder import read_chunks, write_all
from weighlock.store.interface import Store
from weighlock.store.manifest import read_model
from weighlock.store.tally import Tally


class _Blob(NamedTuple):
    """A file of an artifact in a store."""

    path: str
    size: int
    descriptor: Descriptor


def inspect_artifact(
    store: Store, artifact: Artifact, *, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> InspectionResult:
    """Return what the files of ``artifact`` hold, as its digests name them.

    Raises DeniedError ``digest_mismatch`` or ``size_mismatch`` if the store holds other bytes, ``file_changed`` if
    somebody writes them meanwhile, ``blob_missing``.
    """
    files = [_Blob(path, descriptor.size, descriptor) for path, descriptor in artifact.files.items()]

    def examine(process: InspectionProcess, batch: Sequence[_Blob]) -> Iterator[InspectedFile]:
        for file in batch:
            yield replace(_inspect_blob(process, store, file), digest=file.descriptor.digest)

    return examine_shared(files, examine, artifact.size, options, progress)


def inspect_stored(
    store: Store, text: str, *, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> InspectionResult:
    """Return what the model that ``text`` names in a store holds; raises the store's errors."""
    artifact = read_model(store, store.resolve(text).digest)
    return inspect_artifact(store, artifact, options=options, progress=progress)


def _inspect_blob(process: InspectionProcess, store: Store, file: _Blob) -> InspectedFile:
    with store.open_blob(file.descriptor.digest) as stream:
        if isinstance(stream, io.FileIO):
            return _inspect_stored_file(process, file, stream.fileno())
        with tempfile.TemporaryFile(buffering=0) as copy:  # the worker needs a descriptor
            tally = Tally(
                f"the file {shown(file.path)!r}", expected=file.descriptor.digest, expected_size=file.size
            )
            for chunk in read_chunks(stream, size=file.size):
                tally.update(chunk)  # which also ends what is longer than promised
                write_all(copy.fileno(), chunk)
            tally.finish()
            return process.examine(file.path, file.size, copy.fileno())


def _inspect_stored_file(process: InspectionProcess, file: _Blob, number: int) -> InspectedFile:
    before = _identity(number)
    asked = Asked(file.path, file.size, number)
    done = list(
        process.examine_all([asked], meanwhile=lambda: _check_digest(file.path, number, file.descriptor))
    )
    if _identity(number) != before:  # else whoever can write the store shows the inspector other bytes
        raise DeniedError(
            "file_changed",
            f"{shown(file.path)!r} was written to in the store while it was inspected",
            hint="nothing writes to a stored file in good faith: find out who can write the store",
        )
    return done[0]


def _identity(number: int) -> FileIdentity:
    with contextlib.suppress(OSError):  # a read-only file system: nobody writes there
        os.fsync(number)  # a page that is mapped and dirty changes unseen until it was written out
    return FileIdentity.of(os.fstat(number))


def _check_digest(path: str, number: int, descriptor: Descriptor) -> None:
    size = os.fstat(number).st_size
    if size != descriptor.size:
        raise DeniedError("size_mismatch", f"{shown(path)!r} has {size} bytes, not {descriptor.size}")
    if digest_of(number) != descriptor.digest:
        raise DeniedError(
            "digest_mismatch",
            f"the bytes of {shown(path)!r} are not those that its digest names",
            hint="run `weighlock fsck`, and pull the model again",
        )
