"""Check files before anything runs from them."""

from collections.abc import Iterable
from pathlib import Path

from weighlock.core.digest import Digest
from weighlock.gate.document import MAX_WORKLOAD_BYTES
from weighlock.gate.examine import FileFormat, examine_file
from weighlock.gate.judge import Judge
from weighlock.gate.subject import FileReport
from weighlock.service.file import read_limited


def check_files(
    files: Iterable[Path],
    *,
    released: frozenset[Digest],
    revoked: frozenset[Digest],
    file_format: FileFormat | None = None,
) -> list[FileReport]:
    """Return a report about each file, in the order given.

    Args:
        files: regular files; each is read once, whole.
        released: the digests of released models, from verified state.
        revoked: digests that nothing may name, from the same state.
        file_format: what the files are; by default their names and contents tell.

    Raises UsageError ``source_missing`` for a path that is no file; OSError.
    """
    judge = Judge(released, revoked)
    read = ((file, read_limited(file, MAX_WORKLOAD_BYTES, missing="source_missing")) for file in files)
    return [examine_file(str(file), raw, judge, file_format=file_format) for file, raw in read]
