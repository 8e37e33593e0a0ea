from pathlib import Path

import pytest

from unit.examples.tiny import write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    write_model(folder)
    return folder
