"""Installed files against RECORD."""

import pytest

from weighlock.core.digest import Digest
from weighlock.core.installation import Installation, InstalledPackage, RecordedFile
from weighlock.drift.difference import Drift, DriftKind
from weighlock.drift.file import RecordedDigest, compare_coverage, compare_files, recorded_digests

OLD, NEW = Digest.of(b"old"), Digest.of(b"new")
RECORDED = [RecordedDigest("a", "a.py", OLD)]


def test_equal_files_are_no_drift() -> None:
    assert compare_files(RECORDED, {("a.py", "sha256"): OLD}, ()) == ()


def test_changed_missing_and_added() -> None:
    recorded = [*RECORDED, RecordedDigest("b", "b.py", OLD)]
    drifts = compare_files(recorded, {("a.py", "sha256"): NEW, ("b.py", "sha256"): None}, ["c.py"])
    assert drifts == (
        Drift(DriftKind.FILE_CHANGED, "a", str(OLD), str(NEW), "a.py"),
        Drift(DriftKind.FILE_MISSING, "b", str(OLD), "", "b.py"),
        Drift(DriftKind.FILE_ADDED, "", "", "", "c.py"),
    )


def test_a_file_that_was_not_looked_at_never_matches() -> None:
    with pytest.raises(KeyError):
        compare_files(RECORDED, {}, ())


def test_files_without_a_digest_are_not_compared_but_named() -> None:
    files = (
        RecordedFile("a.py", OLD, 3),
        RecordedFile("b.py", None, None),
        RecordedFile("a-1.dist-info/RECORD", None, None),
        RecordedFile("__pycache__/a.cpython-311.pyc", None, None),
    )
    packages = (
        InstalledPackage("a", "1", "a-1.dist-info", record=OLD, files=files),
        InstalledPackage("b", "1", "b-1.egg-info"),
    )
    observed = Installation(packages, "3.11", ("lib",), (), (), ())
    assert recorded_digests(observed) == RECORDED
    assert compare_coverage(observed) == (
        Drift(DriftKind.FILES_UNKNOWN, "a", path="b.py"),
        Drift(DriftKind.FILES_UNKNOWN, "b", path="b-1.egg-info"),
    )


def test_a_difference_reads_as_a_sentence() -> None:
    assert str(Drift(DriftKind.VERSION, "a", "1", "2")) == "version: a (1 → 2)"
    assert str(Drift(DriftKind.FILE_ADDED, "", path="x.pth")) == "file added: x.pth"
