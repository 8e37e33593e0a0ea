"""Libraries that people make models with, installed once into .venv/models."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import missing

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".venv" / "models"
LOCK = ROOT / "requirements" / "models.txt"
# libraries of numbers start as many threads as there are processors, which small fits do not gain from
QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "PYTHONHASHSEED": "0",
}


@pytest.fixture(scope="session")
def _models_installed() -> str:
    """Install the libraries, pinned by digest; return why that failed, or nothing."""
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
            return f"requirements/models.txt cannot be installed: {done.stderr[-300:]}"
    mark.write_text(wanted, encoding="utf-8")
    return ""


@pytest.fixture(scope="session")
def models_python(_models_installed: str) -> Path:
    """Return the Python that has the libraries of requirements/models.txt."""
    if _models_installed:
        missing(_models_installed)
    return HOME / "bin" / "python"


@pytest.fixture(scope="session")
def fitted(models_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of fitted models of many kinds, each written in several ways (``fit_models.py``)."""
    folder = tmp_path_factory.mktemp("fitted")
    script = Path(__file__).with_name("fit_models.py")
    done = subprocess.run(
        [models_python, script, folder],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **QUIET},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder
