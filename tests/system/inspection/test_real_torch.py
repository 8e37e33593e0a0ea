"""What inspection says of files that PyTorch wrote, here and in published packages. Nothing in them is loaded."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import missing
from system.inspection.test_real_models import rules, unpack
from weighlock.core.outcome import Outcome
from weighlock.inspection.torch.operator import effects
from weighlock.service.inspect import inspect_path

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".venv" / "torch"
LOCK = ROOT / "requirements" / "torch.txt"


def install() -> str:
    """Install PyTorch, pinned by digest; return why that failed, or nothing."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    mark = HOME / ".installed"
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return ""
    shutil.rmtree(HOME, ignore_errors=True)
    python = HOME / "bin" / "python"
    commands: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", HOME],
        [python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", LOCK],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"requirements/torch.txt cannot be installed: {done.stderr[-300:]}"
    mark.write_text(wanted, encoding="utf-8")
    return ""


@pytest.fixture(scope="session")
def torch_python() -> Path:
    """Return the Python that has PyTorch."""
    why = install()
    if why:
        missing(why)
    return HOME / "bin" / "python"


def test_every_file_that_torch_writes_is_clean(torch_python: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("make_torch.py")
    done = subprocess.run(
        [torch_python, "-W", "ignore", script, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    files = inspect_path(tmp_path).files
    assert len(files) == 49
    assert {file.examined.format for file in files} == {"torch-zip", "torch-legacy"}
    assert not [file.examined for file in files if file.examined.outcome is not Outcome.CLEAN]


def test_every_operator_of_torch_has_a_row(torch_python: Path) -> None:
    program = "import torch; print(*sorted({s.name for s in torch._C._jit_get_all_schemas()}))"
    done = subprocess.run(
        [torch_python, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    names = done.stdout.split()
    assert len(names) > 2000
    table = effects()
    assert not [name for name in names if name not in table and f"{name.split('::')[0]}::*" not in table]


@pytest.mark.parametrize("project", ["resemblyzer==0.1.4", "lpips==0.1.4", "facenet-pytorch==2.6.0"])
def test_legacy_files_of_packages_are_read_to_the_last_byte(project: str, tmp_path: Path) -> None:
    folder = unpack(project, tmp_path)
    files = [*folder.rglob("*.pt"), *folder.rglob("*.pth")]
    assert files
    for path in files:
        (file,) = inspect_path(path).files
        assert file.examined.format == "torch-legacy"
        assert file.examined.outcome is Outcome.CLEAN, file
        assert rules(file) == {"pickle-present"}


def test_a_voice_detector_in_torchscript_is_clean(tmp_path: Path) -> None:
    (path,) = unpack("silero-vad==6.2.3", tmp_path).rglob("silero_vad.jit")
    (file,) = inspect_path(path).files
    assert file.examined.format == "torch-zip"
    assert file.examined.outcome is Outcome.CLEAN, file
    facts = dict(file.examined.facts)
    assert facts["TorchScript"].startswith("44 modules")
    assert facts["tensors"].startswith("33 over 33 storages")
