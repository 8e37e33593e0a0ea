"""The compiled engine is used only for the sources that lie here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import weighlock
from weighlock.inspection import pickle as package

SOURCE = Path(weighlock.__file__).parent
ASK = "from weighlock.inspection.pickle import is_compiled; print(is_compiled())"
needs_compiled = pytest.mark.skipif(
    not package.is_compiled(), reason="the engine is interpreted here: no compiler, or a source changed since"
)


def ask(folder: Path, *options: str) -> str:
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); {ASK}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", *options, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE, tmp_path / "weighlock", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@needs_compiled
def test_a_copy_is_compiled_too_and_needs_only_the_standard_library(copy: Path) -> None:
    assert ask(copy) == "True"


@needs_compiled
def test_an_option_leaves_what_is_compiled_aside(copy: Path) -> None:
    assert ask(copy, "-X", "weighlock_interpreted") == "False"


@needs_compiled
@pytest.mark.parametrize("name", package.COMPILED_MODULES)
def test_what_is_compiled_of_other_sources_is_not_used(copy: Path, name: str) -> None:
    source = copy / f"weighlock/inspection/pickle/{name}.py"
    source.write_bytes(source.read_bytes() + b"\n")
    assert ask(copy) == "False"


@pytest.mark.parametrize("name", ["sources", "machine"])
def test_what_is_half_compiled_is_not_used(copy: Path, name: str) -> None:
    for file in (copy / "weighlock/inspection/pickle/compiled").glob(f"*/{name}*"):
        file.unlink()
    assert ask(copy) == "False"
