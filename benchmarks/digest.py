"""Digest files, against the limit of SHA-256 itself and against other tools, as ratios in one run.

    python benchmarks/digest.py [--gigabytes 2] [--rounds 3] [--folder DIR]

Every figure is the best of the rounds, and every round measures all of them in turn, so that a busy
machine slows all alike. The files are in the page cache: what is measured is digesting, not the disk.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from weighlock.source.digesting import digest_files
from weighlock.source.folder import walk_folder
from weighlock.source.steady import FileIdentity
from weighlock.source.verified_state import VerifiedState

MEBIBYTE = 1 << 20
PARTS = 8
SMALL_FILES = 5000
SMALL_BYTES = 4096


class Took(NamedTuple):
    """Seconds on the wall, and of all cores, of this process and its children."""

    wall: float
    cpu: float


def timed(act: Callable[[], object]) -> Took:
    start, before = time.perf_counter(), os.times()
    act()
    after = os.times()
    return Took(time.perf_counter() - start, sum(after[:4]) - sum(before[:4]))


def make_files(folder: Path, size: int) -> bytes:
    """Write the same bytes as one file and as eight, and 5,000 small files; return them."""
    content = os.urandom(MEBIBYTE) * (size // MEBIBYTE)
    for name in ("one", "eight", "small"):
        (folder / name).mkdir()
    (folder / "one" / "weights").write_bytes(content)
    part = len(content) // PARTS
    for number in range(PARTS):
        (folder / "eight" / str(number)).write_bytes(content[number * part : (number + 1) * part])
    for number in range(SMALL_FILES):
        (folder / "small" / str(number)).write_bytes(content[:SMALL_BYTES])
    return content


def tool(program: str, *arguments: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        files = [str(file) for file in sorted(folder.iterdir())]
        subprocess.run([program, *arguments, *files], check=True, stdout=subprocess.DEVNULL)

    return run


def ours(folder: Path) -> None:
    digest_files(walk_folder(folder))


def measures(folder: Path, content: bytes) -> dict[str, Callable[[], object]]:
    made: dict[str, Callable[[], object]] = {
        "SHA-256 of the bytes in memory (limit, one core)": lambda: hashlib.sha256(content).digest(),
        "Weighlock, one file": lambda: ours(folder / "one"),
        "Weighlock, eight files": lambda: ours(folder / "eight"),
    }
    for program, arguments in (("sha256sum", ()), ("openssl", ("dgst", "-sha256"))):
        if shutil.which(program):
            run = tool(program, *arguments)
            made[f"{program}, one file"] = partial(run, folder / "one")
            made[f"{program}, eight files"] = partial(run, folder / "eight")
    state = remembered(folder)
    made["Weighlock, eight files, unchanged since a verify"] = lambda: digest_files(
        walk_folder(folder / "eight"), memory=state
    )
    made[f"Weighlock, {SMALL_FILES} files of {SMALL_BYTES} bytes"] = lambda: ours(folder / "small")
    return made


def remembered(folder: Path) -> VerifiedState:
    """Return a state that knows the eight files, which must be two seconds old for that."""
    files = walk_folder(folder / "eight")
    while True:
        state = VerifiedState(folder / "state")
        if all(state.recall(FileIdentity.of(file.location.stat())) for file in files):
            return state
        digest_files(files, memory=state)
        state.save()


def peak_memory(folder: Path, name: str) -> float:
    """Return the peak resident memory in MB, as the kernel counts it, of a process that digests one folder."""
    code = (
        "import sys; from pathlib import Path;"
        "from weighlock.source.digesting import digest_files; from weighlock.source.folder import walk_folder;"
        "digest_files(walk_folder(Path(sys.argv[1])));"
        # unlike ru_maxrss, this begins anew when a program begins
        "status = Path('/proc/self/status').read_text();"
        "print(status.split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder / name)], check=True, capture_output=True)
    return int(done.stdout) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as made:
        folder = Path(made)
        content = make_files(folder, int(chosen.gigabytes * 1e9))
        acts = measures(folder, content)
        took: dict[str, list[Took]] = {name: [] for name in acts}
        for _ in range(chosen.rounds):
            for name, act in acts.items():
                took[name].append(timed(act))
        best = {
            name: Took(min(each.wall for each in all_), min(each.cpu for each in all_))
            for name, all_ in took.items()
        }
        limit = next(iter(best.values()))
        print(f"{len(content) / 1e9:.1f} GB, {len(os.sched_getaffinity(0))} cores, best of {chosen.rounds}")
        print("  wall s  ratio   cpu s  ratio")
        for name, each in best.items():
            wall, cpu = each.wall / limit.wall, each.cpu / limit.cpu
            print(f"{each.wall:8.3f} {wall:6.3f} {each.cpu:7.2f} {cpu:6.3f}  {name}")
        (folder / "tiny").mkdir()
        (folder / "tiny" / "weights").write_bytes(content[: 10 * MEBIBYTE])
        for name, text in (("tiny", "10 MB"), ("one", "one file"), ("eight", "eight files")):
            print(f"{peak_memory(folder, name):9.1f} MB peak memory, {text}")


if __name__ == "__main__":
    main()
