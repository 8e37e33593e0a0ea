"""Real installations: pip made them, and Python's own importlib.metadata reads the same."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from weighlock.cli.main import run
from weighlock.core.error import UsageError
from weighlock.core.installation import Installation
from weighlock.core.package_lock import normalize_name
from weighlock.service.inventory import make_installation_bom, open_installation
from wheel_maker import make_installation, make_wheel, packages_of


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation")
    code = {"alpha/__init__.py": "VALUE = 1\n", "alpha/data.txt": "data\n"}
    script = "[console_scripts]\nalpha = alpha:main\n"
    wheels = [
        make_wheel(folder, "alpha", "1.0", {**code, "alpha-1.0.dist-info/entry_points.txt": script}),
        make_wheel(folder, "beta-tools", "2.0+local", {"beta.py": ""}, metadata="License-Expression: MIT\n"),
    ]
    return make_installation(folder / "venv", wheels)


@pytest.fixture(scope="module")
def own() -> Installation:
    _, found = open_installation(Path(sys.prefix))
    return found


def test_what_pip_installed_is_read_with_its_script(installation: Path) -> None:
    _, found = open_installation(installation)
    assert [(package.name, package.version) for package in found.packages] == [
        ("alpha", "1.0"),
        ("beta-tools", "2.0+local"),
    ]
    assert found.findings == ()
    assert found.unowned == ()
    alpha, beta = found.packages
    assert "bin/alpha" in {file.path for file in alpha.files}
    assert alpha.installer == "pip"
    assert beta.licence == "MIT"
    assert beta.archive is not None, "pip notes the digest of a wheel that it was given as a file"


def test_the_package_folder_itself_may_be_named(installation: Path) -> None:
    _, whole = open_installation(installation)
    _, from_folder = open_installation(packages_of(installation))
    assert from_folder == whole


def test_nothing_of_the_installation_runs(installation: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hook = packages_of(installation) / "evil.pth"
    hook.write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n")
    try:
        subprocess.run([installation / "bin" / "python", "-c", ""], check=True)
        assert marker.exists(), "the payload does work where Python starts"
        marker.unlink()
        assert run(["sbom", "make", str(installation), "--quiet"]) == 1
        assert not marker.exists()
    finally:
        hook.unlink()


def test_importlib_metadata_finds_the_same_packages(own: Installation) -> None:
    theirs = {}
    for distribution in importlib.metadata.distributions(path=[str(packages_of(Path(sys.prefix)))]):
        theirs[normalize_name(distribution.name)] = distribution
    assert {package.name: package.version for package in own.packages} == {
        name: distribution.version for name, distribution in theirs.items()
    }
    for package in own.packages:
        files = theirs[package.name].files or []
        expected = {str(file): file.hash.value if file.hash else None for file in files}
        assert len(package.files) == len(expected), package.name


def test_names_are_normalised_as_packaging_does(own: Installation) -> None:
    assert all(canonicalize_name(package.name) == package.name for package in own.packages)
    for name in ("Foo.Bar__baz", "a-_-b", "X"):
        assert normalize_name(name) == canonicalize_name(name)


def test_the_document_of_our_own_environment_is_reproducible(own: Installation) -> None:
    assert make_installation_bom(own) == make_installation_bom(own)


def test_the_command_writes_the_document_and_says_what_it_found(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sbom.json"
    assert run(["sbom", "make", str(installation), "-o", str(file), "--reproducible", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(file.read_bytes())
    assert [part["purl"] for part in printed["components"]] == [
        "pkg:pypi/alpha@1.0",
        "pkg:pypi/beta-tools@2.0%2Blocal",
    ]
    assert "timestamp" not in printed["metadata"]


def test_the_command_prints_a_table(installation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sbom", "make", str(installation)]) == 0
    printed = capsys.readouterr().out
    assert "beta-tools  2.0+local" in printed
    assert "2 packages, Python 3." in printed


def test_a_path_without_an_installation_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_installation(tmp_path / "missing")
    assert caught.value.code == "installation_missing"


def test_an_empty_folder_is_no_clean_installation(tmp_path: Path) -> None:
    assert run(["sbom", "make", str(tmp_path)]) == 3
