"""Packages of an installation against its lock."""

import pytest
from packaging.markers import default_environment

from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.installation import Installation, InstalledPackage
from weighlock.core.package_lock import PackageLock
from weighlock.drift.difference import Drift, DriftKind
from weighlock.drift.marker import environments_of
from weighlock.drift.package import compare, tolerated_packages

HASH = f"--hash=sha256:{'a' * 64}"


def lock(*requirements: str) -> PackageLock:
    return PackageLock.parse("".join(f"{each} {HASH}\n" for each in requirements).encode())


def installed(*packages: str, python: str = "3.11.9") -> Installation:
    read = [
        InstalledPackage(name, version, f"{name}-{version}")
        for name, version in (each.split("==") for each in packages)
    ]
    return Installation(tuple(read), python, ("lib",), (), (), ())


def test_an_installation_like_its_lock_has_no_drift() -> None:
    assert compare(lock("Foo_Bar==1.0", "baz==2"), installed("foo-bar==1.0", "baz==2")) == ()


def test_missing_added_and_another_version() -> None:
    drifts = compare(lock("a==1", "b==2"), installed("b==3", "c==4"))
    assert drifts == (
        Drift(DriftKind.MISSING, "a", "1"),
        Drift(DriftKind.VERSION, "b", "2", "3"),
        Drift(DriftKind.ADDED, "c", "", "4"),
    )


@pytest.mark.parametrize(
    ("locked", "found"), [("1.0", "1.0.0"), ("1.0rc1", "1.0-RC1"), ("not.a.version", "not.a.version")]
)
def test_versions_that_mean_the_same_are_no_drift(locked: str, found: str) -> None:
    assert compare(lock(f"a=={locked}"), installed(f"a=={found}")) == ()


@pytest.mark.parametrize(
    ("locked", "found"), [("1.0", "1.0+cpu"), ("1.0", "1.0.post1"), ("x", "y"), ("1", "y")]
)
def test_versions_that_mean_other_bytes_are_drift(locked: str, found: str) -> None:
    (drift,) = compare(lock(f"a=={locked}"), installed(f"a=={found}"))
    assert drift.kind is DriftKind.VERSION


def test_a_second_copy_is_drift_even_in_the_locked_version() -> None:
    drifts = compare(lock("a==1"), installed("a==1", "a==1"))
    assert drifts == (Drift(DriftKind.DUPLICATE, "a", "1", "1, 1"),)


def test_installers_are_tolerated_visibly_and_only_where_no_one_locked_them() -> None:
    found = installed("a==1", "pip==23", "setuptools==65")
    assert compare(lock("a==1"), found) == ()
    assert tolerated_packages(lock("a==1"), found) == ("pip 23", "setuptools 65")
    assert [drift.package for drift in compare(lock("a==1"), found, tolerated=())] == ["pip", "setuptools"]
    assert [drift.kind for drift in compare(lock("a==1", "pip==24"), found)] == [DriftKind.VERSION]
    assert tolerated_packages(lock("a==1", "pip==23"), found) == ("setuptools 65",)


@pytest.mark.parametrize(
    ("marker", "python", "wanted"),
    [
        ("python_version < '3.12'", "3.11.9", True),
        ("python_version < '3.12'", "3.12.1", False),
        ("python_full_version < '3.11.4'", "3.11.9", False),
        ("python_version >= '3.10'", "3.11", True),
        ("platform_python_implementation == 'PyPy'", "3.11.9", False),
        ("implementation_name == 'cpython'", "3.11.9", True),
        ("sys_platform == 'linux'", "", True),
        ("extra == 'gpu'", "3.11.9", False),
    ],
)
def test_markers_are_decided_for_the_installation(marker: str, python: str, wanted: bool) -> None:
    drifts = compare(lock(f"a==1 ; {marker}", "b==1"), installed("b==1", python=python))
    assert drifts == ((Drift(DriftKind.MISSING, "a", "1"),) if wanted else ())


def test_the_marker_of_another_python_makes_the_package_an_addition() -> None:
    drifts = compare(lock("a==1 ; python_version < '3.9'", "b==1"), installed("a==1", "b==1"))
    assert [drift.kind for drift in drifts] == [DriftKind.ADDED]


@pytest.mark.parametrize(
    ("marker", "python"), [("python_version < '3.12'", ""), ("python_full_version < '3.11.4'", "3.11")]
)
def test_a_marker_that_asks_what_nobody_knows_is_undecided(marker: str, python: str) -> None:
    with pytest.raises(UndecidedError) as caught:
        compare(lock(f"a==1 ; {marker}"), installed("a==1", python=python))
    assert caught.value.code == "marker_undecided"


@pytest.mark.parametrize("marker", ["nonsense", "python_version <", "unknown == '1'"])
def test_a_malformed_marker_is_refused(marker: str) -> None:
    with pytest.raises(DeniedError) as caught:
        compare(lock(f"a==1 ; {marker}"), installed("a==1"))
    assert caught.value.code == "package_lock_invalid"


def test_two_entries_that_both_hold_are_refused() -> None:
    both = lock("a==1 ; python_version >= '3.10'", "a==2 ; python_version >= '3.11'")
    with pytest.raises(DeniedError, match=r"lines 1 and 2 .* both pin a"):
        compare(both, installed("a==1"))


def test_of_two_entries_the_one_that_holds_counts() -> None:
    forked = lock("a==1 ; python_version < '3.11'", "a==2 ; python_version >= '3.11'")
    assert compare(forked, installed("a==2")) == ()


def test_every_variable_of_a_marker_has_a_value() -> None:
    (environment,) = environments_of("3.11.9")
    assert environment.keys() >= default_environment().keys()
