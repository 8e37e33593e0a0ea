"""What a command takes: by the clock, in processor time of it and its children, in memory."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

BLOCK = 64 * 1024 * 1024


class Cost(NamedTuple):
    """What a run took, in seconds."""

    clock_s: float
    processor_s: float


def clocked(run: Callable[[], None]) -> Cost:
    """Return what ``run`` took in this process and in the children that it waited for."""
    clock, processor = time.perf_counter(), _processor_s()
    run()
    return Cost(time.perf_counter() - clock, _processor_s() - processor)


def best(costs: list[Cost]) -> Cost:
    """Return the least disturbed values."""
    return Cost(min(cost.clock_s for cost in costs), min(cost.processor_s for cost in costs))


def quietly(line: list[str], **more: str) -> None:
    """Run a command that must succeed; ``more`` are variables of its environment."""
    done = subprocess.run(line, check=False, capture_output=True, env={**os.environ, **more})
    if done.returncode:
        sys.exit(f"{line} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")


def make_files(folder: Path, count: int, size: int) -> dict[str, tuple[str, int]]:
    """Fill ``folder`` with ``count`` random files of ``size`` bytes each; list them in digests.json."""
    import hashlib  # noqa: PLC0415  # only those who make files

    listed = {}
    for number in range(count):
        name, running, left = f"part-{number:04}.safetensors", hashlib.sha256(), size
        with (folder / name).open("wb") as file:
            while left:
                block = os.urandom(min(BLOCK, left))
                running.update(block)
                left -= file.write(block)
        listed[name] = (running.hexdigest(), size)
    (folder / "digests.json").write_text(json.dumps(listed))
    return listed


def _processor_s() -> float:
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)
