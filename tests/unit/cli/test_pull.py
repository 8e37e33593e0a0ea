"""The pull command: what it imports, and how it tells what came."""

import subprocess
import sys

import pytest

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.cli.pull import MAX_LISTED, MAX_TEXTS, _preview_text, _transfer_text
from weighlock.core.digest import Digest
from weighlock.core.lock import LockedModel, Owner
from weighlock.service.pull_task import FileChange, Preview, PulledFile, TextDifference
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
        (Traffic(999_999), 2.0, "1000.0 kB fetched in 2.0 s"),
        (Traffic(2_000_000), 0.9, "2.0 MB fetched in 0.9 s"),
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


def file(path: str, content: bytes) -> PulledFile:
    return PulledFile(path, len(content), Digest.of(content))


def test_a_preview_for_people() -> None:
    before = LockedModel("tiny", "hf:acme/tiny", "r1", Owner("hf", "1", "acme"), True, Digest.of(b""), {}, {})
    changes = [
        FileChange("a\x1b[2J", file("a", b"12"), None),
        FileChange("b", file("b", b"1"), PulledFile("b", 1, None)),
        *(FileChange(f"c{number:02}", None, file("c", b"123")) for number in range(MAX_LISTED)),
    ]
    texts = [TextDifference(f"t{number}", ["+x\x1b"], 3) for number in range(MAX_TEXTS + 2)]
    told = _preview_text(
        Preview("tiny", before, "hf:acme/tiny", "r2", Owner("hf", "1", "labs"), changes, texts)
    )
    lines = [" ".join(line.split()) for line in told.splitlines()]
    for line in (
        "revision r1 → r2",
        "owner acme → labs",
        "files 20 added, 1 removed, 1 unknown, 3 B → 61 B",
        "… 2 more --json lists them all",
        "+x\\x1b",
        "… 3 more lines",
        "… 2 more texts differ; --json has them all",
    ):
        assert line in lines
    assert "source" not in told
    assert "\x1b" not in told
    assert "unknown 1 B" in told
