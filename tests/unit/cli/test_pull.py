"""The pull command: what it imports, and how it tells what came."""

import subprocess
import sys

import pytest

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.cli.pull import _transfer_text
from weighlock.service.transfer import Traffic

NETWORK = {"ssl", "http.client", "weighlock.transport.client", "weighlock.store.registry"}
SCRIPT = """
import sys
from weighlock.cli.main import run
status = run(["pull", "path:models/m", "-q"])
print(",".join(sys.modules))
sys.exit(status)
"""


def test_a_local_pull_imports_nothing_of_the_network(project: Project) -> None:
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.strip().split(","))
    assert "weighlock.source.local" in loaded
    assert loaded.isdisjoint(NETWORK)


@pytest.mark.parametrize(
    ("traffic", "seconds", "told"),
    [
        (Traffic(), 0.04, "nothing in 0.0 s"),
        (Traffic(present=5), 1.0, "5 B here already in 1.0 s"),
        (
            Traffic(2_000_000, 1_000, 5),
            2.0,
            "2.0 MB fetched + 1.0 kB kept from a broken pull + 5 B here already in 2.0 s, 1.0 MB/s",
        ),
    ],
)
def test_the_summary_of_a_transfer(traffic: Traffic, seconds: float, told: str) -> None:
    assert _transfer_text(traffic, seconds) == told
