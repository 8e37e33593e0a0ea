"""Release self-hosted AI models like software: pinned, examined, approved, signed, verified at start.

For programs: ``weighlock.inspect(path)`` returns what a model's files would do, as an ``InspectionResult``
(docs/api.md). The names are imported when they are first used, because every command begins here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weighlock.service.api import (
        Finding,
        InspectedFile,
        InspectionResult,
        Outcome,
        Severity,
        WeighlockError,
        inspect,
    )

__all__ = [
    "Finding",
    "InspectedFile",
    "InspectionResult",
    "Outcome",
    "Severity",
    "WeighlockError",
    "__version__",
    "inspect",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import a name of ``__all__`` when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module("weighlock.service.api"), name)
    globals()[name] = value
    return value
