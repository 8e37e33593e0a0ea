"""Files that Python runs when it starts, before any program does (docs.python.org, ``site``).

LiteLLM 1.82.8 was such a file: no import of the package was needed.
"""

import re
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.finding import Confidence, Finding, Severity
from weighlock.core.text import shown

MAX_HOOK_BYTES: Final = 1024 * 1024  # the known ones have a few hundred
_IMPORT: Final = re.compile(
    rb"import[ \t]"
)  # anywhere: site splits lines at more characters than editors show
HOOK_MODULES: Final = frozenset({"sitecustomize", "usercustomize"})
_HOOK: Final = re.compile(rf"({'|'.join(sorted(HOOK_MODULES))})(\..*)?", re.DOTALL)

# The exact bytes that setuptools ships: they import a module of setuptools itself, whose
# digest RECORD holds. Anything else under that name is a finding like any other.
_SETUPTOOLS: Final = (
    b"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, '%s') == 'local'; "
    b"enabled and __import__('_distutils_hack')%s; "
)
KNOWN_HOOKS: Final = frozenset(
    {
        Digest.of(_SETUPTOOLS % (b"local", b".add_shim()")),
        Digest.of(_SETUPTOOLS % (b"stdlib", b".add_shim()")),
        Digest.of(_SETUPTOOLS % (b"stdlib", b"")),
    }
)


def is_hook(name: str) -> bool:
    """Return whether a file or folder of this name, directly in a package folder, runs at start."""
    return name.endswith((".pth", ".start")) or _HOOK.fullmatch(name) is not None


def examine_hook(path: str, content: bytes | None, *, owned: bool) -> Finding:
    """Return what is to be said of a start-up file.

    Args:
        path: where it is.
        content: its bytes, None if it is not a regular file.
        owned: whether a RECORD lists it.
    """
    if owned and content is not None and Digest.of(content.rstrip(b"\n")) in KNOWN_HOOKS:
        return _finding(path, Severity.INFO, "is setuptools' own start-up file, byte for byte")
    runs = content is None or not path.endswith(".pth") or _IMPORT.search(content) is not None
    what = (
        "runs code whenever Python starts"
        if runs
        else "adds folders to Python's path, which are not examined"
    )
    if owned:
        return _finding(path, Severity.MEDIUM, what)
    return _finding(path, Severity.CRITICAL if runs else Severity.HIGH, f"{what}, and belongs to no package")


def _finding(path: str, severity: Severity, what: str) -> Finding:
    return Finding(
        rule="installation_startup_file",
        severity=severity,
        confidence=Confidence.HIGH,
        location=shown(path),
        message=f"the file {what}",
        remedy="read the file; if no locked package needs it, make the installation again without it",
    )
