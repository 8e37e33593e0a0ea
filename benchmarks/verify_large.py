"""How fast are 2 GB verified, in one file and in eight, and how much memory does that take?

    python benchmarks/verify_large.py [--bytes N] [--rounds N] [--folder DIR]

Prints Markdown. Every row is the least disturbed of interleaved rounds in one run, with
the files in the page cache; the ratio is to SHA-256 over memory on as many cores as
there are files, by the clock and in processor time (which other work on the machine
disturbs less). Needs openssl, sha256sum and tests/interop/setup; what is missing is left out.
"""

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
OTHER = ROOT / ".venv" / "interop" / "python" / "bin" / "model_signing"
WEIGHLOCK = [sys.executable, "-m", "weighlock"]
BLOCK = 64 * 1024 * 1024  # more than processors cache, as a model is


class Cost(NamedTuple):
    """What a run took, in seconds."""

    clock_s: float
    processor_s: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        quietly([*WEIGHLOCK, "keys", "make", str(folder / "key"), "--trial"])
        for count in (1, 8):
            measure(folder, count, options.bytes, options.rounds)
        measure_memory(folder, options.bytes)


def measure(folder: Path, count: int, size: int, rounds: int) -> None:
    model, signature = make_model(folder, count, size)
    block = os.urandom(min(BLOCK, size))
    contenders = {"SHA-256 over memory": lambda: digest_memory(block, size, count)}
    contenders |= {name: command(line) for name, line in commands(folder, model, signature).items()}
    times: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            times[name].append(clocked(run))
    limit = best(times["SHA-256 over memory"])
    print(f"\n{size / 1e9:g} GB in {count} file{'s' if count > 1 else ''}, {cores()} cores:\n")
    print("| | s | GB/s | ratio to memory | processor s | ratio to memory |\n|---|---|---|---|---|---|")
    for name, costs in times.items():
        cost = best(costs)
        ratios = Cost(cost.clock_s / limit.clock_s, cost.processor_s / limit.processor_s)
        print(
            f"| {name} | {cost.clock_s:.3f} | {size / cost.clock_s / 1e9:.2f} | {ratios.clock_s:.2f} "
            f"| {cost.processor_s:.2f} | {ratios.processor_s:.2f} |"
        )
    shutil.rmtree(model)


def commands(folder: Path, model: Path, signature: Path) -> dict[str, list[str]]:
    """Return the command lines to compare; each must succeed."""
    files = sorted(map(str, model.iterdir()))
    verify = [
        *WEIGHLOCK,
        "verify",
        str(model),
        "--key",
        str(folder / "key.pub"),
        "--signature",
        str(signature),
        "-q",
    ]
    lines = {
        "weighlock verify --rehash": [*verify, "--rehash"],
        "weighlock verify, unchanged": verify,
        "sha256sum": ["sha256sum", *files],
        "openssl dgst -sha256": ["openssl", "dgst", "-sha256", *files],
        "model_signing verify": [
            str(OTHER), "verify", "key", str(model),
            "--public_key", str(folder / "key.pub"), "--signature", str(signature),
        ],
    }  # fmt: skip
    quietly(verify)  # so that the files are remembered
    return {name: line for name, line in lines.items() if shutil.which(line[0])}


def make_model(folder: Path, count: int, size: int) -> tuple[Path, Path]:
    """Return a folder of ``count`` random files of ``size`` bytes in total, and its signature."""
    model, signature = folder / "model", folder / "model.sig"
    model.mkdir()
    for number in range(count):
        with (model / f"part-{number}.safetensors").open("wb") as file:
            left = size // count
            while left:
                left -= file.write(os.urandom(min(BLOCK, left)))
    os.sync()
    time.sleep(2.5)  # files younger than that are not remembered
    quietly([*WEIGHLOCK, "sign", str(model), "--key", str(folder / "key.pem"), "--signature", str(signature)])
    return model, signature


def digest_memory(block: bytes, size: int, count: int) -> None:
    """Digest ``size`` bytes of memory in as many threads as there are files and cores."""
    threads = min(count, cores())
    view = memoryview(block)

    def work() -> None:
        running = hashlib.sha256()
        share = size // threads
        for done in range(0, share, len(block)):
            running.update(view[: share - done])

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def measure_memory(folder: Path, largest: int) -> None:
    print("\nPeak memory of `weighlock verify --rehash`:\n\n| model | MB |\n|---|---|")
    for size in (10_000_000, largest // 10, largest):
        model, signature = make_model(folder, 1, size)
        line = commands(folder, model, signature)["weighlock verify --rehash"]
        print(f"| {size / 1e6:.0f} MB | {peak_bytes(line) / 1e6:.1f} |")
        shutil.rmtree(model)


def peak_bytes(line: list[str]) -> int:
    """Return the peak resident set of a command of ours, in bytes.

    Asked of the process itself: what a parent is told includes the parent's own memory.
    """
    program = "import sys\nfrom weighlock.cli.main import run\nassert run(sys.argv[1:]) == 0\n"
    program += "print(open('/proc/self/status').read())"
    arguments = line[len(WEIGHLOCK) :]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True
    )
    peak = next(row for row in done.stdout.splitlines() if row.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def command(line: list[str]) -> Callable[[], None]:
    return lambda: quietly(line)


def clocked(run: Callable[[], None]) -> Cost:
    clock, processor = time.perf_counter(), processor_seconds()
    run()
    return Cost(time.perf_counter() - clock, processor_seconds() - processor)


def processor_seconds() -> float:
    """Return the processor time of this process and of the commands that it has waited for."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def best(costs: list[Cost]) -> Cost:
    """Return the least disturbed of several measurements."""
    return Cost(min(cost.clock_s for cost in costs), min(cost.processor_s for cost in costs))


def quietly(line: list[str]) -> None:
    subprocess.run(line, check=True, capture_output=True)


def cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
