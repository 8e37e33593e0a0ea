"""Check files before anything runs from them."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError, UsageError
from weighlock.core.text import shown
from weighlock.gate.document import MAX_WORKLOAD_BYTES
from weighlock.gate.examine import FileFormat, examine_file
from weighlock.gate.judge import Judge
from weighlock.gate.subject import FileReport


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

    Raises UsageError ``source_missing`` for a path that is no file; UndecidedError ``io_failed``.
    """
    judge = Judge(released, revoked)
    return [examine_file(str(file), _read(file), judge, file_format=file_format) for file in files]


def _read(file: Path) -> bytes:
    """Return the file's bytes, one more than the limit at most: the reader then refuses it."""
    try:
        with file.open("rb") as stream:
            if stat.S_ISDIR(os.fstat(stream.fileno()).st_mode):
                raise IsADirectoryError
            return stream.read(MAX_WORKLOAD_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(
            "source_missing", f"{shown(str(file))!r} is not a file", hint="name the files themselves"
        ) from error
    except OSError as error:
        raise UndecidedError("io_failed", f"{shown(str(file))!r} cannot be read: {error.strerror}") from error
