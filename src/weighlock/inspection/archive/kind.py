"""Which program's archive this is, and who reads it.

A reader of archives is ``module:function`` within the inspection package, called as
``examine(file, archive)``: it examines every member, or says why not.
"""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Final

from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.file import File
from weighlock.inspection.span import Reading

# what only torch has; its reader ignores case. The last line is an exported program, the one before it a package
_TORCH: Final = re.compile(
    r"[^/]+/(?:data|constants|attributes|bytecode)\.pkl|[^/]+/code/.+\.debug_pkl"
    r"|[^/]+/\.data/extern_modules"
    r"|[^/]+/archive_format|(?:[^/]+/)?data/aotinductor/.+|(?:[^/]+/)?serialized_exported_program\.(?:json|pt)",
    re.IGNORECASE,
)
# without one torch loads nothing: a package may have a data.pkl of its own
_TORCH_VERSION: Final = re.compile(r"[^/]+/(?:\.data/)?version", re.IGNORECASE)
_WHEEL: Final = re.compile(r"[^/]+\.dist-info/(?:WHEEL|RECORD)")
READERS: Final[dict[str, str]] = {
    "keras-zip": "archive.examine:examine_members",
    "mar": "package.archive:examine_mar",
    "nemo": "archive.examine:examine_members",
    "npz": "archive.examine:examine_members",
    "skops": "skops.examine:examine_skops",
    "tar": "archive.examine:examine_members",
    "torch-tar": "torch.tar:examine_torch_tar",
    "torch-zip": "torch.examine:examine_torch",
    "wheel": "package.archive:examine_wheel",
    "zip": "archive.examine:examine_members",
}


def kind_of(names: frozenset[str]) -> str:
    """Return which kind of archive has members of these names; a key of ``READERS``."""
    packed = any(map(_WHEEL.fullmatch, names)) and not any(map(_TORCH_VERSION.fullmatch, names))
    if not packed and any(map(_TORCH.fullmatch, names)):
        return "torch-zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if "MAR-INF/MANIFEST.json" in names:
        return "mar"
    if any(map(_WHEEL.fullmatch, names)):
        return "wheel"
    if "schema.json" in names:
        return "skops"
    return "keras-zip" if {"config.json", "metadata.json"} <= names else "zip"


def kind_of_tar(names: frozenset[str]) -> str:
    """Return which kind of tar file has members of these names; a key of ``READERS``."""
    if {"pickle", "storages", "tensors"} <= names:
        return "torch-tar"
    return "nemo" if "model_config.yaml" in names else "tar"


def reader_of(kind: str) -> Callable[[File, Archive], Reading[None]]:
    """Return what examines the members of an archive of this kind."""
    module, function = READERS[kind].split(":")
    package = __package__.rpartition(".")[0]
    found: Callable[[File, Archive], Reading[None]] = getattr(import_module(f"{package}.{module}"), function)
    return found
