"""What `run` refuses to start, with the code and exit status 125; nothing here needs a sandbox."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    ARGV,
    NAME,
    PACKAGE,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
    write_package,
)
from weighlock.service import log_folder


@pytest.mark.parametrize(
    "command",
    [
        ("/bin/true",),
        (*ARGV, "--trust-remote-code"),
        ARGV[:-1],
        (*ARGV[:-1], "9999"),
    ],
)
def test_another_command(released: House, command: tuple[str, ...]) -> None:
    released.run_denied("argv_differs", "--", *command)


def test_the_approved_command_may_be_given(released: House) -> None:
    """With both spellings the next obstacle is met, not this one."""
    filled = tuple(each.replace("{installation}", str(released.installation)) for each in ARGV)
    (released.packages / "extra.py").write_text("")
    for command in (ARGV, filled):
        released.run_denied("package_drift", "--", *command)


def another_version(house: House) -> None:
    for folder in house.packages.glob(f"{PACKAGE}-*"):
        shutil.rmtree(folder)
    files = {f"{PACKAGE}/__init__.py": b"ANSWER = 42\n", f"{PACKAGE}/data.txt": b"some data\n"}
    write_package(house.packages, PACKAGE, "2.0", files)


def another_package(house: House) -> None:
    write_package(house.packages, "intruder", "1.0", {"intruder.py": b""})


def no_package(house: House) -> None:
    for folder in house.packages.glob(f"{PACKAGE}*"):
        shutil.rmtree(folder)
    write_package(house.packages, "other", "1.0", {"other.py": b""})


def changed_file(house: House) -> None:
    house.flip(house.packages / PACKAGE / "__init__.py", -2)


def missing_file(house: House) -> None:
    (house.packages / PACKAGE / "data.txt").unlink()


def unowned_file(house: House) -> None:
    (house.packages / PACKAGE / "hook.py").write_text("")


def start_up_file(house: House) -> None:
    (house.packages / "evil.pth").write_text("import tinyserve\n")


def customised(house: House) -> None:
    (house.packages / "sitecustomize.py").write_text("")


@pytest.mark.parametrize(
    "change",
    [
        another_version,
        another_package,
        no_package,
        changed_file,
        missing_file,
        unowned_file,
        start_up_file,
        customised,
    ],
)
def test_an_installation_that_drifted(released: House, change: Callable[[House], None]) -> None:
    lock = ("--installation", str(released.installation), "--lock", str(released.package_lock))
    released.ok("drift", *lock, "--files")
    change(released)
    assert released.run("drift", *lock, "--files").status == 1
    released.run_denied("package_drift")


def test_a_changed_file_with_its_record_rewritten(released: House) -> None:
    """Versions and RECORD agree with each other, but not with what was approved."""
    files = {f"{PACKAGE}/__init__.py": b"ANSWER = 43\n", f"{PACKAGE}/data.txt": b"some data\n"}
    write_package(released.packages, PACKAGE, "1.0", files)
    lock = ("--installation", str(released.installation), "--lock", str(released.package_lock))
    released.ok("drift", *lock, "--files")
    released.run_denied("installation_differs")


def other_program(house: House) -> None:
    program = house.installation / "bin" / "python"
    program.unlink()
    program.symlink_to("/bin/true")


def script_for_program(house: House) -> None:
    program = house.installation / "bin" / "python"
    program.unlink()
    program.write_text("#!/bin/sh\ntrue\n")
    program.chmod(0o755)


def other_home(house: House) -> None:
    config = house.installation / "pyvenv.cfg"
    config.write_text(config.read_text().replace("home = ", "home = /elsewhere"))


def compiled_instead_of_source(house: House) -> None:
    folder = house.packages / PACKAGE / "__pycache__"
    folder.mkdir()
    tag = sys.implementation.cache_tag
    (folder / f"__init__.{tag}.pyc").write_bytes(b"other code")


def search_path_beside_the_interpreter(house: House) -> None:
    """Python takes its whole search path from a ``._pth`` beside it, if there is one."""
    (house.installation / "bin" / "python._pth").write_text("../evil\n")


def second_configuration(house: House) -> None:
    """``site`` believes a pyvenv.cfg beside the interpreter before the one above."""
    (house.installation / "bin" / "pyvenv.cfg").write_text("include-system-site-packages = true\n")


def library_beside_the_interpreter(house: House) -> None:
    (house.installation / "lib" / "libpython3.so.1.0").write_bytes(b"")


def interpreter_from_elsewhere(house: House) -> None:
    """The same bytes, but an interpreter looks for its libraries where it lies."""
    program = house.installation / "bin" / "python"
    other = house.root / "elsewhere"
    shutil.copy(program.resolve(), other)
    program.unlink()
    program.symlink_to(other)


def other_script(house: House) -> None:
    (house.installation / "bin" / "serve.py").write_text("#!/usr/bin/python3\nprint()\n")


@pytest.mark.parametrize(
    "change",
    [
        other_program,
        script_for_program,
        other_home,
        compiled_instead_of_source,
        search_path_beside_the_interpreter,
        second_configuration,
        library_beside_the_interpreter,
        interpreter_from_elsewhere,
        other_script,
    ],
)
def test_what_no_record_names(released: House, change: Callable[[House], None]) -> None:
    change(released)
    released.run_denied("installation_differs")


@pytest.mark.parametrize("name", ["sitecustomize.pyc", f"{PACKAGE}/extra.pyc"])
def test_a_module_without_source_is_recorded(released: House, name: str) -> None:
    """Python imports it as it does a source; ``site`` even imports sitecustomize by itself."""
    record = released.packages / f"{PACKAGE}-1.0.dist-info" / "RECORD"
    (released.packages / name).write_bytes(b"")
    before = record.read_text()
    record.write_text(f"{before}{name},,\n")
    released.run_denied("package_drift")
    record.write_text(f"{before}{name},sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    released.run_denied("installation_differs")


@pytest.mark.parametrize("name", ["bin", "lib", "bin/activate", "folder", "file"])
def test_an_installation_that_everybody_may_write(released: House, name: str) -> None:
    """What is checked could be another thing when the server imports it."""
    folder = released.packages / PACKAGE
    place = {"folder": folder, "file": folder / "__init__.py"}.get(name, released.installation / name)
    place.chmod(place.stat().st_mode | 0o002)
    released.run_denied("others_may_write")


def test_an_installation_that_everybody_may_replace(released: House) -> None:
    released.installation.chmod(0o777)
    released.run_denied("others_may_write")


def test_an_installation_on_a_network(released: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(path: Path, _: str) -> str:
        return "nfs4" if path == released.installation.resolve() else "ext4"

    monkeypatch.setattr("weighlock.sandbox.private.file_system_of", kind)
    released.run_denied("file_system_untrusted")


def test_no_installation(released: House) -> None:
    ran = released.run("run", NAME)
    assert (ran.status, ran.code) == (125, "installation_missing")
    ran = released.run("run", NAME, "--installation", str(released.root / "nowhere"))
    assert (ran.status, ran.code) == (125, "installation_missing")


def test_an_unknown_release(released: House) -> None:
    for name in ("other", "tiny@2", "TINY", str(released.model()), ""):
        ran = released.run("run", name, "--installation", str(released.installation))
        assert (ran.status, ran.code) == (125, "release_unknown"), name


def test_nothing_is_released_yet(requested: House) -> None:
    requested.run_denied("release_unknown")


def test_a_release_in_an_image(released: House) -> None:
    image = f"registry.test/serve@sha256:{'1' * 64}"
    wish = ("request", NAME, "--name", "image", "--image", image, "--key", released.key("cem"), "--", "serve")
    released.release(released.ok(*wish)["candidate"])
    ran = released.run("run", "image")
    assert (ran.status, ran.code) == (125, "release_is_image")


def test_an_image_by_tag_is_never_requested(released: House) -> None:
    image = "registry.test/serve:latest"
    wish = ("request", NAME, "--name", "image", "--image", image, "--key", released.key("cem"), "--", "serve")
    released.denied("reference_not_pinned", *wish)


def test_neither_image_nor_installation(requested: House) -> None:
    wish = ("request", NAME, "--name", NAME, "--key", requested.key("cem"))
    requested.denied("serving_invalid", *wish, "--", "serve", status=2)
    both = ("--image", "x", "--installation", str(requested.installation))
    requested.denied("serving_invalid", *wish, *both, "--", "serve", status=2)


def test_a_denial_is_on_record(released: House) -> None:
    released.run_denied("argv_differs", "--", "/bin/true")
    [*_, last] = released.ok("log", "-e", "production")["entries"]
    assert (last["action"], last["outcome"], last["code"]) == ("run", "deny", "argv_differs")


def test_a_log_that_somebody_keeps_locked(released: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may read the log's folder can lock it: then nothing starts, rather than run without a watch."""
    monkeypatch.setattr(log_folder, "LOCK_S", 0.05)
    with log_folder.LogFolder.locked(released.root / ".weighlock" / "production" / "log", exclusive=True):
        released.run_denied("io_failed")
    [*_, last] = released.ok("log", "-e", "production")["entries"]
    assert last["action"] != "run"


def test_a_link_for_the_folder_of_private_copies(released: House, tmp_path: Path) -> None:
    """A run folder that leads elsewhere is only followed by its owner; the copy in it is still private."""
    (tmp_path / "elsewhere").mkdir()
    (released.root / ".weighlock" / "run").symlink_to(tmp_path / "elsewhere")
    released.flip(released.blob("production", released.file_digest()))
    released.run_denied("digest_mismatch")
    assert list((tmp_path / "elsewhere").iterdir()) == []
