"""Attacks on an installation after it was made, each through the command line.

LiteLLM 1.82.8 (a start-up file), a file changed in place, a package slipped in beside
the locked ones, a version exchanged, a RECORD that covers up.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weighlock.cli.main import run
from wheel_maker import lock_of, make_installation, make_wheel, packages_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("made")
    alpha = make_wheel(folder, "alpha", "1.0", {"alpha/__init__.py": "VALUE = 1\n", "alpha/native.py": ""})
    beta = make_wheel(folder, "beta", "2.0", {"beta.py": "VALUE = 2\n"})
    return make_installation(folder / "venv", [alpha, beta]), lock_of(alpha, beta)


@pytest.fixture
def installation(made: tuple[Path, str], tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text(made[1])
    return Path(shutil.copytree(made[0], tmp_path / "venv", symlinks=True))


Drift = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def drift(installation: Path, capsys: pytest.CaptureFixture[str]) -> Drift:
    def call(*options: str) -> tuple[int, dict[str, Any]]:
        lock = installation.parent / "requirements.txt"
        status = run(["drift", "--installation", str(installation), "--lock", str(lock), "--json", *options])
        return status, json.loads(capsys.readouterr().out)

    return call


def kinds(facts: dict[str, Any]) -> list[str]:
    return sorted({difference["kind"] for difference in facts["differences"]})


def test_as_it_was_made_nothing_differs(drift: Drift) -> None:
    status, facts = drift("--files", "--strict")
    assert (status, facts["outcome"], facts["differences"]) == (0, "clean", [])
    assert facts["files_compared"] >= 9


def test_a_changed_file_is_found_only_by_files_and_named(drift: Drift, installation: Path) -> None:
    (packages_of(installation) / "alpha" / "native.py").write_text("import os\n")
    assert drift()[0] == 0
    status, facts = drift("--files")
    assert (status, kinds(facts)) == (1, ["file changed"])
    assert facts["differences"][0]["path"].endswith("alpha/native.py")
    assert facts["differences"][0]["package"] == "alpha"


def test_a_removed_file(drift: Drift, installation: Path) -> None:
    (packages_of(installation) / "beta.py").unlink()
    assert kinds(drift("--files")[1]) == ["file missing"]


def test_a_file_replaced_by_a_link_to_the_same_bytes(drift: Drift, installation: Path) -> None:
    file = packages_of(installation) / "beta.py"
    file.rename(installation.parent / "elsewhere.py")
    file.symlink_to(installation.parent / "elsewhere.py")
    status, facts = drift("--files")
    assert (status, kinds(facts)) == (1, ["file missing"])


def test_a_folder_replaced_by_a_link(drift: Drift, installation: Path) -> None:
    folder = packages_of(installation) / "alpha"
    folder.rename(installation.parent / "elsewhere")
    folder.symlink_to(installation.parent / "elsewhere")
    status, facts = drift("--files")
    assert (status, "file missing" in kinds(facts)) == (1, True)


def test_a_start_up_file_is_found_without_reading_the_others(drift: Drift, installation: Path) -> None:
    (packages_of(installation) / "zzz_init.pth").write_text("import os; os.getcwd()\n")
    status, facts = drift()
    assert (status, kinds(facts)) == (1, ["finding"])
    assert facts["differences"][0]["path"].endswith("zzz_init.pth")


def test_a_start_up_module(drift: Drift, installation: Path) -> None:
    (packages_of(installation) / "sitecustomize.py").write_text("")
    assert drift()[0] == 1


def test_a_module_that_shadows_another(drift: Drift, installation: Path) -> None:
    (packages_of(installation) / "json.py").write_text("")
    status, facts = drift("--files")
    assert (status, kinds(facts)) == (1, ["file added"])


def test_a_package_slipped_in(drift: Drift, installation: Path) -> None:
    info = packages_of(installation) / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: evil\nVersion: 1.0\n")
    (info / "RECORD").write_text("evil-1.0.dist-info/RECORD,,\nevil-1.0.dist-info/METADATA,,\n")
    status, facts = drift()
    assert (status, kinds(facts)) == (1, ["added"])


def test_a_second_copy_under_another_spelling(drift: Drift, installation: Path) -> None:
    packages = packages_of(installation)
    shutil.copytree(packages / "alpha-1.0.dist-info", packages / "Alpha-1.0.dist-info")
    status, facts = drift()
    assert status == 1
    assert "duplicate" in kinds(facts)


def test_another_version_under_the_locked_folders_name(drift: Drift, installation: Path) -> None:
    metadata = packages_of(installation) / "alpha-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", "Version: 1.1"))
    status, facts = drift()
    assert (status, kinds(facts)) == (1, ["finding", "version"])


def test_a_metadata_file_with_two_versions(drift: Drift, installation: Path) -> None:
    metadata = packages_of(installation) / "alpha-1.0.dist-info" / "METADATA"
    metadata.write_text("Version: 9\n" + metadata.read_text())
    assert drift()[0] == 1


def test_a_package_removed(drift: Drift, installation: Path) -> None:
    shutil.rmtree(packages_of(installation) / "beta-2.0.dist-info")
    status, facts = drift()
    assert (status, kinds(facts)) == (1, ["missing"])


def test_a_record_that_was_removed_leaves_files_unknown(drift: Drift, installation: Path) -> None:
    (packages_of(installation) / "beta-2.0.dist-info" / "RECORD").unlink()
    status, facts = drift("--files")
    assert status == 1
    assert {"files unknown", "file added"} <= set(kinds(facts))


def test_a_record_without_digests_leaves_files_unknown(drift: Drift, installation: Path) -> None:
    record = packages_of(installation) / "beta-2.0.dist-info" / "RECORD"
    rows = [line.split(",")[0] for line in record.read_text().splitlines()]
    record.write_text("".join(f"{path},,\n" for path in rows))
    status, facts = drift("--files")
    assert (status, kinds(facts)) == (1, ["files unknown"])


def test_a_record_that_leads_out_of_the_installation(drift: Drift, installation: Path) -> None:
    record = packages_of(installation) / "beta-2.0.dist-info" / "RECORD"
    record.write_text(record.read_text() + "../../../../../etc/hostname,,\n")
    assert kinds(drift()[1]) == ["finding"]


def test_an_editable_install_in_place_of_the_wheel(drift: Drift, installation: Path) -> None:
    info = packages_of(installation) / "beta-2.0.dist-info"
    (info / "direct_url.json").write_text('{"url": "file:///srv/beta", "dir_info": {"editable": true}}')
    assert "finding" in kinds(drift()[1])


def test_packages_of_the_system_let_in(drift: Drift, installation: Path) -> None:
    config = installation / "pyvenv.cfg"
    config.write_text(config.read_text().replace("= false", "= true"))
    status, facts = drift()
    assert [finding["rule"] for finding in facts["findings"]] == ["installation_not_isolated"]
    assert (status, kinds(facts)) == (1, ["finding"])


@pytest.mark.parametrize(
    "line",
    ["evil\n", "-r other.txt\n", "--index-url https://example.org\n", "evil @ https://example.org/x\n"],
)
def test_a_lock_that_is_not_only_pinned(drift: Drift, installation: Path, line: str) -> None:
    lock = installation.parent / "requirements.txt"
    lock.write_text(lock.read_text() + line)
    status, facts = drift()
    assert (status, facts["error"]["code"]) == (1, "package_lock_invalid")


def test_a_file_that_cannot_be_read_decides_nothing(drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: Any, *rest: Any, **named: Any) -> int:
        if str(path).endswith("native.py"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    status, facts = drift("--files")
    assert (status, facts["error"]["code"]) == (3, "io_failed")


def test_an_installation_that_is_not_there(drift: Drift, installation: Path) -> None:
    shutil.rmtree(installation)
    status, facts = drift()
    assert (status, facts["error"]["code"]) == (2, "installation_missing")


def test_an_installation_that_was_emptied(drift: Drift, installation: Path) -> None:
    shutil.rmtree(packages_of(installation))
    status, facts = drift()
    assert (status, facts["error"]["code"]) == (3, "installation_unreadable")


def test_people_are_told_what_differs(installation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packages_of(installation) / "beta.py").write_text("changed")
    lock = installation.parent / "requirements.txt"
    assert run(["drift", "--installation", str(installation), "--lock", str(lock), "--files"]) == 1
    printed = capsys.readouterr().out
    assert "file changed  beta" in printed
    assert "drift: 2 packages compared, 1 differences" in printed
