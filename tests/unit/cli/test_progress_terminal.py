"""What a person sees of a pull on a terminal: the total, each large file, rate, remaining time, and a summary."""

import fcntl
import hashlib
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from http_house import House
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.cli.progress import MIN_PART_BYTES

CONTENT = b"GGUF" + bytes(MIN_PART_BYTES)
MEASURES = r" *\d+%\|[^|\r]*\| [\d.]+[kM]?/16\.0M \[\d\d:\d\d<\d\d:\d\d, +[\d.]+[kMG]?B/s\]"


def on_a_terminal(project: Project, *arguments: str) -> str:
    """Return what a command draws on a terminal; it has to succeed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "weighlock", *arguments],
        cwd=project.root,
        env={**os.environ, "TERM": "xterm", "TQDM_MININTERVAL": "0"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            drawn += chunk
    except OSError:
        pass  # the other end is closed: the command has ended
    finally:
        os.close(ours)
    assert process.wait(30) == 0, drawn
    return drawn.decode()


@pytest.mark.parametrize("kind", ["https", "path"])
def test_a_pull_on_a_terminal(project: Project, kind: str) -> None:
    with House() as house:
        house.put("/tiny.gguf", CONTENT)
        document = {
            "version": 1,
            "sources": {"https": [house.host], "path": ["models"]},
            "network": {"plain_http": [house.host]},
        }
        (project.root / "weighlock.yaml").write_text(json.dumps(document))
        (project.root / "models" / "m" / "tiny.gguf").write_bytes(CONTENT)
        address = f"{house.url('/tiny.gguf')}#sha256={hashlib.sha256(CONTENT).hexdigest()}"
        drawn = on_a_terminal(project, "pull", address if kind == "https" else "path:models/m")
    total, one = (re.search(label + MEASURES, drawn) for label in (r"\rpulling:", r"\r  tiny\.gguf:"))
    assert total, repr(drawn)
    assert one, repr(drawn)
    assert re.search(r"transfer +16\.0 MB \w+ in [\d.]+ s(, [\d.]+ [MG]B/s)?\r", drawn), drawn[-2000:]
