"""Other people's tools, installed once into .venv/interop."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from conftest import missing

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv" / "interop"
Tool: TypeAlias = Callable[..., bool]


@pytest.fixture(scope="session")
def _installed() -> str:
    """Install the tools; return why that failed, or nothing."""
    done = subprocess.run(
        [ROOT / "tests" / "interop" / "setup"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable},
    )
    return "" if done.returncode == 0 else f"tests/interop/setup failed: {done.stderr[-300:]}"


@pytest.fixture
def model_signing(_installed: str) -> Tool:
    """Return a call of PyPI model-signing: whether it succeeded."""
    if _installed:
        missing(_installed)
    return lambda *arguments: _succeeds(HOME / "python" / "bin" / "model_signing", *arguments)


@pytest.fixture
def interop_python(_installed: str) -> Path:
    """Return the Python that other people's libraries are installed for."""
    if _installed:
        missing(_installed)
    return HOME / "python" / "bin" / "python"


@pytest.fixture
def sigstore_js(_installed: str, needs: Callable[..., None]) -> Tool:
    """Return a call of npm @sigstore/verify with a bundle, a key file and the hint: whether it verifies."""
    needs("node")
    if _installed:
        missing(_installed)
    return lambda *arguments: _succeeds("node", HOME / "verify.mjs", *arguments)


def _succeeds(*command: object) -> bool:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60)
    assert "ModuleNotFoundError" not in done.stderr, done.stderr
    assert "ERR_MODULE_NOT_FOUND" not in done.stderr, done.stderr
    assert "Usage:" not in done.stderr, done.stderr
    return done.returncode == 0
