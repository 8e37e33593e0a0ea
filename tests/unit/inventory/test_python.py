"""The catalogue of a Python installation, on trees made in memory."""

from collections.abc import Mapping

import pytest

from weighlock.core.error import UndecidedError
from weighlock.core.finding import Severity
from weighlock.core.installation import Installation
from weighlock.core.tree import MemoryTree
from weighlock.inventory.python import read_installation
from wheel_maker import record_digest

PACKAGES = "lib/python3.11/site-packages"


def project(name: str, version: str, files: Mapping[str, bytes], *, extra: str = "") -> dict[str, bytes]:
    info = f"{name}-{version}.dist-info"
    contents = {**files, f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n{extra}".encode()}
    rows = [f"{path},sha256={record_digest(raw)},{len(raw)}" for path, raw in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]).encode()
    return {f"{PACKAGES}/{path}": raw for path, raw in contents.items()}


def read(files: Mapping[str, bytes], config: bytes | None = None) -> Installation:
    return read_installation(MemoryTree(files), [PACKAGES], config=config)


def rules(installation: Installation) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in installation.findings}


def test_an_orderly_installation_has_no_findings() -> None:
    files = project("Foo_Bar", "1.0", {"foo/__init__.py": b"", "foo/a.py": b"x"}, extra="License: MIT\n")
    files[f"{PACKAGES}/foo/__pycache__/a.cpython-311.pyc"] = b"compiled"
    installation = read(files, b"version = 3.11.9\n")
    (package,) = installation.packages
    assert (package.name, package.version, package.licence) == ("foo-bar", "1.0", "MIT")
    assert len(package.files) == 4
    assert installation.findings == ()
    assert installation.unowned == ()
    assert installation.compiled == (f"{PACKAGES}/foo/__pycache__/a.cpython-311.pyc",)
    assert installation.python == "3.11.9"


@pytest.mark.parametrize(
    ("config", "python"),
    [
        (b"version_info = 3.12.1.final.0\n", "3.12.1"),
        (b"home = /usr/bin\n", "3.11"),
        (None, "3.11"),
    ],
)
def test_the_version_of_python_is_what_the_installation_says(config: bytes | None, python: str) -> None:
    assert read(project("a", "1", {}), config).python == python


def test_two_packages_of_one_name_are_a_finding() -> None:
    files = project("foo", "1.0", {"a.py": b""}) | project("Foo", "2.0", {"b.py": b""})
    installation = read(files)
    assert rules(installation) == {"installation_duplicate_package": Severity.HIGH}
    assert "2.0, 1.0" in installation.findings[0].message


def test_a_missing_record_is_a_finding_and_its_files_are_unowned() -> None:
    files = project("foo", "1.0", {"foo.py": b""})
    del files[f"{PACKAGES}/foo-1.0.dist-info/RECORD"]
    installation = read(files)
    assert rules(installation) == {
        "installation_record_missing": Severity.MEDIUM,
        "installation_unowned_file": Severity.MEDIUM,
    }
    assert installation.unowned == (f"{PACKAGES}/foo-1.0.dist-info/METADATA", f"{PACKAGES}/foo.py")


def test_files_of_nobody_are_one_finding_for_each_name() -> None:
    files = project("foo", "1.0", {"foo.py": b""})
    files |= {f"{PACKAGES}/evil/{name}.py": b"" for name in "abc"}
    files[f"{PACKAGES}/foo.so"] = b""
    installation = read(files)
    told = {finding.location: finding.message for finding in installation.findings}
    assert told == {
        f"{PACKAGES}/evil": "3 files here belong to no package",
        f"{PACKAGES}/foo.so": "1 file here belong to no package",
    }


def test_a_compiled_file_without_its_source_is_unowned() -> None:
    files = project("foo", "1.0", {"foo.py": b""})
    files[f"{PACKAGES}/__pycache__/evil.cpython-311.pyc"] = b""
    files[f"{PACKAGES}/evil.pyc"] = b""
    installation = read(files)
    assert installation.unowned == (f"{PACKAGES}/__pycache__/evil.cpython-311.pyc", f"{PACKAGES}/evil.pyc")


SETUPTOOLS = (
    b"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    b"enabled and __import__('_distutils_hack').add_shim(); \n"
)


@pytest.mark.parametrize(
    ("name", "content", "owned", "severity"),
    [
        ("evil.pth", b"import os; os.getcwd()\n", False, Severity.CRITICAL),
        ("evil.pth", b"import os; os.getcwd()\n", True, Severity.MEDIUM),
        ("evil.pth", b"# x\x0cimport os\n", False, Severity.CRITICAL),
        ("evil.pth", b"import\tos\n", False, Severity.CRITICAL),
        ("path.pth", b"/srv/code\n", False, Severity.HIGH),
        ("path.pth", b"/srv/code\n", True, Severity.MEDIUM),
        ("sitecustomize.py", b"", False, Severity.CRITICAL),
        ("sitecustomize.cpython-311-x86_64-linux-gnu.so", b"", False, Severity.CRITICAL),
        ("usercustomize/__init__.py", b"", True, Severity.MEDIUM),
        ("distutils-precedence.pth", SETUPTOOLS, True, Severity.INFO),
        ("distutils-precedence.pth", SETUPTOOLS, False, Severity.CRITICAL),
        ("distutils-precedence.pth", SETUPTOOLS + b"import evil\n", True, Severity.MEDIUM),
    ],
)
def test_start_up_files(name: str, content: bytes, owned: bool, severity: Severity) -> None:
    files = project("foo", "1.0", {name: content} if owned else {})
    files[f"{PACKAGES}/{name}"] = content
    assert rules(read(files)) == {"installation_startup_file": severity}


def test_a_start_up_file_below_the_folder_is_none() -> None:
    assert read(project("foo", "1.0", {"foo/sitecustomize.py": b""})).findings == ()


def test_metadata_that_contradict_the_folders_name_are_a_finding() -> None:
    files = project("foo", "1.0", {})
    files[f"{PACKAGES}/foo-1.0.dist-info/METADATA"] = b"Name: bar\nVersion: 1.0\n"
    installation = read(files)
    assert rules(installation) == {"installation_metadata_invalid": Severity.HIGH}
    assert installation.packages[0].name == "bar"


@pytest.mark.parametrize("raw", [b"", b"Name: foo\nName: foo\nVersion: 1.0\n", None])
def test_unreadable_metadata_keep_the_folders_name_and_are_a_finding(raw: bytes | None) -> None:
    files = project("foo", "1.0", {})
    path = f"{PACKAGES}/foo-1.0.dist-info/METADATA"
    files = {name: content for name, content in files.items() if name != path} | (
        {} if raw is None else {path: raw}
    )
    installation = read(files)
    assert rules(installation) == {"installation_metadata_invalid": Severity.HIGH}
    assert (installation.packages[0].name, installation.packages[0].version) == ("foo", "1.0")


def test_an_egg_is_listed_and_is_a_finding() -> None:
    installation = read({f"{PACKAGES}/Foo-1.0-py3.11.egg-info/PKG-INFO": b"Name: Foo\nVersion: 1.0\n"})
    assert [package.name for package in installation.packages] == ["foo"]
    assert "installation_record_missing" in rules(installation)


def test_an_egg_info_may_be_a_file() -> None:
    installation = read({f"{PACKAGES}/foo-1.0.egg-info": b"Name: Foo\nVersion: 1.0\n"})
    assert [(package.name, package.version) for package in installation.packages] == [("foo", "1.0")]


def test_an_editable_install_is_a_finding() -> None:
    files = project(
        "foo",
        "1.0",
        {"foo-1.0.dist-info/direct_url.json": b'{"url":"file:///x","dir_info":{"editable":true}}'},
    )
    assert rules(read(files)) == {"installation_editable": Severity.HIGH}


def test_a_file_recorded_without_a_digest_is_a_finding() -> None:
    files = project("foo", "1.0", {"foo.py": b""})
    record = f"{PACKAGES}/foo-1.0.dist-info/RECORD"
    files[record] = files[record].replace(b"foo.py,sha256=", b"foo.py,,\nother.py,sha256=")
    assert rules(read(files)) == {"installation_record_invalid": Severity.MEDIUM}


def test_a_record_that_leads_out_is_a_finding() -> None:
    files = project("foo", "1.0", {})
    files[f"{PACKAGES}/foo-1.0.dist-info/RECORD"] += b"\n../../../../etc/passwd,,\n"
    assert rules(read(files)) == {"installation_record_invalid": Severity.HIGH}


def test_a_record_that_is_no_csv_is_a_finding() -> None:
    files = project("foo", "1.0", {})
    files[f"{PACKAGES}/foo-1.0.dist-info/RECORD"] = b"\xff"
    assert rules(read(files))["installation_record_invalid"] is Severity.HIGH


def test_system_packages_in_reach_are_a_finding() -> None:
    installation = read(project("foo", "1.0", {}), b"include-system-site-packages = true\n")
    assert rules(installation) == {"installation_not_isolated": Severity.HIGH}


def test_old_folder_names_with_an_escaped_local_version_agree() -> None:
    files = project("foo", "1.0+cpu", {})
    files = {
        name.replace("1.0+cpu", "1.0_cpu"): raw.replace(b"1.0+cpu.dist", b"1.0_cpu.dist")
        for name, raw in files.items()
    }
    assert read(files).findings == ()


def test_an_installation_without_a_package_folder_is_undecided() -> None:
    with pytest.raises(UndecidedError) as caught:
        read_installation(MemoryTree({}), [])
    assert caught.value.code == "installation_unreadable"
