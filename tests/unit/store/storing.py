"""What the tests of the store share."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import WeighlockError
from weighlock.store.interface import Store

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
NOTE = "application/vnd.example.note"


def at_noon() -> dt.datetime:
    return NOW


def put_model(store: Store, files: dict[str, bytes], *, name: str | None = None) -> Descriptor:
    listed = [ArtifactFile(path, *store.write_blob([data])) for path, data in files.items()]
    artifact, config = Artifact.build(listed)
    store.write_blob([config])
    return store.put_manifest(artifact.manifest, name=name)


def refused(code: str) -> "pytest.RaisesExc[WeighlockError]":
    return pytest.raises(WeighlockError, check=lambda error: error.code == code)


def blob_file(root: Path, digest: Digest) -> Path:
    return root / "blobs" / digest.algorithm / digest.hex


def names_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def overwrite(file: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file in place, whatever its mode."""
    mode = file.stat().st_mode
    file.chmod(0o600)
    file.write_bytes(change(file.read_bytes()))
    file.chmod(mode & 0o7777)
