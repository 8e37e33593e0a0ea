"""Inspection against other inspectors of model files: whole commands, by the clock, with their peak memory.

The others are found in ``.venv/peers`` (``make peers``); one that is not there has no column.
Each value is the best of three; the floor is ``cat`` of the same bytes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from bench.model_maker import (
    MIB,
    gguf,
    large_pickle,
    ordinary_files,
    payload_at_end,
    safetensors,
    torch_zip,
)

PEERS: Final = Path(__file__).resolve().parents[1] / ".venv/peers/bin"
REPEATS: Final = 3
SLOW_S: Final = 5.0
PROGRAMS: Final[dict[str, list[str]]] = {
    "weighlock": [str(Path(sys.executable).parent / "weighlock"), "inspect", "--quiet"],
    "picklescan": [str(PEERS / "picklescan"), "-p"],
    "modelscan": [str(PEERS / "modelscan"), "-p"],
    "fickling": [str(PEERS / "fickling"), "--check-safety"],
    "modelaudit": [str(PEERS / "modelaudit"), "scan", "--no-cache"],
    "hayward": [str(PEERS / "hayward"), "scan"],
}


class Run(NamedTuple):
    """Seconds by the clock, and the largest memory of one process in MB."""

    clock_s: float
    memory_mb: float


def measured(line: list[str]) -> Run:
    """Return the best of some runs, of one if it is slow; the status does not matter: programs find something."""
    runs: list[Run] = []
    while len(runs) < REPEATS and (not runs or runs[0].clock_s < SLOW_S):
        start = time.perf_counter()
        process = subprocess.Popen(
            line,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_quiet(),
            cwd=tempfile.gettempdir(),
        )
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        runs.append(Run(time.perf_counter() - start, usage.ru_maxrss / 1024))
    return min(runs)


def _quiet() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}


def works(folder: Path) -> dict[str, Path]:
    """Return every file and folder to inspect; the names are the rows of the table."""
    return {
        "2-million-operation pickle": folder / "large.pkl",
        "400 MB pickle, payload at the end": folder / "end.pkl",
        "1 GB torch zip": folder / "large.pt",
        "1 GB safetensors": folder / "large.safetensors",
        "500 MB GGUF": folder / "large.gguf",
        "700 ordinary files, 165 MB": folder / "ordinary",
        "a tiny file": folder / "tiny.pkl",
    }


def make(folder: Path) -> None:
    """Make the files and folders, in a process of its own: a program's memory begins with that of who starts it."""
    paths = list(works(folder).values())
    large_pickle(paths[0], operations=2_000_000)
    payload_at_end(paths[1], size=400 * MIB)
    torch_zip(paths[2], layers=128, elements=2 * MIB)
    safetensors(paths[3], tensors=128, size=8 * MIB)
    gguf(paths[4], tokens=128_000, tensors=250, elements=MIB // 2)
    paths[5].mkdir()
    ordinary_files(paths[5], count=700, size=165 * MIB)
    paths[6].write_bytes(b"\x80\x04}.")


def reading(path: Path) -> Run:
    """Return what reading every byte takes, with two processes as there are cores."""
    files = sorted(str(file) for file in path.rglob("*") if file.is_file()) if path.is_dir() else [str(path)]
    halves = [files[::2], files[1::2]]
    script = " & ".join(f"cat {' '.join(half)} >/dev/null" for half in halves if half) + " & wait"
    return measured(["sh", "-c", script])


def main() -> None:
    there = {name: line for name, line in PROGRAMS.items() if shutil.which(line[0])}
    print("## Inspection against other inspectors\n")
    print("| work | reading | " + " | ".join(there) + " |\n|" + " --- |" * (len(there) + 2))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, folder], check=True)
        for name, path in works(Path(folder)).items():
            floor = reading(path)
            cells = [measured([*line, str(path)]) for line in there.values()]
            shown = " | ".join(f"{run.clock_s:.2f} s, {run.memory_mb:.0f} MB" for run in cells)
            print(f"| {name} | {floor.clock_s:.2f} s | {shown} |", flush=True)
    print()


if __name__ == "__main__":
    if sys.argv[1:]:
        make(Path(sys.argv[1]))
    else:
        main()
