"""An installation is bound byte by byte where Python reads: packages, compiled files, program, pyvenv.cfg."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.package_lock import PackageLock
from weighlock.service import installation as service
from weighlock.service.installation import CheckedInstallation, check_installation, describe_installation
from wheel_maker import record_digest

PROGRAM = "{installation}/bin/python"
LOCK = PackageLock.parse(b"tiny==1.0 --hash=sha256:" + b"a" * 64 + b"\n")


def recorded(path: str, raw: bytes) -> str:
    return f"{path},sha256={record_digest(raw)},{len(raw)}\n"


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    packages = tmp_path / "venv/lib/python3.11/site-packages"
    info = packages / "tiny-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "venv/bin").mkdir()
    (tmp_path / "venv/bin/python").symlink_to(Path(sys.executable).resolve())
    config = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.7\ncommand = x\n"
    (tmp_path / "venv/pyvenv.cfg").write_text(config, encoding="utf-8")
    files = {"tiny.py": b"x = 1\n", "tiny-1.0.dist-info/METADATA": b"Name: tiny\nVersion: 1.0\n"}
    for name, raw in files.items():
        (packages / name).write_bytes(raw)
    lines = [recorded(name, raw) for name, raw in files.items()]
    (info / "RECORD").write_text("".join(lines) + "tiny-1.0.dist-info/RECORD,,\n", encoding="utf-8")
    cache = packages / "__pycache__"
    cache.mkdir()
    (cache / "tiny.cpython-311.pyc").write_bytes(b"compiled")
    return tmp_path / "venv"


def test_untouched_it_is_the_approved_one(installation: Path) -> None:
    listing = describe_installation(installation, PROGRAM)
    check_installation(installation, LOCK, listing, PROGRAM)


def rewrite_package(root: Path) -> None:
    packages = root / "lib/python3.11/site-packages"
    record = packages / "tiny-1.0.dist-info/RECORD"
    (packages / "tiny.py").write_bytes(b"x = 2\n")
    lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
    record.write_text(recorded("tiny.py", b"x = 2\n") + "".join(lines[1:]), encoding="utf-8")


def plant_compiled(root: Path) -> None:
    (root / "lib/python3.11/site-packages/__pycache__/tiny.cpython-311.pyc").write_bytes(b"planted")


def add_compiled(root: Path) -> None:
    (root / "lib/python3.11/site-packages/__pycache__/tiny.cpython-312.pyc").write_bytes(b"planted")


def replace_interpreter(root: Path) -> None:
    (root / "bin/python").unlink()
    (root / "bin/python").write_bytes(b"#!/bin/sh\n")


def configure(text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / "pyvenv.cfg").open("a", encoding="utf-8", newline="") as stream:
            stream.write(text)

    return change


def move_home(root: Path) -> None:
    file = root / "pyvenv.cfg"
    file.write_text(file.read_text(encoding="utf-8").replace("/usr/bin", "/opt/evil"), encoding="utf-8")


def hide_home(root: Path) -> None:
    # a continuation line to some readers, the first home to Python
    file = root / "pyvenv.cfg"
    old = file.read_text(encoding="utf-8").replace("home = /usr/bin\n", "")
    file.write_text(f"command = x\n  home = /opt/evil\n{old}", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (rewrite_package, "tiny"),
        (plant_compiled, "compiled files"),
        (add_compiled, "compiled files"),
        (replace_interpreter, "the program"),
        (move_home, "pyvenv.cfg"),
        (hide_home, "pyvenv.cfg"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_change_that_keeps_the_versions_is_denied(
    installation: Path, change: Callable[[Path], None], what: str
) -> None:
    listing = describe_installation(installation, PROGRAM)
    change(installation)
    with pytest.raises(DeniedError, match=what) as caught:
        check_installation(installation, LOCK, listing, PROGRAM)
    assert caught.value.code == "installation_differs"


@pytest.mark.parametrize(
    "text",
    [
        "home = /opt/evil\n",
        "HOME=/opt/evil\n",
        "note = x\rinclude-system-site-packages = true\n",
        "include-system-site-packages = true\n",
    ],
)
def test_a_configuration_that_reads_two_ways_is_refused(installation: Path, text: str) -> None:
    configure(text)(installation)
    with pytest.raises(UndecidedError) as caught:
        describe_installation(installation, PROGRAM)
    assert caught.value.code == "installation_unreadable"


def test_another_version_is_drift(installation: Path) -> None:
    listing = describe_installation(installation, PROGRAM)
    other = PackageLock.parse(b"tiny==1.1 --hash=sha256:" + b"a" * 64 + b"\n")
    with pytest.raises(DeniedError, match="tiny") as caught:
        check_installation(installation, other, listing, PROGRAM)
    assert caught.value.code == "package_drift"


@pytest.mark.parametrize(
    "program",
    [
        "/usr/bin/python3",
        "python",
        "{installation}",
        "{installation}/",
        "{installation}/../python",
        "{model}/x",
    ],
)
def test_a_program_outside_the_installation_is_refused(installation: Path, program: str) -> None:
    with pytest.raises(UsageError) as caught:
        describe_installation(installation, program)
    assert caught.value.code == "program_unbound"


def test_a_program_that_is_missing_is_undecided(installation: Path) -> None:
    with pytest.raises(UndecidedError) as caught:
        describe_installation(installation, "{installation}/bin/none")
    assert caught.value.code == "installation_unreadable"


def test_what_installers_write_with_the_installation_s_own_path_is_not_bound(installation: Path) -> None:
    (installation / "bin/serve").write_text("#!/one/place/bin/python\nserve()\n", encoding="utf-8")
    (installation / "bin/activate").write_text("VIRTUAL_ENV=/one/place\n", encoding="utf-8")
    listing = describe_installation(installation, PROGRAM)
    (installation / "bin/serve").write_text("#!/another/bin/python3\nserve()\n", encoding="utf-8")
    (installation / "bin/activate").write_text("VIRTUAL_ENV=/another\n", encoding="utf-8")
    check_installation(installation, LOCK, listing, PROGRAM)


@pytest.mark.parametrize(
    "text",
    [
        "#!/one/bin/python\rimport evil\nserve()\n",  # to Python a carriage return ends a line
        "#!/one/bin/python # coding: utf-7\nserve()\n",  # PEP 263: how the rest is read
        "#!/one/bin/python\nevil()\n",
        "serve()\n#!/one/bin/python\n",
    ],
)
def test_nothing_hides_in_the_line_that_is_left_out(installation: Path, text: str) -> None:
    script = installation / "bin/serve"
    script.write_text("#!/one/bin/python\nserve()\n", encoding="utf-8")
    listing = describe_installation(installation, PROGRAM)
    script.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(DeniedError, match="beside") as caught:
        check_installation(installation, LOCK, listing, PROGRAM)
    assert caught.value.code == "installation_differs"


def test_it_is_checked_again_only_if_something_was_written(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = CheckedInstallation(installation, LOCK, describe_installation(installation, PROGRAM), PROGRAM)
    checks: list[Path] = []
    monkeypatch.setattr(service, "check_installation", lambda path, *_: checks.append(path))
    checked.recheck()
    assert checks == []
    (installation / "pyvenv.cfg").touch()
    checked.recheck()
    checked.recheck()
    assert checks == [installation]


@pytest.mark.parametrize("change", [rewrite_package, plant_compiled, replace_interpreter, hide_home])
def test_what_changes_while_it_is_used_is_noticed(installation: Path, change: Callable[[Path], None]) -> None:
    checked = CheckedInstallation(installation, LOCK, describe_installation(installation, PROGRAM), PROGRAM)
    change(installation)
    for _ in range(2):
        with pytest.raises(DeniedError) as caught:
            checked.recheck()
        assert caught.value.code == "installation_differs"


def test_what_cannot_be_read_any_more_is_no_reason_to_go_on(installation: Path) -> None:
    checked = CheckedInstallation(installation, LOCK, describe_installation(installation, PROGRAM), PROGRAM)
    configure("HOME=/opt/evil\n")(installation)
    with pytest.raises(DeniedError) as caught:
        checked.recheck()
    assert caught.value.code == "installation_differs"
