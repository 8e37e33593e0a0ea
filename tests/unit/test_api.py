"""The names for other programs: documented, lazy, typed by their own module, and safe from any thread."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import weighlock
from weighlock.service import api

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."


def test_the_example_runs(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(code) == 1
    (tmp_path / "model").mkdir()
    for content, status, told in (
        (b"{}", 0, ""),
        (SYSTEM, 1, "CRITICAL pickle-global-dangerous"),
        (b"Rar!\x1a\x07" + bytes(9), 3, "not examined: a"),
    ):
        (tmp_path / "model" / "a").write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-c", code[0]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        assert told in done.stdout


def test_every_name_is_documented_and_there() -> None:
    for name in weighlock.__all__:
        assert f"`{name}" in PAGE
        assert getattr(weighlock, name) is not None
    assert set(weighlock.__all__) == {*api.__all__, "__version__"}
    with pytest.raises(AttributeError, match="nothing"):
        _ = weighlock.nothing


def test_importing_the_package_loads_nothing() -> None:
    program = (
        "import sys, weighlock; print(sorted(name for name in sys.modules if name.startswith('weighlock')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['weighlock']"


def test_names_may_be_allowed(tmp_path: Path) -> None:
    file = tmp_path / "a.pkl"
    file.write_bytes(b"\x80\x04\x8c\x0chouse.layers\x8c\x05Scale\x93.")
    assert weighlock.inspect(file).outcome is weighlock.Outcome.FINDINGS
    assert (
        weighlock.inspect(str(file), allow={"house.layers.Scale": "ours"}).outcome is weighlock.Outcome.CLEAN
    )
    with pytest.raises(weighlock.WeighlockError) as refused:
        weighlock.inspect(file, allow={"Scale": "ours"})
    assert refused.value.code == "arguments_invalid"


def test_from_many_threads_at_once(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a").write_bytes(SYSTEM if number % 2 else b"{}")
    outcomes: dict[int, weighlock.Outcome] = {}

    def work(number: int) -> None:
        outcomes[number] = weighlock.inspect(tmp_path / str(number)).outcome

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {number: weighlock.Outcome(number % 2) for number in range(6)}
