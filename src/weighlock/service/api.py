"""What other programs may import, as ``weighlock.NAME``: these names keep their meaning (docs/api.md)."""

import os
from collections.abc import Mapping
from pathlib import Path

from weighlock.core.error import UsageError, WeighlockError
from weighlock.core.finding import Finding, Severity
from weighlock.core.outcome import Outcome
from weighlock.core.pickle_name import split_name
from weighlock.inspection.options import Options
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.service.inspect import inspect_path

__all__ = [
    "Finding",
    "InspectedFile",
    "InspectionResult",
    "Outcome",
    "Severity",
    "WeighlockError",
    "inspect",
]


def inspect(path: "str | os.PathLike[str]", *, allow: Mapping[str, str] | None = None) -> InspectionResult:
    """Return what the model in a file or folder would do when it is loaded; nothing of it is run.

    ``result.outcome`` is CLEAN only if every byte was accounted for; FINDINGS and UNDECIDED (something was not
    examined) both mean: do not load. The parsers run in processes of their own, so this is safe on hostile files;
    it may be called from any thread.

    Args:
        path: a file, or a folder with the files of one model.
        allow: names that a pickle may import besides those known to be harmless, ``module.name`` → the reason.

    Raises WeighlockError, whose ``code`` is one of docs/errors.md: ``source_missing``, ``link_refused``,
    ``file_special``, ``artifact_empty``, ``path_invalid``, ``io_failed``, ``arguments_invalid``.
    """
    if not os.fspath(path):
        raise UsageError("source_missing", "the path is empty")
    try:
        names = {split_name(name): reason for name, reason in (allow or {}).items()}
    except ValueError as error:
        raise UsageError("arguments_invalid", str(error)) from error
    return inspect_path(Path(path), options=Options(names))
