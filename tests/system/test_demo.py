"""`make demo` does what the README says, on the real model."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.system
@pytest.mark.slow
def test_the_demo_runs_to_its_end() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    assert "released minilm@1" in text
    alike, different = map(float, re.findall(r"^ +(-?\d\.\d{3})  'a kitten", text, re.MULTILINE))
    assert alike > 0.5 > different
    blocked, attempted = map(int, re.findall(r"^(\d+) of (\d+) attacks blocked", text, re.MULTILINE)[0])
    assert blocked == attempted >= 15
    assert "Traceback" not in text
